/*
 * Networks on disk: a file each, <root>/networks/<id>, replaced atomically; and what they were by then
 * is brought up again by the next daemon.
 */
#include "networkdriver/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

#define FILE_MAX (1 << 20)

static char *path_of(const struct networkdriver *d, const struct network *net)
{
	return xasprintf("%s/%s", d->networks_dir, net->id);
}

int network_save(const struct networkdriver *d, struct network *net, struct error *err)
{
	autojson json_t *json = network_json(net, false);
	autofree char *text = NULL, *path = NULL;

	if (!d->networks_dir)
		return 0;
	json_object_set_new(json, "BridgeName", json_string(net->bridge));
	json_object_set_new(json, "ParentMade", json_boolean(net->made));
	text = json_text(json);
	path = path_of(d, net);
	if (fs_save_atomic(AT_FDCWD, path, text, strlen(text), 0600, FS_SAVE_SYNC) < 0)
		return error_sys(err, "cannot write \"%s\"", path);
	return 0;
}

void network_forget(const struct networkdriver *d, const struct network *net)
{
	autofree char *path = d->networks_dir ? path_of(d, net) : NULL;

	if (path && unlink(path) < 0 && errno != ENOENT)
		log_warn("cannot delete \"%s\": %s", path, error_words(errno));
	if (net->names_file)
		unlink(net->names_file); /* it goes with the next reboot in any case */
}

static struct network *load(const struct networkdriver *d, const char *id, struct error *err)
{
	autofree char *path = xasprintf("%s/%s", d->networks_dir, id);
	autobuf struct buf b = BUF_INIT(FILE_MAX);
	autojson json_t *json = NULL;
	struct network *net;

	if (fs_read_file(AT_FDCWD, path, &b) < 0) {
		error_sys(err, "cannot read \"%s\"", path);
		return NULL;
	}
	json = json_parse(buf_text(&b), b.len, err);
	if (!json)
		return NULL;
	net = network_new(json_get_str(json, "Name", id), DRIVER_BRIDGE);
	snprintf(net->id, sizeof(net->id), "%s", id);
	snprintf(net->bridge, sizeof(net->bridge), "%s", json_get_str(json, "BridgeName", ""));
	net->mtu = d->defaults.mtu;
	net->made = json_get_bool(json, "ParentMade", false);
	(void)timefmt_parse(json_get_str(json, "Created", ""), &net->created); /* else: long ago */
	if (network_read(net, json, err) == 0)
		return net;
	network_unref(net);
	return NULL;
}

/* One that cannot be brought up is there all the same, and says so when it is used. */
static void load_one(struct networkdriver *d, const char *id)
{
	struct error err;
	struct network *net = load(d, id, &err);

	if (!net) {
		log_error("network %.12s: %s, ignoring", id, err.text);
		return;
	}
	if (network_bring_up(d, net, &err) < 0)
		log_error("network %s is not up: %s", net->name, err.text);
	networks_add(d, net);
}

int networks_load(struct networkdriver *d, struct error *err)
{
	DIR *dir;
	struct dirent *e;

	if (!d->networks_dir)
		return 0;
	if (fs_mkdir_p(d->networks_dir, 0700) < 0 ||
	    (d->names_dir && fs_mkdir_p(d->names_dir, 0700) < 0))
		return error_sys(err, "cannot create \"%s\"", d->networks_dir);
	dir = opendir(d->networks_dir);
	if (!dir)
		return error_sys(err, "cannot read \"%s\"", d->networks_dir);
	while ((e = readdir(dir)))
		if (id_is_full(e->d_name))
			load_one(d, e->d_name);
		else if (*e->d_name != '.' && strlen(e->d_name) > 64)
			unlinkat(dirfd(dir), e->d_name, 0); /* half written, of a crash */
	closedir(dir);
	return 0;
}
