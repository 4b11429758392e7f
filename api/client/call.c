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

int call_refuse(struct call *call, const struct error *err)
{
	call->client->status = EXIT_DAEMON;
	call_warn(call, "docker: %s\n\nRun 'docker %s --help' for more information", err->text,
		  call->command->name);
	return -1;
}

int call_complain(struct call *call, const struct error *err)
{
	if (call->command->impl->options & CMD_RUNS)
		return call_refuse(call, err);
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

bool call_confirmed(struct call *call, const char *question)
{
	char answer[16] = "";
	size_t n = 0;

	job_printf(call->job, "%s [y/N] ", question);
	while (n < sizeof(answer) - 1 && !memchr(answer, '\n', n)) {
		ssize_t got = input_read(job_in(call->job), answer + n, sizeof(answer) - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	n = strspn(answer, " \t");
	if (answer[n] != 'y' && answer[n] != 'Y')
		return false;
	n += 1 + strspn(answer + n + 1, " \t\r");
	return !answer[n] || answer[n] == '\n';
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
