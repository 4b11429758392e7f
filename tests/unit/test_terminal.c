/* What the attached client is made of: frames, detach keys, the terminal, columns, units, base64. */
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/base64.h"
#include "pkg/detachkeys.h"
#include "pkg/stdcopy.h"
#include "pkg/tabwriter.h"
#include "pkg/term.h"
#include "pkg/units.h"

struct seen {
	struct buf out, err;
	int stop;
};

static int collect(void *to, enum stdcopy_stream stream, const char *p, size_t n)
{
	struct seen *s = to;

	if (s->stop)
		return -1;
	return buf_add(stream == STDCOPY_STDOUT ? &s->out : &s->err, p, n);
}

static void test_frames(void **state)
{
	static const char bytes[] = "\1\0\0\0\0\0\0\5hello\2\0\0\0\0\0\0\3err\1\0\0\0\0\0\0\0"
				    "\1\0\0\0\0\0\0\1!";
	size_t n = sizeof(bytes) - 1;

	(void)state;
	for (size_t piece = 1; piece <= n; piece++) { /* however it was cut */
		struct seen s = { .out = BUF_INIT(100), .err = BUF_INIT(100) };
		struct stdcopy f = { 0 };

		for (size_t at = 0; at < n; at += piece)
			assert_int_equal(stdcopy_feed(&f, bytes + at,
						      n - at < piece ? n - at : piece, collect, &s,
						      NULL),
					 0);
		assert_string_equal(buf_text(&s.out), "hello!");
		assert_string_equal(buf_text(&s.err), "err");
		buf_done(&s.out);
		buf_done(&s.err);
	}
}

static void test_bad_frames(void **state)
{
	struct seen s = { .stop = 1 };
	struct stdcopy f = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(stdcopy_feed(&f, "plain text", 10, collect, &s, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	f = (struct stdcopy){ 0 };
	err = (struct error){ 0 };
	assert_int_equal(stdcopy_feed(&f, "\1\0\0\0\0\0\0\1x", 9, collect, &s, &err), -1);
	assert_int_equal(err.kind, ERR_NONE); /* the reader stopped, the bytes were fine */
}

static void test_detach(void **state)
{
	struct detachkeys d;
	struct error err;

	(void)state;
	assert_int_equal(detachkeys_parse("", &d, NULL), 0);
	assert_false(detachkeys_see(&d, "abc\x10", 4));
	assert_true(detachkeys_see(&d, "\x11", 1));
	assert_int_equal(detachkeys_parse("", &d, NULL), 0);
	assert_false(detachkeys_see(&d, "\x10x\x11", 3));
	assert_false(detachkeys_see(&d, "\x10\x10", 2)); /* the second may begin it anew */
	assert_true(detachkeys_see(&d, "\x11", 1));
	assert_int_equal(detachkeys_parse("a,ctrl-[,Z", &d, NULL), 0);
	assert_true(detachkeys_see(&d, "a\x1bZ", 3));
	assert_int_equal(detachkeys_parse("ctrl-1", &d, &err), -1);
	assert_int_equal(detachkeys_parse("ab", &d, &err), -1);
	assert_int_equal(detachkeys_parse("a,,b", &d, &err), -1);
}

static tcflag_t local_flags(int fd)
{
	struct termios t;

	assert_int_equal(tcgetattr(fd, &t), 0);
	return t.c_lflag;
}

static void test_raw_and_back(void **state)
{
	int master, slave;
	unsigned rows, columns;
	struct winsize size = { .ws_row = 12, .ws_col = 34 };

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	assert_true(term_is_tty(slave));
	assert_int_equal(term_size(slave, &rows, &columns), 0);
	assert_int_equal(rows, 12);
	assert_int_equal(columns, 34);
	assert_true(local_flags(slave) & ECHO);
	assert_int_equal(term_raw(slave), 0);
	assert_false(local_flags(slave) & ECHO);
	term_restore();
	assert_true(local_flags(slave) & ECHO);
	term_restore();
	close(master);
	close(slave);
}

/* A program that dies in raw mode leaves the terminal as it was. */
static void test_restored_by_signal(void **state)
{
	static const int signals[] = { SIGTERM, SIGHUP, SIGABRT };

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int master, slave, status;
		pid_t pid;

		assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
		pid = fork();
		if (pid == 0) {
			signal(signals[i], SIG_DFL);
			if (term_raw(slave) == 0)
				raise(signals[i]);
			_exit(1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		assert_true(local_flags(slave) & ECHO);
		close(master);
		close(slave);
	}
}

static void test_columns(void **state)
{
	autobuf struct buf b = BUF_INIT(4096);

	(void)state;
	tabwriter_format("ID\tNAME\tX\n1234567890ab\tå\tlast\n", 10, 3, &b);
	assert_string_equal(buf_text(&b), "ID             NAME      X\n"
					  "1234567890ab   å         last\n");
	buf_reset(&b);
	tabwriter_format("a\tb\nno columns here\nlonger cell\tb\n", 2, 1, &b);
	assert_string_equal(buf_text(&b), "a b\nno columns here\nlonger cell b\n");
}

static void test_units(void **state)
{
	char text[UNITS_SIZE];
	int64_t v;

	(void)state;
	assert_string_equal(units_decimal(text, 1982464, 3), "1.98MB");
	assert_string_equal(units_decimal(text, 0, 3), "0B");
	assert_string_equal(units_binary(text, 2080374784), "1.938GiB");
	assert_int_equal(units_parse_nano("1.5", &v), 0);
	assert_int_equal(v, 1500000000);
	assert_int_equal(units_parse_nano("0.000000001", &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(units_parse_nano("0.0000000001", &v), -1);
	assert_int_equal(units_parse_nano("99999999999", &v), -1);
	assert_int_equal(units_parse_nano(".", &v), -1);
	assert_int_equal(units_parse_nano("-1", &v), -1);
}

static void test_base64(void **state)
{
	static const char *const rows[][2] = { { "", "" },
					       { "f", "Zg==" },
					       { "fo", "Zm8=" },
					       { "foo", "Zm9v" },
					       { "foob", "Zm9vYg==" } };
	autobuf struct buf b = BUF_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b);
		base64_encode(&b, rows[i][0], strlen(rows[i][0]), false);
		assert_string_equal(buf_text(&b), rows[i][1]);
		buf_reset(&b);
		assert_int_equal(base64_decode(&b, rows[i][1]), 0);
		assert_string_equal(buf_text(&b), rows[i][0]);
	}
	buf_reset(&b);
	base64_encode(&b, "\xfb\xff", 2, true);
	assert_string_equal(buf_text(&b), "-_8=");
	assert_int_equal(base64_decode(&b, "Z*"), -1);
	assert_int_equal(base64_decode(&b, "Zg=x"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_raw_and_back),
		cmocka_unit_test(test_restored_by_signal),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
