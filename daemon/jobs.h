/* The handlers of the daemon's jobs, one file each; the table is in jobs.c, the contract in docs/jobs.md. */
#ifndef DAEMON_JOBS_H
#define DAEMON_JOBS_H

struct job;

int job_attach(struct job *job, void *self);
int job_commit(struct job *job, void *self);
int job_container_changes(struct job *job, void *self);
int job_container_inspect(struct job *job, void *self);
int job_containers(struct job *job, void *self);
int job_containers_prune(struct job *job, void *self);
int job_create(struct job *job, void *self);
int job_exec_create(struct job *job, void *self);
int job_exec_inspect(struct job *job, void *self);
int job_exec_resize(struct job *job, void *self);
int job_exec_start(struct job *job, void *self);
int job_export(struct job *job, void *self);
int job_image_delete(struct job *job, void *self);
int job_images_prune(struct job *job, void *self);
int job_info(struct job *job, void *self);
int job_kill(struct job *job, void *self);
int job_logs(struct job *job, void *self);
int job_network_connect(struct job *job, void *self);
int job_network_disconnect(struct job *job, void *self);
int job_pause(struct job *job, void *self);
int job_rename(struct job *job, void *self);
int job_resize(struct job *job, void *self);
int job_restart(struct job *job, void *self);
int job_rm(struct job *job, void *self);
int job_start(struct job *job, void *self);
int job_stop(struct job *job, void *self);
int job_system_df(struct job *job, void *self);
int job_top(struct job *job, void *self);
int job_unpause(struct job *job, void *self);
int job_update(struct job *job, void *self);
int job_wait_container(struct job *job, void *self); /* "wait" */

/* resize.c: the parameters h and w, which must be there; on failure the job has failed. */
int job_window(struct job *job, long long *rows, long long *cols);

#endif
