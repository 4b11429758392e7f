/* Composing image configs: see config.h. */
#include "graph/config.h"

#include <string.h>
#include <sys/utsname.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

const char *config_architecture(void)
{
	static const struct {
		const char *machine, *name;
	} known[] = {
		{ "x86_64", "amd64" },        { "aarch64", "arm64" },   { "armv7l", "arm" },
		{ "armv6l", "arm" },          { "i686", "386" },        { "ppc64le", "ppc64le" },
		{ "s390x", "s390x" },         { "riscv64", "riscv64" }, { "mips64", "mips64" },
		{ "loongarch64", "loong64" },
	};
	struct utsname u;

	if (uname(&u) < 0)
		return "unknown";
	for (size_t i = 0; i < array_size(known); i++)
		if (strcmp(known[i].machine, u.machine) == 0)
			return known[i].name;
	return "unknown";
}

json_t *config_new(void)
{
	return json_pack("{ss ss s{ss s[]} s[]}", "architecture", config_architecture(), "os",
			 "linux", "rootfs", "type", "layers", "diff_ids", "history");
}

static void set_text(json_t *o, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(o, key, json_string(value));
}

/* A member that is an array, made if it is not there. */
static json_t *array_of(json_t *o, const char *key)
{
	json_t *arr = json_get_arr(o, key);

	if (arr)
		return arr;
	arr = json_array();
	json_object_set_new(o, key, arr);
	return arr;
}

void config_add_entry(json_t *config, const struct config_entry *e, const char *diff_id)
{
	json_t *step = json_object(), *rootfs = json_get_obj(config, "rootfs");
	char now[TIMEFMT_SIZE];

	timefmt_rfc3339nano(now, time_now());
	set_text(step, "created", now);
	set_text(step, "author", e->author);
	set_text(step, "created_by", e->created_by);
	set_text(step, "comment", e->comment);
	if (e->empty_layer)
		json_object_set_new(step, "empty_layer", json_true());
	json_array_append_new(array_of(config, "history"), step);
	json_object_set_new(config, "created", json_string(now));
	if (!rootfs) {
		rootfs = json_pack("{ss}", "type", "layers");
		json_object_set_new(config, "rootfs", rootfs);
	}
	if (diff_id)
		json_array_append_new(array_of(rootfs, "diff_ids"), json_string(diff_id));
}
