/* Output formats of lists and objects: see format.h. */
#include "api/client/format.h"

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

static int run(const struct gotemplate *t, json_t *data, struct buf *out, struct error *err)
{
	if (gotemplate_run(t, data, out, err) < 0)
		return error_prefix(err, "template parsing error");
	return buf_addc(out, '\n');
}

static int run_all(const struct gotemplate *t, const struct list_column *columns,
		   const json_t *rows, struct buf *out, struct error *err)
{
	autojson json_t *titles = json_object();
	json_t *row;
	size_t i;

	for (; columns && columns->field; columns++)
		json_object_set_new_nocheck(titles, columns->field,
					    json_string_nocheck(columns->title));
	if (json_object_size(titles) && run(t, titles, out, err) < 0)
		return -1;
	json_array_foreach(rows, i, row)
		if (run(t, row, out, err) < 0)
			return -1;
	return 0;
}

int list_print(struct call *call, const char *format, const char *default_format,
	       const struct list_column *columns, const json_t *rows, struct error *err)
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
	rc = run_all(t, table ? columns : NULL, rows, &text, err);
	gotemplate_free(t);
	if (rc < 0)
		return -1;
	if (table)
		tabwriter_format(buf_text(&text), 10, 3, &aligned);
	(void)call_out(call, table ? aligned.p : text.p, table ? aligned.len : text.len);
	return 0;
}

int object_print(struct call *call, const char *format, json_t *object, struct error *err)
{
	autobuf struct buf out = BUF_INIT(OUTPUT_MAX);
	struct gotemplate *t = parse(format, err);
	int rc;

	if (!t)
		return -1;
	rc = run(t, object, &out, err);
	gotemplate_free(t);
	if (rc == 0)
		(void)call_out(call, out.p, out.len);
	return rc;
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
