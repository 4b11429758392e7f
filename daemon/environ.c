/* The environment of a process in a container: see environ.h. */
#include "daemon/environ.h"

#include <string.h>

#include "pkg/json.h"

void environ_overlay(struct strlist *env, const json_t *entries)
{
	const json_t *v;
	size_t i;

	json_array_foreach(entries, i, v) {
		const char *entry = json_string_value(v);

		if (!entry || !*entry)
			continue;
		if (strchr(entry, '='))
			strlist_env_set(env, entry);
		else
			strlist_env_unset(env, entry);
	}
}

void environ_build(struct strlist *env, const json_t *config, bool tty)
{
	strlist_add(env, "PATH=" ENVIRON_PATH);
	strlist_addf(env, "HOSTNAME=%s", json_get_str(config, "Hostname", ""));
	if (tty)
		strlist_add(env, "TERM=xterm");
	environ_overlay(env, json_get_arr(config, "Env"));
}
