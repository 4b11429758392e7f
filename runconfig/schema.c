/*
 * Decoding JSON by table: see schema.h. It knows types, not meanings: whether a value makes sense is
 * asked in validate.c.
 */
#include "runconfig/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pkg/json.h"
#include "pkg/mem.h"

/* Where the decoder is, for messages: the innermost struct, and the path from the outermost one. */
struct place {
	const char *owner;
	char path[128];
};

static json_t *decode(const struct schema_type *t, const json_t *in, const struct place *at,
		      struct error *err);

static const char *json_word(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "object";
	case JSON_ARRAY:
		return "array";
	case JSON_STRING:
		return "string";
	case JSON_TRUE:
	case JSON_FALSE:
		return "bool";
	default:
		return "number";
	}
}

/* Always NULL. literal: the number itself is what is wrong with it. */
static json_t *wrong_type(const char *go, const json_t *in, bool literal, const struct place *at,
			  struct error *err)
{
	autofree char *number = literal ? json_text(in) : NULL;

	if (*at->path)
		error_set(err, ERR_BAD_REQUEST,
			  "json: cannot unmarshal %s%s%s into Go struct field %s.%s of type %s",
			  json_word(in), literal ? " " : "", literal ? number : "", at->owner,
			  at->path, go);
	else
		error_set(err, ERR_BAD_REQUEST,
			  "json: cannot unmarshal %s into Go value of type %s", json_word(in), go);
	return NULL;
}

static json_t *decode_string(const json_t *in, const char *go, const struct place *at,
			     struct error *err)
{
	const char *s = json_string_value(in);

	if (!s)
		return wrong_type(go, in, false, at, err);
	if (strlen(s) != json_string_length(in)) {
		error_set(err, ERR_BAD_REQUEST, "invalid value for %s: it holds a NUL byte",
			  at->path);
		return NULL;
	}
	return json_string_nocheck(s);
}

static json_t *decode_int(const struct schema_type *t, const json_t *in, const struct place *at,
			  struct error *err)
{
	json_int_t n;

	if (!json_is_number(in))
		return wrong_type(t->go, in, false, at, err);
	n = json_integer_value(in);
	if (!json_is_integer(in) || n < t->min || n > t->max)
		return wrong_type(t->go, in, true, at, err);
	return json_integer(n);
}

static json_t *decode_list(const struct schema_type *t, const json_t *in, const struct place *at,
			   struct error *err)
{
	autojson json_t *out = json_array();
	const json_t *v;
	size_t i;

	if (!json_is_array(in))
		return wrong_type(t->go, in, false, at, err);
	json_array_foreach(in, i, v) {
		json_t *el;

		if (t->fixed && i >= t->fixed)
			break;
		if (json_is_null(v) && t->elem->kind == SCHEMA_OBJECT)
			continue; /* Go would keep a nil that nobody can use */
		el = decode(t->elem, v, at, err);
		if (!el)
			return NULL;
		json_array_append_new(out, el);
	}
	while (json_array_size(out) < t->fixed)
		json_array_append_new(out, json_integer(0));
	return take_json(&out);
}

static json_t *decode_words(const struct schema_type *t, const json_t *in, const struct place *at,
			    struct error *err)
{
	static const struct schema_type list = { .kind = SCHEMA_LIST, .go = "string" };
	struct schema_type strings = list;
	json_t *one, *out;

	strings.elem = t->elem;
	if (json_is_array(in))
		return decode_list(&strings, in, at, err);
	one = decode_string(in, "string", at, err);
	if (!one)
		return NULL;
	out = json_array();
	json_array_append_new(out, one);
	return out;
}

static json_t *decode_map(const struct schema_type *t, const json_t *in, const struct place *at,
			  struct error *err)
{
	autojson json_t *out = json_object();
	const char *key;
	json_t *v;

	if (!json_is_object(in))
		return wrong_type(t->go, in, false, at, err);
	json_object_foreach((json_t *)in, key, v) {
		json_t *el;

		if (t->kind == SCHEMA_MAP)
			el = decode(t->elem, v, at, err);
		else if (json_is_object(v) || json_is_null(v))
			el = json_object();
		else
			el = wrong_type("struct {}", v, false, at, err);
		if (!el)
			return NULL;
		json_object_set_new_nocheck(out, key, el);
	}
	return take_json(&out);
}

const struct schema_member *schema_find(const struct schema_type *type, const char *name)
{
	for (const struct schema_member *m = type->members; m->name; m++)
		if (strcasecmp(m->name, name) == 0)
			return m;
	return NULL;
}

/* "container.RestartPolicy" -> "RestartPolicy": how Go names the struct that a field belongs to. */
static const char *short_name(const char *go)
{
	const char *dot = strrchr(go, '.');

	return dot ? dot + 1 : go;
}

