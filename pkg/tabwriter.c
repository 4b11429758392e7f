/* Aligned columns: see tabwriter.h. */
#include "pkg/tabwriter.h"

#include <string.h>

#include "pkg/mem.h"
#include "pkg/strlist.h"

struct line {
	struct strlist cells;
	size_t *widths; /* of all cells but the last */
};

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static struct line *split_lines(const char *text, size_t *count)
{
	struct line *lines = NULL;
	size_t n = 0, cap = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");
		autofree char *one = xstrndup(text, len);

		if (n == cap)
			lines = xrealloc(lines, (cap = cap ? cap * 2 : 32) * sizeof(*lines));
		lines[n] = (struct line){ .cells = STRLIST_INIT };
		strlist_split(&lines[n].cells, one, '\t');
		lines[n].widths = xcalloc(lines[n].cells.n, sizeof(size_t));
		n++;
		text += len + (text[len] == '\n');
	}
	*count = n;
	return lines;
}

static bool has_column(const struct line *l, size_t column)
{
	return column + 1 < l->cells.n;
}

/* Set the width of a column on the run of lines from first; returns the line behind the run. */
static size_t measure(struct line *lines, size_t n, size_t first, size_t column, size_t min_width,
		      size_t padding)
{
	size_t width = min_width, end = first;

	for (; end < n && has_column(&lines[end], column); end++) {
		size_t w = characters(lines[end].cells.v[column]) + padding;

		if (w > width)
			width = w;
	}
	for (size_t i = first; i < end; i++)
		lines[i].widths[column] = width;
	return end;
}

static void print_line(const struct line *l, struct buf *out)
{
	for (size_t c = 0; c < l->cells.n; c++) {
		size_t have = characters(l->cells.v[c]);

		buf_adds(out, l->cells.v[c]);
		if (has_column(l, c))
			buf_addf(out, "%*s", (int)(l->widths[c] - have), "");
	}
	buf_addc(out, '\n');
}

void tabwriter_format(const char *text, size_t min_width, size_t padding, struct buf *out)
{
	size_t n, columns = 0;
	struct line *lines = split_lines(text, &n);

	for (size_t i = 0; i < n; i++)
		if (lines[i].cells.n > columns)
			columns = lines[i].cells.n;
	for (size_t c = 0; c + 1 < columns; c++)
		for (size_t i = 0; i < n;)
			i = has_column(&lines[i], c) ? measure(lines, n, i, c, min_width, padding)
						     : i + 1;
	for (size_t i = 0; i < n; i++) {
		print_line(&lines[i], out);
		strlist_done(&lines[i].cells);
		free(lines[i].widths);
	}
	free(lines);
}
