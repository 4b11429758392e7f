/* The flag parser: early Docker's spellings, clusters, lists, refusals. */
#include "pkg/mflag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct opts {
	bool detach, tty, stdin_open, rm;
	int init;
	int64_t shares, memory;
	const char *name;
	struct strlist env, words;
	char upper[8];
};

static int parse_upper(const char *text, void *target, struct error *err)
{
	if (strlen(text) > 7 || *text < 'A' || *text > 'Z')
		return error_set(err, ERR_BAD_REQUEST, "not upper case");
	memcpy(target, text, strlen(text) + 1);
	return 0;
}

/* Several elements out of one argument. */
static int parse_words(const char *text, void *target, struct error *err)
{
	if (strstr(text, ",,"))
		return error_set(err, ERR_BAD_REQUEST, "empty word");
	strlist_split(target, text, ',');
	return 0;
}

#define AT(m) offsetof(struct opts, m)
static const struct mflag table[] = {
	{ "d,-detach", MFLAG_BOOL, AT(detach), NULL, "Detached mode", NULL },
	{ "t,-tty", MFLAG_BOOL, AT(tty), NULL, "Allocate a pseudo-TTY", NULL },
	{ "i,-interactive", MFLAG_BOOL, AT(stdin_open), NULL, "Keep stdin open", NULL },
	{ "#rm,-rm", MFLAG_BOOL, AT(rm), NULL, "Remove when it exits", NULL },
	{ "-init", MFLAG_TRISTATE, AT(init), NULL, "Run an init", NULL },
	{ "c,-cpu-shares", MFLAG_INT, AT(shares), NULL, "CPU shares", NULL },
	{ "m,-memory", MFLAG_BYTES, AT(memory), NULL, "Memory limit", NULL },
	{ "-name", MFLAG_STRING, AT(name), NULL, "A name", NULL },
	{ "e,-env", MFLAG_LIST, AT(env), NULL, "Variables", NULL },
	{ "-upper", MFLAG_CUSTOM, AT(upper), "WORD", "Upper case", parse_upper },
	{ "-word", MFLAG_LIST, AT(words), NULL, "Words", parse_words },
	{ "#gone", MFLAG_BOOL, AT(rm), NULL, NULL, NULL },
	{ 0 },
};

struct fixture {
	struct opts o;
	struct strlist args, rest, warnings;
	struct error err;
	int rc;
};

static struct fixture f;

static void clear(void)
{
	mflag_done(table, &f.o);
	strlist_done(&f.args);
	strlist_done(&f.rest);
	strlist_done(&f.warnings);
	memset(&f, 0, sizeof(f));
}

static void parse(const char *line, unsigned options)
{
	clear();
	f.o.init = -1;
	strlist_split(&f.args, line, ' ');
	f.rc = mflag_parse(table, &f.o, f.args.v, options, &f.rest, &f.warnings, &f.err);
}

static void test_spellings(void **state)
{
	(void)state;
	parse("-d --name x --env A=1 -e B=2 img cmd", 0);
	assert_int_equal(f.rc, 0);
	assert_true(f.o.detach);
	assert_string_equal(f.o.name, "x");
	assert_int_equal(f.o.env.n, 2);
	assert_string_equal(f.o.env.v[1], "B=2");
	assert_int_equal(f.rest.n, 2);
	parse("--detach=true --name=a=b -t=false -i=1 x", 0);
	assert_true(f.o.detach && f.o.stdin_open && !f.o.tty);
	assert_string_equal(f.o.name, "a=b");
	parse("--name= x", 0);
	assert_string_equal(f.o.name, "");
	assert_int_equal(f.o.init, -1);
	parse("--init=false --memory 64m -c 512", 0);
	assert_int_equal(f.o.init, 0);
	assert_int_equal(f.o.memory, 64 << 20);
	assert_int_equal(f.o.shares, 512);
	parse("--word a,b --word c", 0);
	assert_int_equal(f.rc, 0);
	assert_int_equal(f.o.words.n, 3);
}

