/* The state of a container and the arithmetic of restart policies: see state.h. */
#include "daemon/state.h"

#include <stdio.h>
#include <string.h>

#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/timefmt.h"

void state_set_running(struct container_state *s, pid_t pid, struct timespec now)
{
	s->starting = s->paused = s->restarting = s->dead = s->oom_killed = false;
	s->running = true;
	s->pid = pid;
	s->exit_code = 0;
	s->error[0] = '\0';
	s->started = now;
}

void state_set_exited(struct container_state *s, int code, bool oom, struct timespec when)
{
	s->starting = s->running = s->paused = s->restarting = false;
	s->oom_killed = oom;
	s->pid = 0;
	s->exit_code = code;
	s->finished = when;
}

void state_set_restarting(struct container_state *s, int code, bool oom, struct timespec when)
{
	state_set_exited(s, code, oom, when);
	s->running = s->restarting = true;
}

static bool is_never(struct timespec t)
{
	return t.tv_sec == 0 && t.tv_nsec == 0;
}

const char *state_status(const struct container_state *s)
{
	if (s->running)
		return s->paused ? "paused" : s->restarting ? "restarting" : "running";
	if (s->removing)
		return "removing";
	if (s->dead)
		return "dead";
	return is_never(s->started) ? "created" : "exited";
}

bool state_is_status(const char *word)
{
	static const char *const words[] = { "created",  "running", "paused", "restarting",
					     "removing", "exited",  "dead" };

	for (size_t i = 0; i < array_size(words); i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

const char *state_human(const struct container_state *s, struct timespec now, char *out, size_t n)
{
	char up[TIMEFMT_SIZE], down[TIMEFMT_SIZE];

	timefmt_human(up, now.tv_sec - s->started.tv_sec);
	timefmt_human(down, now.tv_sec - s->finished.tv_sec);
	if (s->running && s->restarting)
		snprintf(out, n, "Restarting (%d) %s ago", s->exit_code, down);
	else if (s->running)
		snprintf(out, n, "Up %s%s", up, s->paused ? " (Paused)" : "");
	else if (s->removing)
		snprintf(out, n, "Removal In Progress");
	else if (s->dead)
		snprintf(out, n, "Dead");
	else if (is_never(s->started))
		snprintf(out, n, "Created");
	else
		snprintf(out, n, "Exited (%d) %s ago", s->exit_code, down);
	return out;
}

json_t *state_json(const struct container_state *s, bool disk)
{
	char started[TIMEFMT_SIZE], finished[TIMEFMT_SIZE];
	json_t *j =
		json_pack("{s:s, s:b, s:b, s:b, s:b, s:b, s:i, s:i, s:s%, s:s, s:s}", "Status",
			  state_status(s), "Running", s->running, "Paused", s->paused, "Restarting",
			  s->restarting, "OOMKilled", s->oom_killed, "Dead", s->dead, "Pid",
			  (int)s->pid, "ExitCode", s->exit_code, "Error", s->error,
			  strlen(s->error), "StartedAt", timefmt_rfc3339nano(started, s->started),
			  "FinishedAt", timefmt_rfc3339nano(finished, s->finished));

	if (disk) {
		json_object_set_new(j, "Starting", json_boolean(s->starting));
		json_object_set_new(j, "RemovalInProgress", json_boolean(s->removing));
		json_object_set_new(j, "ManuallyStopped", json_boolean(s->manual_stop));
	}
	return j;
}

static struct timespec load_time(const json_t *j, const char *key)
{
	struct timespec t = { 0 };

	if (timefmt_parse(json_get_str(j, key, TIMEFMT_ZERO), &t) < 0)
		return (struct timespec){ 0 };
	return t;
}

void state_load(struct container_state *s, const json_t *j)
{
	*s = (struct container_state){
		.starting = json_get_bool(j, "Starting", false),
		.running = json_get_bool(j, "Running", false),
		.paused = json_get_bool(j, "Paused", false),
		.restarting = json_get_bool(j, "Restarting", false),
		.removing = json_get_bool(j, "RemovalInProgress", false),
		.dead = json_get_bool(j, "Dead", false),
		.oom_killed = json_get_bool(j, "OOMKilled", false),
		.manual_stop = json_get_bool(j, "ManuallyStopped", false),
		.pid = (pid_t)json_get_int(j, "Pid", 0),
		.exit_code = (int)json_get_int(j, "ExitCode", 0),
		.started = load_time(j, "StartedAt"),
		.finished = load_time(j, "FinishedAt"),
	};
	snprintf(s->error, sizeof(s->error), "%s", json_get_str(j, "Error", ""));
}

static const char *policy_name(const json_t *host_config)
{
	return json_get_str(json_get_obj(host_config, "RestartPolicy"), "Name", "");
}

bool restart_is_wanted(const json_t *host_config, bool manual_stop, int exit_code, int count)
{
	const char *name = policy_name(host_config);
	long long max =
		json_get_int(json_get_obj(host_config, "RestartPolicy"), "MaximumRetryCount", 0);

	if (manual_stop)
		return false;
	if (strcmp(name, "always") == 0 || strcmp(name, "unless-stopped") == 0)
		return true;
	return strcmp(name, "on-failure") == 0 && exit_code != 0 && (max == 0 || count < max);
}

bool restart_is_wanted_at_boot(const json_t *host_config, bool manual_stop, int exit_code,
			       int count)
{
	if (strcmp(policy_name(host_config), "always") == 0)
		return true;
	return restart_is_wanted(host_config, manual_stop, exit_code, count);
}

int restart_delay_ms(int last_ms, long long run_ms)
{
	if (last_ms <= 0 || run_ms >= RESTART_GOOD_RUN_MS)
		return RESTART_DELAY_MIN_MS;
	return last_ms >= RESTART_DELAY_MAX_MS / 2 ? RESTART_DELAY_MAX_MS : last_ms * 2;
}
