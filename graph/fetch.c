/*
 * Downloads: see fetch.h. The multi interface of libcurl is used, so that the caller pulls and its
 * pace is the download's. libcurl and the 35 libraries behind it cost milliseconds and megabytes:
 * they are loaded once, by the first download.
 */
#include "graph/fetch.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/buf.h"
#include "pkg/mem.h"

#define BODY_MAX (64 * 1024 * 1024) /* waits between two reads; far more than one turn brings */
#define WAIT_MS 500

/* What is used of libcurl; process-wide, set once. */
static struct {
	bool loaded;
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	CURLcode (*easy_setopt)(CURL *c, CURLoption option, ...);
	void (*easy_cleanup)(CURL *c);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_add_handle)(CURLM *m, CURL *c);
	CURLMcode (*multi_remove_handle)(CURLM *m, CURL *c);
	CURLMcode (*multi_perform)(CURLM *m, int *running);
	CURLMcode (*multi_wait)(CURLM *m, struct curl_waitfd *fds, unsigned n, int ms, int *got);
	CURLMsg *(*multi_info_read)(CURLM *m, int *left);
	CURLMcode (*multi_cleanup)(CURLM *m);
} lib;

struct fetch {
	CURL *easy;
	CURLM *multi;
	struct buf body;
	bool done, failed;
	char why[CURL_ERROR_SIZE + 64];
	bool (*cancelled)(void *arg);
	void *arg;
};

static void load(void)
{
	const struct {
		const char *name;
		void *slot;
	} wanted[] = {
		{ "curl_global_init", &lib.global_init },
		{ "curl_easy_init", &lib.easy_init },
		{ "curl_easy_setopt", &lib.easy_setopt },
		{ "curl_easy_cleanup", &lib.easy_cleanup },
		{ "curl_multi_init", &lib.multi_init },
		{ "curl_multi_add_handle", &lib.multi_add_handle },
		{ "curl_multi_remove_handle", &lib.multi_remove_handle },
		{ "curl_multi_perform", &lib.multi_perform },
		{ "curl_multi_wait", &lib.multi_wait },
		{ "curl_multi_info_read", &lib.multi_info_read },
		{ "curl_multi_cleanup", &lib.multi_cleanup },
	};
	void *so = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; so && i < array_size(wanted); i++) {
		void *symbol = dlsym(so, wanted[i].name);

		if (!symbol)
			return;
		memcpy(wanted[i].slot, &symbol, sizeof(symbol));
	}
	lib.loaded = so && lib.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;

	return buf_add(&f->body, p, size * n) < 0 ? 0 : size * n;
}

static void set_options(struct fetch *f, const char *url)
{
	CURL *c = f->easy;

	lib.easy_setopt(c, CURLOPT_URL, url);
	lib.easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	lib.easy_setopt(c, CURLOPT_MAXREDIRS, 10L);
	lib.easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	lib.easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	lib.easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	lib.easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	lib.easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 30L);
	lib.easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	lib.easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 60L);
	lib.easy_setopt(c, CURLOPT_ERRORBUFFER, f->why);
	lib.easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	lib.easy_setopt(c, CURLOPT_WRITEDATA, f);
}

struct fetch *fetch_open(const char *url, bool (*cancelled)(void *arg), void *arg,
			 struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct fetch *f;

	pthread_once(&once, load);
	if (!lib.loaded) {
		error_set(err, ERR_INTERNAL, "cannot download: libcurl.so.4 cannot be loaded");
		return NULL;
	}
	f = xcalloc(1, sizeof(*f));
	f->cancelled = cancelled;
	f->arg = arg;
	f->body = BUF_INIT(BODY_MAX);
	f->easy = lib.easy_init();
	f->multi = lib.multi_init();
	if (!f->easy || !f->multi) {
		fetch_close(f);
		error_set(err, ERR_INTERNAL, "cannot download: libcurl cannot be started");
		return NULL;
	}
	set_options(f, url);
	lib.multi_add_handle(f->multi, f->easy);
	return f;
}

void fetch_close(struct fetch *f)
{
	if (!f)
		return;
	if (f->easy && f->multi)
		lib.multi_remove_handle(f->multi, f->easy);
	if (f->easy)
		lib.easy_cleanup(f->easy);
	if (f->multi)
		lib.multi_cleanup(f->multi);
	buf_done(&f->body);
	free(f);
}

static void fail(struct fetch *f, const char *why)
{
	f->failed = f->done = true;
	if (!*f->why)
		snprintf(f->why, sizeof(f->why), "%s", why);
}

/* One turn: whatever the network has now, or a short wait for it. */
static void turn(struct fetch *f)
{
	int running, left;
	CURLMsg *m;

	if (f->cancelled && f->cancelled(f->arg)) {
		fail(f, "cancelled");
		return;
	}
	if (lib.multi_perform(f->multi, &running) != CURLM_OK) {
		fail(f, "libcurl gave up");
		return;
	}
	while ((m = lib.multi_info_read(f->multi, &left)))
		if (m->msg == CURLMSG_DONE) {
			f->done = true;
			if (m->data.result != CURLE_OK)
				fail(f, "the connection failed");
		}
	if (!f->done && !f->body.len)
		lib.multi_wait(f->multi, NULL, 0, WAIT_MS, NULL);
}

ssize_t fetch_read(void *from, void *p, size_t n)
{
	struct fetch *f = from;

	while (!f->body.len && !f->done)
		turn(f);
	if (f->failed) {
		errno = EIO;
		return -1;
	}
	if (n > f->body.len)
		n = f->body.len;
	if (n)
		memcpy(p, f->body.p, n);
	buf_drop(&f->body, n);
	return (ssize_t)n;
}

const char *fetch_error(const struct fetch *f)
{
	return f->failed ? f->why : NULL;
}
