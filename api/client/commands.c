/*
 * The table of commands: what users type, what it does in a line, how many arguments it takes, who
 * does it. Help and usage are printed from here; man page and completion list the same names.
 */
#include <string.h>

#include "api/client/client.h"
#include "api/client/internal.h"
#include "pkg/fs.h"
#include "pkg/mem.h"
#include "pkg/tabwriter.h"

static const struct command commands[] = {
	{ "attach", "[OPTIONS] CONTAINER", "Connect this terminal to a running container", 1, 1,
	  &cmd_attach },
	{ "build", "[OPTIONS] PATH | URL | -", "Build an image from a Dockerfile", 1, 1,
	  &cmd_build },
	{ "commit", "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
	  "Make an image of what a container changed", 1, 2, &cmd_commit },
	{ "container inspect", "[OPTIONS] CONTAINER [CONTAINER...]",
	  "Show everything about containers", 1, -1, &cmd_container_inspect },
	{ "container prune", "[OPTIONS]", "Remove all stopped containers", 0, 0,
	  &cmd_container_prune },
	{ "cp", "[OPTIONS] CONTAINER:PATH DEST|-  or  SRC|- CONTAINER:PATH",
	  "Copy files out of a container or into it", 2, 2, &cmd_cp },
	{ "create", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Make a container without starting it", 1,
	  -1, &cmd_create },
	{ "diff", "CONTAINER", "List what a container changed in its file system", 1, 1,
	  &cmd_diff },
	{ "events", "[OPTIONS]", "Follow what happens in the daemon", 0, 0, &cmd_events },
	{ "exec", "[OPTIONS] CONTAINER COMMAND [ARG...]", "Run a command in a running container", 2,
	  -1, &cmd_exec },
	{ "export", "[OPTIONS] CONTAINER", "Write a container's file system as a tar archive", 1, 1,
	  &cmd_export },
	{ "help", "[COMMAND]", "Show the commands, or how one is used", 0, 2, &cmd_help },
	{ "history", "[OPTIONS] IMAGE", "Show the layers of an image", 1, 1, &cmd_history },
	{ "image inspect", "[OPTIONS] IMAGE [IMAGE...]", "Show everything about images", 1, -1,
	  &cmd_image_inspect },
	{ "image prune", "[OPTIONS]", "Remove unused images", 0, 0, &cmd_image_prune },
	{ "images", "[OPTIONS] [REPOSITORY[:TAG]]", "List images", 0, 1, &cmd_images },
	{ "import", "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
	  "Make an image of the tar archive of a file system", 1, 2, &cmd_import },
	{ "info", "[OPTIONS]", "Show the state of the daemon and its host", 0, 0, &cmd_info },
	{ "inspect", "[OPTIONS] NAME|ID [NAME|ID...]", "Show everything about an object", 1, -1,
	  &cmd_inspect },
	{ "kill", "[OPTIONS] CONTAINER [CONTAINER...]", "Send a signal to containers", 1, -1,
	  &cmd_kill },
	{ "load", "[OPTIONS]", "Load images from a tar archive", 0, 0, &cmd_load },
	{ "login", "[OPTIONS] [SERVER]", "Check and keep the password for a registry", 0, 1,
	  &cmd_login },
	{ "logout", "[SERVER]", "Forget the password for a registry", 0, 1, &cmd_logout },
	{ "logs", "[OPTIONS] CONTAINER", "Show what a container has printed", 1, 1, &cmd_logs },
	{ "network connect", "[OPTIONS] NETWORK CONTAINER", "Connect a container to a network", 2,
	  2, &cmd_network_connect },
	{ "network create", "[OPTIONS] NETWORK", "Make a network", 1, 1, &cmd_network_create },
	{ "network disconnect", "[OPTIONS] NETWORK CONTAINER",
	  "Disconnect a container from a network", 2, 2, &cmd_network_disconnect },
	{ "network inspect", "[OPTIONS] NETWORK [NETWORK...]", "Show everything about networks", 1,
	  -1, &cmd_network_inspect },
	{ "network ls", "[OPTIONS]", "List networks", 0, 0, &cmd_network_ls },
	{ "network prune", "[OPTIONS]", "Remove all unused networks", 0, 0, &cmd_network_prune },
	{ "network rm", "NETWORK [NETWORK...]", "Remove networks", 1, -1, &cmd_network_rm },
	{ "pause", "CONTAINER [CONTAINER...]", "Freeze the processes of containers", 1, -1,
	  &cmd_pause },
	{ "port", "CONTAINER [PRIVATE_PORT[/PROTO]]", "Show the published ports of a container", 1,
	  2, &cmd_port },
	{ "ps", "[OPTIONS]", "List containers", 0, 0, &cmd_ps },
	{ "pull", "[OPTIONS] NAME[:TAG|@DIGEST]", "Fetch an image from a registry", 1, 1,
	  &cmd_pull },
	{ "push", "[OPTIONS] NAME[:TAG]", "Send an image to a registry", 1, 1, &cmd_push },
	{ "rename", "CONTAINER NEW_NAME", "Give a container another name", 2, 2, &cmd_rename },
	{ "restart", "[OPTIONS] CONTAINER [CONTAINER...]", "Stop and start containers", 1, -1,
	  &cmd_restart },
	{ "rm", "[OPTIONS] CONTAINER [CONTAINER...]", "Remove containers", 1, -1, &cmd_rm },
	{ "rmi", "[OPTIONS] IMAGE [IMAGE...]", "Remove images", 1, -1, &cmd_rmi },
	{ "run", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Run a command in a new container", 0, -1,
	  &cmd_run },
	{ "save", "[OPTIONS] IMAGE [IMAGE...]", "Write images as a tar archive", 1, -1, &cmd_save },
	{ "search", "[OPTIONS] TERM", "Search a registry for images", 1, 1, &cmd_search },
	{ "start", "[OPTIONS] CONTAINER [CONTAINER...]", "Start stopped containers", 1, -1,
	  &cmd_start },
	{ "stop", "[OPTIONS] CONTAINER [CONTAINER...]", "End running containers", 1, -1,
	  &cmd_stop },
	{ "system df", "[OPTIONS]", "Show how much room on the disk is used", 0, 0,
	  &cmd_system_df },
	{ "tag", "[OPTIONS] IMAGE[:TAG] [REGISTRYHOST/][USERNAME/]NAME[:TAG]",
	  "Give an image another name", 2, 2, &cmd_tag },
	{ "top", "CONTAINER [ps OPTIONS]", "Show the processes of a container", 1, -1, &cmd_top },
	{ "unpause", "CONTAINER [CONTAINER...]", "Thaw the processes of containers", 1, -1,
	  &cmd_unpause },
	{ "update", "[OPTIONS] CONTAINER [CONTAINER...]", "Change the limits of containers", 1, -1,
	  &cmd_update },
	{ "version", "[OPTIONS]", "Show the versions of client and daemon", 0, 0, &cmd_version },
	{ "wait", "CONTAINER [CONTAINER...]", "Wait until containers end, print their exit codes",
	  1, -1, &cmd_wait },
	{ 0 },
};

