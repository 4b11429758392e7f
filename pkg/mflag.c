/*
 * Command-line flags: see mflag.h. One walker goes over the arguments; mflag_parse() lets it write
 * into the caller's variables, mflag_given() only watches which flags come by.
 */
#include "pkg/mflag.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "pkg/mem.h"
#include "pkg/parse.h"

struct walk {
	const struct mflag *table;
	void *base;               /* NULL: nothing is written */
	char *const *next;        /* the argument to read next */
	struct strlist *warnings; /* or NULL */
	const struct mflag *watch;
	bool seen; /* watch came by */
	struct error *err;
};

/* A name out of a flag's list of names. */
struct name {
	const char *p;
	size_t n;
	bool deprecated;
};

static bool next_name(const char **list, struct name *out)
{
	const char *p = *list;

	if (!p || !*p)
		return false;
	out->deprecated = *p == '#';
	out->p = p + out->deprecated;
	out->n = strcspn(out->p, ",");
	*list = out->p[out->n] ? out->p + out->n + 1 : NULL;
	return true;
}

static const struct mflag *find(const struct mflag *table, const char *p, size_t n,
				bool *deprecated)
{
	struct name name;

	for (; table->names; table++)
		for (const char *list = table->names; next_name(&list, &name);)
			if (name.n == n && memcmp(name.p, p, n) == 0) {
				*deprecated = name.deprecated;
				return table;
			}
	return NULL;
}

static void warn_deprecated(struct walk *w, const struct mflag *f, const char *p, size_t n)
{
	struct name name;

	if (!w->warnings)
		return;
	for (const char *list = f->names; next_name(&list, &name);)
		if (!name.deprecated) {
			strlist_addf(
				w->warnings,
				"Warning: '-%.*s' is deprecated, it will be replaced by '-%.*s' "
				"soon. See usage.",
				(int)n, p, (int)name.n, name.p);
			return;
		}
	strlist_addf(w->warnings,
		     "Warning: '-%.*s' is deprecated, it will be removed soon. See usage.", (int)n,
		     p);
}

/* The spellings of Go's strconv.ParseBool. */
static int parse_bool(const char *s, bool *out)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < array_size(yes); i++) {
		*out = strcmp(s, yes[i]) == 0;
		if (*out || strcmp(s, no[i]) == 0)
			return 0;
	}
	return -1;
}

static int set_bool(const struct mflag *f, void *to, const char *text, struct error *err)
{
	bool b;

	if (parse_bool(text, &b) < 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "strconv.ParseBool: parsing \"%s\": invalid syntax", text);
	if (f->type == MFLAG_BOOL)
		*(bool *)to = b;
	else
		*(int *)to = b;
	return 0;
}

static int set_int(void *to, const char *text, struct error *err)
{
	int64_t v;

	if (parse_i64(text, &v) < 0)
		return error_set(err, ERR_BAD_REQUEST, "strconv.ParseInt: parsing \"%s\": %s", text,
				 errno == ERANGE ? "value out of range" : "invalid syntax");
	*(int64_t *)to = v;
	return 0;
}

