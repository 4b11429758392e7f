/*
 * Forwarding, which containers need. A host on which it was off was no router, and must not become one
 * for its neighbours: from then on only what goes to or from a bridge of ours is forwarded. That it was
 * us is kept in the exec root, which ends with the boot as the switch does.
 */
#include "networkdriver/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "pkg/fs.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define PROC_IPV4 "/proc/sys/net/ipv4/"
#define PROC_IPV6 "/proc/sys/net/ipv6/"

static const char *const switches[] = { PROC_IPV4 "ip_forward", PROC_IPV6 "conf/all/forwarding" };

static bool reads_as(const char *path, char value)
{
	autobuf struct buf now = BUF_INIT(64);

	return fs_read_file(AT_FDCWD, path, &now) == 0 && buf_text(&now)[0] == value;
}

/* A host that forwards hears no router advertisements any more, unless told to: keep its own way. */
static void keep_advertisements(void)
{
	DIR *dir = opendir(PROC_IPV6 "conf");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		autofree char *path = xasprintf(PROC_IPV6 "conf/%s/accept_ra", e->d_name);

		if (*e->d_name == '.' || strcmp(e->d_name, "all") == 0 ||
		    strcmp(e->d_name, "default") == 0 || !reads_as(path, '1'))
			continue;
		if (fs_write_str(AT_FDCWD, path, "2") < 0)
			log_warn("cannot write 2 to %s: %s, ignoring", path, error_words(errno));
	}
	if (dir)
		closedir(dir);
}

static char *mark_of(const struct networkdriver *d, bool v6)
{
	return d->exec_root ? xasprintf("%s/forwarding%d", d->exec_root, v6 ? 6 : 4) : NULL;
}

void forwarding_recall(struct networkdriver *d)
{
	for (int v6 = 0; v6 < 2; v6++) {
		autofree char *mark = mark_of(d, v6);

		d->firewall.closed[v6] = !d->defaults.no_forward_drop && mark && fs_exists(mark);
	}
}

/* First of all: a daemon that is killed in between must not leave a router behind. */
static int close_to_others(struct networkdriver *d, bool v6, struct error *err)
{
	autofree char *mark = mark_of(d, v6);

	if (mark && fs_save_atomic(AT_FDCWD, mark, "", 0, 0600, 0) < 0)
		return error_sys(err, "cannot write \"%s\"", mark);
	return firewall_close_forward(&d->firewall, v6, err);
}

static int switch_on(struct networkdriver *d, bool v6, struct error *err)
{
	const char *family = v6 ? "IPv6" : "IPv4";

	/* Where it is on already, a read-only /proc/sys is no reason to fail. */
	if (reads_as(switches[v6], '1'))
		return 0;
	if (!d->defaults.no_forward_drop && close_to_others(d, v6, err) < 0)
		return error_prefix(err, "Cannot enable %s forwarding", family);
	if (v6)
		keep_advertisements();
	if (fs_write_str(AT_FDCWD, switches[v6], "1") < 0)
		return error_sys(err, "Cannot enable %s forwarding", family);
	log_info("%s forwarding is on", family);
	return 0;
}

int forwarding_enable(struct networkdriver *d, bool v6, struct error *err)
{
	if (v6 && !fs_exists(PROC_IPV6))
		return error_set(err, ERR_BAD_REQUEST, "this kernel has no IPv6");
	if (d->is_swept)
		return switch_on(d, v6, err);
	d->forwards[v6] = true;
	return 0;
}

void forwarding_start(struct networkdriver *d)
{
	struct error err;

	d->is_swept = true;
	for (int v6 = 0; v6 < 2; v6++)
		if (d->forwards[v6] && switch_on(d, v6, &err) < 0)
			log_warn("%s, ignoring: containers reach nothing but this host", err.text);
}
