/* The last steps of every process: limits, user, capabilities, seccomp, execve. Runs inside the root. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dockerinit/init.h"
#include "pkg/error.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/path.h"
#include "pkg/strlist.h"
#include "pkg/user.h"

#define CAP_LAST 63

/* What the host withholds (no CAP_SYS_RESOURCE) is set as far as the kernel lets us. */
static void set_rlimits(const struct plan *plan)
{
	struct plan_reader r = PLAN_READER(plan);
	struct plan_record rec;

	while (plan_next_of(&r, PLAN_RLIMIT, &rec)) {
		int resource = (int)plan_number(&rec);
		struct rlimit want, have;

		want.rlim_cur = strtoull(plan_field(&rec), NULL, 10);
		want.rlim_max = strtoull(plan_field(&rec), NULL, 10);
		if (setrlimit(resource, &want) == 0)
			continue;
		if (errno != EPERM || getrlimit(resource, &have) < 0)
			child_fail_sys("setting rlimit %d", resource);
		if (want.rlim_max > have.rlim_max)
			want.rlim_max = have.rlim_max;
		if (want.rlim_cur > want.rlim_max)
			want.rlim_cur = want.rlim_max;
		if (setrlimit(resource, &want) < 0)
			child_fail_sys("setting rlimit %d", resource);
	}
}

/* A lower score than our own needs a capability that we may lack; then it stays as it is. */
static void set_oom_score(const struct plan *plan)
{
	const char *score = plan_get(plan, PLAN_OOM_SCORE);

	if (score && fs_write_str(AT_FDCWD, "/proc/self/oom_score_adj", score) < 0 &&
	    errno != EACCES && errno != EPERM)
		child_fail_sys("setting oom_score_adj");
}

static void find_user(const struct plan *plan, struct user *user)
{
	const char *spec = plan_get(plan, PLAN_USER);
	autofree char **groups = plan_list(plan, PLAN_GROUP);
	char why[300];

	if (user_resolve("/etc/passwd", "/etc/group", spec ? spec : "", groups, user, why,
			 sizeof(why)) < 0)
		child_fail(126, "%s", why);
}

/* The user must be able to open /dev/stdout and its like again. */
static void own_stdio(const struct user *user)
{
	struct stat st, null;

	if (!user->uid || stat("/dev/null", &null) < 0)
		return;
	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) == 0 && st.st_rdev != null.st_rdev &&
		    fchown(fd, user->uid, (gid_t)-1) < 0 && errno != EROFS && errno != EPERM)
			child_fail_sys("owner of descriptor %d", fd);
}

static int make_folder(const char *path)
{
	autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? -1 : path_mkdir_in_root(root, path, 0755);
}

static void enter_cwd(const struct plan *plan, bool create)
{
	const char *cwd = plan_get(plan, PLAN_CWD);
	char now[4096];
	int rc;

	if (!cwd || !*cwd)
		cwd = "/";
	if (cwd[0] != '/')
		child_fail(126, "Cwd must be an absolute path");
	rc = chdir(cwd);
	if (rc < 0 && create && errno == ENOENT)
		rc = make_folder(cwd) < 0 ? -1 : chdir(cwd);
	if (rc < 0)
		child_fail(errno == EACCES || !create ? 126 : 128, "chdir to cwd (\"%s\"): %s", cwd,
			   error_words(errno));
	/* A descriptor of the host must not have become our folder. */
	if (!getcwd(now, sizeof(now)) || now[0] != '/')
		child_fail(128, "current working directory is outside of the container");
}

static unsigned long long wanted_caps(const struct plan *plan)
{
	const char *text = plan_get(plan, PLAN_CAPS);

	return text ? strtoull(text, NULL, 10) : 0;
}

static void drop_bounding(unsigned long long keep)
{
	for (int cap = 0; cap <= CAP_LAST; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break; /* beyond the last that this kernel knows */
			child_fail_sys("dropping capability %d", cap);
		}
}

static void set_caps(unsigned long long caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2], have[2];

	if (syscall(SYS_capget, &head, have) < 0)
		child_fail_sys("reading capabilities");
	for (int i = 0; i < 2; i++) {
		unsigned set = (unsigned)(caps >> 32 * i) & have[i].permitted;

		data[i] = (struct __user_cap_data_struct){ .effective = set, .permitted = set };
	}
	if (syscall(SYS_capset, &head, data) < 0)
		child_fail_sys("setting capabilities");
}

