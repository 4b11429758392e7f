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
	char *note; /* or NULL */
};

/* In the order in which they are probed: what shares the most first, what always works last. */
static const struct graphdriver_ops *const drivers[] = { &overlay_ops, &btrfs_ops, &vfs_ops };

/* What Docker calls overlay2 is ours as well, though its folders are laid out in another way. */
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
static struct graphdriver *open_driver(const struct graphdriver_ops *ops, const char *root,
				       char *const *options, struct error *err)
{
	autofree char *dir = xasprintf("%s/%s", root, ops->name);
	struct graphdriver *d;
	void *self;

	if (prior_check_layout(dir, ops->name, err) < 0)
		return NULL;
	self = ops->open(dir, options, err);
	if (!self)
		return NULL;
	d = xcalloc(1, sizeof(*d));
	d->ops = ops;
	d->self = self;
	return d;
}

static int probe(const struct graphdriver_ops *ops, const char *root, struct error *err)
{
	autofree char *dir = xasprintf("%s/%s", root, ops->name);

	return ops->probe(dir, err);
}

static int refuse(const char *name, struct error *err)
{
	autofree char *why = unsupported_reason(name);

	return error_set(err, ERR_BAD_REQUEST, "driver not supported: %s%s%s%s", name,
			 why ? " (" : "", why ? why : "", why ? ")" : "");
}

static struct graphdriver *open_named(const char *root, const char *name, char *const *options,
				      struct error *err)
{
	const struct graphdriver_ops *ops = find(canonical_name(name));

	if (!ops) {
		refuse(name, err);
		return NULL;
	}
	return probe(ops, root, err) < 0 ? NULL : open_driver(ops, root, options, err);
}

/* vfs costs time and disk, so whoever did not ask for it is told why they have it. */
static char *vfs_note(const char *root, bool is_prior)
{
	struct error err;

	if (probe(drivers[0], root, &err) < 0)
		return xstrdup(err.text);
	return is_prior ? xasprintf("%s/%s was in use already (%s would work here)", root,
				    vfs_ops.name, drivers[0]->name)
			: NULL;
}

static struct graphdriver *noted(struct graphdriver *d, const char *root, bool is_prior)
{
	if (d && d->ops == &vfs_ops)
		d->note = vfs_note(root, is_prior);
	return d;
}

static struct graphdriver *open_prior(const char *root, const char *name, char *const *options,
				      struct error *err)
{
	struct graphdriver *d = open_named(root, name, options, err);

	if (!d)
		error_prefix(err, "prior storage driver %s failed", name);
	return noted(d, root, true);
}

static struct graphdriver *open_first(const char *root, char *const *options, struct error *err)
{
	for (size_t i = 0; i < array_size(drivers); i++)
		if (probe(drivers[i], root, err) == 0)
			return noted(open_driver(drivers[i], root, options, err), root, false);
	error_prefix(err, "No supported storage backend found"); /* after the last one's reason */
	return NULL;
}

struct graphdriver *graphdriver_open(const char *root, const char *name, char *const *options,
				     struct error *err)
{
	const char *names[array_size(drivers) + 1] = { NULL }, *prior;

	if (fs_mkdir_p(root, 0711) < 0) {
		error_sys(err, "cannot create %s", root);
		return NULL;
	}
	if (name && *name)
		return open_named(root, name, options, err);
	for (size_t i = 0; i < array_size(drivers); i++)
		names[i] = drivers[i]->name;
	prior = prior_driver(root, names, err);
	if (!prior)
		return NULL;
	return *prior ? open_prior(root, prior, options, err) : open_first(root, options, err);
}

void graphdriver_close(struct graphdriver *d)
{
	if (!d)
		return;
	d->ops->close(d->self);
	free(d->note);
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

const char *graphdriver_note(const struct graphdriver *d)
{
	return d->note;
}

void graphdriver_mount_done(struct graphdriver_mount *m)
{
	free(m->path);
	free(m->options);
	*m = (struct graphdriver_mount){ 0 };
}
