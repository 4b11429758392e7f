/* The job top: the host's ps, and of its output the lines of the container's processes. */
#include "daemon/top.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/internal.h"
#include "daemon/jobs.h"
#include "engine/job.h"
#include "execdriver/driver.h"
#include "pkg/buf.h"
#include "pkg/fs.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/parse.h"
#include "pkg/proc.h"
#include "pkg/strlist.h"

#define OUTPUT_MAX (8 * 1024 * 1024)

/* At most max words; the last one is the rest of the line. */
static void split_words(struct strlist *out, const char *line, size_t max)
{
	for (;;) {
		size_t n;

		line += strspn(line, " \t");
		if (!*line)
			return;
		n = out->n + 1 == max ? strlen(line) : strcspn(line, " \t");
		strlist_take(out, xstrndup(line, n));
		line += n;
	}
}

static int pid_column(const struct strlist *titles)
{
	for (size_t i = 0; i < titles->n; i++)
		if (strcmp(titles->v[i], "PID") == 0)
			return (int)i;
	return -1;
}

static bool is_one_of(const char *text, const pid_t *pids, size_t n)
{
	uint32_t pid;

	if (parse_u32(text, &pid) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (pids[i] == (pid_t)pid)
			return true;
	return false;
}

json_t *top_filter(const char *ps_output, const pid_t *pids, size_t n, struct error *err)
{
	autostrlist struct strlist lines = STRLIST_INIT, titles = STRLIST_INIT;
	json_t *processes;
	int column;

	strlist_split(&lines, ps_output, '\n');
	split_words(&titles, lines.v[0], 0);
	column = pid_column(&titles);
	if (column < 0) {
		error_set(err, ERR_INTERNAL, "Couldn't find PID field in ps output");
		return NULL;
	}
	processes = json_array();
	for (size_t i = 1; i < lines.n; i++) {
		autostrlist struct strlist words = STRLIST_INIT;

		split_words(&words, lines.v[i], titles.n);
		if (words.n > (size_t)column && is_one_of(words.v[column], pids, n))
			json_array_append_new(processes, json_from_strlist(&words));
	}
	return json_pack("{s:o, s:o}", "Titles", json_from_strlist(&titles), "Processes",
			 processes);
}

/* Read all of fd; false when the job was cancelled or it is too much. */
static int read_all(struct job *job, int fd, struct buf *out, struct error *err)
{
	for (;;) {
		ssize_t n;

		if (job_wait(job, fd, -1) < 0)
			return error_set(err, ERR_CANCELLED, "cancelled");
		n = buf_read(out, fd, 65536);
		if (n < 0)
			return error_sys(err, "cannot read the output of ps");
		if (n == 0)
			return 0;
	}
}

static int spawn_ps(const struct strlist *argv, int out, pid_t *pid)
{
	static char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", NULL };
	const struct proc_fd fds[] = { { out, 1 }, { out, 2 } };
	struct proc_spec spec = { .path = fs_exists("/usr/bin/ps") ? "/usr/bin/ps" : "/bin/ps",
				  .argv = argv->v,
				  .env = env,
				  .fds = fds,
				  .nfds = array_size(fds) };

	return proc_spawn(&spec, pid, NULL);
}

/* Run ps; what it says goes to out. */
static int run_ps(struct job *job, const struct strlist *argv, struct buf *out, struct error *err)
{
	int ends[2], rc, status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, "ps: no pipe");
	rc = spawn_ps(argv, ends[1], &pid);
	if (rc < 0)
		error_sys(err, "cannot run ps");
	close(ends[1]);
	if (rc == 0) {
		rc = read_all(job, ends[0], out, err);
		close(take_fd(&ends[0])); /* ends a ps that still writes */
		status = proc_wait(pid);
		if (rc == 0 && status != 0)
			rc = error_set(err, ERR_INTERNAL, "ps: %.*s",
				       (int)strcspn(buf_text(out), "\n"), buf_text(out));
	}
	if (ends[0] >= 0)
		close(ends[0]);
	return rc;
}

static json_t *processes_of(struct job *job, struct daemon *d, struct container *c,
			    struct error *err)
{
	const char *args = env_get(job_env(job), "ps_args", "");
	autostrlist struct strlist argv = STRLIST_INIT;
	autobuf struct buf out = BUF_INIT(OUTPUT_MAX);
	autofree pid_t *pids = NULL;
	size_t n;

	strlist_add(&argv, "ps");
	split_words(&argv, *args ? args : "-ef", 0);
	if (run_ps(job, &argv, &out, err) < 0 ||
	    execdriver_pids(d->execdriver, c->id, &pids, &n, err) < 0)
		return NULL;
	return top_filter(buf_text(&out), pids, n, err);
}

static int top(struct job *job, struct daemon *d, struct container *c)
{
	struct container_state s = container_state(c);
	autojson json_t *reply = NULL;
	struct error err;

	if (!s.running)
		return job_fail(job, ERR_CONFLICT, "Container %s is not running", c->id);
	if (s.restarting)
		return job_fail(job, ERR_CONFLICT,
				"Container %s is restarting, wait until the container is running",
				job_arg(job, 0));
	reply = processes_of(job, d, c, &err);
	if (!reply)
		return job_fail_error(job, &err);
	container_event(d, c, "top", NULL);
	return job_write_json(job, reply);
}

int job_top(struct job *job, void *self)
{
	struct container *c = job_container(job, self);
	int rc;

	if (!c)
		return -1;
	rc = top(job, self, c);
	container_unref(c);
	return rc;
}
