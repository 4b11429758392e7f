/* The jobs exec_create, exec_start, exec_inspect and exec_resize. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/command.h"
#include "daemon/environ.h"
#include "daemon/execs.h"
#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "daemon/pending.h"
#include "daemon/network.h"
#include "engine/job.h"
#include "execdriver/driver.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "runconfig/runconfig.h"

/* Can something be run inside? name: as the user called it. */
static int check_usable(struct container *c, const char *name, struct error *err)
{
	struct container_state s = container_state(c);

	if (s.restarting)
		return error_set(err, ERR_CONFLICT,
				 "Container %s is restarting, wait until the container is running",
				 name);
	if (!s.running)
		return error_set(err, ERR_CONFLICT, "Container %s is not running", c->id);
	if (s.paused)
		return error_set(err, ERR_CONFLICT,
				 "Container %s is paused, unpause the container before exec", name);
	return 0;
}

/* Cmd is a list, or a string that stands for a list of one; a new reference, or NULL. */
static json_t *command_of(const json_t *body)
{
	json_t *cmd = json_object_get(body, "Cmd");

	if (json_is_string(cmd))
		return *json_string_value(cmd) ? json_pack("[O]", cmd) : NULL;
	return json_array_size(cmd) ? json_incref(cmd) : NULL;
}

static json_t *exec_config(const json_t *body, json_t *cmd)
{
	static const char *const members[] = { "User",         "Privileged",  "Tty",
					       "ConsoleSize",  "AttachStdin", "AttachStdout",
					       "AttachStderr", "DetachKeys",  "Env",
					       "WorkingDir" };
	json_t *config = json_object();

	for (size_t i = 0; i < array_size(members); i++)
		if (json_object_get(body, members[i]))
			json_object_set(config, members[i], json_object_get(body, members[i]));
	json_object_set(config, "Cmd", cmd);
	return config;
}

static void publish(struct daemon *d, struct container *c, const char *what, const char *exec_id,
		    const json_t *cmd)
{
	autobuf struct buf action = BUF_INIT(4096);
	const json_t *v;
	size_t i;

	(void)buf_addf(&action, "%s:", what); /* a long command is cut short in the event */
	json_array_foreach(cmd, i, v)
		(void)buf_addf(&action, " %s", json_string_value(v) ? json_string_value(v) : "");
	container_event_with(d, c, buf_text(&action), "execID", exec_id);
}

static int create_in(struct job *job, struct daemon *d, struct container *c)
{
	const json_t *body = env_json(job_env(job));
	const char *keys = json_get_str(body, "DetachKeys", "");
	autojson json_t *cmd = command_of(body), *reply = NULL;
	char raw[PENDING_KEYS_SIZE], id[ID_SIZE];
	struct error err;

	if (!cmd)
		return job_fail(job, ERR_BAD_REQUEST, "No exec command specified");
	if (pending_detach_keys(keys, raw) < 0)
		return job_fail(job, ERR_BAD_REQUEST, "Invalid escape keys (%s) provided", keys);
	if (check_usable(c, job_arg(job, 0), &err) < 0)
		return job_fail_error(job, &err);
	execs_create(d->execs, c->id, exec_config(body, cmd), id);
	publish(d, c, "exec_create", id, cmd);
	reply = json_pack("{s:s}", "Id", id);
	return job_write_json(job, reply);
}

int job_exec_create(struct job *job, void *self)
{
	struct container *c = job_container(job, self);
	int rc;

	if (!c)
		return -1;
	rc = create_in(job, self, c);
	container_unref(c);
	return rc;
}

static const char *own_or(const json_t *exec, const char *member, const json_t *config)
{
	const char *own = json_get_str(exec, member, "");

	return *own ? own : json_get_str(config, member, "");
}

static int build_process(struct daemon *d, struct container *c, const json_t *x, const json_t *size,
			 struct exec_process *p, struct error *err)
{
	autojson json_t *config = container_config(c);
	autojson json_t *h = container_host_config(c);
	const char *cwd = own_or(x, "WorkingDir", config);
	bool tty = json_get_bool(x, "Tty", false);
	autojson json_t *as = json_pack("{s:s}", "User", own_or(x, "User", config));

	command_credentials(as, h, p);
	if (json_get_bool(x, "Privileged", false)) {
		autojson json_t *all = json_pack("{s:b}", "Privileged", 1);

		p->privileged = true;
		p->capabilities = runconfig_capabilities(all);
	}
	json_get_strlist(x, "Cmd", &p->argv);
	environ_build(&p->env, config, tty);
	links_environ(d, c, &p->env);
	environ_overlay(&p->env, json_get_arr(x, "Env"));
	p->cwd = xstrdup(*cwd ? cwd : "/");
	p->tty = tty;
	p->open_stdin = p->stdin_once = json_get_bool(x, "AttachStdin", false);
	p->rows = (unsigned short)json_integer_value(json_array_get(size, 0));
	p->cols = (unsigned short)json_integer_value(json_array_get(size, 1));
	return command_rlimits(h, p, err);
}

/* Start it, joined to a client or (attach NULL) not. The descriptor of attach is taken. */
static int launch(struct job *job, struct daemon *d, struct container *c, const struct exec_info *x,
		  const struct exec_attach *attach, struct error *err)
{
	const json_t *size = json_get_arr(env_json(job_env(job)), "ConsoleSize");
	struct exec_process p = { 0 };
	int exit_code = 126, rc;
	pid_t pid;

	if (!size)
		size = json_get_arr(x->config, "ConsoleSize");
	rc = build_process(d, c, x->config, size, &p, err);
	if (rc < 0 && attach)
		close(attach->fd);
	if (rc == 0)
		rc = execdriver_exec(d->execdriver, c->id, x->id, &p, attach, &pid, &exit_code,
				     err);
	exec_process_done(&p);
	if (rc < 0) {
		execs_exited(d->execs, x->id, exit_code);
		return -1;
	}
	execs_started(d->execs, x->id, pid);
	publish(d, c, "exec_start", x->id, json_get_arr(x->config, "Cmd"));
	return 0;
}

