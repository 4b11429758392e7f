/* The table of the image store's jobs. */
#include "graph/jobs.h"

#include <stddef.h>

#include "graph/internal.h"

const struct handler graph_handlers[] = {
	{ "images", "", 0, 0, job_images, 0 },
	{ "image_export", "[IMAGE...]", 0, -1, job_image_export, 0 },
	{ "image_inspect", "IMAGE", 1, 1, job_image_inspect, 0 },
	{ "image_tarlayer", "IMAGE", 1, 1, job_image_tarlayer, 0 },
	{ "history", "IMAGE", 1, 1, job_history, 0 },
	{ "tag", "IMAGE REPO [TAG]", 2, 3, job_tag, 0 },
	{ "import", "SRC [REPO [TAG]]", 1, 3, job_import, 0 },
	{ "load", "", 0, 0, job_load, 0 },
	{ "pull", "IMAGE", 1, 1, job_pull, 0 },
	{ "push", "IMAGE", 1, 1, job_push, 0 },
	{ "viz", "", 0, 0, job_viz, 0 },
	{ NULL, NULL, 0, 0, NULL, 0 },
};
