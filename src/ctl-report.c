/*
 * report: one page about the responder, for whoever wants to know how it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "io.h"
#include "report.h"

enum { OPT_OUTPUT, OPT_NO_CHECK };
const struct ctl_opt ctl_report_options[] = {
	[OPT_OUTPUT] = { "output", "FILE", "put the page there, whole or not at all" },
	[OPT_NO_CHECK] = { "no-check", NULL, "without the findings of ocspctl check" },
	{ 0 },
};

/* A finding on its way from the process that checks: its level, its text and a newline. */
#define LINE_LEN 4096

static int check_in_child(const struct ctl *c, int fd)
{
	static struct ctl other;
	static struct check k;
	FILE *f = fdopen(fd, "w");

	if (!f)
		return EX_OSERR;
	other = (struct ctl){ .config = c->config, .cache = { .fd = -1 } };
	k = (struct check){ .ctl = &other, .root = "" };
	check_all(&k);
	for (size_t i = 0; i < k.n_found; i++) {
		const char *p = k.found[i].text;

		fputc('0' + (int)k.found[i].level, f);
		for (; p && *p; p++)
			fputc(*p == '\n' ? ' ' : *p, f);
		fputc('\n', f);
	}
	return fclose(f) == 0 ? 0 : EX_IOERR;
}

static void add_finding(struct report *r, struct finding **list, const char *line)
{
	unsigned level = (unsigned)(line[0] - '0');
	struct finding *more = NULL;
	char *text;

	if (level >= FOUND_LEVELS)
		return;
	text = strdup(line + 1);
	if (text)
		more = reallocarray(*list, r->n_found + 1, sizeof *more);
	if (!more) {
		free(text);
		return;
	}
	*list = more;
	r->found = more;
	more = &more[r->n_found++];
	more->level = (enum level_found)level;
	more->topic = "";
	more->text = text;
	r->n[level]++;
}

/* The check becomes the responder's user for good, and the page is written by who we are: so it
 * runs in a process of its own. */
static bool gather_findings(const struct ctl *c, struct report *r, struct finding **list)
{
	char line[LINE_LEN];
	int pair[2], status;
	pid_t pid;
	FILE *f;

	if (pipe2(pair, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		_exit(check_in_child(c, pair[1]));
	}
	close(pair[1]);
	f = fdopen(pair[0], "r");
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		add_finding(r, list, line);
	}
	if (f)
		fclose(f);
	else
		close(pair[0]);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static enum err write_page(const struct report *r, const char *output)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	enum err e;

	if (!f)
		return E_BUSY;
	report_put(f, r);
	e = fclose(f) == 0 ? E_OK : E_BUSY;
	if (e != E_OK) {
		ctl_say("out of memory");
	} else if (!output) {
		fwrite(text, 1, len, stdout);
	} else {
		e = io_replace_file(AT_FDCWD, output, bytes_of(text, len), 0644, NULL);
		if (e != E_OK)
			ctl_say("%s can't be written: %s", output, strerror(errno));
	}
	free(text);
	return e;
}

int ctl_report(struct ctl *c, int argc, char **argv)
{
	static struct report r;
	struct finding *found = NULL;
	const char *output = NULL;
	bool with_check = true;
	int code, o;

	while ((o = ctl_next_option(argc, argv, ctl_report_options)) != -1) {
		if (o == CTL_BAD_OPTION)
			return EX_USAGE;
		if (o == OPT_OUTPUT)
			output = optarg;
		else
			with_check = false;
	}
	if (optind != argc)
		return ctl_usage("report takes no arguments");
	if (output && !ctl_may_replace(output))
		return EX_IOERR;
	ctl_catch_signals();
	r = (struct report){ .now = clock_real_ms() / 1000, .config = c->conf.path };
	if (gethostname(r.host, sizeof r.host - 1) != 0 || !r.host[0])
		strcpy(r.host, "this host");
	/* before anything is open that a child should not share */
	if (with_check && !gather_findings(c, &r, &found))
		ctl_say("the check ended early, so its findings are not complete");
	report_gather_tables(c, &r);
	report_gather_cache(c, &r);
	r.counted = metrics_read(&c->conf, &r.metrics, &r.since) == E_OK;
	if (deadline_interrupted())
		code = CTL_INTERRUPTED;
	else
		code = write_page(&r, output) == E_OK ? 0 : EX_IOERR;
	for (size_t i = 0; found && i < r.n_found; i++)
		free(found[i].text);
	free(found);
	return code;
}