/* The head went out already: what went wrong can only be told inside the stream. */
static void tell_failure(int fd, bool mux, const struct error *err)
{
	char text[sizeof(err->text) + 3];
	int n = snprintf(text, sizeof(text), "%s\r\n", err->text);
	unsigned char head[8] = { 1, 0, 0, 0, 0, 0, (unsigned char)(n >> 8), (unsigned char)n };

	if (mux && fs_write_all(fd, head, sizeof(head)) < 0)
		return;                          /* the client is gone, and needs no news */
	(void)fs_write_all(fd, text, (size_t)n); /* the same */
}

static int start_attached(struct job *job, struct daemon *d, struct container *c,
			  const struct exec_info *x, struct error *err)
{
	const char *text = json_get_str(x->config, "DetachKeys", "");
	bool tty = json_get_bool(x->config, "Tty", false);
	autobuf struct buf pending = BUF_INIT(PENDING_INPUT_MAX);
	char keys[PENDING_KEYS_SIZE] = "";
	struct exec_attach a = { .in = json_get_bool(x->config, "AttachStdin", false),
				 .out = json_get_bool(x->config, "AttachStdout", false),
				 .err = json_get_bool(x->config, "AttachStderr", false),
				 .mux = !tty };
	autoclose int spare = -1;

	if (output_flush(job_out(job)) < 0)
		return error_set(err, ERR_CANCELLED, "the client is gone");
	a.fd = input_detach(job_in(job), &pending);
	if (a.fd < 0)
		return error_set(err, ERR_BAD_REQUEST, "no connection to attach to");
	spare = fcntl(a.fd, F_DUPFD_CLOEXEC, 3);
	(void)pending_detach_keys(text, keys); /* was checked at create */
	a.pending = pending.p;
	a.npending = pending.len;
	a.detach_keys = *keys ? keys : NULL;
	if (launch(job, d, c, x, &a, err) == 0)
		return 0;
	if (spare >= 0)
		tell_failure(spare, !tty, err);
	return -1;
}

static int start_in(struct job *job, struct daemon *d, const struct exec_info *x, struct error *err)
{
	struct container *c = store_lookup(d->store, x->container_id, err);
	int rc;

	if (!c)
		return -1;
	rc = check_usable(c, x->container_id, err);
	if (rc == 0 && env_get_bool(job_env(job), "Detach"))
		rc = launch(job, d, c, x, NULL, err);
	else if (rc == 0)
		rc = start_attached(job, d, c, x, err);
	container_unref(c);
	return rc;
}

int job_exec_start(struct job *job, void *self)
{
	struct daemon *d = self;
	struct exec_info x;
	struct error err;
	int rc;

	if (execs_claim(d->execs, job_arg(job, 0), &x, &err) < 0)
		return job_fail_error(job, &err);
	rc = start_in(job, d, &x, &err);
	if (rc < 0)
		execs_exited(d->execs, x.id, 126); /* a code that was set before stays */
	exec_info_done(&x);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}

static json_t *process_json(const json_t *config)
{
	json_t *cmd = json_object_get(config, "Cmd"), *args = json_array();
	json_t *p;

	for (size_t i = 1; i < json_array_size(cmd); i++)
		json_array_append(args, json_array_get(cmd, i));
	p = json_pack("{s:b, s:O, s:o, s:b}", "tty", json_get_bool(config, "Tty", false),
		      "entrypoint", json_array_get(cmd, 0), "arguments", args, "privileged",
		      json_get_bool(config, "Privileged", false));
	if (*json_get_str(config, "User", ""))
		json_object_set(p, "user", json_object_get(config, "User"));
	return p;
}

int job_exec_inspect(struct job *job, void *self)
{
	struct daemon *d = self;
	autojson json_t *reply = NULL;
	struct exec_info x;
	struct error err;

	if (execs_get(d->execs, job_arg(job, 0), &x, &err) < 0)
		return job_fail_error(job, &err);
	reply = json_pack("{s:s, s:b, s:o, s:o, s:b, s:b, s:b, s:b, s:s, s:s, s:i}", "ID", x.id,
			  "Running", x.running, "ExitCode",
			  x.exited ? json_integer(x.exit_code) : json_null(), "ProcessConfig",
			  process_json(x.config), "OpenStdin",
			  json_get_bool(x.config, "AttachStdin", false), "OpenStderr",
			  json_get_bool(x.config, "AttachStderr", false), "OpenStdout",
			  json_get_bool(x.config, "AttachStdout", false), "CanRemove", x.exited,
			  "ContainerID", x.container_id, "DetachKeys",
			  json_get_str(x.config, "DetachKeys", ""), "Pid", (int)x.pid);
	exec_info_done(&x);
	return job_write_json(job, reply);
}

int job_exec_resize(struct job *job, void *self)
{
	struct daemon *d = self;
	long long rows, cols;
	struct exec_info x;
	struct error err;
	int rc = 0;

	if (job_window(job, &rows, &cols) < 0)
		return -1;
	if (execs_get(d->execs, job_arg(job, 0), &x, &err) < 0)
		return job_fail_error(job, &err);
	if (!x.running)
		rc = error_set(&err, ERR_CONFLICT, "exec %s is not running", x.id);
	else
		rc = execdriver_resize(d->execdriver, x.container_id, x.id, (unsigned)rows,
				       (unsigned)cols, &err);
	exec_info_done(&x);
	return rc < 0 ? job_fail_error(job, &err) : 0;
}
