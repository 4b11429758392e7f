/* One line of comma-separated values (RFC 4180), as flags such as --mount and --network take them. */
#ifndef PKG_CSV_H
#define PKG_CSV_H

#include "pkg/error.h"
#include "pkg/strlist.h"

/*
 * Append the fields of line to out; an empty line has one empty field. A field that begins with a
 * quote ends with one, and may hold commas and doubled quotes. 0, or -1 with ERR_BAD_REQUEST, worded
 * as Go's encoding/csv words it, after which out may hold fields.
 */
int csv_split(const char *line, struct strlist *out, struct error *err);

#endif
