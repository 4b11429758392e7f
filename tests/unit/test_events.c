/* The event jobs: shape, replay, filters, limits, and subscribers on threads of their own. */
#include "events/internal.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/job.h"
#include "pkg/filters.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

struct fixture {
	struct engine *engine;
	struct events *events;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	log_set_level(LOG_LEVEL_ERROR);
	f->engine = engine_new();
	f->events = events_new();
	assert_int_equal(engine_install(f->engine, events_jobs, f->events, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	engine_free(f->engine);
	events_free(f->events);
	free(f);
	return 0;
}

static void log_event(struct fixture *f, const char *type, const char *action, const char *id,
		      const char *from, json_t *attributes)
{
	struct job *j = job_new(f->engine, "log", action, id, from, NULL);

	env_set(job_env(j), "Type", type);
	if (attributes)
		env_set_json(job_env(j), "Attributes", attributes);
	assert_int_equal(job_run(j, NULL), 0);
	job_free(j);
}

/* Run `events` with up to three parameters; NULL ends them. What it wrote, or its error. */
static char *events(struct fixture *f, const char *since, const char *until, const char *filters)
{
	struct job *j = job_new(f->engine, "events", NULL);
	struct buf out = BUF_INIT(1 << 20);
	struct error err = { 0 };

	if (since)
		env_set(job_env(j), "since", since);
	if (until)
		env_set(job_env(j), "until", until);
	if (filters)
		env_set(job_env(j), "filters", filters);
	output_add(job_out(j), sink_buf(&out));
	if (job_run(j, &err) < 0)
		buf_adds(&out, err.text);
	job_free(j);
	return buf_take(&out);
}

static char *now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return xasprintf("%lld.%09ld", (long long)t.tv_sec, t.tv_nsec);
}

static size_t lines(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void test_shape(void **state)
{
	autofree char *until = NULL, *out = NULL;
	autojson json_t *o = NULL;

	log_event(*state, "container", "start", "abc", "busybox",
		  json_pack("{s:s}", "name", "web"));
	until = now();
	out = events(*state, "1", until, NULL);
	o = json_loads(out, 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_get_str(o, "status", ""), "start");
	assert_string_equal(json_get_str(o, "id", ""), "abc");
	assert_string_equal(json_get_str(o, "from", ""), "busybox");
	assert_string_equal(json_get_str(o, "Type", ""), "container");
	assert_string_equal(json_get_str(o, "Action", ""), "start");
	assert_string_equal(json_get_str(o, "scope", ""), "local");
	assert_int_equal(json_get_int(o, "timeNano", 0) / 1000000000, json_get_int(o, "time", 0));
	assert_non_null(strstr(out, "\"Actor\":{\"ID\":\"abc\",\"Attributes\":{\"name\":\"web\","
				    "\"image\":\"busybox\"}}"));
}

static void test_ring(void **state)
{
	autofree char *until = NULL, *out = NULL;

	for (int i = 0; i < 300; i++) {
		char id[16];

		snprintf(id, sizeof(id), "c%d", i);
		log_event(*state, "container", "create", id, "", NULL);
	}
	until = now();
	out = events(*state, "1", until, NULL);
	assert_int_equal(lines(out), 256);
	assert_null(strstr(out, "\"c43\""));
	assert_non_null(strstr(out, "\"c44\""));
	assert_non_null(strstr(out, "\"c299\""));
}

static void test_times(void **state)
{
	autofree char *mid = NULL, *end = NULL, *before = NULL, *after = NULL, *none = NULL;

	log_event(*state, "container", "create", "one", "", NULL);
	usleep(2000);
	mid = now();
	usleep(2000);
	log_event(*state, "container", "create", "two", "", NULL);
	usleep(2000);
	end = now();
	before = events(*state, NULL, mid, NULL);
	after = events(*state, mid, end, NULL);
	none = events(*state, "1", "2", NULL);
	assert_non_null(strstr(before, "one"));
	assert_null(strstr(before, "two"));
	assert_null(strstr(after, "one"));
	assert_non_null(strstr(after, "two"));
	assert_string_equal(none, "");
}

static void test_errors(void **state)
{
	autofree char *bad = events(*state, "abc", NULL, NULL);
	autofree char *swapped = events(*state, "200", "100", NULL);
	autofree char *filters = events(*state, "1", "2", "{");
	autofree char *unknown = events(*state, "1", "2", "{\"foo\":[\"x\"]}");

	assert_string_equal(bad, "strconv.ParseInt: parsing \"abc\": invalid syntax");
	assert_string_equal(swapped, "'since' time (200) cannot be after 'until' time (100)");
	assert_string_equal(filters, "invalid filter");
	assert_string_equal(unknown, "");
}

static void test_filters(void **state)
{
	static const struct {
		const char *filters;
		bool matches;
	} rows[] = {
		{ "{}", true },
		{ "{\"type\":[\"container\"]}", true },
		{ "{\"type\":{\"image\":true}}", false },
		{ "{\"event\":[\"start\"]}", false },
		{ "{\"event\":[\"exec_start\"]}", true },
		{ "{\"container\":[\"abc\"]}", true },
		{ "{\"container\":[\"bc\"]}", false },
		{ "{\"container\":[\"nope\",\"we\"]}", true },
		{ "{\"image\":[\"busybox\"]}", true },
		{ "{\"image\":[\"busybox:1\"]}", true },
		{ "{\"image\":[\"busybox:2\"]}", false },
		{ "{\"label\":[\"a=1\"]}", true },
		{ "{\"label\":[\"a=1\",\"b\"]}", false },
		{ "{\"scope\":[\"swarm\"]}", false },
		{ "{\"network\":[\"x\"]}", false },
		{ "{\"foo\":[\"x\"]}", true },
	};
	json_t *attributes = json_pack("{s:s,s:s}", "name", "web", "a", "1");
	struct event_message *ev =
		event_message_new("container", "exec_start: sh", "abcdef", "busybox:1", attributes);

	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		autojson json_t *f = filters_parse(rows[i].filters, NULL);

		if (event_message_matches(ev, f) != rows[i].matches)
			fail_msg("%s", rows[i].filters);
	}
	event_message_unref(ev);
	json_decref(attributes);
}

static void test_filter_keys(void **state)
{
	static const char *const known[] = { "a", NULL };
	autojson json_t *f = filters_parse("{\"a\":[],\"x\":[\"1\"]}", NULL);
	struct error err = { 0 };

	(void)state;
	assert_int_equal(filters_check_keys(f, known, &err), -1);
	assert_string_equal(err.text, "invalid filter 'x'");
	assert_null(filters_parse("{\"a\":[1]}", NULL));
	assert_null(filters_parse("[]", NULL));
}

struct reader {
	struct fixture *f;
	pthread_t thread;
	char *out;
};

static void *read_events(void *arg)
{
	struct reader *r = arg;

	r->out = events(r->f, NULL, NULL, "{\"type\":[\"container\"]}");
	return NULL;
}

static long long count_subscribers(struct fixture *f)
{
	struct job *j = job_new(f->engine, "subscribers_count", NULL);
	autobuf struct buf out = BUF_INIT(4096);
	autojson json_t *o = NULL;

	output_add(job_out(j), sink_buf(&out));
	assert_int_equal(job_run(j, NULL), 0);
	job_free(j);
	o = json_loads(buf_text(&out), 0, NULL);
	return json_get_int(o, "count", -1);
}

static void test_live(void **state)
{
	struct reader readers[4];
	struct fixture *f = *state;

	for (size_t i = 0; i < array_size(readers); i++) {
		readers[i] = (struct reader){ .f = f };
		pthread_create(&readers[i].thread, NULL, read_events, &readers[i]);
	}
	for (int i = 0; i < 500 && count_subscribers(f) < 4; i++)
		usleep(2000);
	assert_int_equal(count_subscribers(f), 4);
	for (int i = 0; i < 200; i++) {
		log_event(f, "container", "create", "c", "", NULL);
		log_event(f, "image", "pull", "i", "", NULL);
	}
	usleep(100000);
	engine_shutdown(f->engine);
	for (size_t i = 0; i < array_size(readers); i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(lines(readers[i].out), 200);
		free(readers[i].out);
	}
}

/* A client that takes nothing for a while loses events; who publishes never waits. */
static int slow_write(void *to, const void *p, size_t n)
{
	struct buf *b = to;

	if (b->len == 0)
		usleep(300000);
	return buf_add(b, p, n);
}

struct slow {
	struct fixture *f;
	struct buf out;
};

static void *read_slowly(void *arg)
{
	struct slow *s = arg;
	struct job *j = job_new(s->f->engine, "events", NULL);

	output_add(job_out(j), (struct sink){ slow_write, NULL, &s->out });
	job_run(j, NULL);
	job_free(j);
	return NULL;
}

static void test_slow_reader(void **state)
{
	struct slow s = { .f = *state, .out = BUF_INIT(1 << 20) };
	pthread_t thread;

	pthread_create(&thread, NULL, read_slowly, &s);
	for (int i = 0; i < 500 && count_subscribers(s.f) < 1; i++)
		usleep(1000);
	for (int i = 0; i < 3000; i++)
		log_event(s.f, "container", "create", "c", "", NULL);
	sleep(1);
	engine_shutdown(s.f->engine);
	pthread_join(thread, NULL);
	assert_in_range(lines(buf_text(&s.out)), 1024, 2999);
	buf_done(&s.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shape, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_filter_keys),
		cmocka_unit_test_setup_teardown(test_live, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
