/*
 * The job `version`, and who we are. This is the one file that sees VERSION, GITCOMMIT and
 * BUILDTIME, which the Makefile passes.
 */
#include <string.h>
#include <sys/utsname.h>

#include "api/version.h"
#include "builtins/builtins.h"
#include "builtins/internal.h"
#include "engine/job.h"
#include "pkg/json.h"

const char *program_version(void)
{
	return VERSION;
}

const char *program_git_commit(void)
{
	return GITCOMMIT;
}

/* Go's name of the machine, as clients compare it. */
static const char *architecture(const char *machine)
{
	static const struct {
		const char *machine, *go;
	} known[] = {
		{ "x86_64", "amd64" },    { "aarch64", "arm64" },   { "armv7l", "arm" },
		{ "i686", "386" },        { "ppc64le", "ppc64le" }, { "s390x", "s390x" },
		{ "riscv64", "riscv64" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(machine, known[i].machine) == 0)
			return known[i].go;
	return machine;
}

/* The members that are in the reply itself and in its component "Engine". GoVersion is what
 * compiled us: clients print it in its place. */
static json_t *details(const struct utsname *u)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "ApiVersion", API_VERSION, "Arch",
			 architecture(u->machine), "BuildTime", BUILDTIME, "GitCommit", GITCOMMIT,
			 "GoVersion", "none (C, gcc " __VERSION__ ")", "KernelVersion", u->release,
			 "MinAPIVersion", API_VERSION_MIN, "Os", "linux");
}

static int job_version(struct job *job, void *self)
{
	autojson json_t *reply = NULL;
	json_t *engine, *own;
	struct utsname u;

	(void)self;
	if (uname(&u) < 0)
		return job_fail(job, ERR_INTERNAL, "cannot ask the kernel for its name");
	own = details(&u);
	json_object_set_new(own, "Experimental", json_string("false"));
	engine = json_pack("{s:s,s:s,s:o}", "Name", "Engine", "Version", VERSION, "Details", own);
	reply = json_pack("{s:{s:s},s:[o],s:s}", "Platform", "Name", "", "Components", engine,
			  "Version", VERSION);
	own = details(&u);
	json_object_update(reply, own);
	json_decref(own);
	return job_write_json(job, reply);
}

const struct handler version_jobs[] = {
	{ "version", "", 0, 0, job_version, JOB_QUIET },
	{ 0 },
};
