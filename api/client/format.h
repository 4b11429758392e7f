/* `--format`: lists as tables, JSON or Go templates; single objects through a template. */
#ifndef API_CLIENT_FORMAT_H
#define API_CLIENT_FORMAT_H

#include "api/client/internal.h"

/* A field of a row, as templates name it, and the title of its column. The last has a NULL field. */
struct list_column {
	const char *field, *title;
};

/*
 * Print rows (a JSON array of objects, borrowed). format: NULL or "table" for the default one, which
 * must begin with "table "; "table TEMPLATE", "json", or a template for each row. 0, or -1 with err.
 */
int list_print(struct call *call, const char *format, const char *default_format,
	       const struct list_column *columns, const json_t *rows, struct error *err);

/* The same with {{.Label "x"}}: labels has the labels of each row, in the order of the rows. */
int list_print_labelled(struct call *call, const char *format, const char *default_format,
			const struct list_column *columns, const json_t *rows, const json_t *labels,
			struct error *err);
void labels_add(json_t *labels, const json_t *object); /* those of a row, null for none */

/* One object and a newline. format "json" or a template. */
int object_print(struct call *call, const char *format, json_t *object, struct error *err);

/* Can it be parsed? 0, or -1 with err. */
int format_check(const char *format, struct error *err);

/* Helpers for cells. */
const char *short_id(char out[13], const char *id); /* 12 digits, without "sha256:" */
char *ellipsis(const char *text, size_t max);       /* at most max characters; caller frees */
char *ago(long long created);                       /* "3 hours ago"; caller frees */
char *local_time(long long seconds);                /* "2014-02-03 10:11:12 +0100 CET" */
char *api_time(const char *text);                   /* of the API, as Go's Time prints itself */
char *labels_text(const json_t *labels);            /* "a=b,c=d", sorted; caller frees */

#endif
