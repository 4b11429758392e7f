/* Comma-separated values: see csv.h. */
#include "pkg/csv.h"

#include <string.h>

#include "pkg/buf.h"
#include "pkg/mem.h"

#define FIELD_MAX (1 << 20)

static int fail(const char *line, const char *at, const char *what, struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "parse error on line 1, column %zu: %s",
			 (size_t)(at - line) + 1, what);
}

/* The field behind a quote at p, into field. What follows the quote at its end, or NULL with err. */
static const char *quoted(const char *line, const char *p, struct buf *field, struct error *err)
{
	static const char bad[] = "extraneous or missing \" in quoted-field";

	for (p++; *p; p++) {
		if (*p == '"' && p[1] != '"') {
			if (!p[1] || p[1] == ',')
				return p + 1;
			fail(line, p, bad, err);
			return NULL;
		}
		p += *p == '"';
		buf_addc(field, *p);
	}
	fail(line, p, bad, err);
	return NULL;
}

int csv_split(const char *line, struct strlist *out, struct error *err)
{
	autobuf struct buf field = BUF_INIT(FIELD_MAX);

	for (const char *p = line;; p++) {
		size_t n = strcspn(p, ",");
		const char *quote = memchr(p, '"', n);

		buf_reset(&field);
		if (*p == '"') {
			p = quoted(line, p, &field, err);
			if (!p)
				return -1;
		} else if (quote) {
			return fail(line, quote, "bare \" in non-quoted-field", err);
		} else {
			buf_add(&field, p, n);
			p += n;
		}
		strlist_add(out, buf_text(&field));
		if (!*p)
			return 0;
	}
}
