/*
 * JSON objects by table: which members there are, of what type, with which default. Decoding takes
 * keys in any case, drops unknown ones, and complains about types as Go's encoding/json does,
 * because users of the Engine API know those sentences.
 *
 * To add a member: one row in members.c.
 */
#ifndef RUNCONFIG_SCHEMA_H
#define RUNCONFIG_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkg/error.h"

enum schema_kind {
	SCHEMA_STRING,
	SCHEMA_BOOL,
	SCHEMA_INT,
	SCHEMA_LIST,
	SCHEMA_WORDS, /* a list of strings, for which one string may stand */
	SCHEMA_MAP,
	SCHEMA_SET, /* an object with empty objects for values */
	SCHEMA_OBJECT,
};

struct schema_member;

struct schema_type {
	enum schema_kind kind;
	const char *go;                      /* its name in Go's messages: "[]string" */
	bool nullable;                       /* unset differs from zero, and is null */
	int64_t min, max;                    /* SCHEMA_INT */
	unsigned fixed;                      /* SCHEMA_LIST: exactly that many elements */
	const struct schema_type *elem;      /* SCHEMA_LIST, SCHEMA_MAP */
	const struct schema_member *members; /* SCHEMA_OBJECT: rows up to one without a name */
};

enum schema_flags {
	SCHEMA_OMIT = 1, /* left out of the object when zero */
};

struct schema_member {
	const char *name;
	const struct schema_type *type;
	unsigned flags;
	const char *fallback; /* JSON text, for schema_set_defaults(); NULL: zero stays */
};

/*
 * A new object (or NULL with ERR_BAD_REQUEST) in the order of the table. owner is what Go calls the
 * outermost type when it names a field: "ContainerConfigWrapper".
 */
json_t *schema_decode(const struct schema_type *type, const json_t *in, const char *owner,
		      struct error *err);

/* The same for a member that sits at path ("HostConfig") of the outermost object. */
json_t *schema_decode_at(const struct schema_type *type, const json_t *in, const char *path,
			 struct error *err);

/* Give zero members (and those of nested objects) their fallback. */
void schema_set_defaults(const struct schema_type *type, json_t *object);

/* null, false, 0, "", or nothing in it. */
bool schema_is_zero(const json_t *v);

/* Row of that name in any case, or NULL. */
const struct schema_member *schema_find(const struct schema_type *type, const char *name);

/* The tables, in members.c. */
extern const struct schema_type schema_config, schema_host_config, schema_networking_config;

#endif
