/*
 * Command-line flags as early Docker reads them: several names per flag, `-d`, `--detach`, `-t=true`,
 * `--name x`, `--name=x`, clusters such as `-it`, repeated lists, deprecated spellings with a warning.
 * What may be given is one const table; the usage text is printed from the same table.
 *
 *	struct opts { bool daemon; const char *pidfile; int64_t mtu; struct strlist hosts; };
 *	static const struct mflag flags[] = {
 *		{ "d,-daemon", MFLAG_BOOL, offsetof(struct opts, daemon), NULL, "Enable daemon mode" },
 *		{ "H,-host", MFLAG_LIST, offsetof(struct opts, hosts), NULL, "Socket to bind to" },
 *		{ "p,-pidfile", MFLAG_STRING, offsetof(struct opts, pidfile), NULL, "PID file" },
 *		{ "#mtu,-mtu", MFLAG_INT, offsetof(struct opts, mtu), NULL, "Containers' MTU" },
 *		{ 0 },
 *	};
 *	struct opts o = { .pidfile = "/var/run/docker.pid" };      defaults are what stands there
 *	autostrlist struct strlist rest = STRLIST_INIT, warnings = STRLIST_INIT;
 *	switch (mflag_parse(flags, &o, argv + 1, 0, &rest, &warnings, &err)) ...
 */
#ifndef PKG_MFLAG_H
#define PKG_MFLAG_H

#include <stddef.h>

#include "pkg/buf.h"
#include "pkg/error.h"
#include "pkg/strlist.h"

enum mflag_type {
	MFLAG_BOOL = 1, /* bool */
	MFLAG_TRISTATE, /* int: initialise with -1 for "not given"; 0 or 1 when it was */
	MFLAG_INT,      /* int64_t */
	MFLAG_STRING,   /* const char *, borrowed from argv */
	MFLAG_LIST,     /* struct strlist, an element for each time the flag was given */
	MFLAG_BYTES,    /* int64_t, from "64m" */
	MFLAG_CUSTOM,   /* anything: parse() reads it */
};

struct mflag {
	/*
	 * Comma-separated, without the first dash: "d,-detach" is -d and --detach. '#' in front marks a
	 * spelling that still works and warns: "#rm,-rm" is --rm, and -rm with a warning that names --rm.
	 */
	const char *names;
	enum mflag_type type;
	size_t offset;     /* of the variable in the caller's struct */
	const char *value; /* its word in the usage; NULL: "string", "int", "list", "bytes" */
	const char *help;  /* NULL: works, but is not shown */
	/*
	 * MFLAG_CUSTOM: read text into *target. MFLAG_LIST: append to it what text stands for; NULL: text.
	 * 0, or -1 with err: the cause alone.
	 */
	int (*parse)(const char *text, void *target, struct error *err);
};

enum mflag_options {
	MFLAG_INTERSPERSED = 1, /* flags may follow positional arguments; "--" ends them */
};

#define MFLAG_HELP                                                                                 \
	1 /* returned when -h, -help or --help was given and the table has no such flag */

/*
 * Read args (NULL-terminated, program name excluded) into the variables at base. Positional arguments
 * are appended to rest; without MFLAG_INTERSPERSED the first of them ends the flags, so that what
 * follows passes untouched. Sentences about deprecated spellings are appended to warnings (may be
 * NULL). 0, MFLAG_HELP, or -1 with ERR_BAD_REQUEST, after which lists may hold elements.
 */
int mflag_parse(const struct mflag *table, void *base, char *const *args, unsigned options,
		struct strlist *rest, struct strlist *warnings, struct error *err);

/*
 * Was this flag given, by any of its names? name as in the table ("-tlsverify", "d"). Reads args like
 * mflag_parse(), so it answers for what that accepted.
 */
bool mflag_given(const struct mflag *table, char *const *args, unsigned options, const char *name);

/* Append a line for each flag that has a help text, in two columns, in the order of the table. */
void mflag_usage(const struct mflag *table, struct buf *out);

/* Free the lists of base. */
void mflag_done(const struct mflag *table, void *base);

#endif
