/*
 * The role docker-untar. One process, single-threaded: it reads a tar from stdin that nobody
 * trusts, in a chroot and with no more privileges than making files takes. The parent feeds it and
 * waits; see unpack.c.
 */
#include "graph/untar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/untar_internal.h"
#include "pkg/confine.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/path.h"

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

static int report(char what, const char *text)
{
	autofree char *line = xasprintf("%c%s", what, text);

	return fs_write_all(UNTAR_REPORT_FD, line, strlen(line) + 1);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int make_opaque(struct untar *u, const struct target *t, struct error *err)
{
	size_t n = (size_t)(t->base - t->path);
	autofree char *dir = xstrndup(t->path, n ? n - 1 : 0);

	if (u->kind == KIND_WHOLE)
		return untar_empty(u, dir, err);
	if (report(UNTAR_SAYS_OPAQUE, dir) < 0)
		return error_sys(err, "cannot report");
	return 0;
}

/* ".wh.NAME" says that NAME of the layers below is gone. */
static int make_whiteout(struct untar *u, struct target *t, struct error *err)
{
	autofree char *path = NULL;
	const char *name = t->base + strlen(WHITEOUT);

	if (strcmp(t->base, WHITEOUT_OPAQUE) == 0)
		return make_opaque(u, t, err);
	if (strncmp(t->base, WHITEOUT_META, strlen(WHITEOUT_META)) == 0)
		return 0; /* bookkeeping of aufs */
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid whiteout \"%s\"", t->path);
	path = xasprintf("%.*s%s", (int)(t->base - t->path), t->path, name);
	t->path = path;
	t->base = base_of(path);
	if (untar_remove(u, t, err) < 0)
		return -1;
	if (u->kind == KIND_OVERLAY && mknodat(t->dir, t->base, S_IFCHR, 0) < 0)
		return error_sys(err, "cannot create whiteout %s", t->path);
	return 0;
}

static int unpack_entry(struct untar *u, struct tar_reader *r, struct tar_entry *e,
			struct error *err)
{
	struct target t;

	path_clean(e->name);
	if (untar_locate(u, e->name, &t, err) < 0)
		return -1;
	if (u->kind != KIND_FILES && strncmp(t.base, WHITEOUT, strlen(WHITEOUT)) == 0)
		return make_whiteout(u, &t, err);
	return untar_make(u, r, e, &t, err);
}

/* The times of folders, now that nothing is put into them any more. */
static int set_folder_times(struct untar *u, struct error *err)
{
	const char *path;
	void *value;
	size_t pos = 0;

	while ((path = map_next(&u->made, &pos, &value))) {
		const struct made *m = value;
		struct timespec times[2] = { m->mtime, m->mtime };
		autoclose int fd = -1;

		if (m->type != TAR_DIR)
			continue;
		fd = path_open_in_root(u->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
			continue; /* replaced later in the archive */
		if (fd < 0 || futimens(fd, times) < 0)
			return error_sys(err, "cannot set the times of %s", path);
	}
	return 0;
}

static ssize_t read_stdin(void *from, void *p, size_t n)
{
	ssize_t got;

	(void)from;
	do
		got = read(STDIN_FILENO, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

static int unpack_all(struct untar *u, struct error *err)
{
	struct tar_reader *r = tar_reader_new(read_stdin, NULL);
	struct tar_entry *e;
	int rc;

	if (u->record)
		tar_reader_set_raw(r, record_raw, u->record);
	while ((rc = tar_next(r, &e, err)) > 0)
		if (unpack_entry(u, r, e, err) < 0)
			break;
	if (rc == 0)
		rc = tar_drain(r, err);
	tar_reader_free(r);
	if (rc != 0)
		return -1;
	if (u->record && record_end(u->record) < 0)
		return error_sys(err, "cannot record the archive");
	return set_folder_times(u, err);
}

static int enter(struct untar *u, const char *kind, const char *dir, struct error *err)
{
	uint64_t keep = confine_file_caps;

	if (strcmp(kind, UNTAR_OVERLAY) == 0) {
		u->kind = KIND_OVERLAY;
	} else if (strcmp(kind, UNTAR_WHOLE) == 0) {
		u->kind = KIND_WHOLE;
	} else {
		u->kind = KIND_FILES;
		keep = 0;
	}
	if (confine_enter(dir, keep) < 0)
		return error_sys(err, "cannot give up privileges");
	u->root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return u->root < 0 ? error_sys(err, "cannot open the folder") : 0;
}

static int untar(int argc, char **argv)
{
	struct untar u = { .root = -1, .parent_fd = -1 };
	struct error err = { 0 };
	char size[24];

	if (argc < 3)
		return 2;
	if (argc > 3)
		u.record = record_new(UNTAR_RECORD_FD);
	if (enter(&u, argv[1], argv[2], &err) < 0 || unpack_all(&u, &err) < 0) {
		(void)report(err.kind == ERR_BAD_REQUEST ? UNTAR_SAYS_BAD : UNTAR_SAYS_FAILED,
			     err.text); /* the exit status says that it failed */
		return 1;
	}
	if (u.has_root && report(UNTAR_SAYS_ROOT, "") < 0)
		return 1;
	snprintf(size, sizeof(size), "%lld", (long long)u.size);
	return report(UNTAR_SAYS_SIZE, size) < 0; /* memory goes with the process */
}

/* Without the exit handlers of a program that this process is no whole one of. */
static int run_untar(int argc, char **argv)
{
	_exit(untar(argc, argv));
}

const struct reexec_role untar_role = { UNTAR_ROLE, run_untar };
