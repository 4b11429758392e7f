/* The firewall by iptables-restore, for hosts that have no nftables. */
#include "networkdriver/firewall.h"

static int iptables_probe(struct firewall *fw, struct error *err)
{
	(void)fw;
	return error_set(err, ERR_NOT_IMPLEMENTED, "the iptables backend is not built yet");
}

const struct firewall_ops firewall_iptables = { "iptables", iptables_probe, NULL, NULL };
