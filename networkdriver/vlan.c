/* Networks of the drivers macvlan and ipvlan: containers with addresses on the host's own segment. */
#include "networkdriver/internal.h"

int vlan_setup(struct network *net, struct error *err)
{
	return error_set(err, ERR_NOT_IMPLEMENTED, "network driver %s is not built yet",
			 network_driver_name(net->driver));
}

void vlan_done(const struct network *net)
{
	(void)net; /* nothing was made */
}
