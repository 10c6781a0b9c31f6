/*
 * How far a long piece of work is, and how it is ended early.
 */
#include "ctl.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Milliseconds between two lines. */
#define TERMINAL_MS 200
#define LOG_MS 10000

static void on_signal(int sig)
{
	(void)sig;
	deadline_interrupt();
}

void ctl_catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

void ctl_progress_begin(struct ctl_progress *p, const char *what, int64_t total)
{
	bool terminal = isatty(STDERR_FILENO);
	int64_t now = clock_mono_ms();

	*p = (struct ctl_progress){ .what = what, .total = total, .terminal = terminal,
				    .next_ms = now + (terminal ? TERMINAL_MS : LOG_MS) };
	progress_add(&p->p, now, 0);
}

void ctl_progress(struct ctl_progress *p, int64_t done)
{
	int64_t now = clock_mono_ms();
	char line[PROGRESS_LEN];

	if (now < p->next_ms)
		return;
	p->next_ms = now + (p->terminal ? TERMINAL_MS : LOG_MS);
	progress_add(&p->p, now, done);
	progress_line(&p->p, p->total, line);
	fflush(stdout);
	if (p->terminal)
		fprintf(stderr, "\r%s: %s\033[K", p->what, line);
	else
		fprintf(stderr, "%s: %s\n", p->what, line);
	p->shown = true;
}

void ctl_progress_clear(struct ctl_progress *p)
{
	if (p->shown && p->terminal)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
