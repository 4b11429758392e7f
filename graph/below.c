/* Looking up paths below an overlay layer: see below.h. */
#include "graph/below.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pkg/mem.h"
#include "pkg/strlist.h"

struct below {
	int upper;
	int *layers; /* the folders below, nearest first */
	size_t nlayers;
	char *folder; /* whose entries were looked up last, and where it is: nearest first */
	int *dirs;
	size_t ndirs;
};

bool below_is_opaque(int dir_fd)
{
	char value[2];

	return fgetxattr(dir_fd, "trusted.overlay.opaque", value, sizeof(value)) == 1 &&
	       value[0] == 'y';
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
}

static int open_layers(struct below *b, const char *root, const char *options, struct error *err)
{
	autoclose int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *lower = xstrndup(options, strcspn(options, ","));
	autostrlist struct strlist parts = STRLIST_INIT;

	strlist_split(&parts, strchr(lower, '=') + 1, ':');
	b->layers = xcalloc(parts.n, sizeof(int));
	for (size_t i = 0; i < parts.n; i++) {
		int fd = openat(root_fd, parts.v[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return error_sys(err, "cannot open layer %s", parts.v[i]);
		b->layers[b->nlayers++] = fd;
	}
	return 0;
}

struct below *below_new(const struct graphdriver_ops *ops, void *self, const char *id, int upper,
			struct error *err)
{
	struct below *b = xcalloc(1, sizeof(*b));
	struct graphdriver_mount m = { 0 };
	int rc = ops->mount(self, id, &m, err);

	b->upper = upper;
	if (rc == 0 && m.overlay)
		rc = open_layers(b, m.path, m.options, err);
	graphdriver_mount_done(&m);
	if (rc == 0)
		return b;
	below_free(b);
	return NULL;
}

void below_free(struct below *b)
{
	if (!b)
		return;
	close_all(b->layers, b->nlayers);
	close_all(b->dirs, b->ndirs);
	free(b->folder);
	free(b);
}

static int open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* From folders to their subfolders of that name, as far as nothing hides them. */
static int descend(const int *from, size_t nfrom, const char *name, int *to, size_t *nto)
{
	*nto = 0;
	for (size_t i = 0; i < nfrom; i++) {
		int fd = open_dir(from[i], name);

		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
			return 0; /* a whiteout, a file, a link: hides the folders under it */
		if (fd < 0)
			return -1;
		to[(*nto)++] = fd;
		if (below_is_opaque(fd))
			return 0;
	}
	return 0;
}

/* Go one folder down, in the layers below and in the upper one. */
static int step(struct below *b, int *upper, int **dirs, size_t *ndirs, const char *name)
{
	int *deeper = xcalloc(b->nlayers + 1, sizeof(int));
	size_t ndeeper = 0;
	int inner = open_dir(*upper, name), rc = 0;

	/* A folder that vanished meanwhile has nothing below it that would matter. */
	if (inner >= 0 && !below_is_opaque(inner))
		rc = descend(*dirs, *ndirs, name, deeper, &ndeeper);
	close_all(*dirs, *ndirs);
	*dirs = deeper;
	*ndirs = ndeeper;
	if (*upper != b->upper)
		close(*upper);
	*upper = inner < 0 ? b->upper : inner;
	return rc;
}

static int *copy_layers(const struct below *b)
{
	int *fds = xcalloc(b->nlayers + 1, sizeof(int));

	for (size_t i = 0; i < b->nlayers; i++)
		fds[i] = fcntl(b->layers[i], F_DUPFD_CLOEXEC, 3);
	return fds;
}

/* Find out where a folder is. */
static int enter(struct below *b, const char *folder)
{
	autostrlist struct strlist parts = STRLIST_INIT;
	int *dirs = copy_layers(b), upper = b->upper, rc = 0;
	size_t ndirs = b->nlayers;

	strlist_split(&parts, folder, '/');
	for (size_t i = 0; rc == 0 && *folder && i < parts.n; i++)
		rc = step(b, &upper, &dirs, &ndirs, parts.v[i]);
	if (upper != b->upper)
		close(upper);
	close_all(b->dirs, b->ndirs);
	b->dirs = dirs;
	b->ndirs = ndirs;
	free(b->folder);
	b->folder = rc < 0 ? NULL : xstrdup(folder);
	return rc;
}

int below_lookup(struct below *b, const char *path, struct stat *st)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	autofree char *folder = xstrndup(path, slash ? (size_t)(slash - path) : 0);

	if ((!b->folder || strcmp(b->folder, folder) != 0) && enter(b, folder) < 0)
		return -1;
	for (size_t i = 0; i < b->ndirs; i++) {
		if (fstatat(b->dirs[i], base, st, AT_SYMLINK_NOFOLLOW) == 0)
			return !(S_ISCHR(st->st_mode) && st->st_rdev == 0);
		if (errno != ENOENT)
			return -1;
	}
	return 0;
}
