/* Raw mode and back: see term.h. */
#include "pkg/term.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "pkg/mem.h"

static const int fatal[] = { SIGHUP,  SIGINT, SIGQUIT, SIGTERM, SIGABRT,
			     SIGSEGV, SIGBUS, SIGFPE,  SIGILL };

/* Process-wide on purpose: a signal handler has nothing else to find them by. */
static struct termios saved;
static volatile sig_atomic_t raw_fd = -1;
static struct sigaction old_actions[array_size(fatal)];

bool term_is_tty(int fd)
{
	return isatty(fd) == 1;
}

int term_size(int fd, unsigned *rows, unsigned *columns)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) < 0)
		return -1;
	*rows = w.ws_row;
	*columns = w.ws_col;
	return 0;
}

/* tcsetattr(3), signal(2) and raise(3) are async-signal-safe. */
static void restore_and_die(int signo)
{
	if (raw_fd >= 0)
		tcsetattr(raw_fd, TCSANOW, &saved);
	signal(signo, SIG_DFL);
	raise(signo);
}

/* Signals that are ignored (nohup) or have a handler of their own stay as they are. */
static void catch_fatal(void)
{
	struct sigaction act = { .sa_handler = restore_and_die, .sa_flags = SA_NODEFER };

	for (size_t i = 0; i < array_size(fatal); i++) {
		sigaction(fatal[i], NULL, &old_actions[i]);
		if (old_actions[i].sa_handler == SIG_DFL)
			sigaction(fatal[i], &act, NULL);
	}
}

int term_raw(int fd)
{
	static bool at_exit; /* registered once */
	struct termios raw;

	if (raw_fd >= 0)
		term_restore();
	if (tcgetattr(fd, &saved) < 0)
		return -1;
	raw = saved;
	cfmakeraw(&raw);
	if (!at_exit)
		at_exit = atexit(term_restore) == 0;
	raw_fd = fd;
	catch_fatal();
	if (tcsetattr(fd, TCSANOW, &raw) == 0)
		return 0;
	term_restore();
	return -1;
}

void term_restore(void)
{
	if (raw_fd < 0)
		return;
	/* Nothing can be done about a terminal that is gone. */
	(void)tcsetattr(raw_fd, TCSANOW, &saved);
	raw_fd = -1;
	for (size_t i = 0; i < array_size(fatal); i++)
		sigaction(fatal[i], &old_actions[i], NULL);
}
