/* Reading json-file logs: lines, tails, rotation, compression, damage. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "daemon/logline.h"
#include "daemon/logreader.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

static char dir[] = "/tmp/test-logreader-XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	memcpy(strrchr(dir, '-'), "-XXXXXX", 7);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return fs_remove_tree(AT_FDCWD, dir);
}

/* Append lines "from" to "to", each with its number as text and as the second of its time. */
static void put_lines(const char *file, int from, int to)
{
	FILE *f = fopen(file, "a");

	assert_non_null(f);
	for (int i = from; i <= to; i++)
		fprintf(f,
			"{\"log\":\"line %d\\n\",\"stream\":\"%s\",\"time\":\"%s%02d:%02d.5Z\"}\n",
			i, i % 2 ? "stdout" : "stderr", "2024-01-01T00:", i / 60, i % 60);
	fclose(f);
}

static struct logreader *open_log(long long tail)
{
	struct logreader *r = logreader_open(path, dir, tail, NULL);

	assert_non_null(r);
	return r;
}

/* The next lines are these, and then there is none at present. */
static void expect(struct logreader *r, int from, int to)
{
	struct logline line;
	char text[32];

	for (int i = from; i <= to; i++) {
		assert_int_equal(logreader_next(r, &line, NULL), 1);
		snprintf(text, sizeof(text), "line %d\n", i);
		assert_int_equal(line.len, strlen(text));
		assert_memory_equal(line.text, text, line.len);
		assert_int_equal(line.is_stderr, i % 2 == 0);
		assert_int_equal(line.time.tv_nsec, 500000000);
	}
	assert_int_equal(logreader_next(r, &line, NULL), 0);
}

/* What a monitor does: PATH.1 -> PATH.2, PATH -> PATH.1. */
static void rotate(void)
{
	char one[80], two[80];

	snprintf(one, sizeof(one), "%s.1", path);
	snprintf(two, sizeof(two), "%s.2", path);
	rename(one, two);
	assert_int_equal(rename(path, one), 0);
}

static void compress_file(const char *suffix)
{
	char plain[80], packed[96];
	autobuf struct buf b = BUF_INIT(1 << 20);
	gzFile gz;

	snprintf(plain, sizeof(plain), "%s%s", path, suffix);
	snprintf(packed, sizeof(packed), "%s.gz", plain);
	assert_int_equal(fs_read_file(AT_FDCWD, plain, &b), 0);
	gz = gzopen(packed, "wb");
	assert_int_equal(gzwrite(gz, b.p, (unsigned)b.len), (int)b.len);
	gzclose(gz);
	unlink(plain);
}

static void test_lines(void **state)
{
	static const char text[] = "{\"log\":\"a\\\"\\\\\\u003c\\ud83d\\ude00\\t\\u0000z\\n\","
				   "\"stream\":\"stderr\",\"time\":\"2024-01-01T00:00:00Z\"}";
	static const char odd[] = "{ \"time\": \"2024-01-01T00:00:00Z\", \"attrs\": {\"a\": \"b\"},"
				  " \"log\": \"x\", \"stream\": \"stdout\" }";
	autobuf struct buf b = BUF_INIT(1024);
	struct logline line;

	(void)state;
	assert_int_equal(logline_parse(text, sizeof(text) - 1, &b, &line), 0);
	assert_int_equal(line.len, 12);
	assert_memory_equal(line.text, "a\"\\<\xf0\x9f\x98\x80\t\0z\n", 12);
	assert_true(line.is_stderr);
	assert_int_equal(logline_parse(odd, sizeof(odd) - 1, &b, &line), 0);
	assert_string_equal(line.text, "x");
	for (size_t n = 0; n < sizeof(text) - 2; n++)
		assert_int_equal(logline_parse(text, n, &b, &line), -1);
	assert_int_equal(logline_parse("null", 4, &b, &line), -1);
}

static void test_no_log(void **state)
{
	struct logreader *r = open_log(-1);

	(void)state;
	expect(r, 1, 0);
	put_lines(path, 1, 2); /* it comes into being under the reader's eyes */
	expect(r, 1, 2);
	logreader_close(r);
}

static void test_tail(void **state)
{
	struct logreader *r;

	(void)state;
	put_lines(path, 1, 10);
	rotate();
	put_lines(path, 11, 15);
	for (int n = 0; n <= 20; n++) {
		r = open_log(n);
		expect(r, n >= 15 ? 1 : 16 - n, 15);
		put_lines(path, 16, 16);
		expect(r, 16, 16);
		assert_int_equal(truncate(path,
					  (off_t)(5 * strlen("{\"log\":\"line 11\\n\","
							     "\"stream\":\"stdout\",\"time\":"
							     "\"2024-01-01T00:00:11.5Z\"}\n"))),
				 0);
		logreader_close(r);
	}
	r = open_log(-1);
	expect(r, 1, 15);
	logreader_close(r);
}

static void test_tail_over_an_empty_file(void **state)
{
	struct logreader *r;

	(void)state;
	put_lines(path, 1, 3);
	rotate();
	put_lines(path, 1, 0);
	r = open_log(1);
	expect(r, 3, 3);
	logreader_close(r);
	r = open_log(0);
	expect(r, 1, 0);
	logreader_close(r);
}

static void test_rotation_while_following(void **state)
{
	struct logreader *r;

	(void)state;
	put_lines(path, 1, 2);
	r = open_log(-1);
	expect(r, 1, 2);
	put_lines(path, 3, 3);
	rotate();
	put_lines(path, 4, 4);
	expect(r, 3, 4);
	put_lines(path, 5, 5);
	rotate();
	put_lines(path, 6, 6);
	rotate(); /* two rotations between two looks */
	put_lines(path, 7, 7);
	expect(r, 5, 7);
	logreader_close(r);
}

static void test_compressed(void **state)
{
	struct logreader *r;

	(void)state;
	put_lines(path, 1, 3);
	rotate();
	put_lines(path, 4, 6);
	rotate();
	compress_file(".2");
	put_lines(path, 7, 9);
	r = open_log(-1);
	expect(r, 1, 9);
	logreader_close(r);
	r = open_log(8);
	expect(r, 2, 9);
	rotate();            /* what we read becomes .1, */
	compress_file(".1"); /* and then another file */
	put_lines(path, 10, 11);
	expect(r, 10, 11);
	logreader_close(r);
}

static void test_damage(void **state)
{
	struct logreader *r;
	FILE *f;

	(void)state;
	put_lines(path, 1, 1);
	f = fopen(path, "a");
	fputs("garbage\n\n{\"log\":\"half", f);
	for (int i = 0; i < 3 << 20; i++)
		fputc('x', f);
	fputs("\n", f);
	fclose(f);
	put_lines(path, 2, 2);
	f = fopen(path, "a");
	fputs("{\"log\":\"unfinished", f);
	fclose(f);
	r = open_log(-1);
	expect(r, 1, 2);
	logreader_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test_setup_teardown(test_no_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tail_over_an_empty_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotation_while_following, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compressed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
