/* Running the programs of iptables: see iptables_run.h. */
#include "networkdriver/iptables_run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pkg/buf.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/proc.h"

#define WORDS_MAX 300 /* bytes of what a program says that go into our sentence */
#define STR2(n) #n
#define STR(n) STR2(n)

static bool find(char out[48], const char *family, const char *variant, const char *what)
{
	static const char *const folders[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };

	for (size_t i = 0; i < array_size(folders); i++) {
		snprintf(out, 48, "%s/%s%s-%s", folders[i], family, variant, what);
		if (access(out, X_OK) == 0)
			return true;
	}
	snprintf(out, 48, "%s%s-%s", family, variant, what);
	return false;
}

int ipt_find(struct ipt_programs *p, bool v6, const char *variant, struct error *err)
{
	const char *family = v6 ? "ip6tables" : "iptables";
	struct ipt_programs found;

	if (!find(found.restore, family, variant, "restore"))
		return error_set(err, ERR_INTERNAL, "there is no program %s", found.restore);
	if (!find(found.save, family, variant, "save"))
		return error_set(err, ERR_INTERNAL, "there is no program %s", found.save);
	*p = found;
	return 0;
}

/* Exit status of the child, or -1 and errno: ETIME when it had to be killed. */
static int wait_for(pid_t pid, int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int rc;

	do
		rc = poll(&p, 1, IPT_SECONDS * 1000);
	while (rc < 0 && errno == EINTR);
	if (rc > 0)
		return proc_wait(pid);
	kill(pid, SIGKILL);
	proc_wait(pid);
	errno = ETIME;
	return -1;
}

static int run(char *const *argv, int in, int out, int said)
{
	const struct proc_fd fds[] = { { in, 0 }, { out, 1 }, { said, 2 } };
	/* Without input or output it gets /dev/null. */
	const struct proc_spec spec = {
		.path = argv[0],
		.argv = argv,
		.fds = in >= 0 ? fds : fds + 1,
		.nfds = in >= 0 ? 3 : 2,
	};
	autoclose int pidfd = -1;
	pid_t pid;

	if (proc_spawn(&spec, &pid, &pidfd) < 0)
		return -1;
	return wait_for(pid, pidfd);
}

/* In one line, without what is of no use there. */
static int fail(const char *program, int status, int said, struct error *err)
{
	char text[WORDS_MAX * 2], words[WORDS_MAX] = "";
	const char *base = strrchr(program, '/') + 1;
	ssize_t n = pread(said, text, sizeof(text) - 1, 0);
	size_t at = 0;

	if (status < 0 && errno == ETIME)
		return error_set(err, ERR_INTERNAL, "%s did not end within %d seconds", base,
				 IPT_SECONDS);
	if (status < 0)
		return error_sys(err, "%s", base);
	text[n > 0 ? n : 0] = '\0';
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		if (!*line || *line == '#' || strncmp(line, "Try `", 5) == 0)
			continue;
		at += (size_t)snprintf(words + at, sizeof(words) - at, "%s%s", at ? "; " : "",
				       line);
		if (at >= sizeof(words))
			break;
	}
	return error_set(err, ERR_INTERNAL, "%s failed (%d): %s", base, status, words);
}

/* in NULL: nothing to read. out NULL: what it writes is not wanted. */
static int run_program(char *const *argv, const struct buf *in, struct buf *out, struct error *err)
{
	autoclose int input = -1, output = memfd_create("output", MFD_CLOEXEC),
		      said = memfd_create("said", MFD_CLOEXEC);
	int status = -1;
	ssize_t n;

	if (in) {
		input = memfd_create("input", MFD_CLOEXEC);
		if (input < 0 || fs_write_all(input, in->p, in->len) < 0 ||
		    lseek(input, 0, SEEK_SET) < 0)
			return error_sys(err, "Cannot tell %s what to do", argv[0]);
	}
	if (output >= 0 && said >= 0)
		status = run(argv, input, output, said);
	if (status != 0)
		return fail(argv[0], status, said, err);
	if (out && lseek(output, 0, SEEK_SET) == 0) {
		while ((n = buf_read(out, output, 65536)) > 0)
			;
		if (n < 0)
			return error_sys(err, "Cannot read what %s says", argv[0]);
	}
	return 0;
}

int ipt_restore(const struct ipt_programs *p, const struct buf *batch, struct error *err)
{
	char wait[] = "-w", seconds[] = STR(IPT_LOCK_SECONDS), noflush[] = "--noflush";
	char *argv[] = { (char *)p->restore, wait, seconds, noflush, NULL };

	return run_program(argv, batch, NULL, err);
}

int ipt_save(const struct ipt_programs *p, struct buf *out, struct error *err)
{
	char *argv[] = { (char *)p->save, NULL };

	return run_program(argv, NULL, out, err);
}

bool ipt_is_legacy(const struct ipt_programs *p)
{
	autobuf struct buf out = BUF_INIT(4096);
	char version[] = "--version";
	char *argv[] = { (char *)p->restore, version, NULL };

	/* One that does not know the question is from before there was anything else. */
	return run_program(argv, NULL, &out, NULL) < 0 || !strstr(buf_text(&out), "nf_tables");
}
