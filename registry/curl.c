/* Loading libcurl: see curl.h. */
#include "registry/curl.h"

#include <pthread.h>
#include <stdbool.h>

#include "pkg/dynlib.h"
#include "pkg/mem.h"

static struct curl_lib lib; /* process-wide, set once */
static bool loaded;

static void load(void)
{
	const struct dynlib_symbol wanted[] = {
		{ "curl_global_init", &lib.global_init },
		{ "curl_easy_init", &lib.easy_init },
		{ "curl_easy_setopt", &lib.easy_setopt },
		{ "curl_easy_getinfo", &lib.easy_getinfo },
		{ "curl_easy_strerror", &lib.easy_strerror },
		{ "curl_easy_pause", &lib.easy_pause },
		{ "curl_easy_reset", &lib.easy_reset },
		{ "curl_easy_cleanup", &lib.easy_cleanup },
		{ "curl_multi_init", &lib.multi_init },
		{ "curl_multi_add_handle", &lib.multi_add_handle },
		{ "curl_multi_remove_handle", &lib.multi_remove_handle },
		{ "curl_multi_perform", &lib.multi_perform },
		{ "curl_multi_wait", &lib.multi_wait },
		{ "curl_multi_info_read", &lib.multi_info_read },
		{ "curl_multi_cleanup", &lib.multi_cleanup },
		{ "curl_slist_append", &lib.slist_append },
		{ "curl_slist_free_all", &lib.slist_free_all },
	};

	loaded = dynlib_load("libcurl.so.4", wanted, array_size(wanted)) &&
		 lib.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const struct curl_lib *curl_load(struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	if (loaded)
		return &lib;
	error_set(err, ERR_INTERNAL, "cannot reach any registry: libcurl.so.4 cannot be loaded");
	return NULL;
}
