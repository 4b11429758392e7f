/*
 * Unpacking tars in a confined child: the role docker-untar. What the two sides agree on.
 */
#ifndef GRAPH_UNTAR_H
#define GRAPH_UNTAR_H

#include "pkg/reexec.h"

extern const struct reexec_role untar_role;

/* argv: role, kind, folder, "record" when there is an UNTAR_RECORD_FD. */
#define UNTAR_ROLE "docker-untar"
#define UNTAR_OVERLAY "overlay" /* the change of an overlay layer: whiteouts become devices */
#define UNTAR_WHOLE "whole"     /* on top of a full copy of the parent: whiteouts delete */
#define UNTAR_FILES "files"     /* no layer: plain files and folders, ours, without privileges */

/* stdin is the tar. The report goes to a file, so that nobody waits for a reader. */
#define UNTAR_REPORT_FD 3
#define UNTAR_RECORD_FD 4

/* A report is a sequence of texts that end with NUL, the first letter of which says what they are. */
#define UNTAR_SAYS_SIZE 'S'   /* bytes of all files, decimal: the last one, on success */
#define UNTAR_SAYS_ROOT 'R'   /* (empty) the archive says what the root folder is like */
#define UNTAR_SAYS_OPAQUE 'O' /* path of a folder that hides what is below it */
#define UNTAR_SAYS_BAD 'B'    /* the archive is bad: a sentence */
#define UNTAR_SAYS_FAILED 'F' /* anything else failed: a sentence */

#endif