static void test_clusters(void **state)
{
	(void)state;
	parse("-it x", 0);
	assert_true(f.o.tty && f.o.stdin_open);
	parse("-itd=false x", 0);
	assert_true(f.o.tty && f.o.stdin_open && !f.o.detach);
	parse("-ite A=1 x", 0);
	assert_string_equal(f.o.env.v[0], "A=1");
	assert_int_equal(f.rest.n, 1);
	parse("-teA=1 -c10 x", 0);
	assert_string_equal(f.o.env.v[0], "A=1");
	assert_int_equal(f.o.shares, 10);
	parse("-iz", 0);
	assert_int_equal(f.rc, -1);
	assert_string_equal(f.err.text, "flag provided but not defined: -iz");
}

static void test_end_of_flags(void **state)
{
	(void)state;
	parse("img -d --name x", 0);
	assert_false(f.o.detach);
	assert_int_equal(f.rest.n, 4);
	parse("img -d -- --name x", MFLAG_INTERSPERSED);
	assert_true(f.o.detach);
	assert_int_equal(f.rest.n, 3);
	assert_string_equal(f.rest.v[1], "--name");
	parse("-d -- -t", 0);
	assert_false(f.o.tty);
	assert_int_equal(f.rest.n, 1);
	parse("-d - x", 0);
	assert_string_equal(f.rest.v[0], "-");
}

static void test_deprecated(void **state)
{
	(void)state;
	parse("-rm x", 0);
	assert_int_equal(f.rc, 0);
	assert_true(f.o.rm);
	assert_int_equal(f.warnings.n, 1);
	assert_string_equal(f.warnings.v[0], "Warning: '-rm' is deprecated, it will be replaced by "
					     "'--rm' soon. See usage.");
	parse("--rm x", 0);
	assert_int_equal(f.warnings.n, 0);
	parse("-gone", 0);
	assert_string_equal(f.warnings.v[0],
			    "Warning: '-gone' is deprecated, it will be removed soon. See usage.");
}

static void test_refusals(void **state)
{
	static const struct {
		const char *line, *text;
	} rows[] = {
		{ "--nosuch=3 x", "flag provided but not defined: --nosuch" },
		{ "--name", "flag needs an argument: --name" },
		{ "-c many", "invalid argument \"many\" for \"-c, --cpu-shares\" flag: "
			     "strconv.ParseInt: parsing \"many\": invalid syntax" },
		{ "-d=maybe", "invalid argument \"maybe\" for \"-d, --detach\" flag: "
			      "strconv.ParseBool: parsing \"maybe\": invalid syntax" },
		{ "--upper l\"w",
		  "invalid argument \"l\\\"w\" for \"--upper\" flag: not upper case" },
		{ "--word x,,y", "invalid argument \"x,,y\" for \"--word\" flag: empty word" },
		{ "-=x", "bad flag syntax: -=x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		parse(rows[i].line, 0);
		assert_int_equal(f.rc, -1);
		assert_int_equal(f.err.kind, ERR_BAD_REQUEST);
		assert_string_equal(f.err.text, rows[i].text);
	}
	parse("--help", 0);
	assert_int_equal(f.rc, MFLAG_HELP);
	parse("-h", 0);
	assert_int_equal(f.rc, MFLAG_HELP);
}

static void test_given(void **state)
{
	char *args[] = { "--memory", "-1", "-it", "img", "-d", NULL };

	(void)state;
	assert_true(mflag_given(table, args, 0, "-memory"));
	assert_true(mflag_given(table, args, 0, "-tty"));
	assert_false(mflag_given(table, args, 0, "-detach"));
	assert_true(mflag_given(table, args, MFLAG_INTERSPERSED, "d"));
}

static void test_usage(void **state)
{
	autobuf struct buf b = BUF_INIT(4096);

	(void)state;
	clear();
	mflag_usage(table, &b);
	assert_non_null(strstr(buf_text(&b), "  -d, --detach           Detached mode\n"));
	assert_non_null(strstr(buf_text(&b), "      --rm               Remove when it exits\n"));
	assert_non_null(strstr(buf_text(&b), "      --upper WORD       Upper case\n"));
	assert_null(strstr(buf_text(&b), "gone"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings),    cmocka_unit_test(test_clusters),
		cmocka_unit_test(test_end_of_flags), cmocka_unit_test(test_deprecated),
		cmocka_unit_test(test_refusals),     cmocka_unit_test(test_given),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
