/* The environment of a job, over one JSON object: see env.h. */
#include "engine/env.h"

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

struct env {
	json_t *object;
};

struct env *env_new(void)
{
	struct env *env = xcalloc(1, sizeof(*env));

	env->object = json_object();
	return env;
}

void env_free(struct env *env)
{
	if (!env)
		return;
	json_decref(env->object);
	free(env);
}

bool env_has(const struct env *env, const char *key)
{
	return json_object_get(env->object, key) != NULL;
}

const char *env_get(const struct env *env, const char *key, const char *fallback)
{
	return json_get_str(env->object, key, fallback);
}

bool env_get_bool(const struct env *env, const char *key)
{
	const json_t *v = json_object_get(env->object, key);

	if (json_is_string(v))
		return parse_truth(json_string_value(v));
	if (json_is_integer(v))
		return json_integer_value(v) != 0;
	return json_is_true(v);
}

long long env_get_int(const struct env *env, const char *key, long long fallback)
{
	const json_t *v = json_object_get(env->object, key);
	int64_t n;

	if (json_is_string(v))
		return parse_i64(json_string_value(v), &n) == 0 ? n : fallback;
	return json_get_int(env->object, key, fallback);
}

void env_get_list(const struct env *env, const char *key, struct strlist *out)
{
	const json_t *v = json_object_get(env->object, key);

	if (json_is_string(v))
		strlist_add(out, json_string_value(v));
	else
		json_get_strlist(env->object, key, out);
}

json_t *env_get_json(const struct env *env, const char *key)
{
	return json_object_get(env->object, key);
}

json_t *env_json(const struct env *env)
{
	return env->object;
}

void env_set_json(struct env *env, const char *key, json_t *value)
{
	json_object_set_new_nocheck(env->object, key, value);
}

void env_set(struct env *env, const char *key, const char *value)
{
	env_set_json(env, key, json_string_nocheck(value));
}

void env_set_bool(struct env *env, const char *key, bool value)
{
	env_set_json(env, key, json_boolean(value));
}

void env_set_int(struct env *env, const char *key, long long value)
{
	env_set_json(env, key, json_integer(value));
}

void env_set_list(struct env *env, const char *key, const struct strlist *value)
{
	env_set_json(env, key, json_from_strlist(value));
}

void env_add(struct env *env, const char *key, const char *value)
{
	json_t *v = json_object_get(env->object, key);

	if (!json_is_array(v)) {
		json_t *list = json_array();

		if (v)
			json_array_append(list, v);
		env_set_json(env, key, list);
		v = list;
	}
	json_array_append_new(v, json_string_nocheck(value));
}

void env_unset(struct env *env, const char *key)
{
	json_object_del(env->object, key);
}

void env_merge(struct env *env, const json_t *object)
{
	json_object_update(env->object, (json_t *)object);
}

int env_decode(struct env *env, const char *text, size_t n, struct error *err)
{
	autojson json_t *v = json_parse(text, n, err);

	if (!v)
		return -1;
	if (!json_is_object(v))
		return error_set(err, ERR_BAD_REQUEST, "invalid JSON: not an object");
	env_merge(env, v);
	return 0;
}
