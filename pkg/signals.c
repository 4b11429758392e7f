/* Signals by name: see signals.h. */
#include "pkg/signals.h"

#include <signal.h>
#include <stdio.h>
#include <strings.h>

#include "pkg/mem.h"
#include "pkg/parse.h"

static const struct {
	int signo;
	const char *name;
} table[] = {
	{ SIGHUP, "HUP" },   { SIGINT, "INT" },       { SIGQUIT, "QUIT" }, { SIGILL, "ILL" },
	{ SIGTRAP, "TRAP" }, { SIGABRT, "ABRT" },     { SIGBUS, "BUS" },   { SIGFPE, "FPE" },
	{ SIGKILL, "KILL" }, { SIGUSR1, "USR1" },     { SIGSEGV, "SEGV" }, { SIGUSR2, "USR2" },
	{ SIGPIPE, "PIPE" }, { SIGALRM, "ALRM" },     { SIGTERM, "TERM" }, { SIGSTKFLT, "STKFLT" },
	{ SIGCHLD, "CHLD" }, { SIGCONT, "CONT" },     { SIGSTOP, "STOP" }, { SIGTSTP, "TSTP" },
	{ SIGTTIN, "TTIN" }, { SIGTTOU, "TTOU" },     { SIGURG, "URG" },   { SIGXCPU, "XCPU" },
	{ SIGXFSZ, "XFSZ" }, { SIGVTALRM, "VTALRM" }, { SIGPROF, "PROF" }, { SIGWINCH, "WINCH" },
	{ SIGIO, "IO" },     { SIGPWR, "PWR" },       { SIGSYS, "SYS" },   { SIGIO, "POLL" },
	{ SIGABRT, "IOT" },  { SIGCHLD, "CLD" },
};

int signal_parse(const char *text)
{
	int offset, n = 0;
	uint32_t number;

	if (parse_u32(text, &number) == 0)
		return number >= 1 && number <= 64 ? (int)number : -1;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < array_size(table); i++)
		if (strcasecmp(text, table[i].name) == 0)
			return table[i].signo;
	/* Docker counts real-time signals from 34 and to 64, as glibc shows them to programs. */
	if (strcasecmp(text, "RTMIN") == 0)
		return 34;
	if (strcasecmp(text, "RTMAX") == 0)
		return 64;
	if (strncasecmp(text, "RTMIN+", 6) == 0 && sscanf(text + 6, "%2d%n", &offset, &n) == 1 &&
	    !text[6 + n] && offset >= 0 && offset <= 15)
		return 34 + offset;
	if (strncasecmp(text, "RTMAX-", 6) == 0 && sscanf(text + 6, "%2d%n", &offset, &n) == 1 &&
	    !text[6 + n] && offset >= 0 && offset <= 14)
		return 64 - offset;
	return -1;
}

const char *signal_name(int signo)
{
	for (size_t i = 0; i < array_size(table); i++)
		if (table[i].signo == signo)
			return table[i].name;
	return NULL;
}
