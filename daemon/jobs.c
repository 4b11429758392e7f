/* The daemon's jobs. To add one: its handler in a file of its own, a line in jobs.h, a row here. */
#include "daemon/jobs.h"

#include "daemon/internal.h"
#include "engine/engine.h"
#include "graph/graph.h"

static const struct handler jobs[] = {
	{ "attach", "CONTAINER", 1, 1, job_attach, 0 },
	{ "commit", "", 0, 0, job_commit, 0 },
	{ "container_changes", "CONTAINER", 1, 1, job_container_changes, 0 },
	{ "container_inspect", "CONTAINER", 1, 1, job_container_inspect, JOB_QUIET },
	{ "containers", "", 0, 0, job_containers, JOB_QUIET },
	{ "containers_prune", "", 0, 0, job_containers_prune, 0 },
	{ "create", "[NAME]", 0, 1, job_create, 0 },
	{ "exec_create", "CONTAINER", 1, 1, job_exec_create, 0 },
	{ "exec_inspect", "EXEC-ID", 1, 1, job_exec_inspect, JOB_QUIET },
	{ "exec_resize", "EXEC-ID", 1, 1, job_exec_resize, 0 },
	{ "exec_start", "EXEC-ID", 1, 1, job_exec_start, 0 },
	{ "export", "CONTAINER", 1, 1, job_export, 0 },
	{ "image_delete", "IMAGE", 1, 1, job_image_delete, 0 },
	{ "images_prune", "", 0, 0, job_images_prune, 0 },
	{ "info", "", 0, 0, job_info, JOB_QUIET },
	{ "kill", "CONTAINER", 1, 1, job_kill, 0 },
	{ "logs", "CONTAINER", 1, 1, job_logs, JOB_ENDLESS },
	{ "network_connect", "NETWORK", 1, 1, job_network_connect, 0 },
	{ "network_disconnect", "NETWORK", 1, 1, job_network_disconnect, 0 },
	{ "pause", "CONTAINER", 1, 1, job_pause, 0 },
	{ "rename", "CONTAINER", 1, 1, job_rename, 0 },
	{ "resize", "CONTAINER", 1, 1, job_resize, 0 },
	{ "restart", "CONTAINER", 1, 1, job_restart, 0 },
	{ "rm", "CONTAINER", 1, 1, job_rm, 0 },
	{ "start", "CONTAINER", 1, 1, job_start, 0 },
	{ "stop", "CONTAINER", 1, 1, job_stop, 0 },
	{ "system_df", "", 0, 0, job_system_df, 0 },
	{ "top", "CONTAINER", 1, 1, job_top, 0 },
	{ "unpause", "CONTAINER", 1, 1, job_unpause, 0 },
	{ "update", "CONTAINER", 1, 1, job_update, 0 },
	{ "wait", "CONTAINER", 1, 1, job_wait_container, JOB_ENDLESS },
	{ 0 },
};

int daemon_install(struct daemon *d, struct engine *e, struct error *err)
{
	if (engine_install(e, jobs, d, err) < 0)
		return -1;
	return graph_install(d->graph, e, err);
}
