/*
 * An intrusive doubly linked list: for few elements, and for order. Embed a struct list in the
 * element; a head is a struct list of its own. No allocation, no locking.
 */
#ifndef PKG_LIST_H
#define PKG_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

/* Append el at the end of the list. */
static inline void list_add(struct list *head, struct list *el)
{
	el->prev = head->prev;
	el->next = head;
	head->prev->next = el;
	head->prev = el;
}

/* Unlink; the element is a list of its own again, so a second removal does no harm. */
static inline void list_del(struct list *el)
{
	el->prev->next = el->next;
	el->next->prev = el->prev;
	list_init(el);
}

#define list_entry(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define list_each(it, head) for ((it) = (head)->next; (it) != (head); (it) = (it)->next)
/* The current element may be removed inside the body. */
#define list_each_safe(it, tmp, head)                                                              \
	for ((it) = (head)->next, (tmp) = (it)->next; (it) != (head);                              \
	     (it) = (tmp), (tmp) = (it)->next)

#endif
