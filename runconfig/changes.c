/*
 * Instructions of `import -c` and `commit -c`: a table of those that change nothing but the Config.
 * Grammar: the Dockerfile reference. A list of changes is checked for unknown names before the first
 * one is applied.
 */
#include "runconfig/runconfig.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pkg/duration.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/signals.h"
#include "runconfig/ports.h"
#include "runconfig/words.h"

/* One instruction at work. */
struct change {
	json_t *config;
	const char *name; /* in capitals, for messages */
	const char *rest; /* the line behind the name, trimmed */
	bool *cmd_set;    /* a CMD was applied, which ENTRYPOINT then leaves alone */
};

static int need_args(const struct change *c, size_t n, size_t exactly, struct error *err)
{
	if (exactly ? n == exactly : n > 0)
		return 0;
	return error_set(err, ERR_BAD_REQUEST, "%s requires %s one argument", c->name,
			 exactly ? "exactly" : "at least");
}

/* The words of the line with variables put in. */
static int expand_words(const struct change *c, struct strlist *out, struct error *err)
{
	autostrlist struct strlist raw = STRLIST_INIT, env = STRLIST_INIT;

	json_get_strlist(c->config, "Env", &env);
	words_split(c->rest, &raw);
	for (size_t i = 0; i < raw.n; i++) {
		char *word = words_expand(raw.v[i], &env, err);

		if (!word)
			return -1;
		strlist_take(out, word);
	}
	return 0;
}

