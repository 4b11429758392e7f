/* Progress on the screen: see progress.h. */
#include "api/client/progress.h"

#include <stdio.h>
#include <string.h>

#include "pkg/mem.h"
#include "pkg/units.h"

#define LINE_MAX_BYTES (16 << 20)

int progress_each(struct httpc *conn, progress_fn *fn, void *to, struct error *err)
{
	autobuf struct buf b = BUF_INIT(LINE_MAX_BYTES);
	char part[8192];
	ssize_t n;

	while ((n = httpc_read(conn, part, sizeof(part), err)) > 0) {
		char *nl;

		if (buf_add(&b, part, (size_t)n) < 0)
			return error_set(err, ERR_INTERNAL,
					 "the answer has a line that is too long");
		while ((nl = memchr(b.p, '\n', b.len))) {
			size_t len = (size_t)(nl - b.p);
			autojson json_t *message = json_parse(b.p, len, NULL);

			buf_drop(&b, len + 1);
			if (message && fn(to, message, err) < 0)
				return -1;
		}
	}
	if (n == 0 && b.len) {
		autojson json_t *message = json_parse(b.p, b.len, NULL);

		return message ? fn(to, message, err) : 0;
	}
	return n < 0 ? -1 : 0;
}

struct screen {
	struct output *out;
	bool is_terminal;
	struct strlist ids; /* the line of each, from the first */
};

static void print(struct screen *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void print(struct screen *s, const char *fmt, ...)
{
	autobuf struct buf b = BUF_INIT(LINE_MAX_BYTES);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (b.len)
		output_write(s->out, b.p, b.len);
}

/* How many lines up the line of id is; a new id gets the line that the cursor is on. */
static size_t lines_up(struct screen *s, const char *id)
{
	for (size_t i = 0; i < s->ids.n; i++)
		if (strcmp(s->ids.v[i], id) == 0)
			return s->ids.n - i;
	strlist_add(&s->ids, id);
	print(s, "\n");
	return 1;
}

/* "[==>   ]  1.2MB/3.4MB" into out; "" when there is nothing to measure. */
static void bar(const json_t *message, struct buf *out)
{
	const json_t *detail = json_get_obj(message, "progressDetail");
	long long done = json_get_int(detail, "current", 0), all = json_get_int(detail, "total", 0);
	char a[UNITS_SIZE], b[UNITS_SIZE];
	int filled;

	buf_adds(out, "");
	if (done <= 0)
		return;
	units_decimal(a, (double)done, 4);
	if (all <= 0 || done > all) {
		buf_addf(out, "%8s", a);
		return;
	}
	filled = (int)(done * 50 / all);
	buf_addc(out, '[');
	for (int i = 0; i < 50; i++)
		buf_addc(out, i < filled ? '=' : i == filled ? '>' : ' ');
	buf_addf(out, "]  %s/%s", a, units_decimal(b, (double)all, 4));
}

static void show_status(struct screen *s, const json_t *message)
{
	const char *id = json_get_str(message, "id", ""), *status;
	autobuf struct buf progress = BUF_INIT(4096);
	size_t up;

	status = json_get_str(message, "status", "");
	bar(message, &progress);
	if (!s->is_terminal) {
		if (!progress.len)
			print(s, "%s%s%s\n", id, *id ? ": " : "", status);
		return;
	}
	if (!*id) {
		strlist_done(&s->ids); /* what follows begins below this line */
		print(s, "%s\n", status);
		return;
	}
	up = lines_up(s, id);
	print(s, "\033[%zuA\r\033[2K%s: %s %s\r\033[%zuB", up, id, status, buf_text(&progress), up);
}

static int show_message(void *to, const json_t *message, struct error *err)
{
	struct screen *s = to;
	const char *failure = json_get_str(json_get_obj(message, "errorDetail"), "message", NULL);
	const char *text = json_get_str(message, "stream", NULL);

	if (!failure)
		failure = json_get_str(message, "error", NULL);
	if (failure)
		return error_set(err, ERR_INTERNAL, "%s", failure);
	if (!s->out || json_object_get(message, "aux"))
		return 0;
	if (text)
		print(s, "%s", text);
	else if (json_object_get(message, "status"))
		show_status(s, message);
	return 0;
}

int progress_show(struct httpc *conn, struct output *out, bool is_terminal, struct error *err)
{
	struct screen s = { .out = out, .is_terminal = is_terminal };
	int rc = progress_each(conn, show_message, &s, err);

	strlist_done(&s.ids);
	return rc;
}
