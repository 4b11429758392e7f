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

/*
 * Before anything is made, and then once more when it is: a daemon that finds the first knows what it
 * has to remove. That one need not survive a power cut, after which nothing is left to remove.
 */
int network_save(const struct networkdriver *d, struct network *net, bool is_made,
		 struct error *err)
{
	autojson json_t *json = network_json(net, false);
	autofree char *text = NULL, *path = NULL;

	if (!d->networks_dir)
		return 0;
	json_object_set_new(json, "BridgeName", json_string(net->bridge));
	json_object_set_new(json, "ParentMade", json_boolean(net->made));
	json_object_set_new(json, "Made", json_boolean(is_made));
	text = json_text(json);
	path = path_of(d, net);
	if (strlen(text) > FILE_MAX)
		return error_set(err, ERR_BAD_REQUEST,
				 "network %s: its labels and options take more than 1 MiB",
				 net->name);
	if (fs_save_atomic(AT_FDCWD, path, text, strlen(text), 0600, is_made ? FS_SAVE_SYNC : 0) <
	    0)
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

static struct network *load(const struct networkdriver *d, const char *id, bool *is_made,
			    struct error *err)
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
	*is_made = json_get_bool(json, "Made", false);
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

/* The last daemon was killed while it made this one, and nobody was told that there is one. */
static void unmake(struct networkdriver *d, struct network *net)
{
	struct error err;

	if (net->driver == DRIVER_BRIDGE && bridge_delete(net, &err) < 0)
		log_warn("%s, ignoring", err.text);
	vlan_unmake(net);
	network_forget(d, net);
	network_unref(net);
}

static void load_one(struct networkdriver *d, const char *id)
{
	struct error err;
	bool is_made = false;
	struct network *net = load(d, id, &is_made, &err);

	if (!net) {
		log_error("network %.12s: %s, ignoring", id, err.text);
		return;
	}
	if (!is_made) {
		unmake(d, net);
		return;
	}
	networks_add(d, net);
}

/* What a killed daemon had half written, and names of networks that are gone. */
static void sweep_names(struct networkdriver *d)
{
	DIR *dir = d->names_dir ? opendir(d->names_dir) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		bool known;

		pthread_mutex_lock(&d->lock);
		known = map_get(&d->networks, e->d_name) != NULL;
		pthread_mutex_unlock(&d->lock);
		if (!known && *e->d_name != '.')
			unlinkat(dirfd(dir), e->d_name, 0); /* tried again next time */
	}
	if (dir)
		closedir(dir);
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
	sweep_names(d);
	return 0;
}
