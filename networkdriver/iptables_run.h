/*
 * The programs of iptables, and what the kernel tells about its tables without them. Each program
 * gets its input as a file in memory, is waited for by its pid, and is killed when it takes longer
 * than IPT_SECONDS: whoever waits may hold the firewall's lock.
 */
#ifndef NETWORKDRIVER_IPTABLES_RUN_H
#define NETWORKDRIVER_IPTABLES_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "pkg/error.h"

struct buf;

#define IPT_SECONDS 10           /* for a program */
#define IPT_LOCK_SECONDS 5       /* of these, for the lock that programs of iptables share */
#define IPT_SAVED_MAX (64 << 20) /* bytes of all rules of the host, as text */
#define IPT_BATCH_MAX (64 << 20) /* bytes of all rules of ours */

/* Of one family: absolute paths, "" when not found. */
struct ipt_programs {
	char restore[48], save[48];
};

/* variant "" or "-legacy". 0, or -1: which program is nowhere. */
int ipt_find(struct ipt_programs *p, bool v6, const char *variant, struct error *err);

/* One transaction per table of the batch; nothing is flushed but what it declares. */
int ipt_restore(const struct ipt_programs *p, const struct buf *batch, struct error *err);
/* All tables, appended. */
int ipt_save(const struct ipt_programs *p, struct buf *out, struct error *err);
/* Is it the old interface of the kernel, which tells nobody of changes? */
bool ipt_is_legacy(const struct ipt_programs *p);

/* iptables_seen.c: shape of the tables of the old interface, as cheap as a look at a clock. */
#define IPT_SEEN_TABLES 3
struct ipt_seen {
	struct {
		uint32_t entries, size,
			hooks[10]; /* rules, bytes, and where chains begin and end */
	} tables[2][IPT_SEEN_TABLES];
};
/* Tables that are not there are all zeros. */
void ipt_look(struct ipt_seen *out);

#endif
