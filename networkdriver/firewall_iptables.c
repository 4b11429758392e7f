/*
 * The firewall by iptables, for hosts that have no nftables: whatever iptables-restore the host has,
 * on the interface of old (legacy) or on that of nftables. One process per family and transaction,
 * and one that tells what is there before all is put in force; never one per rule.
 *
 * A rule cannot be added a second time here without being there twice, nor be removed when it is not
 * there. So what was put in force is remembered (struct ipt_rules), line by line: a change that a
 * sync has made already adds nothing. After anything went wrong it is not trusted any more.
 */
#include "networkdriver/firewall.h"

#include <linux/netfilter.h>
#include <string.h>

#include "networkdriver/iptables_rules.h"
#include "networkdriver/iptables_run.h"
#include "pkg/buf.h"
#include "pkg/log.h"
#include "pkg/mem.h"

enum { V4, V6, NFAMILIES };

#define TRIES 5 /* of a sync: other daemons may be changing the shared chains meanwhile */

struct iptables {
	struct family {
		bool usable;
		struct ipt_programs programs;
		struct ipt_rules rules;
	} families[NFAMILIES];
	bool known;           /* rules are what is in force */
	struct error no_ipv6; /* why families[V6] is not usable */
	struct ipt_seen seen; /* with fw->silent: after our last look */
};

/* ---- what the host has ---- */

/* Something failed: which is it? */
static int name_missing(const struct ipt_programs *p, const char *id, bool v6, struct error *err)
{
	autobuf struct buf batch = BUF_INIT(IPT_BATCH_MAX);
	const char *what;

	for (size_t i = 0; (what = ipt_put_probe_of(id, v6, i, &batch)); i++) {
		struct error why;

		if (ipt_restore(p, &batch, &why) < 0) {
			if (err)
				*err = why;
			return error_prefix(err, "%s is not there", what);
		}
		buf_reset(&batch);
	}
	return -1;
}

static int probe_family(struct family *f, const char *id, bool v6, const char *variant,
			struct error *err)
{
	autobuf struct buf batch = BUF_INIT(IPT_BATCH_MAX);

	if (ipt_find(&f->programs, v6, variant, err) < 0)
		return -1;
	ipt_put_probe(id, v6, &batch);
	if (ipt_restore(&f->programs, &batch, err) < 0)
		return name_missing(&f->programs, id, v6, err);
	ipt_rules_init(&f->rules, id, v6);
	f->usable = true;
	return 0;
}

/* What iptables-restore is on this host, or where that cannot, its legacy variant. */
static int probe_variants(struct iptables *ipt, const char *id, struct error *err)
{
	static const char *const variants[] = { "", "-legacy" };

	for (size_t i = 0; i < array_size(variants); i++) {
		struct error why;

		if (probe_family(&ipt->families[V4], id, false, variants[i], &why) < 0) {
			if (i == 0 && err)
				*err = why;
			continue;
		}
		(void)probe_family(&ipt->families[V6], id, true, variants[i], &ipt->no_ipv6);
		return 0;
	}
	return -1;
}

static int iptables_probe(struct firewall *fw, struct error *err)
{
	const char *id = strchr(fw->name, '-') + 1;
	autofree struct iptables *ipt = NULL;

	if (!ipt_can_name(id))
		return error_set(err, ERR_BAD_REQUEST, "iptables has no way to name \"%s\"", id);
	ipt = xcalloc(1, sizeof(*ipt));
	if (probe_variants(ipt, id, err) < 0)
		return error_prefix(err, "iptables cannot be used");
	if (!ipt->families[V6].usable)
		log_info("no firewall for IPv6: %s", ipt->no_ipv6.text);
	fw->silent = ipt_is_legacy(&ipt->families[V4].programs);
	fw->iptables = take_ptr(&ipt); /* as long as the daemon */
	return 0;
}

/* ---- transactions, each with fw->lock held ---- */

static void look(struct firewall *fw)
{
	if (fw->silent)
		ipt_look(&fw->iptables->seen);
}

static int read_saved(const struct family *f, struct ipt_saved *saved, struct error *err)
{
	autobuf struct buf text = BUF_INIT(IPT_SAVED_MAX);

	if (ipt_save(&f->programs, &text, err) < 0)
		return -1;
	ipt_saved_read(saved, &f->rules, buf_text(&text));
	return 0;
}

