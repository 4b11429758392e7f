/*
 * Names of images. What is taken must read back as the same name, and fit for a path of a URL.
 * Sources: pkg/reference.c pkg/digest.c pkg/id.c
 * Libraries: -lcrypto
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/mem.h"
#include "pkg/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(int good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	autofree char *text = xstrndup((const char *)data, n), *shown = NULL, *again = NULL,
		      *name = NULL;
	autoreference struct reference a = REFERENCE_INIT, b = REFERENCE_INIT;
	struct error err = { 0 };

	if (reference_parse(text, &a, &err) < 0) {
		check(err.kind == ERR_BAD_REQUEST && err.text[0] && !a.domain);
		return 0;
	}
	shown = reference_text(&a);
	name = reference_name(&a);
	check(!strpbrk(shown, " ?#%\\") && !strstr(name, "//") && !strstr(name, ".."));
	check(reference_parse(shown, &b, &err) == 0);
	again = reference_text(&b);
	check(strcmp(shown, again) == 0);
	check(strcmp(a.domain, b.domain) == 0 && strcmp(a.path, b.path) == 0);
	return 0;
}
