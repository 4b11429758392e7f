/* The engine's rules, one test each: registry, jobs, cancellation, shutdown. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/job.h"
#include "pkg/mem.h"
#include "tests/unit/unit.h"

static int echo(struct job *job, void *self)
{
	(void)self;
	for (size_t i = 0; i < job_argc(job); i++)
		job_printf(job, "%s\n", job_arg(job, i));
	return 0;
}

static int copy_in(struct job *job, void *self)
{
	char part[8];
	ssize_t n;

	(void)self;
	while ((n = input_read(job_in(job), part, sizeof(part))) > 0)
		output_write(job_out(job), part, (size_t)n);
	return 0;
}

static int refuse(struct job *job, void *self)
{
	(void)self;
	return job_fail(job, ERR_CONFLICT, "it is %s", "taken");
}

static int silent_failure(struct job *job, void *self)
{
	(void)job;
	(void)self;
	return -1;
}

static int wait_stop(struct job *job, void *self)
{
	atomic_int *state = self;

	*state = 1;
	if (job_wait(job, -1, 10000) < 0)
		*state = 2;
	return 0;
}

static int nest(struct job *job, void *self)
{
	struct error err;
	struct job *inner = job_new_nested(job, "refuse", NULL);
	int rc = job_run(inner, &err);

	(void)self;
	job_free(inner);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}

static atomic_int wait_state;
static const struct handler rows[] = {
	{ "echo", "WORD [WORD]", 1, 2, echo, 0 },
	{ "copy", "", 0, -1, copy_in, 0 },
	{ "refuse", "", 0, 0, refuse, 0 },
	{ "silent", "", 0, 0, silent_failure, 0 },
	{ "nest", "", 0, 0, nest, 0 },
	{ 0 },
};
static const struct handler waiting[] = {
	{ "wait_stop", "", 0, 0, wait_stop, 0 },
	{ "serve", "", 0, 0, wait_stop, JOB_ENDLESS },
	{ 0 },
};

static int setup(void **state)
{
	struct engine *e = engine_new();

	engine_set_logging(e, false);
	assert_int_equal(engine_install(e, rows, NULL, NULL), 0);
	assert_int_equal(engine_install(e, waiting, &wait_state, NULL), 0);
	wait_state = 0;
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	engine_free(*state);
	return 0;
}

static void test_output_and_args(void **state)
{
	autobuf struct buf out = BUF_INIT(100), copy = BUF_INIT(100);
	struct job *j = job_new(*state, "echo", "a", "b", NULL);

	output_add(job_out(j), sink_buf(&out));
	output_add(job_out(j), sink_buf(&copy));
	assert_int_equal(job_run(j, NULL), 0);
	assert_int_equal(job_status(j), JOB_STATUS_OK);
	assert_string_equal(out.p, "a\nb\n");
	assert_string_equal(copy.p, out.p);
	job_free(j);
}

static void test_input(void **state)
{
	autobuf struct buf in = BUF_INIT(100), out = BUF_INIT(100);
	struct job *j = job_new(*state, "copy", NULL);

	buf_adds(&in, "twelve bytes");
	input_set(job_in(j), source_buf(&in));
	output_add(job_out(j), sink_buf(&out));
	assert_int_equal(job_run(j, NULL), 0);
	assert_string_equal(out.p, "twelve bytes");
	job_free(j);
}

static void test_arity(void **state)
{
	struct error err = { 0 };
	struct job *j = job_new(*state, "echo", NULL);

	assert_int_equal(job_run(j, &err), -1);
	assert_int_equal(err.kind, ERR_BAD_REQUEST);
	assert_string_equal(err.text, "Usage: echo WORD [WORD]");
	job_free(j);
	j = job_new(*state, "echo", "1", "2", "3", NULL);
	assert_int_equal(job_run(j, &err), -1);
	job_free(j);
}

static void test_error_has_kind_and_sentence(void **state)
{
	autobuf struct buf errout = BUF_INIT(100);
	struct error err = { 0 };
	struct job *j = job_new(*state, "refuse", NULL);

	output_add(job_err(j), sink_buf(&errout));
	assert_int_equal(job_run(j, &err), -1);
	assert_int_equal(job_status(j), JOB_STATUS_ERR);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_string_equal(err.text, "it is taken");
	assert_string_equal(errout.p, "it is taken\n");
	job_free(j);
}

static void test_failure_without_words(void **state)
{
	struct error err = { 0 };
	struct job *j = job_new(*state, "silent", NULL);

	assert_int_equal(job_run(j, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	job_free(j);
}

static void test_nested_error_passes_up(void **state)
{
	struct error err = { 0 };
	struct job *j = job_new(*state, "nest", NULL);

	assert_int_equal(job_run(j, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	job_free(j);
}

static void test_unknown_name(void **state)
{
	struct error err = { 0 };
	struct job *j = job_new(*state, "nosuch", NULL);

	assert_int_equal(job_run(j, &err), -1);
	assert_int_equal(job_status(j), JOB_STATUS_NOT_FOUND);
	assert_int_equal(err.kind, ERR_NOT_IMPLEMENTED);
	assert_string_equal(err.text, "nosuch: command not found");
	job_free(j);
}

static void test_catchall(void **state)
{
	struct job *j = job_new(*state, "nosuch", "x", NULL);

	engine_set_catchall(*state, echo, NULL);
	assert_int_equal(job_run(j, NULL), 0);
	assert_false(engine_has(*state, "nosuch"));
	job_free(j);
}

static void test_runs_once(void **state)
{
	struct error err = { 0 };
	struct job *j = job_new(*state, "echo", "x", NULL);

	assert_int_equal(job_run(j, NULL), 0);
	assert_int_equal(job_run(j, &err), -1);
	assert_string_equal(err.text, "echo: job has already completed");
	job_free(j);
}

static void test_duplicate_names_install_nothing(void **state)
{
	static const struct handler taken[] = { { "fresh", "", 0, 0, echo, 0 },
						{ "echo", "", 0, 0, echo, 0 },
						{ 0 } };
	static const struct handler twice[] = { { "same", "", 0, 0, echo, 0 },
						{ "same", "", 0, 0, echo, 0 },
						{ 0 } };
	struct error err = { 0 };

	assert_int_equal(engine_install(*state, taken, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_string_equal(err.text, "Can't overwrite handler for command \"echo\"");
	assert_false(engine_has(*state, "fresh"));
	assert_int_equal(engine_install(*state, twice, NULL, &err), -1);
	assert_false(engine_has(*state, "same"));
}

static void test_commands(void **state)
{
	autobuf struct buf out = BUF_INIT(1000);
	struct job *j = job_new(*state, "commands", NULL);

	output_add(job_out(j), sink_buf(&out));
	assert_int_equal(job_run(j, NULL), 0);
	assert_string_equal(
		out.p,
		"commands\ncopy\necho WORD [WORD]\nnest\nrefuse\nserve\nsilent\nwait_stop\n");
	job_free(j);
}

static void test_wait_on_descriptor(void **state)
{
	autoclose int fd = eventfd(1, EFD_CLOEXEC), silent = eventfd(0, EFD_CLOEXEC);
	struct job *j = job_new(*state, "echo", "x", NULL);

	assert_int_equal(job_wait(j, fd, 1000), 1);
	assert_int_equal(job_wait(j, silent, 1), 0);
	assert_false(job_is_cancelled(j));
	job_free(j);
}

static void test_hangup_cancels(void **state)
{
	struct job *j = job_new(*state, "nest", NULL), *inner;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	job_watch_hangup(j, pair[0]);
	inner = job_new_nested(j, "echo", "x", NULL);
	assert_false(job_is_cancelled(j));
	close(pair[1]);
	assert_true(job_is_cancelled(j));
	assert_true(job_is_cancelled(inner));
	assert_int_equal(job_wait(j, -1, 10000), -1);
	close(pair[0]);
	job_free(inner);
	job_free(j);
}

static void *run_job(void *job)
{
	job_run(job, NULL);
	return NULL;
}

/* Start `name` on a thread and wait until its handler is inside. */
static struct job *start(struct engine *e, const char *name, pthread_t *thread)
{
	struct job *j = job_new(e, name, NULL);
	struct timespec moment = { .tv_nsec = 1000000 };

