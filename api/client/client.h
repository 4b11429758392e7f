/*
 * The command line. The client is an engine too: every command is a handler on it, and the job's
 * stdio is the terminal. `docker foo bar` looks for "foo bar" and then for "foo".
 *
 * To add a command: one file, one row in commands.c; man page and completion in the same commit.
 */
#ifndef API_CLIENT_CLIENT_H
#define API_CLIENT_CLIENT_H

#include <stdbool.h>

struct client_options {
	const char *host; /* "unix:///var/run/docker.sock", "tcp://host:port" */
	bool tls, tls_verify;
	const char *tls_ca, *tls_cert, *tls_key;
	bool debug;
	const char *version, *git_commit; /* of this program */
};

/* Run the command argv[0] with its arguments. The program's exit status. */
int client_run(const struct client_options *o, int argc, char **argv);

/* The list of commands, for `docker` and `docker help`, a line each, to stdout or stderr. */
void client_print_commands(int fd);

#endif
