/* docker build: the context goes to the daemon as a tar archive, progress comes back. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/client/auth.h"
#include "api/client/internal.h"
#include "api/client/progress.h"
#include "api/client/run_opts.h"
#include "api/client/tar.h"
#include "pkg/mem.h"
#include "pkg/term.h"

struct build_opts {
	bool quiet, no_cache, rm, force_rm, pull, squash;
	const char *file, *target, *platform, *network, *cpuset_cpus, *cpuset_mems, *cgroup_parent;
	int64_t memory, memory_swap, cpu_shares, cpu_period, cpu_quota, shm_size;
	struct strlist tag, build_arg, label, add_host, cache_from;
};

static const struct build_opts defaults = { .rm = true };

#define AT(m) offsetof(struct build_opts, m)
static const struct mflag flags[] = {
	{ "-add-host", MFLAG_LIST, AT(add_host), NULL, "Add HOST:IP to the hosts file", NULL },
	{ "-build-arg", MFLAG_LIST, AT(build_arg), NULL, "Set a variable of the build", NULL },
	{ "-cache-from", MFLAG_LIST, AT(cache_from), NULL, "Images to take cached steps from",
	  NULL },
	{ "-cgroup-parent", MFLAG_STRING, AT(cgroup_parent), NULL, "Parent cgroup of RUN", NULL },
	{ "-cpu-period", MFLAG_INT, AT(cpu_period), NULL, "Length of a CFS period", NULL },
	{ "-cpu-quota", MFLAG_INT, AT(cpu_quota), NULL, "CPU time in each CFS period", NULL },
	{ "c,-cpu-shares", MFLAG_INT, AT(cpu_shares), NULL, "Relative weight of CPU time", NULL },
	{ "-cpuset-cpus", MFLAG_STRING, AT(cpuset_cpus), NULL, "CPUs to run on", NULL },
	{ "-cpuset-mems", MFLAG_STRING, AT(cpuset_mems), NULL, "Memory nodes to use", NULL },
	{ "f,-file", MFLAG_STRING, AT(file), NULL, "Dockerfile, within the context", NULL },
	{ "-force-rm", MFLAG_BOOL, AT(force_rm), NULL, "Remove intermediate containers always",
	  NULL },
	{ "-label", MFLAG_LIST, AT(label), NULL, "Add a label, NAME=VALUE", NULL },
	{ "m,-memory", MFLAG_BYTES, AT(memory), NULL, "Memory limit", NULL },
	{ "-memory-swap", MFLAG_BYTES, AT(memory_swap), NULL, "Limit of memory plus swap", NULL },
	{ "-network", MFLAG_STRING, AT(network), NULL, "Network of RUN", NULL },
	{ "#no-cache,-no-cache", MFLAG_BOOL, AT(no_cache), NULL, "Do not use cached steps", NULL },
	{ "-platform", MFLAG_STRING, AT(platform), NULL, "Platform of the image", NULL },
	{ "-pull", MFLAG_BOOL, AT(pull), NULL, "Pull newer base images", NULL },
	{ "q,-quiet", MFLAG_BOOL, AT(quiet), NULL, "Show the image's id alone", NULL },
	{ "#rm,-rm", MFLAG_BOOL, AT(rm), NULL, "Remove intermediate containers (default true)",
	  NULL },
	{ "-shm-size", MFLAG_BYTES, AT(shm_size), NULL, "Size of /dev/shm", NULL },
	{ "-squash", MFLAG_BOOL, AT(squash), NULL, "Squash the new layers into one", NULL },
	{ "t,-tag", MFLAG_LIST, AT(tag), NULL, "Name of the image, NAME[:TAG]", NULL },
	{ "-target", MFLAG_STRING, AT(target), NULL, "Stage to build", NULL },
	{ 0 },
};

static void query_int(struct buf *path, const char *key, int64_t v)
{
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)v);
	if (v)
		api_query(path, key, number);
}

static void query_text(struct buf *path, const char *key, const char *text)
{
	if (text && *text)
		api_query(path, key, text);
}

static void query_pairs(struct buf *path, const char *key, const struct strlist *pairs)
{
	autojson json_t *map = json_object();
	autofree char *text = NULL;

	if (!pairs->n)
		return;
	for (size_t i = 0; i < pairs->n; i++)
		run_add_pair(map, pairs->v[i]);
	text = json_text(map);
	api_query(path, key, text);
}

static void make_path(const struct build_opts *o, struct buf *path)
{
	buf_adds(path, "/build?version=1");
	for (size_t i = 0; i < o->tag.n; i++)
		api_query(path, "t", o->tag.v[i]);
	for (size_t i = 0; i < o->add_host.n; i++)
		api_query(path, "extrahosts", o->add_host.v[i]);
	api_query(path, "dockerfile", o->file ? o->file : "Dockerfile");
	api_query(path, "rm", o->rm ? "1" : "0");
	query_int(path, "forcerm", o->force_rm);
	query_int(path, "q", o->quiet);
	query_int(path, "nocache", o->no_cache);
	query_int(path, "pull", o->pull);
	query_int(path, "squash", o->squash);
	query_int(path, "memory", o->memory);
	query_int(path, "memswap", o->memory_swap);
	query_int(path, "cpushares", o->cpu_shares);
	query_int(path, "cpuperiod", o->cpu_period);
	query_int(path, "cpuquota", o->cpu_quota);
	query_int(path, "shmsize", o->shm_size);
	query_text(path, "cpusetcpus", o->cpuset_cpus);
	query_text(path, "cpusetmems", o->cpuset_mems);
	query_text(path, "cgroupparent", o->cgroup_parent);
	query_text(path, "networkmode", o->network);
	query_text(path, "target", o->target);
	query_text(path, "platform", o->platform);
	query_pairs(path, "buildargs", &o->build_arg);
	query_pairs(path, "labels", &o->label);
	if (o->cache_from.n) {
		autojson json_t *list = json_from_strlist(&o->cache_from);
		autofree char *text = json_text(list);

		api_query(path, "cachefrom", text);
	}
}

static int post(struct call *call, struct httpc_request *req, struct error *err)
{
	const struct build_opts *o = call->opts;
	autobuf struct buf headers = BUF_INIT(1 << 20);
	struct httpc_response resp;

	auth_config_header(&headers);
	req->method = "POST";
	req->headers = buf_text(&headers);
	req->content_type = "application/x-tar";
	if (api_begin(call->client, NULL, req, &resp, err) < 0)
		return -1;
	return progress_show(call->client->conn, job_out(call->job),
			     !o->quiet && term_is_tty(STDOUT_FILENO), err);
}

static int build_folder(struct call *call, struct buf *path, const char *dir, struct error *err)
{
	struct error why;
	struct tar t;
	struct httpc_request req = { .path = buf_text(path), .read_body = tar_read, .from = &t };
	int rc;

	if (tar_pack(&t, dir, ".", NULL, err) < 0)
		return -1;
	rc = post(call, &req, err);
	if (tar_finish(&t, &why) < 0 && rc == 0) {
		*err = why;
		rc = -1;
	}
	return rc;
}

static ssize_t read_stdin(void *from, void *p, size_t n)
{
	return input_read(from, p, n);
}

static bool is_remote(const char *context)
{
	static const char *const prefixes[] = { "http://", "https://", "git://", "git@",
						"github.com/" };

	for (size_t i = 0; i < array_size(prefixes); i++)
		if (strncmp(context, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static int run_build(struct call *call)
{
	const char *context = call->args.v[0];
	autobuf struct buf path = BUF_INIT(1 << 20);
	struct httpc_request req = { 0 };
	struct error err;
	int rc;

	make_path(call->opts, &path);
	if (is_remote(context))
		api_query(&path, "remote", context);
	req.path = buf_text(&path);
	if (strcmp(context, "-") == 0) {
		req.read_body = read_stdin;
		req.from = job_in(call->job);
	}
	rc = is_remote(context) || req.read_body ? post(call, &req, &err)
						 : build_folder(call, &path, context, &err);
	return rc < 0 ? call_complain(call, &err) : 0;
}

const struct command_impl cmd_build = { .run = run_build,
					.flags = flags,
					.opts_size = sizeof(struct build_opts),
					.defaults = &defaults };
