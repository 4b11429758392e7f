/*
 * Init layers: between an image and the write layers of its containers, with the mount points that
 * every container needs, so that they are no change of the container's own. One per top layer, made
 * when it is first needed, by the role docker-initlayer: in a mount namespace of its own it mounts
 * the stack, makes it its root and walks no link of the image outside of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/init_role.h"
#include "graph/internal.h"
#include "pkg/buf.h"
#include "pkg/confine.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define ROLE "docker-initlayer"
#define BASE_INIT "base-init"

static const struct {
	const char *path;
	char kind;          /* d folder, f file, l link */
	const char *target; /* of a link */
} points[] = {
	{ "dev/pts", 'd', NULL },
	{ "dev/shm", 'd', NULL },
	{ "proc", 'd', NULL },
	{ "sys", 'd', NULL },
	{ ".dockerenv", 'f', NULL },
	{ "dev/console", 'f', NULL },
	{ "etc/hosts", 'f', NULL },
	{ "etc/hostname", 'f', NULL },
	{ "etc/resolv.conf", 'f', NULL },
	{ "etc/mtab", 'l', "/proc/mounts" },
};

/* Open the folder name, made in the place of whatever else is there. One that is there stays. */
static int enter_folder(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT && errno != EISDIR && errno != EPERM)
		return -1;
	if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		return -1;
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int make_leaf(int dir, const char *name, char kind, const char *target)
{
	struct stat st;
	int fd;

	if (kind == 'd') {
		fd = enter_folder(dir, name);
		return fd < 0 ? -1 : close(fd);
	}
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0; /* odd, but the image's own; Docker leaves it as well */
		if (unlinkat(dir, name, 0) < 0)
			return -1;
	}
	if (kind == 'l')
		return symlinkat(target, dir, name);
	return mknodat(dir, name, S_IFREG | 0755, 0);
}

static int make_point(const char *path, char kind, const char *target)
{
	autofree char *copy = xstrdup(path);
	autoclose int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *name = copy, *slash;

	while (dir >= 0 && (slash = strchr(name, '/'))) {
		int inner;

		*slash = '\0';
		inner = enter_folder(dir, name);
		close(dir);
		dir = inner;
		name = slash + 1;
	}
	return dir < 0 ? -1 : make_leaf(dir, name, kind, target);
}

/* argv: role, path and options of the mount. */
static int make_points(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	if (*argv[2] &&
	    (confine_unshare_mounts() < 0 ||
	     graphdriver_mount_at(argv[1], argv[2], argv[1], GRAPHDRIVER_MOUNT_VOLATILE) < 0)) {
		dprintf(STDERR_FILENO, "cannot mount the layer: %s", error_words(errno));
		return 1;
	}
	if (confine_enter(argv[1], confine_file_caps) < 0) {
		dprintf(STDERR_FILENO, "cannot give up privileges: %s", error_words(errno));
		return 1;
	}
	for (size_t i = 0; i < array_size(points); i++)
		if (make_point(points[i].path, points[i].kind, points[i].target) < 0) {
			dprintf(STDERR_FILENO, "cannot make /%s: %s", points[i].path,
				error_words(errno));
			return 1;
		}
	return 0;
}

/* Without the exit handlers of a program that this process is no whole one of. */
static int run_init(int argc, char **argv)
{
	_exit(make_points(argc, argv));
}

const struct reexec_role init_role = { ROLE, run_init };

static int run_role(const struct graphdriver_mount *m, struct error *err)
{
	autofree char *options = xstrdup(m->options ? m->options : "");
	autobuf struct buf said = BUF_INIT(4096);
	char role[] = ROLE, *argv[] = { role, m->path, options, NULL };
	int pipefd[2], rc;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return error_sys(err, "cannot make a pipe");
	rc = reexec_spawn(argv, &(struct proc_fd){ pipefd[1], STDERR_FILENO }, 1, &pid, NULL);
	close(pipefd[1]);
	if (rc < 0) {
		error_sys(err, "cannot start " ROLE);
	} else {
		while (buf_read(&said, pipefd[0], 1024) > 0)
			;
		if (proc_wait(pid) != 0)
			rc = error_set(err, ERR_INTERNAL, ROLE ": %s", buf_text(&said));
	}
	close(pipefd[0]);
	return rc;
}

char *init_name(const struct layer *l)
{
	return l ? xasprintf("%s-init", l->name) : xstrdup(BASE_INIT);
}

static int make(struct graph *g, const struct layer *l, const char *name, struct error *err)
{
	struct graphdriver_mount m = { 0 };
	autoclose int mark = -1;
	int rc;

	/* What an earlier attempt left is no use. */
	if (g->ops->remove(g->self, name, err) < 0 ||
	    g->ops->create(g->self, name, l ? l->name : NULL, true, err) < 0)
		return -1;
	rc = g->ops->mount(g->self, name, &m, err);
	if (rc == 0)
		rc = run_role(&m, err);
	graphdriver_mount_done(&m);
	if (rc == 0) {
		mark = openat(g->inits_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (mark < 0)
			rc = error_sys(err, "cannot mark layer %s", name);
	}
	if (rc < 0)
		(void)g->ops->remove(g->self, name, NULL); /* without a mark it goes at open */
	return rc;
}

char *init_ensure(struct graph *g, struct layer *l, struct error *err)
{
	enum init_state *state = l ? &l->init : &g->base_init;
	autofree char *name = init_name(l);
	int rc = 0;

	pthread_mutex_lock(&g->lock);
	while (*state == INIT_BUSY)
		pthread_cond_wait(&g->changed, &g->lock);
	if (*state == INIT_NONE) {
		*state = INIT_BUSY;
		pthread_mutex_unlock(&g->lock);
		rc = make(g, l, name, err);
		pthread_mutex_lock(&g->lock);
		*state = rc < 0 ? INIT_NONE : INIT_READY;
		pthread_cond_broadcast(&g->changed);
	}
	pthread_mutex_unlock(&g->lock);
	return rc < 0 ? NULL : take_ptr(&name);
}

/* Is there a complete one on the disk? Only at open. */
static enum init_state state_on_disk(struct graph *g, const struct layer *l)
{
	autofree char *name = init_name(l);

	if (g->ops->exists(g->self, name) && faccessat(g->inits_fd, name, F_OK, 0) == 0)
		return INIT_READY;
	if (unlinkat(g->inits_fd, name, 0) < 0 && errno != ENOENT)
		log_warn("cannot unmark layer %s: %s, ignoring", name, error_words(errno));
	return INIT_NONE;
}

void init_load(struct graph *g)
{
	void *value;
	size_t pos = 0;

	g->base_init = state_on_disk(g, NULL);
	while (map_next(&g->layers, &pos, &value))
		((struct layer *)value)->init = state_on_disk(g, value);
}

void init_forget(struct graph *g, const char *layer_name)
{
	autofree char *name = xasprintf("%s-init", layer_name);
	struct error err;

	if (unlinkat(g->inits_fd, name, 0) < 0 && errno != ENOENT)
		log_warn("cannot unmark layer %s: %s, ignoring", name, error_words(errno));
	if (g->ops->remove(g->self, name, &err) < 0)
		log_warn("%s, ignoring", err.text);
}
