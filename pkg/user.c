/* Users and groups of a root filesystem: see user.h. */
#include "pkg/user.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/buf.h"
#include "pkg/mem.h"

#define FILE_MAX (4 * 1024 * 1024)
#define ID_MAX 2147483647L

/* A number in the range of ids; -1 when s is no number. */
static long id_of(const char *s)
{
	char *end;
	long v;

	if (!isdigit((unsigned char)*s))
		return -1;
	errno = 0;
	v = strtol(s, &end, 10);
	return *end || errno || v > ID_MAX ? -1 : v;
}

/* Cut a line of fields at its colons. Returns how many there are, at most max. */
static size_t cut(char *line, char **field, size_t max)
{
	size_t n = 0;

	while (n < max && line) {
		field[n++] = line;
		line = strchr(line, ':');
		if (line)
			*line++ = '\0';
	}
	return n;
}

/* A file of an image may be anything: only a regular one is read, and opening it must not wait. */
static int read_regular(const char *path, struct buf *text)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	while ((n = buf_read(text, fd, 16384)) > 0)
		;
	return n < 0 ? -1 : 0;
}

/* Call each() for every line of at least min fields, until it returns true. */
static bool each_line(const char *path, size_t min, bool (*each)(char **field, void *arg),
		      void *arg)
{
	autobuf struct buf text = BUF_INIT(FILE_MAX);
	char *line, *next;

	if (read_regular(path, &text) < 0 || !text.len)
		return false;
	for (line = text.p; line && *line; line = next) {
		char *field[7] = { 0 };

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (*line != '#' && cut(line, field, 7) >= min && each(field, arg))
			return true;
	}
	return false;
}

struct search {
	const char *name; /* what is looked for: a name, */
	long id;          /* or a number (-1: none) */
	struct user *user;
	char found_name[256]; /* the user's name, for membership */
};

static bool match_user(char **f, void *arg)
{
	struct search *s = arg;
	long uid = id_of(f[2]), gid = id_of(f[3]);

	if (uid < 0 || gid < 0 || (strcmp(f[0], s->name) != 0 && uid != s->id))
		return false;
	s->user->uid = (uid_t)uid;
	s->user->gid = (gid_t)gid;
	snprintf(s->found_name, sizeof(s->found_name), "%s", f[0]);
	if (f[5] && *f[5])
		snprintf(s->user->home, sizeof(s->user->home), "%s", f[5]);
	return true;
}

static bool match_group(char **f, void *arg)
{
	struct search *s = arg;
	long gid = id_of(f[2]);

	if (gid < 0 || (strcmp(f[0], s->name) != 0 && gid != s->id))
		return false;
	s->id = gid;
	return true;
}

static void add_group(struct user *u, gid_t gid)
{
	for (size_t i = 0; i < u->ngroups; i++)
		if (u->groups[i] == gid)
			return;
	if (u->ngroups < USER_MAX_GROUPS)
		u->groups[u->ngroups++] = gid;
}

/* A line "name:x:gid:a,b,c": add the gid when the user is in the list. */
static bool add_membership(char **f, void *arg)
{
	struct search *s = arg;
	long gid = id_of(f[2]);
	char *rest = f[3], *member;

	if (gid < 0)
		return false;
	while (rest && (member = strsep(&rest, ",")))
		if (*member && strcmp(member, s->found_name) == 0)
			add_group(s->user, (gid_t)gid);
	return false;
}

/* A group by name or number; -1 with why when there is no such name. */
static long find_group(const char *group_file, const char *name, char *why, size_t why_size)
{
	struct search s = { .name = name, .id = id_of(name) };

	if (each_line(group_file, 3, match_group, &s) || s.id >= 0)
		return s.id;
	snprintf(why, why_size, "unable to find group %s: no matching entries in group file", name);
	return -1;
}

int user_resolve(const char *passwd, const char *group, const char *spec, char *const *more,
		 struct user *out, char *why, size_t why_size)
{
	autofree char *name = xstrdup(*spec ? spec : "0");
	char *group_name = strchr(name, ':');
	struct search s = { .user = out };
	long gid;

	*out = (struct user){ .home = "/" };
	if (group_name)
		*group_name++ = '\0';
	s.name = *name ? name : "0";
	s.id = id_of(s.name);
	if (!each_line(passwd, 6, match_user, &s)) {
		if (s.id < 0) {
			snprintf(why, why_size,
				 "unable to find user %s: no matching entries in passwd file",
				 s.name);
			return -1;
		}
		out->uid = (uid_t)s.id;
	}
	if (group_name && *group_name) {
		gid = find_group(group, group_name, why, why_size);
		if (gid < 0)
			return -1;
		out->gid = (gid_t)gid;
	} else if (*s.found_name) {
		each_line(group, 4, add_membership, &s);
	}
	for (; more && *more; more++) {
		gid = find_group(group, *more, why, why_size);
		if (gid < 0)
			return -1;
		add_group(out, (gid_t)gid);
	}
	return 0;
}
