/*
 * The life of containers, over an exec driver and an image store that are not there: who waits for
 * whom, what is undone, what the next daemon makes of what it finds. Jobs run on threads of the
 * test, the event loop on one of its own.
 */
#include "unit.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "daemon/daemon.h"
#include "daemon/internal.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "fake_drivers.h"

struct fixture {
	char root[32], exec_root[48];
	struct engine *engine;
	struct event_base *base;
	struct event *keep;
	pthread_t loop;
	struct daemon *daemon;
	pthread_mutex_t lock; /* guards events */
	struct strlist events;
};

static int job_init_network(struct job *job, void *self)
{
	(void)job, (void)self;
	return 0;
}

static int job_allocate(struct job *job, void *self)
{
	autojson json_t *reply =
		json_pack("{s:s, s:i, s:s}", "IP", "10.0.0.2", "IPPrefixLen", 24, "Bridge", "br");

	(void)self;
	return job_write_json(job, reply);
}

static int job_nothing(struct job *job, void *self)
{
	(void)job, (void)self;
	return 0;
}

static int job_log(struct job *job, void *self)
{
	struct fixture *f = self;

	pthread_mutex_lock(&f->lock);
	strlist_add(&f->events, job_arg(job, 0));
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static const struct handler others[] = {
	{ "init_networkdriver", "", 0, 0, job_init_network, 0 },
	{ "allocate_interface", "", 1, 1, job_allocate, 0 },
	{ "release_interface", "", 1, 1, job_nothing, 0 },
	{ "adopt_interface", "", 1, 1, job_nothing, 0 },
	{ "network_sweep", "", 0, 0, job_nothing, 0 },
	{ "log", "", 3, 3, job_log, 0 },
	{ 0 },
};

static void *loop_main(void *base)
{
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void boot(struct fixture *f)
{
	struct daemon_config config = { .root = f->root,
					.exec_root = f->exec_root,
					.version = "t" };
	struct error err = { 0 };

	f->engine = engine_new();
	engine_set_logging(f->engine, false);
	f->base = event_base_new();
	assert_int_equal(engine_install(f->engine, others, f, NULL), 0);
	pthread_create(&f->loop, NULL, loop_main, f->base);
	f->daemon = daemon_new(f->engine, f->base, &config, &err);
	if (!f->daemon)
		fail_msg("%s", err.text);
	assert_int_equal(daemon_install(f->daemon, f->engine, &err), 0);
}

static void on_stop(evutil_socket_t fd, short what, void *base)
{
	(void)fd, (void)what;
	event_base_loopexit(base, NULL); /* from inside: a loop that has not begun forgets it */
}

static void shut_down(struct fixture *f)
{
	const struct timeval now = { 0 };

	engine_shutdown(f->engine);
	event_base_once(f->base, -1, EV_TIMEOUT, on_stop, f->base, &now);
	pthread_join(f->loop, NULL);
	daemon_close(f->daemon);
	event_base_free(f->base);
	engine_free(f->engine);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	if (geteuid() != 0)
		skip();
	evthread_use_pthreads();
	log_set_level(LOG_LEVEL_FATAL);
	signal(SIGPIPE, SIG_IGN);
	fake_reset();
	snprintf(f->root, sizeof(f->root), "/tmp/test-containers-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	snprintf(f->exec_root, sizeof(f->exec_root), "%s/exec", f->root);
	pthread_mutex_init(&f->lock, NULL);
	boot(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	int rc;

	shut_down(f);
	rc = fs_remove_tree(AT_FDCWD, f->root);
	strlist_done(&f->events);
	free(f);
	fake_reset();
	return rc;
}

/* Run a job; "k=v" strings up to NULL go to its env. What it wrote, or NULL with err. */
static char *run(struct fixture *f, struct error *err, const char *name, const char *arg, ...)
{
	struct job *j = job_new(f->engine, name, NULL);
	autobuf struct buf b = BUF_INIT(1 << 20);
	const char *pair;
	va_list ap;
	int rc;

	if (arg)
		job_add_arg(j, arg);
	va_start(ap, arg);
	while ((pair = va_arg(ap, const char *))) {
		autofree char *key = xstrndup(pair, strcspn(pair, "="));

		env_set(job_env(j), key, strchr(pair, '=') + 1);
	}
	va_end(ap);
	output_add(job_out(j), sink_buf(&b));
	rc = job_run(j, err);
	job_free(j);
	return rc < 0 ? NULL : buf_take(&b);
}

#define must(f, ...)                                                                               \
	do {                                                                                       \
		struct error e_ = { 0 };                                                           \
		char *s_ = run(f, &e_, __VA_ARGS__, NULL);                                         \
		if (!s_)                                                                           \
			fail_msg("%s", e_.text);                                                   \
		free(s_);                                                                          \
	} while (0)
#define must_fail(f, wanted, ...)                                                                  \
	do {                                                                                       \
		struct error e_ = { 0 };                                                           \
		assert_null(run(f, &e_, __VA_ARGS__, NULL));                                       \
		assert_int_equal(e_.kind, wanted);                                                 \
	} while (0)

/* Create from a body; its id. */
static void create(struct fixture *f, const char *name, const char *body, char id[ID_SIZE])
{
	struct job *j = job_new(f->engine, "create", name, NULL);
	autobuf struct buf b = BUF_INIT(1 << 20);
	autojson json_t *reply = NULL;
	struct error err = { 0 };

	assert_int_equal(env_decode(job_env(j), body, strlen(body), NULL), 0);
	output_add(job_out(j), sink_buf(&b));
	if (job_run(j, &err) < 0)
		fail_msg("%s", err.text);
	job_free(j);
	reply = json_parse(b.p, b.len, NULL);
	snprintf(id, ID_SIZE, "%s", json_get_str(reply, "Id", ""));
}

static struct container_state state_of(struct fixture *f, const char *id)
{
	struct container *c = store_get(f->daemon->store, id);
	struct container_state s = { .dead = true, .exit_code = -1 };

	if (c)
		s = container_state(c);
	container_unref(c);
	return s;
}

static bool is_gone(struct fixture *f, const char *id)
{
	struct container *c = store_get(f->daemon->store, id);

	container_unref(c);
	return !c;
}

#define eventually(condition)                                                                      \
	do {                                                                                       \
		int tries_ = 500;                                                                  \
		while (!(condition) && tries_-- > 0)                                               \
			usleep(10000);                                                             \
		assert_true(condition);                                                            \
	} while (0)

static bool has_event(struct fixture *f, const char *action)
{
	bool has;

	pthread_mutex_lock(&f->lock);
	has = strlist_has(&f->events, action);
	pthread_mutex_unlock(&f->lock);
	return has;
}

/* A `wait` on a thread of its own, whose head has gone out when this returns. */
struct waiter {
	struct fixture *f;
	char id[ID_SIZE];
	const char *condition;
	int head[2];
	pthread_t thread;
	struct buf reply;
};

static int waiter_write(void *to, const void *p, size_t n)
{
	struct waiter *w = to;

	if (n == 0)
		return write(w->head[1], "x", 1) == 1 ? 0 : -1;
	return buf_add(&w->reply, p, n);
}

static void *waiter_main(void *arg)
{
	struct waiter *w = arg;
	struct job *j = job_new(w->f->engine, "wait", w->id, NULL);

	env_set(job_env(j), "condition", w->condition);
	output_add(job_out(j), (struct sink){ .write = waiter_write, .to = w });
	job_run(j, NULL);
	job_free(j);
	return NULL;
}

static void waiter_start(struct waiter *w, struct fixture *f, const char *id, const char *condition)
{
	char byte;

	*w = (struct waiter){ .f = f, .condition = condition, .reply = BUF_INIT(4096) };
	snprintf(w->id, sizeof(w->id), "%s", id);
	assert_int_equal(pipe2(w->head, O_CLOEXEC), 0);
	pthread_create(&w->thread, NULL, waiter_main, w);
	assert_int_equal(read(w->head[0], &byte, 1), 1);
}

static void waiter_expect(struct waiter *w, const char *reply)
{
	pthread_join(w->thread, NULL);
	assert_string_equal(buf_text(&w->reply), reply);
	buf_done(&w->reply);
	close(w->head[0]);
	close(w->head[1]);
}

#define PLAIN "{\"Image\":\"image\"}"
#define AUTO "{\"Image\":\"image\",\"HostConfig\":{\"AutoRemove\":true}}"
#define ALWAYS "{\"Image\":\"image\",\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"always\"}}}"

static void test_a_life(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE], path[128];

	create(f, "web", PLAIN, id);
	snprintf(path, sizeof(path), "%s/containers/%s/config.v2.json", f->root, id);
	assert_true(fs_exists(path));
	must_fail(f, ERR_NOT_MODIFIED, "stop", "web");
	must(f, "start", "web");
	assert_true(state_of(f, id).running);
	assert_int_equal(state_of(f, id).pid, 4242);
	must_fail(f, ERR_NOT_MODIFIED, "start", id);
	must_fail(f, ERR_CONFLICT, "rm", "web");
	must(f, "stop", "web");
	assert_int_equal(state_of(f, id).exit_code, 143);
	assert_true(state_of(f, id).manual_stop);
	must(f, "rm", "web");
	assert_true(is_gone(f, id));
	assert_false(fs_exists(path));
	assert_int_equal(map_count(&fake.layers), 0);
	must_fail(f, ERR_NOT_FOUND, "rm", "web");
	assert_true(has_event(f, "die") && has_event(f, "stop") && has_event(f, "destroy"));
}

static void test_waiters(void **state)
{
	struct fixture *f = *state;
	struct waiter next, now, removed;
	char id[ID_SIZE];

	create(f, "web", AUTO, id);
	waiter_start(&next, f, id, "next-exit");
	waiter_start(&removed, f, id, "removed");
	waiter_start(&now, f, id, "not-running");
	waiter_expect(&now, "{\"StatusCode\":0}\n");
	must(f, "start", id);
	waiter_start(&now, f, id, "");
	fake_exit(id, 7);
	waiter_expect(&now, "{\"StatusCode\":7}\n");
	waiter_expect(&next, "{\"StatusCode\":7}\n");
	waiter_expect(&removed, "{\"StatusCode\":7}\n");
	assert_true(is_gone(f, id));
}

static void test_an_exit_before_the_start_returns(void **state)
{
	struct fixture *f = *state;
	struct waiter next;
	char id[ID_SIZE];

	create(f, "web", PLAIN, id);
	waiter_start(&next, f, id, "next-exit");
	fake.exit_at_once = true;
	must(f, "start", id);
	waiter_expect(&next, "{\"StatusCode\":9}\n");
	assert_false(state_of(f, id).running);
	eventually(fake_get(&fake.cleanups) == 1);
	must(f, "start", id); /* waits for the clean-up */
	assert_int_equal(fake_get(&fake.runs), 2);
}

static void test_a_failed_start(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE], gone[ID_SIZE];

	create(f, "web", PLAIN, id);
	create(f, "once", AUTO, gone);
	fake.fail_run = true;
	must_fail(f, ERR_BAD_REQUEST, "start", id);
	assert_int_equal(state_of(f, id).exit_code, 127);
	assert_string_equal(state_status(&(struct container_state){ 0 }), "created");
	assert_int_equal(state_of(f, id).started.tv_sec, 0);
	assert_non_null(strstr(state_of(f, id).error, "executable file not found in $PATH"));
	must_fail(f, ERR_BAD_REQUEST, "start", gone);
	assert_true(is_gone(f, gone));
	fake.fail_run = false;
	must(f, "start", id);
	assert_string_equal(state_of(f, id).error, "");
}

static void test_restarts_by_policy(void **state)
{
	struct fixture *f = *state;
	struct waiter next;
	char id[ID_SIZE];

	create(f, "web", ALWAYS, id);
	must(f, "start", id);
	waiter_start(&next, f, id, "next-exit");
	fake_exit(id, 1);
	waiter_expect(&next, "{\"StatusCode\":1}\n"); /* every exit is one */
	assert_true(state_of(f, id).running);
	eventually(fake_get(&fake.runs) == 2);
	eventually(!state_of(f, id).restarting);
	fake_exit(id, 1);
	assert_true(state_of(f, id).restarting);
	must_fail(f, ERR_NOT_MODIFIED, "start", id);
	must(f, "stop", id); /* calls it off */
	assert_false(state_of(f, id).running);
	usleep(400000);
	assert_int_equal(fake_get(&fake.runs), 2);
}

static void test_stop_kills_in_the_end(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	create(f, "web", PLAIN, id);
	must(f, "start", id);
	fake.ignore_term = true;
	must(f, "stop", id, "t=0");
	assert_int_equal(state_of(f, id).exit_code, 137);
	assert_int_equal(fake_get(&fake.signals), 2);
}

static void test_paused(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	create(f, "web", PLAIN, id);
	must_fail(f, ERR_CONFLICT, "pause", id);
	must(f, "start", id);
	must(f, "pause", id);
	must_fail(f, ERR_CONFLICT, "pause", id);
	must_fail(f, ERR_CONFLICT, "start", id);
	must_fail(f, ERR_CONFLICT, "attach", id, "stream=1");
	must(f, "kill", id, "signal=HUP"); /* it must be able to act on it */
	assert_false(state_of(f, id).paused);
	must(f, "kill", id);
	assert_int_equal(fake_get(&fake.last_signal), SIGKILL);
}

/* A connection whose far end the test has. */
static int far_end, near_end;

static int detach_near(void *from, struct buf *pending)
{
	(void)from, (void)pending;
	return near_end;
}

static int attach(struct fixture *f, const char *id, struct error *err)
{
	struct job *j = job_new(f->engine, "attach", id, NULL);
	int ends[2], rc;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	far_end = ends[0];
	near_end = ends[1];
	env_set(job_env(j), "stream", "1");
	env_set(job_env(j), "stdout", "1");
	input_set(job_in(j), (struct source){ .detach = detach_near });
	rc = job_run(j, err);
	job_free(j);
	return rc;
}

static bool is_closed(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

static void test_attach_before_the_start(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];
	struct error err;
	int first;

	create(f, "web", PLAIN, id);
	assert_int_equal(attach(f, id, NULL), 0);
	first = far_end;
	assert_int_equal(attach(f, id, NULL), 0);
	close(far_end); /* this one hangs up */
	assert_int_equal(attach(f, id, NULL), 0);
	shutdown(far_end, SHUT_WR); /* this one has no input */
	must(f, "start", id);
	assert_int_equal(fake_get(&fake.attached), 2);
	assert_int_equal(attach(f, id, NULL), 0); /* it runs: to the monitor at once */
	assert_int_equal(fake_get(&fake.attached), 3);
	close(first);
	must(f, "kill", id);
	for (int i = 0; i < 64; i++)
		assert_int_equal(attach(f, id, NULL), 0);
	assert_int_equal(attach(f, id, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(attach(f, "nosuch", &err), -1);
}

static void test_waiting_clients_go_with_the_container(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	create(f, "web", PLAIN, id);
	assert_int_equal(attach(f, id, NULL), 0);
	assert_false(is_closed(far_end));
	must(f, "rm", id);
	assert_true(is_closed(far_end));
	create(f, "bad", PLAIN, id);
	assert_int_equal(attach(f, id, NULL), 0);
	fake.fail_run = true;
	must_fail(f, ERR_BAD_REQUEST, "start", id);
	assert_true(is_closed(far_end));
}

static void test_a_removal_that_fails(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	create(f, "web", PLAIN, id);
	fake.fail_remove = true;
	must_fail(f, ERR_INTERNAL, "rm", id);
	assert_true(state_of(f, id).dead);
	assert_string_equal(state_status(&(struct container_state){ .dead = true }), "dead");
	must_fail(f, ERR_CONFLICT, "start", id);
	fake.fail_remove = false;
	must(f, "rm", id);
	assert_true(is_gone(f, id));
}

static void test_lookup(void **state)
{
	struct fixture *f = *state;
	char a[ID_SIZE], b[ID_SIZE], prefix[16];
	struct error err;
	struct container *c;

	create(f, "aa", PLAIN, a);
	create(f, "bb", PLAIN, b);
	assert_int_equal(store_reserve_name(f->daemon->store, "/aa", b, &err), -1);
	assert_non_null(strstr(err.text, "The container name \"/aa\" is already in use by"));
	must_fail(f, ERR_CONFLICT, "rename", "aa", "name=bb");
	must_fail(f, ERR_BAD_REQUEST, "rename", "aa", "name=-x");
	snprintf(prefix, sizeof(prefix), "%.10s", b);
	must(f, "rename", "aa", "name=cc");
	c = store_lookup(f->daemon->store, prefix, &err);
	assert_string_equal(c->id, b);
	container_unref(c);
	must(f, "rename", "bb", "name=aa");
	/* a name that reads like the beginning of an id comes before that id */
	snprintf(prefix, sizeof(prefix), "name=%.8s", b);
	must(f, "rename", "cc", prefix);
	c = store_lookup(f->daemon->store, prefix + 5, &err);
	assert_string_equal(c->id, a);
	container_unref(c);
	assert_null(store_lookup(f->daemon->store, "", &err));
	assert_null(store_lookup(f->daemon->store, "zz", &err));
	assert_string_equal(err.text, "No such container: zz");
}

static void test_boot_adopts(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	create(f, "web", PLAIN, id);
	must(f, "start", id);
	shut_down(f);
	fake.adopt = EXEC_ADOPT_RUNNING;
	boot(f);
	assert_true(state_of(f, id).running);
	assert_int_equal(state_of(f, id).pid, 4343);
	assert_true(state_of(f, id).started.tv_sec > 0);
	assert_true(strlist_has(&fake.swept, id));
	fake_exit(id, 4);
	assert_int_equal(state_of(f, id).exit_code, 4);
}

static void test_boot_finishes(void **state)
{
	struct fixture *f = *state;
	char plain[ID_SIZE], once[ID_SIZE], always[ID_SIZE], never[ID_SIZE];

	create(f, "plain", PLAIN, plain);
	create(f, "once", AUTO, once);
	create(f, "always", ALWAYS, always);
	create(f, "never", PLAIN, never);
	must(f, "start", plain);
	must(f, "start", once);
	must(f, "start", always);
	shut_down(f);
	fake.adopt = EXEC_ADOPT_EXITED;
	fake.adopted_exit = (struct exec_exit){ .status = 5, .finished = time_now() };
	fake.runs = 0;
	boot(f);
	assert_int_equal(state_of(f, plain).exit_code, 5);
	assert_false(state_of(f, plain).running);
	assert_true(is_gone(f, once));
	assert_int_equal(state_of(f, never).exit_code, 0);
	eventually(state_of(f, always).running);
	assert_int_equal(fake_get(&fake.runs), 1);
}

/* kill -9 comes before the files on disk were saved: only the record knows that it ran. */
static void test_boot_by_the_record(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE], path[160], older[160];

	create(f, "web", PLAIN, id);
	snprintf(path, sizeof(path), "%s/containers/%s/config.v2.json", f->root, id);
	snprintf(older, sizeof(older), "%s/older", f->root);
	assert_int_equal(link(path, older), 0);
	must(f, "start", id);
	shut_down(f);
	assert_int_equal(rename(older, path), 0);
	fake.adopt = EXEC_ADOPT_EXITED;
	fake.adopted_exit = (struct exec_exit){ .status = 5, .finished = time_now() };
	boot(f);
	assert_int_equal(state_of(f, id).exit_code, 5);
	assert_true(state_of(f, id).started.tv_sec > 0);
	must(f, "rm", id);
	snprintf(path, sizeof(path), "%s/records/%s", f->exec_root, id);
	assert_false(fs_exists(path));
}

static void test_boot_after_a_power_cut(void **state)
{
	struct fixture *f = *state;
	char lost[ID_SIZE], half[160], aside[160], record[160];

	create(f, "lost", PLAIN, lost);
	must(f, "start", lost);
	shut_down(f); /* which saves what a second later would have been saved anyway */
	snprintf(record, sizeof(record), "%s/records/%s", f->exec_root, lost);
	assert_int_equal(truncate(record, 20), 0);
	snprintf(half, sizeof(half), "%s/containers/%064d", f->root, 7);
	snprintf(aside, sizeof(aside), "%s/containers/%064d.removing", f->root, 8);
	assert_int_equal(mkdir(half, 0700), 0);
	assert_int_equal(mkdir(aside, 0700), 0);
	fake.adopt = EXEC_ADOPT_GONE;
	boot(f);
	assert_int_equal(state_of(f, lost).exit_code, 255);
	assert_non_null(strstr(state_of(f, lost).error, "lost"));
	assert_false(fs_exists(half));
	assert_false(fs_exists(aside));
}

static void *start_main(void *arg)
{
	struct waiter *w = arg;

	free(run(w->f, NULL, "start", w->id, NULL));
	return NULL;
}

static void *rm_main(void *arg)
{
	struct waiter *w = arg;

	free(run(w->f, NULL, "rm", w->id, "force=1", NULL));
	return NULL;
}

static void test_races(void **state)
{
	struct fixture *f = *state;
	struct waiter w = { .f = f };
	pthread_t threads[8];

	for (int round = 0; round < 20; round++) {
		create(f, "race", round % 2 ? AUTO : PLAIN, w.id);
		fake.exit_at_once = round % 4 == 0;
		for (int i = 0; i < 4; i++)
			pthread_create(&threads[i], NULL, start_main, &w);
		for (int i = 4; i < 8; i++)
			pthread_create(&threads[i], NULL, rm_main, &w);
		for (int i = 0; i < 8; i++)
			pthread_join(threads[i], NULL);
		free(run(f, NULL, "rm", w.id, "force=1", NULL));
		eventually(is_gone(f, w.id));
	}
	assert_int_equal(map_count(&fake.layers), 0);
}

#define life(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		life(test_a_life),
		life(test_waiters),
		life(test_an_exit_before_the_start_returns),
		life(test_a_failed_start),
		life(test_restarts_by_policy),
		life(test_stop_kills_in_the_end),
		life(test_paused),
		life(test_attach_before_the_start),
		life(test_waiting_clients_go_with_the_container),
		life(test_a_removal_that_fails),
		life(test_lookup),
		life(test_boot_adopts),
		life(test_boot_finishes),
		life(test_boot_by_the_record),
		life(test_boot_after_a_power_cut),
		life(test_races),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
