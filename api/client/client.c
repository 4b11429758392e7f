/*
 * The client's engine: every row of the table of commands becomes a handler, the command line becomes
 * a job whose streams are the terminal. What a command does is in its own file.
 */
#include "api/client/client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client/internal.h"
#include "api/version.h"
#include "pkg/mem.h"
#include "pkg/tls.h"

static int usage_failed(struct call *call, const char *prefix, const char *text, int status)
{
	/* Docker's own words differ for commands without a limit of arguments. */
	const char *see = !*prefix || call->command->max_args >= 0 ? "Run" : "See";

	call->client->status = status;
	call_warn(call,
		  "%s%s\n\nUsage:  docker %s%s%s\n\n%s 'docker %s --help' for more information",
		  prefix, text, call->command->name, *call->command->usage ? " " : "",
		  call->command->usage, see, call->command->name);
	return -1;
}

static int check_arity(struct call *call)
{
	const struct command *cmd = call->command;
	int n = (int)call->args.n;
	char text[160];

	if (n >= cmd->min_args && (cmd->max_args < 0 || n <= cmd->max_args))
		return 0;
	if (cmd->max_args == 0)
		snprintf(text, sizeof(text), "'docker %s' accepts no arguments", cmd->name);
	else if (cmd->min_args == cmd->max_args)
		snprintf(text, sizeof(text), "'docker %s' requires %d argument%s", cmd->name,
			 cmd->min_args, cmd->min_args == 1 ? "" : "s");
	else if (cmd->max_args > 0 && cmd->min_args > 0)
		snprintf(text, sizeof(text),
			 "'docker %s' requires at least %d and at most %d arguments", cmd->name,
			 cmd->min_args, cmd->max_args);
	else
		snprintf(text, sizeof(text), "'docker %s' requires at %s %d argument%s", cmd->name,
			 n < cmd->min_args ? "least" : "most",
			 n < cmd->min_args ? cmd->min_args : cmd->max_args,
			 (n < cmd->min_args ? cmd->min_args : cmd->max_args) == 1 ? "" : "s");
	return usage_failed(call, "docker: ", text, 1);
}

static int print_help(struct call *call)
{
	autobuf struct buf b = BUF_INIT(1 << 20);

	command_print_usage(call->command, &b);
	return call_out(call, b.p, b.len);
}

static const struct mflag no_flags[] = { { 0 } };

static const struct mflag *flags_of(const struct command_impl *impl)
{
	return impl->flags ? impl->flags : no_flags;
}

static int parse_and_run(struct call *call, char *const *args)
{
	const struct command_impl *impl = call->command->impl;
	autostrlist struct strlist warnings = STRLIST_INIT;
	struct error err;
	unsigned how = impl->options & CMD_FLAGS_FIRST ? 0 : MFLAG_INTERSPERSED;
	int rc = mflag_parse(flags_of(impl), call->opts, args, how, &call->args, &warnings, &err);

	for (size_t i = 0; i < warnings.n; i++)
		call_warn(call, "%s", warnings.v[i]);
	if (rc == MFLAG_HELP)
		return print_help(call);
	if (rc < 0)
		return usage_failed(call, "", err.text, EXIT_DAEMON);
	return check_arity(call) == 0 ? impl->run(call) : -1;
}

/* The handler of all commands: the row is found by the job's name. */
static int job_command(struct job *job, void *self)
{
	struct call call = { .client = self, .job = job };
	const struct command_impl *impl;
	autofree char **args = xcalloc(job_argc(job) + 1, sizeof(*args));
	autofree void *opts = NULL;
	int rc;

	for (size_t i = 0; i < job_argc(job); i++)
		args[i] = (char *)job_arg(job, i);
	call.command = command_find(job_name(job));
	impl = call.command->impl;
	call.flags_given = args;
	call.opts = opts = xcalloc(1, impl->opts_size + 1);
	if (impl->defaults)
		memcpy(opts, impl->defaults, impl->opts_size);
	rc = parse_and_run(&call, args);
	mflag_done(flags_of(impl), opts);
	strlist_done(&call.args);
	return rc;
}

static void add_handler(struct handler *h, const char *name, const struct command *cmd)
{
	*h = (struct handler){ .name = name,
			       .usage = cmd->usage,
			       .min_args = 0, /* flags are among them: check_arity() counts */
			       .max_args = -1,
			       .run = job_command };
}

static int install(struct client *c, struct error *err)
{
	const struct command *table = command_table();
	autofree struct handler *rows = NULL;
	const char *alias, *target;
	size_t n = 0, total = 0;

	while (table[total].name)
		total++;
	for (size_t i = 0; command_alias(i, &target); i++)
		total++;
	rows = xcalloc(total + 1, sizeof(*rows));
	for (const struct command *cmd = table; cmd->name; cmd++)
		add_handler(&rows[n++], cmd->name, cmd);
	for (size_t i = 0; (alias = command_alias(i, &target)); i++)
		add_handler(&rows[n++], alias, command_find(target));
	return engine_install(c->engine, rows, c, err);
}

/* `docker foo bar` is "foo bar" if there is such a command, else "foo". How many words it took. */
static int find_handler(struct client *c, int argc, char **argv, char **name)
{
	if (argc > 1) {
		*name = xasprintf("%s %s", argv[0], argv[1]);
		if (engine_has(c->engine, *name))
			return 2;
		free(*name);
	}
	*name = xstrdup(argv[0]);
	return command_find(*name) ? 1 : 0;
}

static int not_found(int argc, char **argv)
{
	autobuf struct buf b = BUF_INIT(1 << 16);

	if (!command_print_group(argv[0], &b)) {
		fprintf(stderr, "Error: Command not found: %s\nSee 'docker --help'.\n", argv[0]);
		return 1;
	}
	if (argc > 1 && argv[1][0] != '-') {
		fprintf(stderr,
			"docker: unknown command: docker %s %s\n\nUsage:  docker %s\n\n"
			"Run 'docker %s --help' for more information\n",
			argv[0], argv[1], argv[0], argv[0]);
		return 1;
	}
	fputs(buf_text(&b), stdout);
	return 0;
}

static int run_job(struct client *c, const char *name, int argc, char **argv)
{
	struct job *job = job_new(c->engine, name, NULL);
	int rc;

	for (int i = 0; i < argc; i++)
		job_add_arg(job, argv[i]);
	input_set(job_in(job), source_fd(STDIN_FILENO));
	output_add(job_out(job), sink_fd(STDOUT_FILENO));
	output_add(job_err(job), sink_fd(STDERR_FILENO));
	rc = job_run(job, NULL); /* the error is on its stderr, which is ours */
	job_free(job);
	if (rc == 0)
		return c->status;
	return c->status ? c->status : 1;
}

int client_run(const struct client_options *o, int argc, char **argv)
{
	struct client c = { .options = o };
	const char *version = getenv("DOCKER_API_VERSION");
	autofree char *name = NULL;
	struct error err;
	int words, status;

	if (argc == 0) {
		client_print_commands(STDOUT_FILENO);
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	c.version_fixed = version && *version;
	snprintf(c.version, sizeof(c.version), "%s", c.version_fixed ? version : API_VERSION);
	c.engine = engine_new();
	engine_set_logging(c.engine, o->debug);
	if (install(&c, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		status = 1;
	} else {
		words = find_handler(&c, argc, argv, &name);
		status = words ? run_job(&c, name, argc - words, argv + words)
			       : not_found(argc, argv);
	}
	httpc_free(c.conn);
	tls_unref(c.tls);
	engine_free(c.engine);
	return status;
}
