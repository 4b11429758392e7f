/*
 * An image's Config under a user's one, and the command that comes out of both. The user wins;
 * ports, volumes, labels and the environment are unions.
 */
#include <string.h>

#include "pkg/json.h"
#include "runconfig/runconfig.h"
#include "runconfig/schema.h"

/* Take the image's value when the user's is zero. */
static void inherit(json_t *config, const json_t *image, const char *name)
{
	json_t *v = json_object_get(image, name);

	if (!schema_is_zero(v) && schema_is_zero(json_object_get(config, name)))
		json_object_set_new_nocheck(config, name, json_deep_copy(v));
}

/* Add the members of the image's object that the user's does not have. */
static void unite(json_t *config, const json_t *image, const char *name)
{
	json_t *ours = json_get_obj(config, name), *theirs = json_get_obj(image, name);

	if (!theirs)
		return;
	if (ours)
		json_object_update_missing(ours, theirs);
	else
		json_object_set_new_nocheck(config, name, json_deep_copy(theirs));
}

static size_t key_length(const json_t *assignment)
{
	const char *s = json_string_value(assignment);

	return s ? strcspn(s, "=") : 0;
}

static bool env_has_key(const json_t *env, const json_t *assignment)
{
	size_t i, n = key_length(assignment);
	const json_t *v;

	json_array_foreach(env, i, v)
		if (key_length(v) == n &&
		    memcmp(json_string_value(v), json_string_value(assignment), n) == 0)
			return true;
	return false;
}

/* The user's list first, then the image's entries of other names. */
static void unite_env(json_t *config, const json_t *image)
{
	json_t *ours = json_get_arr(config, "Env"), *theirs = json_get_arr(image, "Env"), *v;
	size_t i;

	if (!theirs)
		return;
	if (!ours)
		json_object_set_new_nocheck(config, "Env", ours = json_array());
	json_array_foreach(theirs, i, v)
		if (json_is_string(v) && !env_has_key(ours, v))
			json_array_append(ours, v);
}

/*
 * An entrypoint of the user's makes the image's command meaningless. An empty list (not null) says
 * "none", but leaves the image's Cmd.
 */
static void merge_command(json_t *config, const json_t *image)
{
	const json_t *entrypoint = json_object_get(config, "Entrypoint");

	if (!schema_is_zero(entrypoint))
		return;
	inherit(config, image, "Cmd");
	if (!json_is_array(entrypoint))
		inherit(config, image, "Entrypoint");
}

static void merge_health(json_t *config, const json_t *image)
{
	static const char *const members[] = { "Test",        "Interval",      "Timeout",
					       "StartPeriod", "StartInterval", "Retries" };
	json_t *ours = json_get_obj(config, "Healthcheck");
	const json_t *theirs = json_get_obj(image, "Healthcheck");

	if (!theirs)
		return;
	if (!ours)
		json_object_set_new_nocheck(config, "Healthcheck", ours = json_object());
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		inherit(ours, theirs, members[i]);
}

/* --entrypoint "" sends [""]: no entrypoint at all. */
static void reset_blank_entrypoint(json_t *config)
{
	const json_t *e = json_object_get(config, "Entrypoint");

	if (json_array_size(e) == 1 && json_string_length(json_array_get(e, 0)) == 0)
		json_object_set_new_nocheck(config, "Entrypoint", json_null());
}

void runconfig_merge(json_t *config, const json_t *image_config)
{
	static const char *const plain[] = { "User", "WorkingDir", "StopSignal" };
	static const char *const unions[] = { "ExposedPorts", "Volumes", "Labels" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		inherit(config, image_config, plain[i]);
	for (size_t i = 0; i < sizeof(unions) / sizeof(*unions); i++)
		unite(config, image_config, unions[i]);
	unite_env(config, image_config);
	merge_command(config, image_config);
	merge_health(config, image_config);
	reset_blank_entrypoint(config);
	if (!json_get_obj(config, "Labels"))
		json_object_set_new_nocheck(config, "Labels", json_object());
}

int runconfig_command(const json_t *config, struct strlist *argv, struct error *err)
{
	const json_t *e = json_object_get(config, "Entrypoint");
	bool blank = json_array_size(e) == 1 && json_string_length(json_array_get(e, 0)) == 0;

	if ((blank || json_array_size(e) == 0) &&
	    json_array_size(json_object_get(config, "Cmd")) == 0)
		return error_set(err, ERR_BAD_REQUEST, "no command specified");
	if (!blank)
		json_get_strlist(config, "Entrypoint", argv);
	json_get_strlist(config, "Cmd", argv);
	return 0;
}