/* The group of the user is among its supplementary ones, as with Docker, so that it cannot be dropped. */
static int set_groups(const struct user *user)
{
	gid_t groups[USER_MAX_GROUPS + 1] = { user->gid };
	size_t n = 1;

	for (size_t i = 0; i < user->ngroups; i++)
		if (user->groups[i] != user->gid)
			groups[n++] = user->groups[i];
	return setgroups(n, groups);
}

/* All of them, also those that the C library keeps for itself and that may have come to us ignored. */
static void reset_signals(void)
{
	const unsigned long default_action[4] = { 0 }; /* struct sigaction of the kernel: SIG_DFL */
	sigset_t none;

	for (int signo = 1; signo <= 64; signo++)
		syscall(SYS_rt_sigaction, signo, default_action, NULL, 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become(const struct user *user, unsigned long long caps)
{
	drop_bounding(caps);
	if (set_groups(user) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		child_fail_sys("becoming user %u:%u", user->uid, user->gid);
	set_caps(user->uid ? 0 : caps);
}

static void install_seccomp(const struct plan *plan)
{
	struct plan_record rec;
	struct sock_fprog prog;

	if (!plan_find(plan, PLAN_SECCOMP, &rec))
		return;
	prog.len = (unsigned short)(rec.len / sizeof(struct sock_filter));
	prog.filter = (struct sock_filter *)rec.p;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		child_fail_sys("installing the seccomp filter");
}

/* Where argv[0] is found, as execvp(3) would with the container's own PATH. */
static char *find_program(const char *name, const struct strlist *env)
{
	const char *path = strlist_env_get(env, "PATH");
	autostrlist struct strlist folders = STRLIST_INIT;
	bool denied = false;
	struct stat st;

	if (strchr(name, '/'))
		return xstrdup(name);
	strlist_split(&folders, path ? path : "", ':');
	for (size_t i = 0; i < folders.n; i++) {
		autofree char *at = xasprintf("%s/%s", *folders.v[i] ? folders.v[i] : ".", name);

		if (stat(at, &st) < 0 || S_ISDIR(st.st_mode))
			continue;
		if (access(at, X_OK) == 0)
			return take_ptr(&at);
		denied = true;
	}
	if (denied)
		child_fail(126, "exec: \"%s\": permission denied", name);
	child_fail(127, "exec: \"%s\": executable file not found in $PATH", name);
}

static _Noreturn void exec_failed(const char *program)
{
	struct stat st;
	int sys = errno;

	if (stat(program, &st) == 0 && S_ISDIR(st.st_mode))
		child_fail(126, "exec: \"%s\": is a directory: permission denied", program);
	if (sys == ENOENT && stat(program, &st) < 0)
		child_fail(127, "exec: \"%s\": stat %s: no such file or directory", program,
			   program);
	child_fail(sys == ENOENT ? 127 : 126, "exec %s: %s", program, error_words(sys));
}

static void build_env(const struct plan *plan, const struct user *user, struct strlist *env)
{
	autofree char **given = plan_list(plan, PLAN_ENV);

	for (char **e = given; *e; e++)
		strlist_add(env, *e);
	if (!strlist_env_get(env, "HOME"))
		strlist_addf(env, "HOME=%s", user->home);
}

void process_exec(const struct plan *plan, bool is_init)
{
	autofree char **argv = plan_list(plan, PLAN_ARGV);
	struct strlist env = STRLIST_INIT;
	unsigned long long caps = wanted_caps(plan);
	bool no_new_privs = plan_has(plan, PLAN_NO_NEW_PRIVS);
	struct user user;
	char *program;

	if (!argv[0])
		child_fail(128, "no command");
	set_rlimits(plan);
	set_oom_score(plan);
	find_user(plan, &user);
	own_stdio(&user);
	build_env(plan, &user, &env);
	enter_cwd(plan, is_init);
	if (no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		child_fail_sys("no_new_privs");
	/* Without no_new_privs the filter needs CAP_SYS_ADMIN, so it comes before that is given up. */
	if (!no_new_privs)
		install_seccomp(plan);
	become(&user, caps);
	if (is_init) /* becoming a user has forgotten it */
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	program = find_program(argv[0], &env);
	if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		child_fail_sys("closing descriptors");
	if (no_new_privs)
		install_seccomp(plan);
	if (plan_has(plan, PLAN_INIT)) /* pid 1 has no more than the program has */
		reaper_fork();
	reset_signals();
	child_tell(CHILD_EXECUTES);
	execve(program, argv, env.v ? env.v : (char *[]){ NULL });
	exec_failed(program);
}
