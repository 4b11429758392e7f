/* See progress.h. */
#include "graph/progress.h"

#include <stdarg.h>
#include <stdio.h>

#include "engine/job.h"
#include "pkg/json.h"
#include "pkg/mem.h"

void progress_say(struct job *job, const char *id, const char *status, json_t *detail)
{
	autojson json_t *j = json_pack("{ss}", "status", status);
	autofree char *text = NULL;

	if (id)
		json_object_set_new(j, "progressDetail", detail ? detail : json_object());
	if (id)
		json_object_set_new(j, "id", json_string(id));
	text = json_text(j);
	(void)job_printf(job, "%s\r\n",
			 text); /* a client that left is noticed by job_is_cancelled() */
}

void progress_sayf(struct job *job, const char *id, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	progress_say(job, id, text, NULL);
}
