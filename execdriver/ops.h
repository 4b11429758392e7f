/* What a driver implements. Only for drivers and driver.c; users see driver.h. */
#ifndef EXECDRIVER_OPS_H
#define EXECDRIVER_OPS_H

#include "execdriver/driver.h"

/* Each has the meaning of the function execdriver_NAME of driver.h. */
struct execdriver_ops {
	const char *name;
	struct execdriver *(*open)(const struct execdriver_config *config, struct error *err);
	void (*close)(struct execdriver *d);
	int (*run)(struct execdriver *d, const struct exec_command *c,
		   const struct exec_attach *attach, size_t nattach, pid_t *pid, int *exit_code,
		   struct error *err);
	enum exec_adopt (*adopt)(struct execdriver *d, const char *id, pid_t *pid,
				 struct exec_exit *exit);
	void (*sweep)(struct execdriver *d, const struct strlist *known_ids);
	void (*cleanup)(struct execdriver *d, const char *id);
	int (*attach)(struct execdriver *d, const char *id, const char *exec_id,
		      const struct exec_attach *a, struct error *err);
	int (*resize)(struct execdriver *d, const char *id, const char *exec_id, unsigned rows,
		      unsigned cols, struct error *err);
	int (*signal)(struct execdriver *d, const char *id, const char *exec_id, int signo,
		      struct error *err);
	int (*exec)(struct execdriver *d, const char *id, const char *exec_id,
		    const struct exec_process *p, const struct exec_attach *attach, pid_t *pid,
		    int *exit_code, struct error *err);
	int (*network)(struct execdriver *d, const char *id, const struct exec_network_change *c,
		       struct error *err);
	int (*freeze)(struct execdriver *d, const char *id, bool frozen, struct error *err);
	int (*update)(struct execdriver *d, const char *id, const struct exec_resources *r,
		      struct error *err);
	int (*pids)(struct execdriver *d, const char *id, pid_t **pids, size_t *n,
		    struct error *err);
	char *(*cgroup_path)(struct execdriver *d, const char *id, const char *controller);
	const struct exec_features *(*features)(const struct execdriver *d);
};

/* First member of every driver's own struct. */
struct execdriver {
	const struct execdriver_ops *ops;
	struct execdriver_listener listener;
};

extern const struct execdriver_ops execdriver_native;

#endif