/* A JSON list of strings, or NULL when the text is anything else. */
static json_t *json_words(const char *text)
{
	json_t *list = *text == '[' ? json_parse(text, strlen(text), NULL) : NULL;
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (!json_is_string(v)) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* A JSON list, or a line for the shell. */
static json_t *command_of(const struct change *c)
{
	json_t *list = json_words(c->rest), *shell;

	if (list || !*c->rest)
		return list ? list : json_array();
	shell = json_object_get(c->config, "Shell");
	list = json_array_size(shell) ? json_deep_copy(shell) : json_pack("[s,s]", "/bin/sh", "-c");
	json_array_append_new(list, json_string_nocheck(c->rest));
	return list;
}

static int change_cmd(const struct change *c, struct error *err)
{
	(void)err;
	json_object_set_new_nocheck(c->config, "Cmd", command_of(c));
	*c->cmd_set = true;
	return 0;
}

static int change_entrypoint(const struct change *c, struct error *err)
{
	(void)err;
	json_object_set_new_nocheck(c->config, "Entrypoint", command_of(c));
	if (!*c->cmd_set)
		json_object_set_new_nocheck(c->config, "Cmd", json_null());
	return 0;
}

/* "k=v k2=v2", or the old "k the rest". Appends keys and values in turn. */
static int key_values(const struct change *c, struct strlist *out, struct error *err)
{
	autostrlist struct strlist words = STRLIST_INIT, env = STRLIST_INIT;
	size_t n = strcspn(c->rest, " \t");

	if (need_args(c, *c->rest != '\0', 0, err) < 0)
		return -1;
	if (memchr(c->rest, '=', n)) {
		if (expand_words(c, &words, err) < 0)
			return -1;
	} else if (!c->rest[n]) {
		return error_set(err, ERR_BAD_REQUEST, "%s must have two arguments", c->name);
	} else {
		autofree char *value = NULL;

		json_get_strlist(c->config, "Env", &env);
		value = words_expand(c->rest + n + strspn(c->rest + n, " \t"), &env, err);
		if (!value)
			return -1;
		strlist_addf(&words, "%.*s=%s", (int)n, c->rest, value);
	}
	for (size_t i = 0; i < words.n; i++) {
		const char *eq = strchr(words.v[i], '=');

		if (!eq)
			return error_set(err, ERR_BAD_REQUEST,
					 "Syntax error - can't find = in \"%s\". Must be of the "
					 "form: name=value",
					 words.v[i]);
		if (eq == words.v[i])
			return error_set(err, ERR_BAD_REQUEST, "%s names can not be blank",
					 c->name);
		strlist_take(out, xstrndup(words.v[i], (size_t)(eq - words.v[i])));
		strlist_add(out, eq + 1);
	}
	return 0;
}

static int change_env(const struct change *c, struct error *err)
{
	autostrlist struct strlist pairs = STRLIST_INIT, env = STRLIST_INIT;

	if (key_values(c, &pairs, err) < 0)
		return -1;
	json_get_strlist(c->config, "Env", &env);
	for (size_t i = 0; i < pairs.n; i += 2) {
		autofree char *assignment = xasprintf("%s=%s", pairs.v[i], pairs.v[i + 1]);

		strlist_env_set(&env, assignment);
	}
	json_object_set_new_nocheck(c->config, "Env", json_from_strlist(&env));
	return 0;
}

/* The object member of that name, made when it is missing. Borrowed. */
static json_t *object_of(const struct change *c, const char *member)
{
	if (!json_get_obj(c->config, member))
		json_object_set_new_nocheck(c->config, member, json_object());
	return json_object_get(c->config, member);
}

static int change_label(const struct change *c, struct error *err)
{
	autostrlist struct strlist pairs = STRLIST_INIT;

	if (key_values(c, &pairs, err) < 0)
		return -1;
	for (size_t i = 0; i < pairs.n; i += 2)
		json_object_set_new(object_of(c, "Labels"), pairs.v[i],
				    json_string(pairs.v[i + 1]));
	return 0;
}

static int change_expose(const struct change *c, struct error *err)
{
	autostrlist struct strlist words = STRLIST_INIT;

	if (expand_words(c, &words, err) < 0 || need_args(c, words.n, 0, err) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++) {
		struct port_range r;

		if (port_range_parse(words.v[i], &r, err) < 0)
			return -1;
		for (unsigned port = r.low; port <= r.high; port++) {
			char key[32];

			snprintf(key, sizeof(key), "%u/%s", port, r.proto);
			json_object_set_new(object_of(c, "ExposedPorts"), key, json_object());
		}
	}
	return 0;
}

static int change_volume(const struct change *c, struct error *err)
{
	autojson json_t *list = json_words(c->rest);
	autostrlist struct strlist words = STRLIST_INIT;
	const json_t *v;
	size_t i;

	if (!list && expand_words(c, &words, err) < 0)
		return -1;
	json_array_foreach(list, i, v)
		strlist_add(&words, json_string_value(v));
	if (need_args(c, words.n, 0, err) < 0)
		return -1;
	for (i = 0; i < words.n; i++) {
		if (!*words.v[i])
			return error_set(err, ERR_BAD_REQUEST,
					 "VOLUME specified can not be an empty string");
		json_object_set_new(object_of(c, "Volumes"), words.v[i], json_object());
	}
	return 0;
}

/* One word. NULL with an error when there are more or none. The caller frees. */
static char *single(const struct change *c, struct error *err)
{
	autostrlist struct strlist words = STRLIST_INIT;

	if (expand_words(c, &words, err) < 0 || need_args(c, words.n, 1, err) < 0)
		return NULL;
	return xstrdup(words.v[0]);
}

static int change_user(const struct change *c, struct error *err)
{
	autofree char *user = single(c, err);

	if (!user)
		return -1;
	json_object_set_new(c->config, "User", json_string(user));
	return 0;
}

static int change_stopsignal(const struct change *c, struct error *err)
{
	autofree char *name = single(c, err);

	if (!name)
		return -1;
	if (signal_parse(name) < 0)
		return error_set(err, ERR_BAD_REQUEST, "Invalid signal: %s", name);
	json_object_set_new(c->config, "StopSignal", json_string(name));
	return 0;
}

static int change_workdir(const struct change *c, struct error *err)
{
	autofree char *dir = single(c, err), *whole = NULL, *clean = NULL;

	if (!dir)
		return -1;
	whole = *dir == '/' ? xstrdup(dir)
			    : xasprintf("%s/%s", json_get_str(c->config, "WorkingDir", ""), dir);
	clean = runconfig_path_clean(whole);
	json_object_set_new(c->config, "WorkingDir", json_string(clean));
	return 0;
}

static int change_onbuild(const struct change *c, struct error *err)
{
	autofree char *trigger = xstrndup(c->rest, strcspn(c->rest, " \t"));
	json_t *list;

	if (need_args(c, *trigger != '\0', 0, err) < 0)
		return -1;
	if (strcasecmp(trigger, "ONBUILD") == 0)
		return error_set(err, ERR_BAD_REQUEST,
				 "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	if (strcasecmp(trigger, "FROM") == 0 || strcasecmp(trigger, "MAINTAINER") == 0)
		return error_set(err, ERR_BAD_REQUEST, "%s isn't allowed as an ONBUILD trigger",
				 trigger);
	list = json_get_arr(c->config, "OnBuild");
	if (!list)
		json_object_set_new_nocheck(c->config, "OnBuild", list = json_array());
	json_array_append_new(list, json_string_nocheck(c->rest));
	return 0;
}

/* "--interval=30s" and the like. */
static int health_flag(json_t *health, const char *flag, struct error *err)
{
	static const struct {
		const char *flag, *member;
	} durations[] = {
		{ "--interval=", "Interval" },
		{ "--timeout=", "Timeout" },
		{ "--start-period=", "StartPeriod" },
		{ "--start-interval=", "StartInterval" },
	};
	static const char retries[] = "--retries=";
	int64_t n;

	for (size_t i = 0; i < array_size(durations); i++) {
		size_t len = strlen(durations[i].flag);

		if (strncmp(flag, durations[i].flag, len) != 0)
			continue;
		if (duration_parse(flag + len, &n) < 0)
			return error_set(err, ERR_BAD_REQUEST, "time: invalid duration \"%s\"",
					 flag + len);
		if (n != 0 && n < 1000000)
			return error_set(err, ERR_BAD_REQUEST,
					 "Interval \"%.*s\" cannot be less than 1ms", (int)len - 3,
					 flag + 2);
		json_object_set_new(health, durations[i].member, json_integer(n));
		return 0;
	}
	if (strncmp(flag, retries, strlen(retries)) != 0)
		return error_set(err, ERR_BAD_REQUEST, "unknown flag: %s", flag);
	if (parse_i64(flag + strlen(retries), &n) < 0 || n < 0 || n > INT32_MAX)
		return error_set(err, ERR_BAD_REQUEST, "invalid --retries: \"%s\"",
				 flag + strlen(retries));
	json_object_set_new(health, "Retries", json_integer(n));
	return 0;
}

static json_t *health_test(const char *command)
{
	json_t *list = json_words(command);

	if (!list)
		return json_pack("[s,s]", "CMD-SHELL", command);
	json_array_insert_new(list, 0, json_string("CMD"));
	return list;
}

static int change_healthcheck(const struct change *c, struct error *err)
{
	autojson json_t *health = json_object();
	const char *p = c->rest;

	while (strncmp(p, "--", 2) == 0) {
		size_t n = strcspn(p, " \t");
		autofree char *flag = xstrndup(p, n);

		if (health_flag(health, flag, err) < 0)
			return -1;
		p += n + strspn(p + n, " \t");
	}
	if (strcasecmp(p, "NONE") == 0) {
		json_object_clear(health);
		json_object_set_new(health, "Test", json_pack("[s]", "NONE"));
	} else if (strncasecmp(p, "CMD", 3) == 0 && (p[3] == ' ' || p[3] == '\t')) {
		p += 3;
		json_object_set_new(health, "Test", health_test(p + strspn(p, " \t")));
	} else if (strcasecmp(p, "CMD") == 0) {
		return error_set(err, ERR_BAD_REQUEST, "Missing command after HEALTHCHECK CMD");
	} else {
		return error_set(err, ERR_BAD_REQUEST,
				 "Unknown type \"%.*s\" in HEALTHCHECK (try CMD)",
				 (int)strcspn(p, " \t"), p);
	}
	json_object_set_nocheck(c->config, "Healthcheck", health);
	return 0;
}

/* The author is no part of a Config. */
static int change_maintainer(const struct change *c, struct error *err)
{
	return need_args(c, *c->rest != '\0', 0, err);
}

static const struct instruction {
	const char *name;
	int (*apply)(const struct change *c, struct error *err);
} instructions[] = {
	{ "CMD", change_cmd },
	{ "ENTRYPOINT", change_entrypoint },
	{ "ENV", change_env },
	{ "EXPOSE", change_expose },
	{ "HEALTHCHECK", change_healthcheck },
	{ "LABEL", change_label },
	{ "MAINTAINER", change_maintainer },
	{ "ONBUILD", change_onbuild },
	{ "STOPSIGNAL", change_stopsignal },
	{ "USER", change_user },
	{ "VOLUME", change_volume },
	{ "WORKDIR", change_workdir },
};

static const struct instruction *find(const char *line, size_t n)
{
	for (size_t i = 0; i < array_size(instructions); i++)
		if (strlen(instructions[i].name) == n &&
		    strncasecmp(instructions[i].name, line, n) == 0)
			return &instructions[i];
	return NULL;
}

static const char *skip_blank(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

static int check_names(const struct strlist *lines, struct error *err)
{
	for (size_t i = 0; i < lines->n; i++) {
		const char *line = skip_blank(lines->v[i]);
		autofree char *name = xstrndup(line, strcspn(line, " \t\r\n"));

		if (!*name || *name == '#' || find(name, strlen(name)))
			continue;
		for (char *p = name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		return error_set(err, ERR_BAD_REQUEST, "%s is not a valid change command", name);
	}
	return 0;
}

static int apply_line(json_t *config, const char *line, bool *cmd_set, struct error *err)
{
	size_t n, len;
	autofree char *rest = NULL;
	const struct instruction *in;
	struct change c;

	line = skip_blank(line);
	if (!*line || *line == '#')
		return 0;
	n = strcspn(line, " \t\r\n");
	in = find(line, n);
	rest = xstrdup(skip_blank(line + n));
	len = strlen(rest);
	while (len && isspace((unsigned char)rest[len - 1]))
		rest[--len] = '\0';
	c = (struct change){ config, in->name, rest, cmd_set };
	return in->apply(&c, err);
}

int runconfig_apply_changes(json_t *config, const struct strlist *changes, struct error *err)
{
	autojson json_t *copy = json_deep_copy(config);
	autostrlist struct strlist lines = STRLIST_INIT;
	bool cmd_set = false;

	for (size_t i = 0; i < changes->n; i++)
		strlist_split(&lines, changes->v[i], '\n');
	if (check_names(&lines, err) < 0)
		return -1;
	for (size_t i = 0; i < lines.n; i++)
		if (apply_line(copy, lines.v[i], &cmd_set, err) < 0)
			return -1;
	json_object_clear(config);
	json_object_update(config, copy);
	return 0;
}
