/*
 * Users and groups of a root filesystem, read from its own passwd and group files: no NSS, which
 * would load the host's libraries into a foreign root. For use inside that root.
 */
#ifndef PKG_USER_H
#define PKG_USER_H

#include <stddef.h>
#include <sys/types.h>

#define USER_MAX_GROUPS 256

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_MAX_GROUPS]; /* supplementary */
	size_t ngroups;
	char home[256]; /* "/" when passwd has none */
};

/*
 * Resolve "", "name", "uid", "name:group", "uid:gid" and more groups (names or numbers, a
 * NULL-terminated list that may be NULL) against the given files, which may be missing. The groups
 * that list the user as a member are added when no group was named. 0; -1 and a sentence in why:
 * an unknown name, or a number out of range.
 */
int user_resolve(const char *passwd, const char *group, const char *spec, char *const *more,
		 struct user *out, char *why, size_t why_size);

#endif
