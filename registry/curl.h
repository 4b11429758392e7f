/* The part of libcurl that is used, loaded once. */
#ifndef REGISTRY_CURL_H
#define REGISTRY_CURL_H

#include <curl/curl.h>

#include "pkg/error.h"

struct curl_lib {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	CURLcode (*easy_setopt)(CURL *c, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *c, CURLINFO info, ...);
	const char *(*easy_strerror)(CURLcode code);
	CURLcode (*easy_pause)(CURL *c, int what);
	void (*easy_reset)(CURL *c);
	void (*easy_cleanup)(CURL *c);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_add_handle)(CURLM *m, CURL *c);
	CURLMcode (*multi_remove_handle)(CURLM *m, CURL *c);
	CURLMcode (*multi_perform)(CURLM *m, int *running);
	CURLMcode (*multi_wait)(CURLM *m, struct curl_waitfd *fds, unsigned n, int ms, int *got);
	CURLMsg *(*multi_info_read)(CURLM *m, int *left);
	CURLMcode (*multi_cleanup)(CURLM *m);
	struct curl_slist *(*slist_append)(struct curl_slist *l, const char *text);
	void (*slist_free_all)(struct curl_slist *l);
};

/* NULL with err: it cannot be loaded. */
const struct curl_lib *curl_load(struct error *err);

#endif
