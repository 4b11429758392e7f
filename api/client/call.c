/* What a command says: to stdout, to stderr, and that it failed. See internal.h. */
#include "api/client/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pkg/mem.h"

int call_out(struct call *call, const void *p, size_t n)
{
	return n ? output_write(job_out(call->job), p, n) : 0;
}

static void say(struct call *call, const char *text)
{
	autofree char *line = xasprintf("%s\n", text);

	output_write(job_err(call->job), line, strlen(line));
}

void call_warn(struct call *call, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0)
		say(call, text);
	va_end(ap);
}

/* run, create and start name the program and point to their help, as Docker's do. */
static void decorate(struct call *call, const char *text)
{
	call->client->status = EXIT_DAEMON;
	call_warn(call, "docker: %s\n\nRun 'docker %s --help' for more information", text,
		  call->command->name);
}

int call_complain(struct call *call, const struct error *err)
{
	if (call->command->impl->options & CMD_RUNS)
		decorate(call, err->text);
	else
		say(call, err->text);
	return -1;
}

int call_fail(struct call *call, const char *fmt, ...)
{
	struct error err = { .kind = ERR_BAD_REQUEST };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	return call_complain(call, &err);
}

int call_each(struct call *call, int (*fn)(struct call *call, const char *arg, struct error *err))
{
	int rc = 0;

	for (size_t i = 0; i < call->args.n; i++) {
		struct error err;

		if (fn(call, call->args.v[i], &err) < 0)
			rc = call_complain(call, &err);
	}
	return rc;
}
