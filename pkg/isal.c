/* Loading ISA-L: see isal.h. */
#include "pkg/isal.h"

#include <pthread.h>
#include <stdbool.h>

#include "pkg/dynlib.h"
#include "pkg/mem.h"

static struct isal lib; /* process-wide, set once */
static bool loaded;

static void load(void)
{
	const struct dynlib_symbol wanted[] = {
		{ "isal_inflate_init", &lib.inflate_init },
		{ "isal_inflate", &lib.inflate },
		{ "isal_deflate_init", &lib.deflate_init },
		{ "isal_deflate", &lib.deflate },
	};

	loaded = dynlib_load("libisal.so.2", wanted, array_size(wanted));
}

const struct isal *isal_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return loaded ? &lib : NULL;
}
