/*
 * The networks that there are: by id, by name, or by the beginning of an id. Making and removing them
 * is in networks_make.c, keeping them in networks_store.c.
 */
#include "networkdriver/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/mem.h"

/* ---- life ---- */

struct network *network_new(const char *name, enum network_driver driver)
{
	struct network *net = xcalloc(1, sizeof(*net));

	net->refs = 1;
	net->name = xstrdup(name);
	net->driver = driver;
	net->icc = net->masq = true;
	net->firewall = true;
	id_generate(net->id);
	snprintf(net->if_prefix, sizeof(net->if_prefix), "eth");
	pthread_mutex_init(&net->lock, NULL);
	pthread_mutex_init(&net->names_lock, NULL);
	map_init(&net->endpoints);
	return net;
}

struct network *network_ref(struct network *net)
{
	net->refs++;
	return net;
}

void network_unref(struct network *net)
{
	size_t pos = 0;
	void *e;

	if (!net || --net->refs > 0)
		return;
	while (map_next(&net->endpoints, &pos, &e))
		endpoint_free(e);
	map_done(&net->endpoints);
	if (net->has_allocators)
		network_done(net);
	json_decref(net->options);
	json_decref(net->labels);
	json_decref(net->ipam_options);
	json_decref(net->aux_addresses);
	json_decref(net->config_from);
	pthread_mutex_destroy(&net->lock);
	pthread_mutex_destroy(&net->names_lock);
	free(net->names_file);
	free(net->ipam_driver);
	free(net->scope);
	free(net->name);
	free(net);
}

/* ---- the table ---- */

/* A full id, then a name, then the beginning of an id. With the lock held. */
static struct network *find_locked(const struct networkdriver *d, const char *key, bool *ambiguous)
{
	struct network *found = map_get(&d->networks, key);
	size_t pos = 0, n = strlen(key), prefixed = 0;
	void *v;

	*ambiguous = false;
	while (!found && map_next(&d->networks, &pos, &v))
		if (strcmp(((struct network *)v)->name, key) == 0)
			found = v;
	pos = 0;
	while ((!found || prefixed) && n && map_next(&d->networks, &pos, &v))
		if (strncmp(((struct network *)v)->id, key, n) == 0) {
			found = v;
			prefixed++;
		}
	*ambiguous = prefixed > 1;
	return found && found->ready ? found : NULL;
}

struct network *networks_find(struct networkdriver *d, const char *key, struct error *err)
{
	struct network *net;
	bool ambiguous;

	if (strcmp(key, "default") == 0)
		key = "bridge";
	pthread_mutex_lock(&d->lock);
	net = find_locked(d, key, &ambiguous);
	if (net)
		network_ref(net);
	pthread_mutex_unlock(&d->lock);
	if (!net)
		error_set(err, ERR_NOT_FOUND, "network %s not found", key);
	if (!ambiguous)
		return net;
	network_unref(net);
	error_set(err, ERR_BAD_REQUEST,
		  "network %s is ambiguous (2 matches found based on ID prefix)", key);
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct network *x = *(struct network *const *)a, *y = *(struct network *const *)b;
	int c = strcmp(x->name, y->name);

	return c ? c : strcmp(x->id, y->id);
}

static struct network **list_if(struct networkdriver *d, bool also_up)
{
	struct network **list;
	size_t pos = 0, n = 0;
	void *v;

	pthread_mutex_lock(&d->lock);
	list = xcalloc(map_count(&d->networks) + 1, sizeof(struct network *));
	while (map_next(&d->networks, &pos, &v)) {
		struct network *net = v;

		if (net->ready || (also_up && net->up))
			list[n++] = network_ref(net);
	}
	pthread_mutex_unlock(&d->lock);
	qsort(list, n, sizeof(struct network *), by_name);
	return list;
}

struct network **networks_list(struct networkdriver *d)
{
	return list_if(d, false);
}

struct network **networks_list_up(struct networkdriver *d)
{
	return list_if(d, true);
}

void networks_list_free(struct network **list)
{
	for (struct network **p = list; *p; p++)
		network_unref(*p);
	free(list);
}

void networks_add(struct networkdriver *d, struct network *net)
{
	pthread_mutex_lock(&d->lock);
	net->ready = true;
	map_set(&d->networks, net->id, net);
	pthread_mutex_unlock(&d->lock);
}

void networks_set_up(struct networkdriver *d, struct network *net)
{
	pthread_mutex_lock(&d->lock);
	net->up = true;
	pthread_mutex_unlock(&d->lock);
}

void networks_set_ready(struct networkdriver *d, struct network *net)
{
	pthread_mutex_lock(&d->lock);
	net->ready = true;
	pthread_mutex_unlock(&d->lock);
}

static int refuse_other(const struct network *net, const struct network *other, struct error *err)
{
	bool bridged = net->driver == DRIVER_BRIDGE && other->driver == DRIVER_BRIDGE;

	if (strcmp(other->name, net->name) == 0)
		return error_set(err, ERR_CONFLICT, "network with name %s already exists",
				 net->name);
	if (bridged && *net->bridge && strcmp(other->bridge, net->bridge) == 0)
		return error_set(err, ERR_FORBIDDEN,
				 "conflicts with network %s (%s): networks have same bridge name",
				 other->id, other->bridge);
	return 0;
}

/* Names are taken at once, so that two that are made at the same time cannot share one. */
int networks_enter(struct networkdriver *d, struct network *net, struct error *err)
{
	size_t pos = 0;
	int rc = 0;
	void *v;

	pthread_mutex_lock(&d->lock);
	while (rc == 0 && map_next(&d->networks, &pos, &v))
		rc = refuse_other(net, v, err);
	if (rc == 0)
		map_set(&d->networks, net->id, network_ref(net));
	pthread_mutex_unlock(&d->lock);
	return rc;
}

void networks_leave(struct networkdriver *d, struct network *net)
{
	pthread_mutex_lock(&d->lock);
	map_del(&d->networks, net->id);
	pthread_mutex_unlock(&d->lock);
	network_unref(net);
}
