/*
 * Giving up privileges, for single-threaded helpers (roles) that read bytes nobody trusts.
 */
#ifndef PKG_CONFINE_H
#define PKG_CONFINE_H

#include <stdint.h>

#define CONFINE_CAP(cap) (UINT64_C(1) << (cap)) /* CONFINE_CAP(CAP_CHOWN) */

/* What it takes to make any file of an image: chown, dac_override, fowner, fsetid, mknod, setfcap. */
extern const uint64_t confine_file_caps;

/*
 * Make root the root folder and drop every capability that is not in keep, for good: bounding,
 * permitted, effective, inheritable and ambient. No privilege can be gained by exec any more; no
 * network, System V IPC or core dump is left. What the process does not have is not missed.
 * 0, or -1 with errno: the caller must end then.
 */
int confine_enter(const char *root, uint64_t keep);

/* A mount namespace of one's own, from which nothing propagates to the outside. */
int confine_unshare_mounts(void);

#endif
