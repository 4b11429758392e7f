/*
 * Bytes from a client into create's decoder, checks and changes.
 * Sources: runconfig/*.c pkg/strlist.c pkg/signals.c pkg/duration.c
 * Libraries: -ljansson
 */
#include <stddef.h>
#include <stdint.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "runconfig/runconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct runconfig_host host = { .ncpu = 2, .memory = true, .cpu_cfs = true };

static void check(struct runconfig *rc)
{
	autostrlist struct strlist warnings = STRLIST_INIT, argv = STRLIST_INIT;
	autostrlist struct strlist changes = STRLIST_INIT;
	autojson json_t *image = json_deep_copy(rc->config);
	struct runconfig_log l;

	json_get_strlist(rc->config, "OnBuild", &changes);
	runconfig_merge(rc->config, image);
	runconfig_command(rc->config, &argv, NULL);
	runconfig_apply_changes(rc->config, &changes, NULL);
	if (runconfig_validate(rc->config, rc->host_config, &host, &warnings, NULL) == 0)
		runconfig_log(rc->host_config, &l, NULL);
	runconfig_capabilities(rc->host_config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	autojson json_t *body = json_parse((const char *)data, n, NULL);
	struct runconfig rc = { 0 };

	if (!body || runconfig_decode(body, &rc, NULL) < 0)
		return 0;
	check(&rc);
	runconfig_done(&rc);
	return 0;
}
