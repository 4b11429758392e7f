/*
 * The job `load`. The archive is unpacked as it comes, by a child without privileges, into a folder
 * under <root>/tmp, which the disk alone bounds; there the images are found.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/jobs.h"
#include "graph/load.h"
#include "graph/untar.h"
#include "pkg/id.h"
#include "pkg/log.h"
#include "pkg/mem.h"

static ssize_t read_job(void *from, void *p, size_t n)
{
	return input_read(from, p, n);
}

static int unpack_archive(struct load *l, const char *dir, struct error *err)
{
	struct unpack u = {
		.kind = UNTAR_FILES,
		.dir = dir,
		.record_fd = -1,
		.read = read_job,
		.from = job_in(l->job),
	};
	struct unpacked unused;

	if (mkdir(dir, 0700) < 0)
		return error_sys(err, "cannot create %s", dir);
	if (unpack(&u, &unused, err) < 0)
		return -1;
	l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l->dir < 0 ? error_sys(err, "cannot open %s", dir) : 0;
}

static int load_archive(struct load *l, struct error *err)
{
	if (load_has(l, "manifest.json"))
		return load_docker(l, err);
	if (load_has(l, "index.json"))
		return load_oci(l, err);
	if (load_has(l, "repositories"))
		return load_legacy(l, err);
	return error_set(err, ERR_BAD_REQUEST, "invalid archive: does not contain a manifest.json");
}

int job_load(struct job *job, void *self)
{
	struct load l = { .g = self, .job = job, .dir = -1 };
	struct error err = { 0 };
	autofree char *dir = NULL;
	char random[17];
	int rc;

	l.quiet = env_get_bool(job_env(job), "quiet");
	id_random_hex(random, 8);
	dir = xasprintf("%s/tmp/load-%s", l.g->root, random);
	rc = unpack_archive(&l, dir, &err);
	if (rc == 0)
		rc = load_archive(&l, &err);
	if (l.dir >= 0)
		close(l.dir);
	if (trash_put(l.g->trash, AT_FDCWD, dir) < 0)
		log_warn("cannot remove %s: %s, ignoring", dir, error_words(errno));
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
