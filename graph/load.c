/* What all kinds of archives have in common: see load.h. */
#include "graph/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "graph/config.h"
#include "graph/target.h"
#include "pkg/id.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parallel.h"
#include "pkg/path.h"

#define PROGRESS_NS 100000000 /* between two progress objects */
#define THREADS 3

bool load_has(const struct load *l, const char *path)
{
	return faccessat(l->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int load_open(const struct load *l, const char *path, struct error *err)
{
	autoclose int fd = path_open_in_root(l->dir, path, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid archive: open %s: %s", path,
				 error_words(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, ERR_BAD_REQUEST, "invalid archive: %s is no file", path);
	return take_fd(&fd);
}

/* The digest that a file's name says it has: "blobs/sha256/HEX" or "HEX.json". False: none. */
static bool digest_of_name(const char *path, char out[DIGEST_SIZE])
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	autofree char *hex = xstrndup(base, strcspn(base, "."));

	if (!id_is_full(hex))
		return false;
	snprintf(out, DIGEST_SIZE, DIGEST_PREFIX "%.64s", hex);
	return true;
}

int load_read(const struct load *l, const char *path, struct buf *b, struct error *err)
{
	autoclose int fd = load_open(l, path, err);
	char want[DIGEST_SIZE], have[DIGEST_SIZE];
	ssize_t n;

	if (fd < 0)
		return -1;
	while ((n = buf_read(b, fd, 65536)) > 0)
		;
	if (n < 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid archive: %s: %s", path,
				 error_words(errno));
	digest_of(buf_text(b), b->len, have);
	if (digest_of_name(path, want) && strcmp(want, have) != 0)
		return error_set(err, ERR_BAD_REQUEST, "invalid archive: %s has digest %s", path,
				 have);
	return 0;
}

json_t *load_read_json(const struct load *l, const char *path, struct error *err)
{
	autobuf struct buf text = BUF_INIT(CONFIG_MAX);
	json_t *j;

	if (load_read(l, path, &text, err) < 0)
		return NULL;
	j = json_parse(buf_text(&text), text.len, err);
	if (!j)
		error_prefix(err, "invalid archive: %s", path);
	return j;
}

/* A layer's file on its way into the store. */
struct feeding {
	struct load *l;
	int fd;
	struct digest digest;
	const char *want; /* digest of the file, or NULL */
	const char *diff_id;
	int64_t total;
	struct timespec told;
};

static ssize_t feed(void *from, void *p, size_t n)
{
	struct feeding *f = from;
	ssize_t got;

	if (job_is_cancelled(f->l->job)) {
		errno = ECANCELED;
		return -1;
	}
	do
		got = read(f->fd, p, n);
	while (got < 0 && errno == EINTR);
	if (got > 0 && f->want)
		digest_add(&f->digest, p, (size_t)got);
	return got;
}

static void write_json(struct load *l, json_t *j)
{
	autojson json_t *owned = j;
	autofree char *text = json_text(owned);

	(void)job_printf(l->job, "%s\r\n", text); /* a client that left is seen by feed() */
}

static void show_progress(void *arg, int64_t bytes)
{
	struct feeding *f = arg;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (bytes < f->total && now.tv_sec == f->told.tv_sec &&
	    now.tv_nsec - f->told.tv_nsec < PROGRESS_NS)
		return;
	f->told = now;
	write_json(f->l, json_pack("{ss s{sI sI} so}", "status", "Loading layer", "progressDetail",
				   "current", (json_int_t)bytes, "total", (json_int_t)f->total,
				   "id", json_stringn(digest_hex(f->diff_id), 12)));
}

/* What follows the compressed stream counts for the digest as well. */
static int check_digest(void *from, struct error *err)
{
	struct feeding *f = from;
	autofree char *rest = NULL;
	char have[DIGEST_SIZE];
	ssize_t n;

	if (!f->want)
		return 0;
	rest = xmalloc(65536);
	while ((n = feed(f, rest, 65536)) > 0)
		;
	digest_end(&f->digest, have);
	if (n == 0 && strcmp(have, f->want) == 0)
		return 0;
	return error_set(err, ERR_BAD_REQUEST, "invalid archive: blob %s has digest %s", f->want,
			 have);
}

/* The layers of one image on their way. */
struct stack {
	struct load *l;
	const struct load_image *image;
	const json_t *diffs;
	struct layer *top; /* of what is there so far, a reference */
	size_t first;      /* that is not there */
};

static const char *diff_of(const struct stack *s, size_t i)
{
	return json_string_value(json_array_get(s->diffs, i));
}

/* Unpack one: where it waits for what it stands on, or, when the driver cannot, onto that. */
static int unpack_layer(struct stack *s, size_t i, struct layer **made, struct error *err)
{
	struct load *l = s->l;
	const char *diff = diff_of(s, i);
	const char *want = s->image->digests.n ? s->image->digests.v[i] : NULL;
	autoclose int fd = load_open(l, s->image->layers.v[i], err);
	struct feeding f = { .l = l, .fd = fd, .diff_id = diff };
	struct layer_source src = {
		.read = feed, .from = &f, .diff_id = diff, .check = check_digest
	};
	struct stat st;

	if (fd < 0)
		return -1;
	f.want = want && strcmp(want, diff) != 0 ? want : NULL; /* else it is checked already */
	digest_init(&f.digest);
	if (!l->quiet && fstat(fd, &st) == 0) {
		f.total = st.st_size;
		src.progress = show_progress;
		src.progress_arg = &f;
	}
	if (ready_is_supported(l->g))
		return ready_add(l->g, &src, NULL, err);
	*made = layer_add(l->g, s->top, &src, err);
	return *made ? 0 : -1;
}

static int make_ready(void *arg, size_t i, struct error *err)
{
	struct stack *s = arg;

	if (ready_has(s->l->g, diff_of(s, s->first + i)))
		return 0; /* from a load or pull that was broken off */
	return unpack_layer(s, s->first + i, NULL, err);
}

/* Put the next one on top. */
static int add_one(struct stack *s, size_t i, struct error *err)
{
	struct graph *g = s->l->g;
	const char *diff = diff_of(s, i);
	struct layer *next;
	char chain[DIGEST_SIZE];

	layer_chain_id(s->top ? s->top->chain : NULL, diff, chain);
	next = layer_get(g, chain);
	if (next)
		ready_drop(g, diff);
	if (!next && ready_is_supported(g)) {
		next = ready_adopt(g, s->top, diff, err);
		/* The same layer twice in one stack, or used up by another: once more. */
		if (!next && unpack_layer(s, i, NULL, err) == 0)
			next = ready_adopt(g, s->top, diff, err);
	} else if (!next && unpack_layer(s, i, &next, err) < 0) {
		return -1;
	}
	if (!next)
		return -1;
	layer_release(g, s->top); /* the next one holds it */
	s->top = next;
	return 0;
}

/* What the store has of it already, from the base on. */
static void take_known(struct stack *s, size_t n)
{
	char chain[DIGEST_SIZE];

	for (; s->first < n; s->first++) {
		struct layer *l;

		layer_chain_id(s->top ? s->top->chain : NULL, diff_of(s, s->first), chain);
		l = layer_get(s->l->g, chain);
		if (!l)
			return;
		layer_release(s->l->g, s->top);
		s->top = l;
	}
}

/* The whole stack; on success *top is a reference, or NULL for an image of nothing. */
static int add_layers(struct load *l, const struct load_image *i, const json_t *diffs,
		      struct layer **top, struct error *err)
{
	struct stack s = { .l = l, .image = i, .diffs = diffs };
	int rc = 0;

	take_known(&s, i->layers.n);
	if (ready_is_supported(l->g))
		rc = parallel_run(THREADS, i->layers.n - s.first, make_ready, &s, err);
	for (size_t k = s.first; rc == 0 && k < i->layers.n; k++)
		rc = add_one(&s, k, err);
	if (rc < 0)
		layer_release(l->g, take_ptr(&s.top));
	*top = s.top;
	return rc;
}

static int check_config(const struct load_image *i, const json_t *config, struct error *err)
{
	autostrlist struct strlist chains = STRLIST_INIT;
	const char *os = json_get_str(config, "os", "linux");

	if (*os && strcmp(os, "linux") != 0)
		return error_set(err, ERR_BAD_REQUEST, "cannot load %s image on linux", os);
	if (layer_chain_of_config(config, &chains, err) < 0)
		return -1;
	if (chains.n != i->layers.n)
		return error_set(err, ERR_BAD_REQUEST,
				 "invalid manifest, layers length mismatch: expected %zu, got %zu",
				 i->layers.n, chains.n);
	return 0;
}

int load_add(struct load *l, const struct load_image *i, char id[DIGEST_SIZE], struct error *err)
{
	autojson json_t *config = json_parse(i->config, i->nconfig, err);
	struct layer *top;
	int rc;

	if (!config || check_config(i, config, err) < 0)
		return -1;
	if (add_layers(l, i, json_get_arr(json_get_obj(config, "rootfs"), "diff_ids"), &top, err) <
	    0)
		return -1;
	rc = image_add(l->g, i->config, i->nconfig, i->parent, top, id, err);
	layer_release(l->g, top);
	return rc;
}

static void say(struct load *l, const char *fmt, const char *a, const char *b)
{
	autofree char *text = xasprintf("%s%s%s\n", fmt, a, b);

	write_json(l, json_pack("{ss}", "stream", text));
}

static int set_name(struct load *l, const char *id, const char *text, struct error *err)
{
	autoreference struct reference ref = REFERENCE_INIT;
	autofree char *name = NULL;
	char old[DIGEST_SIZE];

	if (target_parse(text, NULL, &ref, err) < 0 || names_set(l->g, &ref, id, old, err) < 0)
		return -1;
	name = reference_text(&ref);
	if (*old && strcmp(old, id) != 0) {
		autofree char *what =
			xasprintf("%s already exists, renaming the old one with ID ", name);

		say(l, "The image ", what, old);
	}
	say(l, "Loaded image: ", name, "");
	return 0;
}

int load_name(struct load *l, const char *id, const json_t *names, struct error *err)
{
	bool named = false;
	const json_t *v;
	size_t i;

	json_array_foreach(names, i, v) {
		if (!json_is_string(v))
			return error_set(err, ERR_BAD_REQUEST, "invalid tag in manifest");
		if (set_name(l, id, json_string_value(v), err) < 0)
			return -1;
		named = true;
	}
	if (!named)
		say(l, "Loaded image ID: ", id, "");
	graph_event(l->g, "load", id, id);
	return 0;
}
