/*
 * What registries and clients say about credentials. A challenge that is understood has what its scheme
 * needs; credentials are read or refused.
 * Sources: registry/challenge.c registry/auth.c pkg/base64.c pkg/buf.c pkg/json.c pkg/strlist.c
 * Libraries: -ljansson
 */
#include <stdint.h>
#include <stdlib.h>

#include "pkg/mem.h"
#include "registry/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	autofree char *text = xstrndup((const char *)data, n);
	struct credentials credentials;
	struct challenge c;
	struct error err = { 0 };

	challenge_parse(text, &c);
	if (c.scheme == CHALLENGE_BEARER && !c.realm)
		abort();
	challenge_done(&c);
	if (credentials_parse(text, &credentials, &err) < 0 && err.kind != ERR_BAD_REQUEST)
		abort();
	credentials_done(&credentials);
	return 0;
}
