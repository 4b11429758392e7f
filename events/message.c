/*
 * One event: its shape on the wire, which is that of the Engine API since 1.22 with the members of
 * older clients beside it, and whether a set of filters lets it pass.
 */
#include <stdio.h>
#include <string.h>

#include "events/internal.h"
#include "pkg/filters.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

/* status, id, from: before 1.22 they were all there was, and CLI 24 still reads them. */
static void add_legacy(json_t *o, const char *type, const char *action, const char *id,
		       const char *from)
{
	bool container = strcmp(type, "container") == 0;

	if (!container && strcmp(type, "image") != 0)
		return;
	json_object_set_new(o, "status", json_string(action));
	json_object_set_new(o, "id", json_string(id));
	if (container && *from)
		json_object_set_new(o, "from", json_string(from));
}

static json_t *make_actor(const char *type, const char *id, const char *from,
			  const json_t *attributes)
{
	json_t *all = json_is_object(attributes) ? json_deep_copy(attributes) : json_object();

	if (*from && strcmp(type, "container") == 0 && !json_object_get(all, "image"))
		json_object_set_new(all, "image", json_string(from));
	return json_pack("{s:s,s:o}", "ID", id, "Attributes", all);
}

struct event_message *event_message_new(const char *type, const char *action, const char *id,
					const char *from, const json_t *attributes)
{
	struct event_message *ev = xcalloc(1, sizeof(*ev));
	autofree char *text = NULL;
	json_t *o = json_object();

	ev->refs = 1;
	ev->time = time_now();
	ev->object = o;
	add_legacy(o, type, action, id, from);
	json_object_set_new(o, "Type", json_string(type));
	json_object_set_new(o, "Action", json_string(action));
	json_object_set_new(o, "Actor", make_actor(type, id, from, attributes));
	json_object_set_new(o, "scope", json_string("local"));
	json_object_set_new(o, "time", json_integer(ev->time.tv_sec));
	json_object_set_new(o, "timeNano",
			    json_integer(ev->time.tv_sec * 1000000000LL + ev->time.tv_nsec));
	text = json_text(o);
	ev->line = xasprintf("%s\n", text);
	return ev;
}

struct event_message *event_message_ref(struct event_message *ev)
{
	ev->refs++;
	return ev;
}

void event_message_unref(struct event_message *ev)
{
	if (!ev || --ev->refs > 0)
		return;
	json_decref(ev->object);
	free(ev->line);
	free(ev);
}

/* "health_status: healthy" is asked for as "health_status", "exec_start: sh" as "exec_start". */
static bool action_matches(const json_t *filters, const char *action)
{
	static const char *const with_detail[] = { "exec_create", "exec_start", "health_status" };

	for (size_t i = 0; i < array_size(with_detail); i++)
		if (filters_contains(filters, "event", with_detail[i]))
			return filters_match_prefix(filters, "event", action);
	return filters_match(filters, "event", action);
}

/* "busybox:latest" -> "busybox", "host:5000/a" stays. The caller frees. */
static char *strip_tag(const char *name)
{
	const char *slash = strrchr(name, '/'), *colon = strrchr(slash ? slash : name, ':');

	return xstrndup(name, colon ? (size_t)(colon - name) : strlen(name));
}

static bool image_matches(const json_t *filters, const char *type, const char *id,
			  const json_t *attributes)
{
	const char *key = strcmp(type, "image") == 0 ? "name" : "image";
	const char *name = json_get_str(attributes, key, "");
	autofree char *bare_name = strip_tag(name), *bare_id = strip_tag(id);

	return filters_match(filters, "image", id) || filters_match(filters, "image", name) ||
	       filters_match(filters, "image", bare_name) ||
	       filters_match(filters, "image", bare_id);
}

/* Types whose objects can be asked for by (the beginning of) their id or name. */
static bool object_matches(const json_t *filters, const char *id, const char *name)
{
	static const char *const types[] = { "container", "plugin", "volume", "network", "daemon",
					     "service",   "node",   "secret", "config" };

	for (size_t i = 0; i < array_size(types); i++)
		if (!filters_match_prefix(filters, types[i], id) &&
		    !filters_match_prefix(filters, types[i], name))
			return false;
	return true;
}

bool event_message_matches(const struct event_message *ev, const json_t *filters)
{
	const json_t *actor = json_object_get(ev->object, "Actor");
	const json_t *attributes = json_object_get(actor, "Attributes");
	const char *type = json_get_str(ev->object, "Type", "");
	const char *id = json_get_str(actor, "ID", "");

	return action_matches(filters, json_get_str(ev->object, "Action", "")) &&
	       filters_match(filters, "type", type) && filters_match(filters, "scope", "local") &&
	       object_matches(filters, id, json_get_str(attributes, "name", NULL)) &&
	       image_matches(filters, type, id, attributes) &&
	       filters_match_labels(filters, "label", attributes);
}