static int sync_family(struct family *f, const struct fw_state *state, struct error *err)
{
	int rc = -1;

	for (int i = 0; i < TRIES && rc < 0; i++) {
		autobuf struct buf batch = BUF_INIT(IPT_BATCH_MAX);
		struct ipt_saved saved;

		if (read_saved(f, &saved, err) < 0)
			return -1;
		ipt_put_state(&f->rules, state, &saved, &batch);
		ipt_saved_done(&saved);
		if (batch.len + IPT_LINE_SIZE > batch.max)
			return error_set(err, ERR_INTERNAL, "there are too many rules");
		rc = ipt_restore(&f->programs, &batch, err);
	}
	return rc;
}

static int check_state(const struct iptables *ipt, const struct fw_state *state, struct error *err)
{
	for (size_t i = 0; i < state->nnetworks; i++)
		if (!ipt_can_name(state->networks[i].bridge))
			return error_set(err, ERR_BAD_REQUEST, "iptables has no way to name \"%s\"",
					 state->networks[i].bridge);
	if (ipt->families[V6].usable || !ipt_state_has(state, true))
		return 0;
	return error_set(err, ERR_NOT_IMPLEMENTED, "no firewall for IPv6: %s", ipt->no_ipv6.text);
}

static int iptables_sync(struct firewall *fw, const struct fw_state *state, struct error *err)
{
	struct iptables *ipt = fw->iptables;
	int rc = check_state(ipt, state, err);

	if (rc < 0)
		return -1;
	for (int i = 0; i < NFAMILIES && rc == 0; i++)
		if (ipt->families[i].usable)
			rc = sync_family(&ipt->families[i], state, err);
	ipt->known = rc == 0;
	look(fw);
	if (rc == 0 && !fw->synced) /* the last daemon may have had another backend */
		firewall_nft_withdraw(fw, fw->name);
	return rc;
}

static int iptables_change(struct firewall *fw, const struct fw_change *c, struct error *err)
{
	struct iptables *ipt = fw->iptables;
	int rc = 0;

	if (!ipt->known)
		return error_set(err, ERR_INTERNAL, "what is in force is not known");
	if (c->network) /* rules of networks come in an order: all of them anew */
		return error_set(err, ERR_INTERNAL, "there is a new network");
	for (int i = 0; i < NFAMILIES && rc == 0; i++) {
		autobuf struct buf batch = BUF_INIT(IPT_BATCH_MAX);

		ipt_put_change(&ipt->families[i].rules, c, &batch);
		if (batch.len && ipt->families[i].usable)
			rc = ipt_restore(&ipt->families[i].programs, &batch, err);
		else if (batch.len)
			rc = error_set(err, ERR_NOT_IMPLEMENTED, "%s", ipt->no_ipv6.text);
	}
	ipt->known = rc == 0;
	look(fw);
	return rc;
}

/* ---- what others do ---- */

static bool iptables_concerns(const struct firewall *fw, uint32_t portid, int family,
			      const char *table)
{
	(void)fw, (void)portid; /* our own programs have others each time: then all is there */
	return (family == NFPROTO_IPV4 || family == NFPROTO_IPV6) &&
	       (strcmp(table, "filter") == 0 || strcmp(table, "nat") == 0 ||
		strcmp(table, "raw") == 0);
}

static int iptables_check(struct firewall *fw, struct error *err)
{
	struct iptables *ipt = fw->iptables;
	bool complete = ipt->known;

	look(fw); /* first: what changes from here on is noticed again */
	for (int i = 0; i < NFAMILIES && complete; i++) {
		struct ipt_saved saved;

		if (!ipt->families[i].usable)
			continue;
		if (read_saved(&ipt->families[i], &saved, err) < 0)
			return -1;
		complete = ipt_saved_is_complete(&saved, &ipt->families[i].rules);
		ipt_saved_done(&saved);
	}
	return complete;
}

static bool iptables_has_changed(struct firewall *fw)
{
	struct ipt_seen now;

	ipt_look(&now);
	return memcmp(&now, &fw->iptables->seen, sizeof(now)) != 0;
}

const struct firewall_ops firewall_iptables = {
	.name = "iptables",
	.probe = iptables_probe,
	.sync = iptables_sync,
	.change = iptables_change,
	.concerns = iptables_concerns,
	.check = iptables_check,
	.has_changed = iptables_has_changed,
};
