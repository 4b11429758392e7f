/* Which graph drivers there are, and the choice of one: see driver.h. */
#include "graphdriver/driver.h"

#include <stdlib.h>
#include <string.h>

#include "graphdriver/internal.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

struct graphdriver {
	const struct graphdriver_ops *ops;
	void *self;
};

/* In the order in which they are probed. */
static const struct graphdriver_ops *const drivers[] = { &overlay_ops, &vfs_ops };

/* Names that users know for the same thing. */
static const char *canonical_name(const char *name)
{
	return strcmp(name, "overlay2") == 0 ? "overlay" : name;
}

static const struct graphdriver_ops *find(const char *name)
{
	for (size_t i = 0; i < array_size(drivers); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return NULL;
}

/* Open a driver that the caller knows to work here. */
static struct graphdriver *open_driver(const struct graphdriver_ops *ops, const char *dir,
				       char *const *options, struct error *err)
{
	void *self = ops->open(dir, options, err);
	struct graphdriver *d;

	if (!self)
		return NULL;
	d = xcalloc(1, sizeof(*d));
	d->ops = ops;
	d->self = self;
	return d;
}

static struct graphdriver *open_named(const char *root, const char *name, char *const *options,
				      struct error *err)
{
	const struct graphdriver_ops *ops = find(canonical_name(name));
	autofree char *dir = ops ? xasprintf("%s/%s", root, ops->name) : NULL;

	if (!ops) {
		error_set(err, ERR_BAD_REQUEST, "graph driver \"%s\" is not supported", name);
		return NULL;
	}
	if (!ops->probe(dir)) {
		error_set(err, ERR_INTERNAL, "graph driver %s: this kernel cannot mount it on %s",
			  ops->name, root);
		return NULL;
	}
	return open_driver(ops, dir, options, err);
}

struct graphdriver *graphdriver_open(const char *root, const char *name, char *const *options,
				     struct error *err)
{
	if (fs_mkdir_p(root, 0711) < 0) {
		error_sys(err, "cannot create %s", root);
		return NULL;
	}
	if (name && *name)
		return open_named(root, name, options, err);
	for (size_t i = 0; i < array_size(drivers); i++) {
		autofree char *dir = xasprintf("%s/%s", root, drivers[i]->name);

		if (fs_exists(dir))
			return open_named(root, drivers[i]->name, options, err);
	}
	for (size_t i = 0; i < array_size(drivers); i++) {
		autofree char *dir = xasprintf("%s/%s", root, drivers[i]->name);

		if (drivers[i]->probe(dir))
			return open_driver(drivers[i], dir, options, err);
	}
	error_set(err, ERR_INTERNAL, "no graph driver works on %s", root);
	return NULL;
}

void graphdriver_close(struct graphdriver *d)
{
	if (!d)
		return;
	d->ops->close(d->self);
	free(d);
}

const char *graphdriver_name(const struct graphdriver *d)
{
	return d->ops->name;
}

const struct graphdriver_ops *graphdriver_ops(const struct graphdriver *d)
{
	return d->ops;
}

void *graphdriver_self(const struct graphdriver *d)
{
	return d->self;
}

void graphdriver_mount_done(struct graphdriver_mount *m)
{
	free(m->path);
	free(m->options);
	*m = (struct graphdriver_mount){ 0 };
}
