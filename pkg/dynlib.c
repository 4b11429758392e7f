/* See dynlib.h. */
#include "pkg/dynlib.h"

#include <dlfcn.h>
#include <string.h>

bool dynlib_load(const char *so, const struct dynlib_symbol *wanted, size_t n)
{
	void *lib = dlopen(so, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; lib && i < n; i++) {
		void *symbol = dlsym(lib, wanted[i].name);

		if (!symbol)
			return false;
		memcpy(wanted[i].slot, &symbol, sizeof(symbol));
	}
	return lib;
}
