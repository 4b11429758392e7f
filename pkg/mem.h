/*
 * Allocation that cannot fail, and scope-bound cleanup.
 *
 * Out of memory ends the program, so every size that a peer chooses must be capped before it
 * gets here. The auto* attributes release a local when it goes out of scope; initialise such a
 * local where it is declared (NULL, -1) and hand it over with take_ptr() or take_fd().
 */
#ifndef PKG_MEM_H
#define PKG_MEM_H

#include <stddef.h>
#include <stdlib.h>

/* All of these return memory that the caller frees, and never NULL. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void mem_free_ptr(void *pointer_to_pointer);
void mem_close_fd(int *fd);

#define autofree __attribute__((cleanup(mem_free_ptr)))
#define autoclose __attribute__((cleanup(mem_close_fd)))

/* The value of a local, which is left empty: ownership moves to whoever takes it. */
#define take_ptr(pp)                                                                               \
	({                                                                                         \
		typeof(*(pp)) taken_ = *(pp);                                                      \
		*(pp) = NULL;                                                                      \
		taken_;                                                                            \
	})
#define take_fd(fdp)                                                                               \
	({                                                                                         \
		int taken_ = *(fdp);                                                               \
		*(fdp) = -1;                                                                       \
		taken_;                                                                            \
	})
#define array_size(a) (sizeof(a) / sizeof((a)[0]))

#endif
