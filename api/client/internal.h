/* What the commands share: the client, a call, talk with the daemon. Not for other folders. */
#ifndef API_CLIENT_INTERNAL_H
#define API_CLIENT_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/client/client.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "pkg/buf.h"
#include "pkg/error.h"
#include "pkg/httpc.h"
#include "pkg/json.h"
#include "pkg/mflag.h"
#include "pkg/strlist.h"

enum exit_status {
	EXIT_BAD_TEMPLATE = 64,
	EXIT_DAEMON = 125,
	EXIT_CANNOT_INVOKE = 126,
	EXIT_NO_COMMAND = 127
};

struct tls;

struct client {
	const struct client_options *options;
	struct engine *engine;
	struct httpc *conn; /* kept alive for plain requests; NULL before the first */
	char version[16];   /* of the API, "1.44" */
	bool version_fixed; /* by DOCKER_API_VERSION: not lowered when the daemon is older */
	struct tls *tls;    /* made by the first connection that needs it */
	int status;         /* what to exit with; 0 with a failed command means 1 */
};

/* A command at work: its job, its flags in opts (as its table says), its positional arguments. */
struct call {
	struct client *client;
	struct job *job;
	const struct command *command;
	void *opts;
	char *const *flags_given; /* the arguments as they came, for mflag_given() */
	struct strlist args;
};

enum command_flags {
	CMD_FLAGS_FIRST = 1, /* flags end at the first positional argument: run, exec */
	CMD_RUNS = 2,        /* runs a process: exits with 125 when it cannot */
	CMD_HIDDEN = 4,
};

/*
 * Each command's file ends in one of these; commands.c gives it its name and help. run returns 0, or
 * -1 after call_fail() or a printed complaint. flags and opts may be NULL.
 */
struct command_impl {
	int (*run)(struct call *call);
	const struct mflag *flags;
	size_t opts_size;
	const void *defaults; /* opts_size bytes to start from; NULL: zeros */
	unsigned options;     /* enum command_flags */
};

struct command {
	const char *name, *usage, *help;
	int min_args, max_args; /* positional; max -1: no limit */
	const struct command_impl *impl;
};

/* By name or alias, "ps" or "container ls"; NULL when there is none. */
const struct command *command_find(const char *name);
/* All rows, up to one with a NULL name. */
const struct command *command_table(void);
/* The names under which a command can be called beside its own. */
const char *command_alias(size_t i, const char **target); /* NULL behind the last */
void command_print_usage(const struct command *cmd, struct buf *out);
/* `docker image` alone: what there is under it. False when nothing is. */
bool command_print_group(const char *group, struct buf *out);

/* One for each file of a command, or for each of its rows. */
extern const struct command_impl cmd_attach, cmd_build, cmd_commit, cmd_container_inspect,
	cmd_container_prune, cmd_cp, cmd_create, cmd_diff, cmd_events, cmd_exec, cmd_export,
	cmd_help, cmd_history, cmd_image_inspect, cmd_image_prune, cmd_images, cmd_import, cmd_info,
	cmd_inspect, cmd_kill, cmd_load, cmd_login, cmd_logout, cmd_logs, cmd_network_connect,
	cmd_network_create, cmd_network_disconnect, cmd_network_inspect, cmd_network_ls,
	cmd_network_prune, cmd_network_rm, cmd_pause, cmd_port, cmd_ps, cmd_pull, cmd_push,
	cmd_rename, cmd_restart, cmd_rm, cmd_rmi, cmd_run, cmd_save, cmd_search, cmd_start,
	cmd_stop, cmd_system_df, cmd_tag, cmd_top, cmd_unpause, cmd_update, cmd_version, cmd_wait;

/* Print a sentence on stderr, remember that something failed, go on. -1. */
int call_complain(struct call *call, const struct error *err);
/* For what the command line asks: with a pointer to the help, and 125, as run does always. -1. */
int call_refuse(struct call *call, const struct error *err);
int call_fail(struct call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same without a newline of its own or prefix: job's stdout, job's stderr. */
int call_out(struct call *call, const void *p, size_t n);
void call_warn(struct call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Ask on stdout; is the next line of stdin a "y"? */
bool call_confirmed(struct call *call, const char *question);
/* Do fn for each argument; complain about failures and go on. 0, or -1 when one failed. */
int call_each(struct call *call, int (*fn)(struct call *call, const char *arg, struct error *err));

/*
 * api.c: requests. Paths come without "/vX.Y"; every failure is a sentence ready to be printed:
 * "Error response from daemon: ...", "Cannot connect to the Docker daemon at ...".
 */

/* A path with one piece from outside: api_path(&b, "/containers/", name, "/json"). */
void api_path(struct buf *b, const char *before, const char *piece, const char *after);
void api_query(struct buf *b, const char *key, const char *value); /* appends ?key=value or & */
/* tls.c: is it asked for (TCP only)? The wrapper of httpc_set_wrap(), arg is the client. */
bool client_wants_tls(const struct client *c);
int client_wrap_tls(void *arg, int fd, struct error *err);
/* A new connection beside the kept one. NULL with err. */
struct httpc *api_connection(struct client *c, struct error *err);
/* Send, and receive the head on conn (NULL: the kept one). From status 400 on: -1, err from the body. */
int api_begin(struct client *c, struct httpc *conn, const struct httpc_request *req,
	      struct httpc_response *resp, struct error *err);
/* api_begin() in two steps, for requests on several connections at once. */
int api_send(struct client *c, struct httpc *conn, const struct httpc_request *req,
	     struct error *err);
int api_receive(struct client *c, struct httpc *conn, struct httpc_response *resp,
		struct error *err);
/* A whole exchange on the kept connection. reply may be NULL; else a new value, null for no body. */
int api_call(struct client *c, const char *method, const char *path, const json_t *body,
	     json_t **reply, struct error *err);
int api_get(struct client *c, const char *path, json_t **reply, struct error *err);
/* POST /containers/NAME/ACTION without a body. */
int api_container_post(struct client *c, const char *name, const char *action, struct error *err);
/* Body text as one value, on a connection whose head was received. NULL with err. */
json_t *api_read_json(struct httpc *conn, struct error *err);
/* Copy the body to the job's stdout. */
int api_copy_out(struct call *call, struct httpc *conn, struct error *err);
/* GET path into a file, or to stdout (refused when that is a terminal). */
int call_download(struct call *call, const char *path, const char *file, struct error *err);
/* What to tell when the connection broke at the other end. */
void api_explain(struct client *c, struct error *err);
bool api_at_least(const struct client *c, int minor); /* version 1.minor or newer */
/* Agree on the version first, where what is sent depends on it. */
int api_settle_version(struct client *c, struct error *err);

/* "a=b" strings, "name=value" for filters, as the JSON that `filters` wants. NULL when empty. */
char *api_filters(const struct strlist *filters, struct error *err);

#endif
