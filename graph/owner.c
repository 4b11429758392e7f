/*
 * A store of its own for each graph driver. What a layer is called, and whether it is there, is the
 * driver's, so another driver would take every image for a broken one. graph/ is the store of the
 * driver in graph/driver; those of the others wait beside it, as graph-DRIVER, until they are asked
 * for again. Two renames change places; whatever is missing between them is made up for at the next
 * open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "graph/internal.h"
#include "pkg/fs.h"
#include "pkg/log.h"
#include "pkg/mem.h"

/* The driver whose store is in graph/; "" when that is not known, or there is none. Caller frees. */
static char *owner_of(const char *graph)
{
	autofree char *mark = xasprintf("%s/driver", graph);
	autobuf struct buf name = BUF_INIT(64);

	if (fs_read_file(AT_FDCWD, mark, &name) < 0 || strchr(buf_text(&name), '/'))
		return xstrdup("");
	return xstrdup(buf_text(&name));
}

static int move(const char *from, const char *to, struct error *err)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0)
		return error_sys(err, "cannot move %s to %s", from, to);
	return 0;
}

static int mark_own(const char *graph, const char *driver, struct error *err)
{
	autofree char *mark = xasprintf("%s/driver", graph);

	if (fs_mkdir_p(graph, 0700) < 0 ||
	    fs_save_atomic(AT_FDCWD, mark, driver, strlen(driver), 0600, FS_SAVE_SYNC) < 0)
		return error_sys(err, "cannot write %s", mark);
	return 0;
}

int owner_take(const char *root, const char *driver, struct error *err)
{
	autofree char *graph = xasprintf("%s/graph", root), *owner = owner_of(graph);
	autofree char *own = xasprintf("%s-%s", graph, driver);
	autofree char *other = xasprintf("%s-%s", graph, owner);

	if (strcmp(owner, driver) == 0)
		return 0;
	if (*owner) {
		log_info("the images of storage driver %s stay in %s", owner, other);
		if (move(graph, other, err) < 0)
			return -1;
	}
	if (!fs_exists(graph) && fs_exists(own))
		return move(own, graph, err);
	return mark_own(graph, driver, err);
}
