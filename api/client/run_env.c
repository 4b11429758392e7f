/* -e, --env-file, -l and --label-file: pairs from the command line, from files, from our environment. */
#include "api/client/run_opts.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/fs.h"
#include "pkg/mem.h"

#define FILE_MAX (16 << 20)

/* "A=1" as it is; "A" with the value that we have, or not at all. */
static void add_env(struct strlist *out, const char *entry)
{
	const char *value;

	if (strchr(entry, '=')) {
		strlist_env_set(out, entry);
		return;
	}
	value = getenv(entry);
	if (value) {
		autofree char *pair = xasprintf("%s=%s", entry, value);

		strlist_env_set(out, pair);
	}
}

/* The name in front of '=' must be one word. */
static int check_line(const char *line, const char *file, struct error *err)
{
	size_t n = strcspn(line, "=");

	if (n == 0)
		return error_set(err, ERR_BAD_REQUEST, "no variable name on line '%s' of %s", line,
				 file);
	if (strcspn(line, " \t") < n)
		return error_set(err, ERR_BAD_REQUEST,
				 "poorly formatted environment: variable '%.*s' contains "
				 "whitespaces",
				 (int)n, line);
	return 0;
}

/* Lines of a file, without blanks in front, empty ones and comments. */
static int read_lines(const char *file, struct strlist *out, struct error *err)
{
	autobuf struct buf text = BUF_INIT(FILE_MAX);
	autostrlist struct strlist lines = STRLIST_INIT;

	if (fs_read_file(AT_FDCWD, file, &text) < 0)
		return error_sys(err, "open %s", file);
	strlist_split(&lines, buf_text(&text), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *line = lines.v[i];
		size_t n = strlen(line);

		if (n && line[n - 1] == '\r')
			line[n - 1] = '\0';
		while (isspace((unsigned char)*line))
			line++;
		if (!*line || *line == '#')
			continue;
		if (check_line(line, file, err) < 0)
			return -1;
		strlist_add(out, line);
	}
	return 0;
}

static int read_files(const struct strlist *files, struct strlist *out, struct error *err)
{
	for (size_t i = 0; i < files->n; i++)
		if (read_lines(files->v[i], out, err) < 0)
			return -1;
	return 0;
}

int run_env(const struct strlist *files, const struct strlist *given, struct strlist *out,
	    struct error *err)
{
	autostrlist struct strlist lines = STRLIST_INIT;

	if (read_files(files, &lines, err) < 0)
		return -1;
	for (size_t i = 0; i < lines.n; i++)
		add_env(out, lines.v[i]);
	for (size_t i = 0; i < given->n; i++) {
		if (!*given->v[i] || *given->v[i] == '=')
			return error_set(err, ERR_BAD_REQUEST, "invalid environment variable: %s",
					 given->v[i]);
		add_env(out, given->v[i]);
	}
	return 0;
}

int run_labels(const struct strlist *files, const struct strlist *given, json_t *out,
	       struct error *err)
{
	autostrlist struct strlist lines = STRLIST_INIT;

	if (read_files(files, &lines, err) < 0)
		return -1;
	for (size_t i = 0; i < lines.n; i++)
		run_add_pair(out, lines.v[i]);
	for (size_t i = 0; i < given->n; i++)
		run_add_pair(out, given->v[i]);
	return 0;
}
