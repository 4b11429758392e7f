/* Go templates: the functions that may be called in one. See gotemplate.h. */
#include "pkg/gotemplate_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/json.h"
#include "pkg/mem.h"

#define TEXT_MAX (64 << 20)

bool gt_truth(const json_t *v)
{
	if (!v)
		return false;
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return json_object_size(v) > 0;
	case JSON_ARRAY:
		return json_array_size(v) > 0;
	case JSON_STRING:
		return json_string_length(v) > 0;
	case JSON_INTEGER:
		return json_integer_value(v) != 0;
	case JSON_REAL:
		return json_real_value(v) != 0;
	default:
		return json_is_true(v);
	}
}

void gt_keys(const json_t *object, struct strlist *out)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
		strlist_add(out, key);
	strlist_sort(out);
}

static void print_object(struct buf *out, const json_t *v)
{
	autostrlist struct strlist keys = STRLIST_INIT;

	gt_keys(v, &keys);
	buf_adds(out, "map[");
	for (size_t i = 0; i < keys.n; i++) {
		buf_addf(out, "%s%s:", i ? " " : "", keys.v[i]);
		gt_print(out, json_object_get(v, keys.v[i]));
	}
	buf_addc(out, ']');
}

void gt_print(struct buf *out, const json_t *v)
{
	const json_t *element;
	size_t i;

	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_OBJECT:
		print_object(out, v);
		return;
	case JSON_ARRAY:
		buf_addc(out, '[');
		json_array_foreach(v, i, element) {
			if (i)
				buf_addc(out, ' ');
			gt_print(out, element);
		}
		buf_addc(out, ']');
		return;
	case JSON_STRING:
		buf_add(out, json_string_value(v), json_string_length(v));
		return;
	case JSON_INTEGER:
		buf_addf(out, "%lld", (long long)json_integer_value(v));
		return;
	case JSON_REAL:
		buf_addf(out, "%g", json_real_value(v));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_adds(out, json_is_true(v) ? "true" : "false");
		return;
	case JSON_NULL: /* in the API's answers nearly always an empty list */
		buf_adds(out, "[]");
		return;
	}
}

static json_t *from_buf(const struct buf *b)
{
	return json_stringn_nocheck(buf_text(b), b->len);
}

static json_t *as_text(const json_t *v)
{
	autobuf struct buf b = BUF_INIT(TEXT_MAX);

	gt_print(&b, v);
	return from_buf(&b);
}

static json_t *wrong_type(struct error *err, const char *function)
{
	error_set(err, ERR_BAD_REQUEST, "template: :1: error calling %s: wrong type of argument",
		  function);
	return NULL;
}

static json_t *fn_and(json_t *const *args, size_t n, struct error *err)
{
	(void)err;
	for (size_t i = 0; i < n; i++)
		if (!gt_truth(args[i]) || i == n - 1)
			return args[i] ? json_incref(args[i]) : json_false();
	return json_false();
}

static json_t *fn_or(json_t *const *args, size_t n, struct error *err)
{
	(void)err;
	for (size_t i = 0; i < n; i++)
		if (gt_truth(args[i]) || i == n - 1)
			return args[i] ? json_incref(args[i]) : json_false();
	return json_false();
}

static json_t *fn_not(json_t *const *args, size_t n, struct error *err)
{
	(void)n;
	(void)err;
	return json_boolean(!gt_truth(args[0]));
}

/* -1, 0, 1; -2 when they cannot be ordered. */
static int compare(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b)) {
		double x = json_number_value(a), y = json_number_value(b);

		return (x > y) - (x < y);
	}
	if (json_is_string(a) && json_is_string(b)) {
		int c = strcmp(json_string_value(a), json_string_value(b));

		return (c > 0) - (c < 0);
	}
	return a && b && json_equal((json_t *)a, (json_t *)b) ? 0 : -2;
}

static json_t *fn_eq(json_t *const *args, size_t n, struct error *err)
{
	bool same = false;

	(void)err;
	for (size_t i = 1; i < n; i++)
		same |= compare(args[0], args[i]) == 0;
	return json_boolean(same);
}

static json_t *fn_ne(json_t *const *args, size_t n, struct error *err)
{
	(void)n;
	(void)err;
	return json_boolean(compare(args[0], args[1]) != 0);
}

static json_t *ordered(json_t *const *args, int less, bool or_equal, struct error *err)
{
	int c = compare(args[0], args[1]);

	if (c == -2) {
		error_set(err, ERR_BAD_REQUEST, "template: :1: incompatible types for comparison");
		return NULL;
	}
	return json_boolean(c == less || (or_equal && c == 0));
}

