/* Words of a Dockerfile-like line: see words.h. The escape character is the backslash. */
#include "runconfig/words.h"

#include <ctype.h>
#include <string.h>

#include "pkg/buf.h"
#include "pkg/mem.h"

#define EXPANDED_MAX (1 << 20)

/* The end of the word that begins at p. */
static const char *word_end(const char *p)
{
	char quote = '\0';

	for (; *p; p++) {
		if (*p == '\\' && quote != '\'' && p[1])
			p++;
		else if (quote)
			quote = *p == quote ? '\0' : quote;
		else if (*p == '\'' || *p == '"')
			quote = *p;
		else if (isspace((unsigned char)*p))
			break;
	}
	return p;
}

void words_split(const char *line, struct strlist *out)
{
	while (*line) {
		const char *end;

		line += strspn(line, " \t\r\n\v\f");
		end = word_end(line);
		if (end > line)
			strlist_take(out, xstrndup(line, (size_t)(end - line)));
		line = end;
	}
}

struct expansion {
	const char *p; /* what is left of the word */
	const struct strlist *env;
	struct buf out;
	struct error *err;
};

static int add(struct expansion *x, const char *s, size_t n)
{
	if (buf_add(&x->out, s, n) == 0)
		return 0;
	return error_set(x->err, ERR_BAD_REQUEST, "value too long after substitution");
}

static size_t name_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

static const char *lookup(const struct expansion *x, const char *name, size_t n)
{
	autofree char *key = xstrndup(name, n);

	return strlist_env_get(x->env, key);
}

/* "${NAME}", "${NAME:-word}", "${NAME:+word}"; x->p is behind the brace. */
static int expand_braced(struct expansion *x)
{
	const char *name = x->p, *end = strchr(x->p, '}'), *value, *word;
	size_t n = name_length(name);
	char op;

	if (!end || n == 0)
		return error_set(x->err, ERR_BAD_REQUEST,
				 "syntax error: bad substitution in \"%s\"", name);
	value = lookup(x, name, n);
	x->p = end + 1;
	if (name + n == end)
		return value ? add(x, value, strlen(value)) : 0;
	op = name[n] == ':' ? name[n + 1] : '\0';
	if (op != '-' && op != '+')
		return error_set(x->err, ERR_BAD_REQUEST,
				 "unsupported modifier in substitution \"%s\"", name);
	word = name + n + 2;
	if (op == '+')
		return value && *value ? add(x, word, (size_t)(end - word)) : 0;
	if (value && *value)
		return add(x, value, strlen(value));
	return add(x, word, (size_t)(end - word));
}

/* x->p is behind the dollar sign. */
static int expand_variable(struct expansion *x)
{
	const char *value;
	size_t n;

	if (*x->p == '{') {
		x->p++;
		return expand_braced(x);
	}
	n = name_length(x->p);
	if (n == 0)
		return add(x, "$", 1);
	value = lookup(x, x->p, n);
	x->p += n;
	return value ? add(x, value, strlen(value)) : 0;
}

/* Inside double quotes a backslash is special before ", $ and itself only. */
static bool is_escape(const char *p, bool quoted)
{
	if (*p != '\\')
		return false;
	return !quoted || p[1] == '"' || p[1] == '$' || p[1] == '\\';
}

static int expand_next(struct expansion *x, bool *quoted)
{
	const char *p = x->p;

	if (*p == '"') {
		*quoted = !*quoted;
		x->p++;
		return 0;
	}
	if (*p == '\'' && !*quoted) {
		const char *end = strchr(p + 1, '\'');

		if (!end)
			return error_set(x->err, ERR_BAD_REQUEST,
					 "unexpected end of statement while looking for matching "
					 "single-quote");
		x->p = end + 1;
		return add(x, p + 1, (size_t)(end - p - 1));
	}
	if (*p == '$') {
		x->p++;
		return expand_variable(x);
	}
	if (is_escape(p, *quoted))
		x->p++; /* a lone one at the end vanishes */
	if (!*x->p)
		return 0;
	return add(x, x->p++, 1);
}

char *words_expand(const char *word, const struct strlist *env, struct error *err)
{
	struct expansion x = { .p = word, .env = env, .out = BUF_INIT(EXPANDED_MAX), .err = err };
	bool quoted = false;

	while (*x.p)
		if (expand_next(&x, &quoted) < 0)
			goto fail;
	if (quoted) {
		error_set(err, ERR_BAD_REQUEST,
			  "unexpected end of statement while looking for matching double-quote");
		goto fail;
	}
	return buf_take(&x.out);
fail:
	buf_done(&x.out);
	return NULL;
}
