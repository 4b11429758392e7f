/*
 * Threads for work that blocks: taken from a pool that grows on demand and shrinks when idle.
 * Stacks are 256 KiB, all signals are blocked, nothing is carried from one task to the next.
 */
#ifndef PKG_WORKERS_H
#define PKG_WORKERS_H

/* Run fn(arg) on a thread of the pool. 0, or -1 with EAGAIN when no thread can be had. */
int workers_run(void (*fn)(void *arg), void *arg);

#endif