static json_t *fn_lt(json_t *const *args, size_t n, struct error *err)
{
	(void)n;
	return ordered(args, -1, false, err);
}

static json_t *fn_le(json_t *const *args, size_t n, struct error *err)
{
	(void)n;
	return ordered(args, -1, true, err);
}

static json_t *fn_gt(json_t *const *args, size_t n, struct error *err)
{
	(void)n;
	return ordered(args, 1, false, err);
}

static json_t *fn_ge(json_t *const *args, size_t n, struct error *err)
{
	(void)n;
	return ordered(args, 1, true, err);
}

static json_t *index_one(json_t *v, const json_t *key, struct error *err)
{
	json_t *element;

	if (json_is_object(v) && json_is_string(key)) {
		element = json_object_get(v, json_string_value(key));
		return element ? json_incref(element) : json_string("");
	}
	if (json_is_null(v))
		return json_string("");
	if (!json_is_array(v) || !json_is_integer(key))
		return wrong_type(err, "index");
	element = json_array_get(v, (size_t)json_integer_value(key));
	if (!element)
		error_set(err, ERR_BAD_REQUEST,
			  "template: :1: error calling index: index out of range: %lld",
			  (long long)json_integer_value(key));
	return json_incref(element);
}

static json_t *fn_index(json_t *const *args, size_t n, struct error *err)
{
	json_t *v = json_incref(args[0]);

	for (size_t i = 1; i < n && v; i++) {
		json_t *next = index_one(v, args[i], err);

		json_decref(v);
		v = next;
	}
	return v ? v : args[0] ? NULL : wrong_type(err, "index");
}

static json_t *fn_len(json_t *const *args, size_t n, struct error *err)
{
	(void)n;
	if (json_is_string(args[0]))
		return json_integer((json_int_t)json_string_length(args[0]));
	if (json_is_array(args[0]))
		return json_integer((json_int_t)json_array_size(args[0]));
	if (json_is_object(args[0]))
		return json_integer((json_int_t)json_object_size(args[0]));
	return json_is_null(args[0]) ? json_integer(0) : wrong_type(err, "len");
}

/* Go's Print puts a blank between two operands when neither is a string; Println always. */
static json_t *print_all(json_t *const *args, size_t n, bool line)
{
	autobuf struct buf b = BUF_INIT(TEXT_MAX);

	for (size_t i = 0; i < n; i++) {
		if (i && (line || (!json_is_string(args[i]) && !json_is_string(args[i - 1]))))
			buf_addc(&b, ' ');
		gt_print(&b, args[i]);
	}
	if (line)
		buf_addc(&b, '\n');
	return from_buf(&b);
}

static json_t *fn_print(json_t *const *args, size_t n, struct error *err)
{
	(void)err;
	return print_all(args, n, false);
}

static json_t *fn_println(json_t *const *args, size_t n, struct error *err)
{
	(void)err;
	return print_all(args, n, true);
}

