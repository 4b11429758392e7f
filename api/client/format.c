/* Output formats of lists and objects: see format.h. */
#include "api/client/format.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pkg/gotemplate.h"
#include "pkg/mem.h"
#include "pkg/tabwriter.h"
#include "pkg/timefmt.h"

#define OUTPUT_MAX (256 << 20)

/* "\t" and "\n" written out, as they come through a shell's single quotes, are what they mean. */
static char *unescape(const char *s)
{
	char *out = xmalloc(strlen(s) + 1), *to = out;

	for (; *s; s++) {
		if (s[0] == '\\' && (s[1] == 't' || s[1] == 'n'))
			*to++ = *++s == 't' ? '\t' : '\n';
		else
			*to++ = *s;
	}
	*to = '\0';
	return out;
}

static struct gotemplate *parse(const char *format, struct error *err)
{
	autofree char *text = unescape(strcmp(format, "json") == 0 ? "{{json .}}" : format);
	struct gotemplate *t = gotemplate_parse(text, err);

	if (!t)
		error_prefix(err, "template parsing error");
	return t;
}

/* {{.Label "x"}} of a row's labels. */
static char *label_of(const void *labels, const char *name, const char *arg)
{
	return strcmp(name, "Label") == 0 ? xstrdup(json_get_str(labels, arg, "")) : NULL;
}

/* The title of its column: the last word of the label's name. */
static char *label_title(const void *self, const char *name, const char *arg)
{
	const char *dot = strrchr(arg, '.');
	char *title;

	(void)self;
	if (strcmp(name, "Label") != 0)
		return NULL;
	title = xstrdup(dot ? dot + 1 : arg);
	for (char *p = title; *p; p++)
		if (*p == '-' || *p == '_')
			*p = ' ';
	return title;
}

static int run(const struct gotemplate *t, json_t *data, const struct gotemplate_methods *methods,
	       struct buf *out, struct error *err)
{
	if (gotemplate_run_with(t, data, methods, out, err) < 0)
		return error_prefix(err, "template parsing error");
	return buf_addc(out, '\n');
}

static int run_titles(const struct gotemplate *t, const struct list_column *columns, bool labelled,
		      struct buf *out, struct error *err)
{
	const struct gotemplate_methods methods = { .call = label_title };
	autojson json_t *titles = json_object();

	for (; columns->field; columns++)
		json_object_set_new_nocheck(titles, columns->field,
					    json_string_nocheck(columns->title));
	return run(t, titles, labelled ? &methods : NULL, out, err);
}

/* columns: NULL for no titles. labels: or NULL. */
static int run_all(const struct gotemplate *t, const struct list_column *columns,
		   const json_t *rows, const json_t *labels, struct buf *out, struct error *err)
{
	json_t *row;
	size_t i;

	if (columns && run_titles(t, columns, labels != NULL, out, err) < 0)
		return -1;
	json_array_foreach(rows, i, row) {
		const struct gotemplate_methods methods = { label_of, json_array_get(labels, i) };

		if (run(t, row, labels ? &methods : NULL, out, err) < 0)
			return -1;
	}
	return 0;
}

int list_print_labelled(struct call *call, const char *format, const char *default_format,
			const struct list_column *columns, const json_t *rows, const json_t *labels,
			struct error *err)
{
	autobuf struct buf text = BUF_INIT(OUTPUT_MAX), aligned = BUF_INIT(OUTPUT_MAX);
	struct gotemplate *t;
	bool table;
	int rc;

	if (!format || !*format || strcmp(format, "table") == 0)
		format = default_format;
	table = strncmp(format, "table ", 6) == 0;
	t = parse(table ? format + 6 : format, err);
	if (!t)
		return -1;
	rc = run_all(t, table ? columns : NULL, rows, labels, &text, err);
	gotemplate_free(t);
	if (rc < 0)
		return -1;
	if (table)
		tabwriter_format(buf_text(&text), 10, 3, &aligned);
	(void)call_out(call, table ? aligned.p : text.p, table ? aligned.len : text.len);
	return 0;
}

int list_print(struct call *call, const char *format, const char *default_format,
	       const struct list_column *columns, const json_t *rows, struct error *err)
{
	return list_print_labelled(call, format, default_format, columns, rows, NULL, err);
}

void labels_add(json_t *labels, const json_t *object)
{
	json_t *own = json_get_obj(object, "Labels");

	json_array_append_new(labels, own ? json_incref(own) : json_null());
}

int object_print(struct call *call, const char *format, json_t *object, struct error *err)
{
	autobuf struct buf out = BUF_INIT(OUTPUT_MAX);
	struct gotemplate *t = parse(format, err);
	int rc;

	if (!t)
		return -1;
	rc = run(t, object, NULL, &out, err);
	gotemplate_free(t);
	if (rc == 0)
		(void)call_out(call, out.p, out.len);
	return rc;
}

int format_check(const char *format, struct error *err)
{
	struct gotemplate *t = parse(format, err);

	gotemplate_free(t);
	return t ? 0 : -1;
}

const char *short_id(char out[13], const char *id)
{
	size_t n;

	if (strncmp(id, "sha256:", 7) == 0)
		id += 7;
	n = strnlen(id, 12);
	memcpy(out, id, n);
	out[n] = '\0';
	return out;
}

char *ellipsis(const char *text, size_t max)
{
	size_t seen = 0, cut = 0, i = 0;

	for (; text[i]; i++) {
		if ((text[i] & 0xc0) == 0x80)
			continue;
		if (seen == max - 1)
			cut = i;
		if (++seen > max)
			return xasprintf("%.*s…", (int)cut, text);
	}
	return xstrdup(text);
}

char *ago(long long created)
{
	char words[TIMEFMT_SIZE];

	return xasprintf("%s ago", timefmt_human(words, time_now().tv_sec - created));
}

char *local_time(long long seconds)
{
	char text[64];
	time_t t = seconds;
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	return xstrdup(text);
}

/* "+0100 CET" of where that is the time here, else "+0100 +0100"; Z is UTC. */
static void add_zone(struct buf *out, const char *zone, time_t t)
{
	char given[8], local[8];
	struct tm tm;

	if (strlen(zone) != 6 || strcmp(zone + 1, "00:00") == 0) {
		buf_adds(out, "+0000 UTC");
		return;
	}
	snprintf(given, sizeof(given), "%c%c%c%c%c", zone[0], zone[1], zone[2], zone[4], zone[5]);
	localtime_r(&t, &tm);
	strftime(local, sizeof(local), "%z", &tm);
	buf_addf(out, "%s %s", given, strcmp(given, local) == 0 ? tm.tm_zone : given);
}

char *api_time(const char *text)
{
	size_t date = strcspn(text, "T"), end;
	struct buf out = BUF_INIT(256);
	struct timespec t;

	if (timefmt_parse(text, &t) < 0 || !text[date])
		return xstrdup(text);
	end = date + 1 + strcspn(text + date + 1, "Z+-");
	buf_addf(&out, "%.*s %.*s ", (int)date, text, (int)(end - date - 1), text + date + 1);
	add_zone(&out, text + end, t.tv_sec);
	return buf_take(&out);
}

char *labels_text(const json_t *labels)
{
	autostrlist struct strlist all = STRLIST_INIT;
	struct buf out = BUF_INIT(OUTPUT_MAX);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)labels, key, value)
		strlist_addf(&all, "%s=%s", key,
			     json_is_string(value) ? json_string_value(value) : "");
	strlist_sort(&all);
	for (size_t i = 0; i < all.n; i++)
		buf_addf(&out, "%s%s", i ? "," : "", all.v[i]);
	return buf_take(&out);
}