static int set_bytes(void *to, const char *text, struct error *err)
{
	int64_t v;

	if (parse_ram_bytes(text, &v) < 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid size: '%s'", text);
	*(int64_t *)to = v;
	return 0;
}

static int set(const struct mflag *f, void *to, const char *text, struct error *err)
{
	switch (f->type) {
	case MFLAG_BOOL:
	case MFLAG_TRISTATE:
		return set_bool(f, to, text, err);
	case MFLAG_INT:
		return set_int(to, text, err);
	case MFLAG_BYTES:
		return set_bytes(to, text, err);
	case MFLAG_STRING:
		*(const char **)to = text;
		return 0;
	case MFLAG_LIST:
		if (f->parse)
			return f->parse(text, to, err);
		strlist_add(to, text);
		return 0;
	case MFLAG_CUSTOM:
		return f->parse(text, to, err);
	}
	return -1;
}

static bool takes_value(const struct mflag *f)
{
	return f->type != MFLAG_BOOL && f->type != MFLAG_TRISTATE;
}

/* The flag's first short and first long name: "-d, --detach". */
static void add_names(const struct mflag *f, const char *no_short, struct buf *out)
{
	struct name name, brief = { 0 }, full = { 0 };

	for (const char *list = f->names; next_name(&list, &name);) {
		if (name.deprecated)
			continue;
		if (*name.p == '-' && !full.p)
			full = name;
		else if (*name.p != '-' && !brief.p)
			brief = name;
	}
	if (brief.p)
		buf_addf(out, "-%.*s%s", (int)brief.n, brief.p, full.p ? ", " : "");
	else
		buf_adds(out, no_short);
	if (full.p)
		buf_addf(out, "-%.*s", (int)full.n, full.p);
}

/* A value that does not do, in the words of Docker's client. */
static int refuse(struct walk *w, const struct mflag *f, const char *value, const char *why)
{
	autobuf struct buf quoted = BUF_INIT(sizeof(w->err->text)), names = BUF_INIT(256);

	for (; *value; value++)
		buf_addf(&quoted, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
	add_names(f, "", &names);
	return error_set(w->err, ERR_BAD_REQUEST, "invalid argument \"%s\" for \"%s\" flag: %s",
			 buf_text(&quoted), buf_text(&names), why);
}

/* A flag under the name p of n bytes; value is what followed '=' (or was glued on), or NULL. */
static int take_flag(struct walk *w, const struct mflag *f, const char *p, size_t n,
		     const char *value)
{
	struct error why;

	if (!value && takes_value(f)) {
		if (!*w->next)
			return error_set(w->err, ERR_BAD_REQUEST, "flag needs an argument: -%.*s",
					 (int)n, p);
		value = *w->next++;
	}
	w->seen |= f == w->watch;
	if (!w->base)
		return 0;
	if (set(f, (char *)w->base + f->offset, value ? value : "true", &why) < 0)
		return refuse(w, f, value ? value : "", why.text);
	return 0;
}

/*
 * "-it", "-p80:80", "-ite A=1": letters of one word. A letter that takes a value takes the rest of
 * the word or, at its end, the next argument.
 */
static int take_cluster(struct walk *w, const char *word)
{
	bool deprecated;

	for (const char *p = word; *p; p++) {
		const struct mflag *f = find(w->table, p, 1, &deprecated);
		const char *value = NULL;

		if (!f)
			return error_set(w->err, ERR_BAD_REQUEST,
					 "flag provided but not defined: -%s", word);
		if (p[1] == '=')
			value = p + 2;
		else if (p[1] && takes_value(f))
			value = p + 1;
		if (deprecated)
			warn_deprecated(w, f, p, 1);
		if (take_flag(w, f, p, 1, value) < 0)
			return -1;
		if (value)
			return 0;
	}
	return 0;
}

/* word is an argument without its first dash. */
static int take_word(struct walk *w, const char *word)
{
	size_t n = strcspn(word, "=");
	const char *value = word[n] ? word + n + 1 : NULL;
	bool deprecated;
	const struct mflag *f = find(w->table, word, n, &deprecated);

	if (n == 0)
		return error_set(w->err, ERR_BAD_REQUEST, "bad flag syntax: -%s", word);
	if (f) {
		if (deprecated)
			warn_deprecated(w, f, word, n);
		return take_flag(w, f, word, n, value);
	}
	if (strcmp(word, "-help") == 0 || strcmp(word, "help") == 0 || strcmp(word, "h") == 0)
		return MFLAG_HELP;
	if (*word == '-')
		return error_set(w->err, ERR_BAD_REQUEST, "flag provided but not defined: -%.*s",
				 (int)n, word);
	return take_cluster(w, word);
}

static int walk(struct walk *w, unsigned options, struct strlist *rest)
{
	while (*w->next) {
		const char *arg = *w->next;
		int rc;

		if (arg[0] != '-' || !arg[1]) {
			if (!(options & MFLAG_INTERSPERSED))
				break;
			if (rest)
				strlist_add(rest, arg);
			w->next++;
			continue;
		}
		w->next++;
		if (strcmp(arg, "--") == 0)
			break;
		rc = take_word(w, arg + 1);
		if (rc != 0)
			return rc;
	}
	for (; rest && *w->next; w->next++)
		strlist_add(rest, *w->next);
	return 0;
}

int mflag_parse(const struct mflag *table, void *base, char *const *args, unsigned options,
		struct strlist *rest, struct strlist *warnings, struct error *err)
{
	struct walk w = {
		.table = table, .base = base, .next = args, .warnings = warnings, .err = err
	};

	return walk(&w, options, rest);
}

bool mflag_given(const struct mflag *table, char *const *args, unsigned options, const char *name)
{
	bool deprecated;
	struct walk w = { .table = table, .next = args };

	w.watch = find(table, name, strlen(name), &deprecated);
	if (w.watch)
		(void)walk(&w, options, NULL); /* a bad line was refused by mflag_parse() */
	return w.seen;
}

static const char *value_word(const struct mflag *f)
{
	static const char *const words[] = {
		[MFLAG_BOOL] = "",         [MFLAG_TRISTATE] = "", [MFLAG_INT] = "int",
		[MFLAG_STRING] = "string", [MFLAG_LIST] = "list", [MFLAG_BYTES] = "bytes",
		[MFLAG_CUSTOM] = "value",
	};

	return f->value ? f->value : words[f->type];
}

/* "  -d, --detach list", as the left column of the usage. */
static void add_left(const struct mflag *f, struct buf *out)
{
	buf_adds(out, "  ");
	add_names(f, "    ", out);
	if (*value_word(f))
		buf_addf(out, " %s", value_word(f));
}

void mflag_usage(const struct mflag *table, struct buf *out)
{
	autobuf struct buf left = BUF_INIT(256);
	size_t width = 0;

	for (const struct mflag *f = table; f->names; f++) {
		buf_reset(&left);
		add_left(f, &left);
		if (f->help && left.len > width)
			width = left.len;
	}
	for (const struct mflag *f = table; f->names; f++) {
		if (!f->help)
			continue;
		buf_reset(&left);
		add_left(f, &left);
		buf_addf(out, "%-*s   %s\n", (int)width, buf_text(&left), f->help);
	}
}

void mflag_done(const struct mflag *table, void *base)
{
	for (; table->names; table++)
		if (table->type == MFLAG_LIST)
			strlist_done((struct strlist *)((char *)base + table->offset));
}
