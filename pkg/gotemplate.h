/*
 * The part of Go's text/template that people use in `--format` and `inspect -f`, over JSON:
 * {{.A.B}}, pipelines, parentheses, variables, if / else if / else, range, with, trim markers, comments,
 * and the functions and or not eq ne lt le gt ge index len print printf println json join split
 * upper lower title truncate pad.
 *
 * Life cycle: gotemplate_parse(), any number of gotemplate_run(), gotemplate_free().
 */
#ifndef PKG_GOTEMPLATE_H
#define PKG_GOTEMPLATE_H

#include <jansson.h>

#include "pkg/buf.h"
#include "pkg/error.h"

struct gotemplate;

/* NULL with ERR_BAD_REQUEST, worded as Go words it: "template: :1: unclosed action". */
struct gotemplate *gotemplate_parse(const char *text, struct error *err);
void gotemplate_free(struct gotemplate *t);

/*
 * Append what the template makes of data to out. A member that is not there is false in a condition;
 * printed, it is ERR_BAD_REQUEST. After a failure out may hold a part.
 */
int gotemplate_run(const struct gotemplate *t, json_t *data, struct buf *out, struct error *err);

/* What data can be asked beside its members: {{.Label "x"}}. */
struct gotemplate_methods {
	/* The answer, which the caller frees; NULL when there is no method of that name. */
	char *(*call)(const void *self, const char *name, const char *arg);
	const void *self;
};
/* The same with methods of data, with a text as their one argument. */
int gotemplate_run_with(const struct gotemplate *t, json_t *data,
			const struct gotemplate_methods *methods, struct buf *out,
			struct error *err);

#endif