static const struct {
	const char *alias, *target;
} aliases[] = {
	{ "builder build", "build" },     { "container attach", "attach" },
	{ "container commit", "commit" }, { "container cp", "cp" },
	{ "container create", "create" }, { "container diff", "diff" },
	{ "container exec", "exec" },     { "container export", "export" },
	{ "container kill", "kill" },     { "container list", "ps" },
	{ "container logs", "logs" },     { "container ls", "ps" },
	{ "container pause", "pause" },   { "container port", "port" },
	{ "container ps", "ps" },         { "container remove", "rm" },
	{ "container rename", "rename" }, { "container restart", "restart" },
	{ "container rm", "rm" },         { "container run", "run" },
	{ "container start", "start" },   { "container stop", "stop" },
	{ "container top", "top" },       { "container unpause", "unpause" },
	{ "container update", "update" }, { "container wait", "wait" },
	{ "image build", "build" },       { "image history", "history" },
	{ "image import", "import" },     { "image list", "images" },
	{ "image load", "load" },         { "image ls", "images" },
	{ "image pull", "pull" },         { "image push", "push" },
	{ "image remove", "rmi" },        { "image rm", "rmi" },
	{ "image save", "save" },         { "image tag", "tag" },
	{ "network list", "network ls" }, { "network remove", "network rm" },
	{ "system events", "events" },    { "system info", "info" },
};

/* Words in front of commands. */
static const struct {
	const char *name, *help;
} groups[] = {
	{ "container", "Commands for containers" },
	{ "image", "Commands for images" },
	{ "network", "Commands for networks" },
	{ "system", "Commands for the daemon" },
};

