/* Copying whole folders, as exactly as a file system can. */
#ifndef PKG_COPYTREE_H
#define PKG_COPYTREE_H

/*
 * Copy what is in folder from into the existing folder to, and give to the owner, mode, xattrs and
 * times of from: hard links stay hard links, devices, FIFOs, xattrs and times to the nanosecond are
 * kept, sockets are left out, data is shared where the file system can (FICLONE). Links are never
 * followed. At most 128 folders deep (ENAMETOOLONG). 0, or -1 with errno: part of it is there then.
 */
int copytree(int from, int to);

/* Copy one regular file's bytes between open files, shared or in the kernel where possible. */
int copytree_data(int from, int to);

/* Copy all xattrs that the target's file system takes. */
int copytree_xattrs(int from, int to);

#endif
