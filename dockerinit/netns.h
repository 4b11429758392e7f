/*
 * A container's network namespace, entered by the monitor for the length of a few system calls.
 *
 *	int ns = netns_open(pid);
 *	if (netns_enter(ns) < 0) ...
 *	fd = socket(...);            // belongs to the container's namespace from here on
 *	netns_leave();               // keeps errno
 *
 * The monitor is single-threaded and lives in the host's namespace: nothing between the two may
 * return early.
 */
#ifndef DOCKERINIT_NETNS_H
#define DOCKERINIT_NETNS_H

#include <stdbool.h>
#include <sys/types.h>

/* The namespace of a process, which lives on while the descriptor does. -1 and errno. */
int netns_open(pid_t pid);
/* Is it our own, the host's? */
bool netns_is_ours(int ns);
/* 0; or -1 and errno, and then we are where we were. Not nested. */
int netns_enter(int ns);
/* Back. A monitor that cannot go back ends, and its container with it. */
void netns_leave(void);
/* A socket that belongs to the namespace (-1: to ours), close-on-exec. -1 and errno. */
int netns_socket(int ns, int family, int type, int protocol);

#endif