static int decode_member(const struct schema_member *m, const json_t *in, const struct place *at,
			 json_t *given, struct error *err)
{
	struct place here = { .owner = at->owner };
	int n = snprintf(here.path, sizeof(here.path), "%s%s%s", at->path, *at->path ? "." : "",
			 m->name);
	json_t *v;

	if (n < 0 || (size_t)n >= sizeof(here.path))
		return error_set(err, ERR_BAD_REQUEST, "json: %s is too deep", at->path);
	v = decode(m->type, in, &here, err);
	if (!v)
		return -1;
	json_object_set_new_nocheck(given, m->name, v);
	return 0;
}

static json_t *zero_of(const struct schema_type *t)
{
	json_t *v = NULL;

	if (t->nullable)
		return json_null();
	switch (t->kind) {
	case SCHEMA_STRING:
		return json_string("");
	case SCHEMA_BOOL:
		return json_false();
	case SCHEMA_INT:
		return json_integer(0);
	case SCHEMA_OBJECT:
		v = json_object();
		for (const struct schema_member *m = t->members; m->name; m++)
			if (!(m->flags & SCHEMA_OMIT))
				json_object_set_new_nocheck(v, m->name, zero_of(m->type));
		return v;
	case SCHEMA_LIST:
		if (!t->fixed)
			break;
		v = json_array();
		for (unsigned i = 0; i < t->fixed; i++)
			json_array_append_new(v, json_integer(0));
		return v;
	default:
		break;
	}
	return json_null();
}

/* All members in the table's order: what was given, else zero. */
static json_t *complete(const struct schema_type *t, json_t *given)
{
	json_t *out = json_object();

	for (const struct schema_member *m = t->members; m->name; m++) {
		json_t *v = json_object_get(given, m->name);

		if (m->flags & SCHEMA_OMIT &&
		    (!v || (!m->type->nullable && schema_is_zero(v)) || json_is_null(v)))
			continue;
		json_object_set_new_nocheck(out, m->name, v ? json_incref(v) : zero_of(m->type));
	}
	return out;
}

static json_t *decode_object(const struct schema_type *t, const json_t *in, const struct place *at,
			     struct error *err)
{
	autojson json_t *given = json_object();
	struct place here = *at;
	const char *key;
	json_t *v;

	if (!json_is_object(in))
		return wrong_type(t->go, in, false, at, err);
	if (*at->path)
		here.owner = short_name(t->go);
	json_object_foreach((json_t *)in, key, v) {
		const struct schema_member *m = schema_find(t, key);

		if (m && decode_member(m, v, &here, given, err) < 0)
			return NULL;
	}
	return complete(t, given);
}

static json_t *decode(const struct schema_type *t, const json_t *in, const struct place *at,
		      struct error *err)
{
	if (!in || json_is_null(in))
		return zero_of(t);
	switch (t->kind) {
	case SCHEMA_STRING:
		return decode_string(in, t->go, at, err);
	case SCHEMA_BOOL:
		return json_is_boolean(in) ? json_boolean(json_is_true(in))
					   : wrong_type(t->go, in, false, at, err);
	case SCHEMA_INT:
		return decode_int(t, in, at, err);
	case SCHEMA_LIST:
		return decode_list(t, in, at, err);
	case SCHEMA_WORDS:
		return decode_words(t, in, at, err);
	case SCHEMA_MAP:
	case SCHEMA_SET:
		return decode_map(t, in, at, err);
	case SCHEMA_OBJECT:
		return decode_object(t, in, at, err);
	}
	return NULL;
}

json_t *schema_decode(const struct schema_type *type, const json_t *in, const char *owner,
		      struct error *err)
{
	struct place at = { .owner = owner };

	return decode(type, in, &at, err);
}

json_t *schema_decode_at(const struct schema_type *type, const json_t *in, const char *path,
			 struct error *err)
{
	struct place at = { .owner = short_name(type->go) };

	snprintf(at.path, sizeof(at.path), "%s", path);
	return decode(type, in, &at, err);
}

bool schema_is_zero(const json_t *v)
{
	if (!v)
		return true;
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return json_object_size(v) == 0;
	case JSON_ARRAY:
		return json_array_size(v) == 0;
	case JSON_STRING:
		return json_string_length(v) == 0;
	case JSON_INTEGER:
		return json_integer_value(v) == 0;
	case JSON_TRUE:
		return false;
	default:
		return true;
	}
}

void schema_set_defaults(const struct schema_type *type, json_t *object)
{
	for (const struct schema_member *m = type->members; m->name; m++) {
		json_t *v = json_object_get(object, m->name);

		if (m->type->kind == SCHEMA_OBJECT && json_is_object(v))
			schema_set_defaults(m->type, v);
		else if (m->fallback && (json_is_null(v) || (!m->type->elem && schema_is_zero(v))))
			json_object_set_new_nocheck(object, m->name,
						    json_loads(m->fallback, JSON_DECODE_ANY, NULL));
	}
}
