/* What nearly every job begins with: its container, its numbers, the caller's API version. */
#include "daemon/internal.h"

#include "engine/job.h"
#include "pkg/mem.h"
#include "pkg/parse.h"

struct container *job_container(struct job *job, struct daemon *d)
{
	struct error err;
	struct container *c = store_lookup(d->store, job_arg(job, 0), &err);

	if (!c)
		job_fail_error(job, &err);
	return c;
}

int job_number(struct job *job, const char *key, long long fallback, long long *out)
{
	const char *text = env_get(job_env(job), key, NULL);
	int64_t n;

	if (!text) {
		*out = env_get_int(job_env(job), key, fallback);
		return 0;
	}
	if (parse_i64(text, &n) < 0)
		return job_fail(job, ERR_BAD_REQUEST,
				"strconv.Atoi: parsing \"%s\": invalid syntax", text);
	*out = n;
	return 0;
}

unsigned job_api_version(struct job *job)
{
	return (unsigned)env_get_int(job_env(job), "apiversion", 144);
}
