/*
 * Launch plans: what the daemon tells dockerinit to do, flat, in one block of memory.
 *
 * A plan is a row of records: a tag, a length, and the fields of that tag as NUL-terminated
 * strings (numbers in decimal), or raw bytes for programs. The order of records of one tag is kept
 * and means something (mounts). A reader skips tags it does not know.
 *
 * The daemon writes a plan with struct plan_writer into a memfd; dockerinit maps it and reads it
 * in place with struct plan_reader. Both sides come from the same build, except that a monitor may be
 * older than the daemon that adopts it: that is the concern of proto.h, not of plans.
 */
#ifndef DOCKERINIT_PLAN_H
#define DOCKERINIT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkg/buf.h"

#define PLAN_MAX (4 * 1024 * 1024) /* bytes */

enum plan_tag {
	/* One process: argv and env one record each, in order. */
	PLAN_ARGV = 1,     /* string */
	PLAN_ENV,          /* "KEY=VALUE" */
	PLAN_CWD,          /* path */
	PLAN_USER,         /* as the user wrote it */
	PLAN_GROUP,        /* one more group, name or number */
	PLAN_TTY,          /* rows, columns (0 0: leave) */
	PLAN_STDIN,        /* "once" or "keep"; absent: stdin is at its end */
	PLAN_CAPS,         /* set of capabilities as a decimal number */
	PLAN_NO_NEW_PRIVS, /* */
	PLAN_RLIMIT,       /* resource, soft, hard */
	PLAN_OOM_SCORE,    /* adj */
	PLAN_SECCOMP,      /* raw: struct sock_filter[] */

	/* A container. */
	PLAN_ID = 40,       /* container id */
	PLAN_CLONE,         /* flags for clone3: the new namespaces */
	PLAN_JOIN,          /* namespace file name ("net", "ipc", ...), path to open on the host */
	PLAN_HOSTNAME,      /* name */
	PLAN_DOMAINNAME,    /* name */
	PLAN_INIT,          /* reap as pid 1 */
	PLAN_ROOT_OVERLAY,  /* folder, options */
	PLAN_ROOT_DIR,      /* folder */
	PLAN_ROOT_TARGET,   /* where on the host the root is put together */
	PLAN_ROOT_READONLY, /* */
	PLAN_MOUNT, /* fstype, source, target, data, mount flags, propagation flags, PLAN_MOUNT_x */
	PLAN_DEVICE,   /* path inside, "c" or "b", major, minor, mode, uid, gid */
	PLAN_SYMLINK,  /* contents, path inside */
	PLAN_MASK,     /* path inside */
	PLAN_READONLY, /* path inside */
	PLAN_SYSCTL,   /* key with dots or slashes, value */
	PLAN_CGROUPNS, /* a cgroup namespace of its own */

	PLAN_CGROUP = 80,  /* folder to make and to join */
	PLAN_CGROUP_WRITE, /* file, value, "must" or "may" */
	PLAN_CGROUP_V2,    /* the PLAN_CGROUP is one of the unified hierarchy */
	PLAN_DEVICE_BPF,   /* raw: struct bpf_insn[] */
	PLAN_VETH,         /* host name, bridge index, mtu, inside name, mac, "1": isolated port,
			    * "1": hairpin port */
	PLAN_ADDRESS,   /* inside name, ip, prefix length, gateway, "-" (on the link) or "" (none),
			    * "6": the interface speaks IPv6, whatever this address is */
	PLAN_LOG,       /* path, max bytes of a file (0: no limit), number of files, "gzip" or "" */
	PLAN_SOCKET,    /* path of the monitor's socket */
	PLAN_EXIT_FILE, /* path of the exit record */
	PLAN_OOM_FILE,  /* file with a line "oom_kill N" */
	PLAN_VLAN,      /* kind, mode, parent index, mtu, inside name, mac */
	PLAN_UNLINK,    /* an interface that is to go (of a running container): inside name, and the
			 * host's of a veth, which the container cannot change */
	PLAN_ROUTE,     /* inside name, gateway or "-", "6": of IPv6: the default route by it, in
			 * place of another */

	PLAN_DNS = 100, /* path of the resolver's configuration: see resolver.h */
};

enum plan_mount {
	PLAN_MOUNT_BIND = 1,   /* bind mount of source, with everything below it */
	PLAN_MOUNT_NONREC = 2, /* the bind takes only the mount itself */
	PLAN_MOUNT_RDONLY = 4, /* a bind that is made read-only, recursively where the kernel can */
	PLAN_MOUNT_CREATE = 8, /* make the target when it is missing */
	PLAN_MOUNT_CONFINED = 16, /* a bind without set-user-id, devices and programs */
};

struct plan_writer {
	struct buf buf;
	bool overflow;
};

void plan_writer_init(struct plan_writer *w);
void plan_writer_done(struct plan_writer *w);
/* Fields are strings and end with NULL. */
void plan_put(struct plan_writer *w, enum plan_tag tag, ...) __attribute__((sentinel));
void plan_put_raw(struct plan_writer *w, enum plan_tag tag, const void *p, size_t n);
/* A sealed memfd with the plan; -1 and errno (EFBIG: over PLAN_MAX). */
int plan_writer_memfd(struct plan_writer *w);

struct plan {
	const char *p; /* mapped, read-only */
	size_t len;
};

/* Map a plan. 0, -1 and errno. The descriptor stays the caller's. */
int plan_map(struct plan *plan, int memfd);

struct plan_record {
	enum plan_tag tag;
	const char *p; /* the fields, or the raw bytes */
	size_t len;
	size_t next; /* where the next field begins */
};

struct plan_reader {
	const struct plan *plan;
	size_t at;
};

#define PLAN_READER(plan_) ((struct plan_reader){ (plan_), 0 })

/* The next record, or the next one of that tag. false at the end. */
bool plan_next(struct plan_reader *r, struct plan_record *rec);
bool plan_next_of(struct plan_reader *r, enum plan_tag tag, struct plan_record *rec);

/* The next field of a record; "" when there is none left. */
const char *plan_field(struct plan_record *rec);
long long plan_number(struct plan_record *rec);

/* The first record of a tag. */
bool plan_find(const struct plan *plan, enum plan_tag tag, struct plan_record *rec);
bool plan_has(const struct plan *plan, enum plan_tag tag);
/* The first field of the first record of a tag, or NULL. */
const char *plan_get(const struct plan *plan, enum plan_tag tag);
/* The first fields of all records of a tag as a new NULL-terminated array; free the array only. */
char **plan_list(const struct plan *plan, enum plan_tag tag);

#endif
