/* The runtime record of a container: see record.h. */
#include "daemon/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/disk.h"
#include "daemon/internal.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"

#define RECORD_MAX (32 << 20) /* bytes: with every port of both families published */
#define PAGE 4096

int record_open(struct daemon *d, struct error *err)
{
	autobuf struct buf b = BUF_INIT(256);

	d->records_dir = xasprintf("%s/records", d->config.exec_root);
	if (fs_mkdir_p(d->records_dir, 0700) < 0)
		return error_sys(err, "cannot create \"%s\"", d->records_dir);
	if (fs_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &b) < 0)
		return error_sys(err, "cannot tell one boot from another");
	d->boot_id = xstrndup(buf_text(&b), strcspn(buf_text(&b), "\n"));
	return 0;
}

static char *path_of(const struct daemon *d, const struct container *c)
{
	return xasprintf("%s/%s", d->records_dir, c->id);
}

/* One line. */
static char *text_of(const struct daemon *d, struct container *c)
{
	autojson json_t *j = json_pack("{s:s}", "Boot", d->boot_id);
	autofree char *text = NULL;

	pthread_mutex_lock(&c->lock);
	json_object_set_new(j, "State", state_json(&c->state, true));
	json_object_set_new(j, "NetworkSettings",
			    c->network ? json_incref(c->network) : json_null());
	json_object_set_new(j, "RestartCount", json_integer(c->restart_count));
	c->unsynced = true;
	pthread_mutex_unlock(&c->lock);
	text = json_text(j);
	return xasprintf("%s\n", text);
}

/* What a longer one before it leaves behind the line is cut off, or not looked at. */
static int overwrite(const char *path, const char *text, ssize_t n)
{
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 || pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n) < 0 ? -1 : 0;
}

int record_save(struct daemon *d, struct container *c, struct error *err)
{
	autofree char *path = path_of(d, c), *text = text_of(d, c);
	size_t n = strlen(text);
	/* A kill between two pages would leave half of it. */
	int rc = n <= PAGE ? overwrite(path, text, (ssize_t)n)
			   : fs_save_atomic(AT_FDCWD, path, text, n, 0600, 0);

	if (rc < 0)
		return error_sys(err, "cannot write \"%s\"", path);
	disk_sync_later(d, c);
	return 0;
}

static json_t *read_record(const struct daemon *d, const struct container *c)
{
	autobuf struct buf b = BUF_INIT(RECORD_MAX);
	autofree char *path = path_of(d, c);

	if (fs_read_file(AT_FDCWD, path, &b) < 0)
		return NULL;
	return json_parse(buf_text(&b), strcspn(buf_text(&b), "\n"), NULL);
}

void record_load(struct daemon *d, struct container *c)
{
	autojson json_t *j = read_record(d, c);
	json_t *network = json_get_obj(j, "NetworkSettings");

	if (strcmp(json_get_str(j, "Boot", ""), d->boot_id) != 0 || !json_get_obj(j, "State"))
		return;
	container_set_json(c, &c->network, json_incref(network));
	pthread_mutex_lock(&c->lock);
	state_load(&c->state, json_get_obj(j, "State"));
	c->restart_count = (int)json_get_int(j, "RestartCount", 0);
	pthread_mutex_unlock(&c->lock);
}

void record_remove(struct daemon *d, struct container *c)
{
	autofree char *path = path_of(d, c);

	if (unlink(path) < 0 && errno != ENOENT)
		log_warn("cannot delete \"%s\": %s, left for the next start", path,
			 error_words(errno));
}

void record_sweep(struct daemon *d)
{
	DIR *dir = opendir(d->records_dir);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		struct container *c = store_get(d->store, e->d_name);

		if (!c && *e->d_name != '.')
			unlinkat(dirfd(dir), e->d_name, 0); /* tried again next time */
		container_unref(c);
	}
	if (dir)
		closedir(dir);
}