/* One verb: flags and width in spec ("%-10"), the verb itself in c. */
static void print_verb(struct buf *out, const char *spec, char c, const json_t *v)
{
	char format[48];
	autojson json_t *text = as_text(v);
	autofree char *quoted = c == 'q' ? json_text(text) : NULL;

	/* spec holds flags, width and precision alone, so the format is ours. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (strchr("dxXo", c) && json_is_integer(v)) {
		snprintf(format, sizeof(format), "%sll%c", spec, c);
		buf_addf(out, format, (long long)json_integer_value(v));
	} else if (strchr("feg", c) && json_is_number(v)) {
		snprintf(format, sizeof(format), "%s%c", spec, c);
		buf_addf(out, format, json_number_value(v));
	} else {
		snprintf(format, sizeof(format), "%ss", spec);
		buf_addf(out, format, quoted ? quoted : json_string_value(text));
	}
#pragma GCC diagnostic pop
}

static json_t *fn_printf(json_t *const *args, size_t n, struct error *err)
{
	autobuf struct buf b = BUF_INIT(TEXT_MAX);
	size_t next = 1;

	if (!json_is_string(args[0]))
		return wrong_type(err, "printf");
	for (const char *p = json_string_value(args[0]); *p; p++) {
		char spec[24] = "%";
		size_t len;

		if (*p != '%' || *++p == '%') {
			buf_addc(&b, *p);
			continue;
		}
		len = strspn(p, "-+ #0123456789.");
		if (len > 16 || !p[len])
			return wrong_type(err, "printf");
		memcpy(spec + 1, p, len);
		p += len;
		if (next < n)
			print_verb(&b, spec, *p, args[next++]);
		else
			buf_addf(&b, "%%!%c(MISSING)", *p);
	}
	return from_buf(&b);
}

static json_t *fn_json(json_t *const *args, size_t n, struct error *err)
{
	autofree char *text = args[0] ? json_text(args[0]) : xstrdup("null");

	(void)n;
	(void)err;
	return json_string_nocheck(text);
}

static json_t *fn_join(json_t *const *args, size_t n, struct error *err)
{
	autobuf struct buf b = BUF_INIT(TEXT_MAX);
	const json_t *element;
	size_t i;

	(void)n;
	if (!json_is_string(args[1]) ||
	    (args[0] && !json_is_array(args[0]) && !json_is_null(args[0])))
		return wrong_type(err, "join");
	json_array_foreach(args[0], i, element) {
		if (i)
			buf_adds(&b, json_string_value(args[1]));
		gt_print(&b, element);
	}
	return from_buf(&b);
}

static json_t *fn_split(json_t *const *args, size_t n, struct error *err)
{
	const char *s = json_string_value(args[0]), *by = json_string_value(args[1]), *at;
	json_t *list;

	(void)n;
	if (!s || !by || !*by)
		return wrong_type(err, "split");
	list = json_array();
	for (; (at = strstr(s, by)); s = at + strlen(by))
		json_array_append_new(list, json_stringn_nocheck(s, (size_t)(at - s)));
	json_array_append_new(list, json_string_nocheck(s));
	return list;
}

static json_t *map_letters(const json_t *v, int (*to)(int), bool first_only, struct error *err)
{
	json_t *result;
	char *text;

	if (!json_is_string(v))
		return wrong_type(err, "a function for strings");
	text = xstrdup(json_string_value(v));
	for (char *p = text; *p; p++)
		if (!first_only || p == text || p[-1] == ' ')
			*p = (char)to((unsigned char)*p);
	result = json_string_nocheck(text);
	free(text);
	return result;
}

static json_t *fn_upper(json_t *const *args, size_t n, struct error *err)
{
	(void)n;
	return map_letters(args[0], toupper, false, err);
}

static json_t *fn_lower(json_t *const *args, size_t n, struct error *err)
{
	(void)n;
	return map_letters(args[0], tolower, false, err);
}

static json_t *fn_title(json_t *const *args, size_t n, struct error *err)
{
	(void)n;
	return map_letters(args[0], toupper, true, err);
}

static json_t *fn_truncate(json_t *const *args, size_t n, struct error *err)
{
	size_t max = (size_t)json_integer_value(args[1]);

	(void)n;
	if (!json_is_string(args[0]) || !json_is_integer(args[1]))
		return wrong_type(err, "truncate");
	if (json_string_length(args[0]) < max)
		max = json_string_length(args[0]);
	return json_stringn_nocheck(json_string_value(args[0]), max);
}

static json_t *fn_pad(json_t *const *args, size_t n, struct error *err)
{
	json_int_t before = json_integer_value(args[1]), after = json_integer_value(args[2]);

	(void)n;
	if (!json_is_string(args[0]) || before < 0 || after < 0 || before > 4096 || after > 4096)
		return wrong_type(err, "pad");
	if (!json_string_length(args[0]))
		return json_string("");
	return json_sprintf("%*s%s%*s", (int)before, "", json_string_value(args[0]), (int)after,
			    "");
}

static const struct gt_func functions[] = {
	{ "and", 1, -1, fn_and },
	{ "or", 1, -1, fn_or },
	{ "not", 1, 1, fn_not },
	{ "eq", 2, -1, fn_eq },
	{ "ne", 2, 2, fn_ne },
	{ "lt", 2, 2, fn_lt },
	{ "le", 2, 2, fn_le },
	{ "gt", 2, 2, fn_gt },
	{ "ge", 2, 2, fn_ge },
	{ "index", 1, -1, fn_index },
	{ "len", 1, 1, fn_len },
	{ "print", 0, -1, fn_print },
	{ "println", 0, -1, fn_println },
	{ "printf", 1, -1, fn_printf },
	{ "json", 1, 1, fn_json },
	{ "join", 2, 2, fn_join },
	{ "split", 2, 2, fn_split },
	{ "upper", 1, 1, fn_upper },
	{ "lower", 1, 1, fn_lower },
	{ "title", 1, 1, fn_title },
	{ "truncate", 2, 2, fn_truncate },
	{ "pad", 3, 3, fn_pad },
};

const struct gt_func *gt_func_find(const char *name)
{
	for (size_t i = 0; i < array_size(functions); i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	return NULL;
}