static const struct command *find_own(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

const struct command *command_find(const char *name)
{
	const struct command *own = find_own(name);

	for (size_t i = 0; !own && i < array_size(aliases); i++)
		if (strcmp(aliases[i].alias, name) == 0)
			own = find_own(aliases[i].target);
	return own;
}

const struct command *command_table(void)
{
	return commands;
}

const char *command_alias(size_t i, const char **target)
{
	if (i >= array_size(aliases))
		return NULL;
	*target = aliases[i].target;
	return aliases[i].alias;
}

static void print_aliases(const struct command *cmd, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < array_size(aliases); i++)
		if (strcmp(aliases[i].target, cmd->name) == 0)
			buf_addf(out, "%s%s", n++ ? ", docker " : "\nAliases:\n  docker ",
				 aliases[i].alias);
	if (n)
		buf_addf(out, ", docker %s\n", cmd->name);
}

void command_print_usage(const struct command *cmd, struct buf *out)
{
	buf_addf(out, "Usage:  docker %s%s%s\n\n%s\n", cmd->name, *cmd->usage ? " " : "",
		 cmd->usage, cmd->help);
	print_aliases(cmd, out);
	if (cmd->impl->flags) {
		buf_adds(out, "\nOptions:\n");
		mflag_usage(cmd->impl->flags, out);
	}
}

static bool in_group(const char *name, const char *group)
{
	size_t n = strlen(group);

	return strncmp(name, group, n) == 0 && name[n] == ' ';
}

bool command_print_group(const char *group, struct buf *out)
{
	autobuf struct buf lines = BUF_INIT(1 << 16);
	size_t n = strlen(group) + 1;

	for (size_t i = 0; i < array_size(aliases); i++)
		if (in_group(aliases[i].alias, group) && !in_group(aliases[i].target, group))
			buf_addf(&lines, "  %s\t%s\n", aliases[i].alias + n,
				 find_own(aliases[i].target)->help);
	for (const struct command *c = commands; c->name; c++)
		if (in_group(c->name, group))
			buf_addf(&lines, "  %s\t%s\n", c->name + n, c->help);
	if (!lines.len)
		return false;
	buf_addf(out, "Usage:  docker %s COMMAND\n\nCommands:\n", group);
	tabwriter_format(buf_text(&lines), 12, 2, out);
	buf_addf(out, "\nRun 'docker %s COMMAND --help' for more information on a command.\n",
		 group);
	return true;
}

static void list_commands(struct buf *out)
{
	autobuf struct buf lines = BUF_INIT(1 << 16);

	for (const struct command *c = commands; c->name; c++)
		if (!strchr(c->name, ' '))
			buf_addf(&lines, "  %s\t%s\n", c->name, c->help);
	tabwriter_format(buf_text(&lines), 12, 2, out);
	buf_reset(&lines);
	for (size_t i = 0; i < array_size(groups); i++)
		buf_addf(&lines, "  %s\t%s\n", groups[i].name, groups[i].help);
	buf_adds(out, "\nManagement Commands:\n");
	tabwriter_format(buf_text(&lines), 12, 2, out);
}

void client_print_commands(int fd)
{
	autobuf struct buf b = BUF_INIT(1 << 16);

	list_commands(&b);
	(void)fs_write_all(fd, b.p, b.len); /* help that nobody can read is no failure */
}

static int run_help(struct call *call)
{
	autobuf struct buf b = BUF_INIT(1 << 20);
	autofree char *name = NULL;
	const struct command *cmd;

	if (!call->args.n) {
		buf_adds(&b, "Usage:  docker [OPTIONS] COMMAND [ARG...]\n\nCommands:\n");
		list_commands(&b);
		buf_adds(&b, "\nRun 'docker COMMAND --help' for more information on a command.\n");
		return call_out(call, b.p, b.len);
	}
	name = xasprintf("%s%s%s", call->args.v[0], call->args.n > 1 ? " " : "",
			 call->args.n > 1 ? call->args.v[1] : "");
	cmd = command_find(name);
	if (cmd)
		command_print_usage(cmd, &b);
	else if (!command_print_group(name, &b))
		return call_fail(call, "Error: Command not found: %s", name);
	return call_out(call, b.p, b.len);
}

const struct command_impl cmd_help = { .run = run_help };
