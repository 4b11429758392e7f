/* The jobs of the image store, one function each; docs/jobs.md is the contract. */
#ifndef GRAPH_JOBS_H
#define GRAPH_JOBS_H

struct job;

int job_images(struct job *job, void *self);
int job_image_export(struct job *job, void *self);
int job_image_inspect(struct job *job, void *self);
int job_image_tarlayer(struct job *job, void *self);
int job_history(struct job *job, void *self);
int job_tag(struct job *job, void *self);
int job_import(struct job *job, void *self);
int job_load(struct job *job, void *self);
int job_pull(struct job *job, void *self);
int job_push(struct job *job, void *self);
int job_viz(struct job *job, void *self);

#endif
