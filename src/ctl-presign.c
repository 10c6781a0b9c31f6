/*
 * presign: starts the processes that sign ahead, and tells how far they are.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "key.h"
#include "presign.h"
#include "progress.h"
#include "responder.h"
#include "secret.h"
#include "user.h"

#define MOST_JOBS 256

/* How often the line on a terminal, and the lines of a log, are written. */
#define TICK_MS 250
#define LINE_MS 30000

/* Counting reads the whole table, and may take long. */
#define COUNT_MS 600000

enum { OPT_ALL, OPT_EXPIRING, OPT_JOBS, OPT_HASH };

const struct ctl_opt ctl_presign_options[] = {
	[OPT_ALL] = { "all", NULL, "every certificate of the table (the default)" },
	[OPT_EXPIRING] = { "expiring", "SPAN", "what is cached and ends within 6h, 90min, 1d, or is due anyway" },
	[OPT_JOBS] = { "jobs", "N", "processes; the default is one for each core" },
	[OPT_HASH] = { "hash", "NAME", "of the CertIDs: sha1 (default), sha256, ...; repeatable" },
	{ NULL, NULL, NULL },
};

static struct presign *presign;

static int cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static bool read_hash(const char *name, unsigned *hashes)
{
	for (int h = 0; h < HASH_COUNT; h++) {
		if (strcmp(name, hashalg_name((enum hashalg)h)) != 0)
			continue;
		*hashes |= 1u << h;
		return true;
	}
	return false;
}

/* Returns an exit code, or -1 to go on. */
static int read_options(int argc, char **argv, int *jobs)
{
	bool all = false, expiring = false;
	int64_t n;
	int o;

	*jobs = cores();
	while ((o = ctl_next_option(argc, argv, ctl_presign_options)) != -1) {
		switch (o) {
		case OPT_ALL:
			all = true;
			break;
		case OPT_EXPIRING:
			if (!conf_read_duration(bytes_str(optarg), &presign->soon_s))
				return ctl_usage("--expiring takes a time, as 6h or 90min");
			expiring = true;
			break;
		case OPT_JOBS:
			if (!conf_read_number(bytes_str(optarg), &n) || n < 1 || n > MOST_JOBS)
				return ctl_usage("--jobs takes a number from 1 to %d", MOST_JOBS);
			*jobs = (int)n;
			break;
		case OPT_HASH:
			if (!read_hash(optarg, &presign->hashes))
				return ctl_usage("--hash takes sha1, sha256, sha384 or sha512");
			break;
		default:
			return EX_USAGE;
		}
	}
	if (optind < argc)
		return ctl_usage("presign takes options only");
	if (expiring && (all || presign->hashes))
		return ctl_usage("--expiring is about the answers that there are: no --all, no --hash");
	if (!expiring && !presign->hashes)
		presign->hashes = 1u << HASH_SHA1;
	return -1;
}

/* In a process of its own, since nobody waits for it. */
static int count_rows(void)
{
	const struct conf *conf = presign->conf;
	char error[STORE_ERROR_LEN];
	struct store *store;
	int64_t total = 0;

	if (store_open(conf, deadline_in(COUNT_MS), &store, error) != E_OK)
		return EX_TEMPFAIL;
	for (size_t i = presign->ca; i < presign->end_ca; i++) {
		struct store_count n;

		if (store_count(store, conf->ca[i].table, deadline_in(COUNT_MS), &n) != E_OK)
			return EX_TEMPFAIL;
		total += n.valid + n.revoked + n.odd;
	}
	atomic_store(&presign->total, total);
	return 0;
}

static void on_signal(int sig)
{
	(void)sig;
	atomic_store(&presign->stop, 1);
}

static pid_t start(int (*work)(void))
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	_exit(work());
}

static int work(void)
{
	return presign_work(presign);
}

static void show(struct progress *p, bool terminal, int64_t *next_line_ms)
{
	int64_t now = clock_mono_ms();
	char line[PROGRESS_LEN];

	progress_add(p, now, atomic_load(&presign->rows));
	if (!terminal && now < *next_line_ms)
		return;
	*next_line_ms = now + LINE_MS;
	progress_line(p, atomic_load(&presign->total), line);
	if (terminal)
		printf("\r%s\033[K", line);
	else
		puts(line);
	fflush(stdout);
}