	wait_state = 0;
	assert_int_equal(pthread_create(thread, NULL, run_job, j), 0);
	while (wait_state == 0)
		nanosleep(&moment, NULL);
	return j;
}

static void test_shutdown_cancels_endless_at_once(void **state)
{
	struct timespec a, b;
	pthread_t thread;
	struct job *j = start(*state, "serve", &thread);

	assert_int_equal(engine_running(*state), 0);
	clock_gettime(CLOCK_MONOTONIC, &a);
	engine_shutdown(*state);
	clock_gettime(CLOCK_MONOTONIC, &b);
	pthread_join(thread, NULL);
	assert_int_equal(wait_state, 2);
	assert_true(b.tv_sec - a.tv_sec < 4); /* it did not wait the 5 s that others get */
	job_free(j);
}

static void test_shutdown_waits_then_cancels(void **state)
{
	pthread_t thread;
	struct job *j = start(*state, "wait_stop", &thread);

	assert_int_equal(engine_running(*state), 1);
	engine_shutdown(*state); /* 5 s, then it is told to stop */
	pthread_join(thread, NULL);
	assert_int_equal(wait_state, 2);
	assert_int_equal(engine_running(*state), 0);
	job_free(j);
}

static void test_shutdown_refuses_new_jobs(void **state)
{
	struct error err = { 0 };
	struct job *j = job_new(*state, "echo", "x", NULL);

	assert_false(engine_is_shutdown(*state));
	engine_shutdown(*state);
	assert_true(engine_is_shutdown(*state));
	assert_int_equal(job_run(j, &err), -1);
	assert_int_equal(err.kind, ERR_UNAVAILABLE);
	assert_string_equal(err.text, "engine is shutdown");
	job_free(j);
}

static atomic_int together;

/* Ends only when the other callback runs at the same time. */
static void meet(void *arg)
{
	struct timespec moment = { .tv_nsec = 1000000 };

	(void)arg;
	together++;
	for (int i = 0; i < 3000 && together < 2; i++)
		nanosleep(&moment, NULL);
}

static void test_callbacks_run_together(void **state)
{
	struct timespec a, b;

	together = 0;
	engine_on_shutdown(*state, meet, NULL);
	engine_on_shutdown(*state, meet, NULL);
	clock_gettime(CLOCK_MONOTONIC, &a);
	engine_shutdown(*state);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_int_equal(together, 2);
	assert_true(b.tv_sec - a.tv_sec < 3);
	engine_shutdown(*state); /* a second call does nothing */
	assert_int_equal(together, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_output_and_args),
		T(test_input),
		T(test_arity),
		T(test_error_has_kind_and_sentence),
		T(test_failure_without_words),
		T(test_nested_error_passes_up),
		T(test_unknown_name),
		T(test_catchall),
		T(test_runs_once),
		T(test_duplicate_names_install_nothing),
		T(test_commands),
		T(test_wait_on_descriptor),
		T(test_hangup_cancels),
		T(test_shutdown_cancels_endless_at_once),
		T(test_shutdown_waits_then_cancels),
		T(test_shutdown_refuses_new_jobs),
		T(test_callbacks_run_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
