/* What this host is and can do: see hostinfo.h. */
#include "daemon/hostinfo.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "daemon/internal.h"
#include "execdriver/driver.h"
#include "pkg/buf.h"
#include "pkg/fs.h"
#include "runconfig/runconfig.h"

void hostinfo_limits(const struct daemon *d, struct runconfig_host *out)
{
	const struct exec_features *f = execdriver_features(d->execdriver);
	struct sysinfo si;

	*out = (struct runconfig_host){
		.ncpu = get_nprocs(),
		.memory = f->memory,
		.swap = f->swap,
		.cpu_cfs = f->cpu_cfs,
		.cpu_shares = f->cpu_shares,
		.cpuset = f->cpuset,
		.pids = f->pids,
		.blkio_weight = f->blkio_weight,
		.oom_kill_disable = f->oom_kill_disable,
	};
	if (sysinfo(&si) == 0)
		out->memory_total = (int64_t)si.totalram * si.mem_unit;
}

void hostinfo_os(char *out, size_t n)
{
	static const char key[] = "PRETTY_NAME=";
	autobuf struct buf b = BUF_INIT(64 * 1024);
	const char *at;

	snprintf(out, n, "Linux");
	if (fs_read_file(AT_FDCWD, "/etc/os-release", &b) < 0)
		return;
	at = strstr(buf_text(&b), key);
	if (!at)
		return;
	at += strlen(key);
	at += *at == '"';
	snprintf(out, n, "%.*s", (int)strcspn(at, "\"\n"), at);
}

int hostinfo_count(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int n = 0;

	while (dir && (e = readdir(dir)))
		n += *e->d_name != '.';
	if (dir)
		closedir(dir);
	return n;
}