/* Waits for the workers, of which "counter" is none. Returns the worst exit code. */
static int wait_for_all(int running, pid_t counter)
{
	const struct timespec pause = { 0, TICK_MS * 1000000L };
	bool terminal = isatty(STDOUT_FILENO);
	struct progress p = { .n = 0 };
	int64_t next_line_ms = clock_mono_ms() + LINE_MS;
	int status, worst = 0;

	while (running > 0) {
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0 && pid != counter) {
			int code = WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;

			worst = code > worst ? code : worst;
			running--;
		} else if (pid <= 0) {
			show(&p, terminal, &next_line_ms);
			nanosleep(&pause, NULL);
		}
	}
	if (terminal)
		fputs("\r\033[K", stdout);
	return worst;
}

static void print_number(const char *before, int64_t n, const char *behind)
{
	char text[PROGRESS_NUMBER_LEN];

	printf("%s%s%s", before, progress_number(n, text), behind);
}

static void summary(int64_t ms, int jobs, bool done)
{
	int64_t n = atomic_load(&presign->signatures);

	print_number("", n, " signed, ");
	print_number("", atomic_load(&presign->agreed), " fresh already, ");
	print_number("", atomic_load(&presign->left_out), " left out (ended, or another CA's), ");
	print_number("", atomic_load(&presign->failed), " failed\n");
	printf("%lld.%03lld s with %d processes", (long long)(ms / 1000), (long long)(ms % 1000),
	       jobs);
	print_number(": ", ms ? n * 1000 / ms : 0, " signatures/s\n");
	if (!done)
		puts("not all was looked at: start it again, and it goes on with what isn't fresh");
}

/* Only so that it interrupts the pause. */
static void on_child(int sig)
{
	(void)sig;
}

static void catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	act.sa_handler = on_child;
	sigaction(SIGCHLD, &act, NULL);
}

static enum err become_user(const struct conf *conf)
{
	char error[256];
	enum err e = user_become(conf->sign_user, true, error);

	if (e != E_OK)
		ctl_say("%s", error);
	return e;
}

/* The exit code for the CAs that were given up; 0: none was. */
static int worst_given_up(void)
{
	int code, worst = 0;

	for (size_t i = 0; i < LIM_CAS; i++) {
		code = atomic_load(&presign->given_up[i]);
		worst = code > worst ? code : worst;
	}
	return worst;
}

int ctl_presign(struct ctl *c, int argc, char **argv)
{
	int64_t start_ms = clock_mono_ms();
	int jobs, started = 0, code, given_up;
	pid_t counter;
	enum err e;

	presign = presign_new();
	if (!presign) {
		ctl_say("no memory can be shared: %s", strerror(errno));
		return EX_OSERR;
	}
	code = read_options(argc, argv, &jobs);
	if (code >= 0)
		return code;
	e = become_user(&c->conf);
	if (e != E_OK)
		return ctl_code(e);
	secret_keep();
	umask(CACHE_UMASK);
	if (responder_init(&c->conf) != E_OK) {
		ctl_say(KEY_NO_MEMORY);
		return ctl_code(E_BUSY);
	}
	presign->conf = &c->conf;
	presign->first_ca = presign->ca = c->first_ca;
	presign->end_ca = c->end_ca;
	catch_signals();
	counter = start(count_rows);
	for (; started < jobs; started++)
		if (start(work) < 0) {
			ctl_say("process %d can't be started: %s", started + 1, strerror(errno));
			break;
		}
	code = started ? wait_for_all(started, counter) : EX_OSERR;
	if (counter > 0) {
		kill(counter, SIGKILL);
		waitpid(counter, NULL, 0);
	}
	given_up = worst_given_up();
	summary(clock_mono_ms() - start_ms, started, presign->end && !given_up);
	if (code || given_up)
		return code > given_up ? code : given_up;
	return atomic_load(&presign->failed) ? CTL_REFUSED : presign->end ? 0 : CTL_REFUSED;
}
