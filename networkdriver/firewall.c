/* The choice of a firewall backend, and the order of its transactions: see firewall.h. */
#include "networkdriver/firewall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pkg/log.h"
#include "pkg/mem.h"

/* In the order in which they are tried. */
static const struct firewall_ops *const backends[] = { &firewall_nft, &firewall_iptables };

static int choose(struct firewall *fw, const char *backend, struct error *err)
{
	struct error first;

	for (size_t i = 0; i < array_size(backends); i++) {
		struct error why;

		if (*backend && strcmp(backend, backends[i]->name) != 0)
			continue;
		if (backends[i]->probe(fw, &why) == 0) {
			fw->ops = backends[i];
			return 0;
		}
		if (*backend)
			first = why;
		else if (i == 0)
			first = why;
		if (*backend || i + 1 == array_size(backends)) {
			if (err)
				*err = first;
			return error_prefix(err, "Cannot set up the firewall "
						 "(--iptables=false goes without)");
		}
	}
	return error_set(err, ERR_BAD_REQUEST,
			 "Unsupported firewall backend \"%s\": \"nftables\" and \"iptables\" are "
			 "there",
			 backend);
}

int firewall_open(struct firewall *fw, const char *name, const char *backend,
		  fw_collect_fn *collect, void *arg, struct error *err)
{
	snprintf(fw->name, sizeof(fw->name), "%s", name);
	fw->collect = collect;
	fw->arg = arg;
	return choose(fw, backend, err);
}

void firewall_close(struct firewall *fw)
{
	mem_close_fd(&fw->sock);
}

const char *firewall_backend(const struct firewall *fw)
{
	return fw->ops ? fw->ops->name : "none";
}

static int sync_locked(struct firewall *fw, struct error *err)
{
	struct fw_state state = { .closed = { fw->closed[0], fw->closed[1] } };
	int rc;

	fw->collect(fw->arg, &state);
	rc = fw->ops->sync(fw, &state, err);
	fw->synced = rc == 0;
	free(state.networks);
	free(state.ports);
	free(state.links);
	return rc;
}

int firewall_start(struct firewall *fw, struct error *err)
{
	int rc;

	if (!fw->ops)
		return 0;
	pthread_mutex_lock(&fw->lock);
	fw->started = true;
	rc = sync_locked(fw, err);
	pthread_mutex_unlock(&fw->lock);
	return rc;
}

int firewall_sync(struct firewall *fw, struct error *err)
{
	int rc = 0;

	if (!fw->ops)
		return 0;
	pthread_mutex_lock(&fw->lock);
	if (fw->started)
		rc = sync_locked(fw, err);
	pthread_mutex_unlock(&fw->lock);
	return rc;
}

int firewall_close_forward(struct firewall *fw, bool v6, struct error *err)
{
	pthread_mutex_lock(&fw->lock);
	fw->closed[v6] = true;
	pthread_mutex_unlock(&fw->lock);
	return firewall_sync(fw, err);
}

static int change_locked(struct firewall *fw, const struct fw_change *change, struct error *err)
{
	struct error why;

	if (fw->synced) {
		if (fw->ops->change(fw, change, &why) == 0)
			return 0;
		/* Somebody may have taken our rules away a moment ago. */
		log_debug("%s: putting all rules in force again", why.text);
	}
	return sync_locked(fw, err);
}

int firewall_change(struct firewall *fw, const struct fw_change *change, struct error *err)
{
	int rc = 0;

	if (!fw->ops || (!change->network && !(change->nports + change->nlinks)))
		return 0;
	pthread_mutex_lock(&fw->lock);
	if (fw->started)
		rc = change_locked(fw, change, err);
	pthread_mutex_unlock(&fw->lock);
	return rc;
}

int firewall_repair(struct firewall *fw, struct error *err)
{
	int rc;

	pthread_mutex_lock(&fw->lock);
	rc = fw->synced && fw->ops->check ? fw->ops->check(fw, err) : 0;
	if (rc == 0)
		rc = sync_locked(fw, err) < 0 ? -1 : 1;
	else if (rc > 0)
		rc = 0;
	pthread_mutex_unlock(&fw->lock);
	return rc;
}

int firewall_ready(struct firewall *fw, struct error *err)
{
	int rc = 0;

	if (!fw->ops || fw->synced)
		return 0;
	pthread_mutex_lock(&fw->lock);
	if (fw->started && !fw->synced)
		rc = sync_locked(fw, err);
	pthread_mutex_unlock(&fw->lock);
	return rc;
}

bool firewall_has_changed(struct firewall *fw)
{
	bool yes;

	if (pthread_mutex_trylock(&fw->lock) != 0)
		return false;
	yes = fw->ops->has_changed(fw);
	pthread_mutex_unlock(&fw->lock);
	return yes;
}
