/* Loading ISA-L: see isal.h. */
#include "pkg/isal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "pkg/mem.h"

static struct isal lib; /* process-wide, set once */
static bool loaded;

static void load(void)
{
	const struct {
		const char *name;
		void *slot;
	} wanted[] = {
		{ "isal_inflate_init", &lib.inflate_init },
		{ "isal_inflate", &lib.inflate },
		{ "isal_deflate_init", &lib.deflate_init },
		{ "isal_deflate", &lib.deflate },
	};
	void *so = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; so && i < array_size(wanted); i++) {
		void *symbol = dlsym(so, wanted[i].name);

		if (!symbol)
			return;
		memcpy(wanted[i].slot, &symbol, sizeof(symbol));
	}
	loaded = so;
}

const struct isal *isal_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return loaded ? &lib : NULL;
}
