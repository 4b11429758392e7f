/* Env and streams. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/env.h"
#include "engine/stream.h"
#include "pkg/mem.h"
#include "tests/unit/unit.h"

static void test_env_types(void **state)
{
	static const char *const no[] = { "", "0", "no", "False", "NONE" };
	struct env *env = env_new();

	(void)state;
	for (size_t i = 0; i < array_size(no); i++) {
		env_set(env, "b", no[i]);
		assert_false(env_get_bool(env, "b"));
	}
	env_set(env, "b", "maybe");
	assert_true(env_get_bool(env, "b"));
	env_set_bool(env, "b", true);
	assert_true(env_get_bool(env, "b"));
	assert_false(env_get_bool(env, "absent"));
	env_set(env, "n", "-12");
	assert_int_equal(env_get_int(env, "n", 5), -12);
	env_set(env, "n", "12x");
	assert_int_equal(env_get_int(env, "n", 5), 5);
	env_set_int(env, "n", 7);
	assert_int_equal(env_get_int(env, "n", 5), 7);
	assert_null(env_get(env, "n", NULL)); /* a number is no text */
	env_free(env);
}

static void test_env_text_stays_text(void **state)
{
	struct env *env = env_new();

	(void)state;
	env_set(env, "Cmd", "true");
	assert_true(json_is_string(env_get_json(env, "Cmd")));
	env_free(env);
}

static void test_env_lists(void **state)
{
	autostrlist struct strlist l = STRLIST_INIT;
	struct env *env = env_new();

	(void)state;
	env_set(env, "h", "one");
	env_get_list(env, "h", &l);
	assert_int_equal(l.n, 1);
	env_add(env, "h", "two");
	strlist_done(&l);
	env_get_list(env, "h", &l);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[1], "two");
	env_unset(env, "h");
	assert_false(env_has(env, "h"));
	env_free(env);
}

static void test_env_decode(void **state)
{
	static const char good[] = "{\"A\":{\"B\":[1]},\"C\":\"x\"}", list[] = "[1]",
			  bad[] = "{\"A\":";
	struct error err = { 0 };
	struct env *env = env_new();

	(void)state;
	assert_int_equal(env_decode(env, good, strlen(good), &err), 0);
	assert_true(json_is_object(env_get_json(env, "A")));
	assert_int_equal(env_decode(env, list, strlen(list), &err), -1);
	assert_int_equal(err.kind, ERR_BAD_REQUEST);
	assert_int_equal(env_decode(env, bad, strlen(bad), &err), -1);
	assert_string_equal(env_get(env, "C", ""), "x");
	env_free(env);
}

static int closed;

static int fail_write(void *to, const void *p, size_t n)
{
	(void)to;
	(void)p;
	(void)n;
	return -1;
}

static void count_close(void *to)
{
	(void)to;
	closed++;
}

static void test_output_without_sink_discards(void **state)
{
	struct output *out = output_new();

	(void)state;
	assert_int_equal(output_write(out, "x", 1), 0);
	assert_true(output_used(out));
	output_free(out);
}

static void test_failed_sink_does_not_stop_others(void **state)
{
	autobuf struct buf b = BUF_INIT(10);
	struct output *out = output_new();

	(void)state;
	closed = 0;
	output_add(out, (struct sink){ .write = fail_write, .close = count_close });
	output_add(out, sink_buf(&b));
	assert_int_equal(output_write(out, "abc", 3), 0);
	assert_int_equal(closed, 1);
	assert_int_equal(output_write(out, "abc", 3), 0);
	assert_string_equal(b.p, "abcabc");
	/* The ceiling of the last sink: now nobody is left. */
	assert_int_equal(output_write(out, "12345", 5), -1);
	assert_int_equal(output_write(out, "1", 1), -1);
	output_free(out);
	assert_int_equal(closed, 1);
}

static void test_output_close(void **state)
{
	autobuf struct buf b = BUF_INIT(10);
	struct output *out = output_new();

	(void)state;
	closed = 0;
	output_add(out,
		   (struct sink){ .write = sink_buf(&b).write, .close = count_close, .to = &b });
	output_close(out);
	assert_int_equal(closed, 1);
	assert_int_equal(output_write(out, "x", 1), -1);
	output_free(out);
}

static void test_input_ceiling(void **state)
{
	autobuf struct buf from = BUF_INIT(100), to = BUF_INIT(4);
	struct input *in = input_new();

	(void)state;
	buf_adds(&from, "12345");
	input_set(in, source_buf(&from));
	assert_int_equal(input_read_all(in, &to), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(input_detach(in, &to), -1); /* a buffer has no descriptor to give */
	input_free(in);
}

static void test_fd_ends(void **state)
{
	autobuf struct buf b = BUF_INIT(100);
	struct output *out = output_new();
	struct input *in = input_new();
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	output_add(out, sink_fd(fds[1]));
	input_set(in, source_fd(fds[0]));
	assert_int_equal(output_write(out, "hello", 5), 0);
	close(fds[1]);
	assert_int_equal(input_read_all(in, &b), 0);
	assert_string_equal(b.p, "hello");
	input_free(in);
	output_free(out);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_env_types),
		cmocka_unit_test(test_env_text_stays_text),
		cmocka_unit_test(test_env_lists),
		cmocka_unit_test(test_env_decode),
		cmocka_unit_test(test_output_without_sink_discards),
		cmocka_unit_test(test_failed_sink_does_not_stop_others),
		cmocka_unit_test(test_output_close),
		cmocka_unit_test(test_input_ceiling),
		cmocka_unit_test(test_fd_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
