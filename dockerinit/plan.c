/* Launch plans: see plan.h. Used on both sides, so it depends on nothing but buf. */
#include "dockerinit/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/fs.h"
#include "pkg/mem.h"

struct header {
	uint32_t tag, len;
};

void plan_writer_init(struct plan_writer *w)
{
	buf_init(&w->buf, PLAN_MAX);
	w->overflow = false;
}

void plan_writer_done(struct plan_writer *w)
{
	buf_done(&w->buf);
}

void plan_put_raw(struct plan_writer *w, enum plan_tag tag, const void *p, size_t n)
{
	struct header h = { tag, (uint32_t)n };
	static const char pad[8];

	if (n > PLAN_MAX || buf_add(&w->buf, &h, sizeof(h)) < 0 || buf_add(&w->buf, p, n) < 0 ||
	    buf_add(&w->buf, pad, -n & 7) < 0)
		w->overflow = true;
}

void plan_put(struct plan_writer *w, enum plan_tag tag, ...)
{
	autobuf struct buf fields = BUF_INIT(PLAN_MAX);
	const char *field;
	va_list ap;

	va_start(ap, tag);
	while ((field = va_arg(ap, const char *)))
		if (buf_add(&fields, field, strlen(field) + 1) < 0)
			w->overflow = true;
	va_end(ap);
	plan_put_raw(w, tag, fields.p, fields.len);
}

int plan_writer_memfd(struct plan_writer *w)
{
	autoclose int fd = memfd_create("docker-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (w->overflow) {
		errno = EFBIG;
		return -1;
	}
	if (fs_write_all(fd, w->buf.p, w->buf.len) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -1;
	return take_fd(&fd);
}

int plan_map(struct plan *plan, int memfd)
{
	struct stat st;
	void *p;

	if (fstat(memfd, &st) < 0)
		return -1;
	if (st.st_size <= 0 || st.st_size > PLAN_MAX) {
		errno = EINVAL;
		return -1;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, memfd, 0);
	if (p == MAP_FAILED)
		return -1;
	plan->p = p;
	plan->len = (size_t)st.st_size;
	return 0;
}

bool plan_next(struct plan_reader *r, struct plan_record *rec)
{
	const struct plan *plan = r->plan;
	struct header h;

	if (plan->len - r->at < sizeof(h))
		return false;
	memcpy(&h, plan->p + r->at, sizeof(h));
	if (h.len > plan->len - r->at - sizeof(h))
		return false;
	*rec = (struct plan_record){ (enum plan_tag)h.tag, plan->p + r->at + sizeof(h), h.len, 0 };
	r->at += sizeof(h) + h.len + (-h.len & 7);
	if (r->at > plan->len)
		r->at = plan->len;
	return true;
}

bool plan_next_of(struct plan_reader *r, enum plan_tag tag, struct plan_record *rec)
{
	while (plan_next(r, rec))
		if (rec->tag == tag)
			return true;
	return false;
}

const char *plan_field(struct plan_record *rec)
{
	const char *s = rec->p + rec->next;
	const char *end = rec->next < rec->len ? memchr(s, '\0', rec->len - rec->next) : NULL;

	if (!end)
		return "";
	rec->next += (size_t)(end - s) + 1;
	return s;
}

long long plan_number(struct plan_record *rec)
{
	return strtoll(plan_field(rec), NULL, 10);
}

bool plan_find(const struct plan *plan, enum plan_tag tag, struct plan_record *rec)
{
	struct plan_reader r = PLAN_READER(plan);

	return plan_next_of(&r, tag, rec);
}

bool plan_has(const struct plan *plan, enum plan_tag tag)
{
	struct plan_record rec;

	return plan_find(plan, tag, &rec);
}

const char *plan_get(const struct plan *plan, enum plan_tag tag)
{
	struct plan_record rec;

	return plan_find(plan, tag, &rec) ? plan_field(&rec) : NULL;
}

char **plan_list(const struct plan *plan, enum plan_tag tag)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;
	size_t n = 0;
	char **v;

	while (plan_next_of(&r, tag, &rec))
		n++;
	v = xcalloc(n + 1, sizeof(*v));
	r = PLAN_READER(plan);
	for (n = 0; plan_next_of(&r, tag, &rec); n++)
		v[n] = (char *)plan_field(&rec); /* execve(2) wants char *, and does not write */
	return v;
}
