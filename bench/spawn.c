/*
 * spawn.c - what a whole process costs: starts commands in turn, many times, and prints wall time,
 * processor time and peak memory of each.
 *
 *   spawn ROUNDS [-f FIRST] INPUT [-i INPUT] NAME COMMAND [ARG...] [-- [-i INPUT] NAME COMMAND...]...
 *
 * Each gets INPUT on standard input, or its own after -i; its output goes to /dev/null. A "%d" in
 * INPUT is the number of the round, counted from FIRST (0). Commands take turns, so that noise of
 * the machine hits all of them alike.
 *
 * A line for each: name, min, p50, p99 and mean wall time in us, mean processor time in us (of the
 * process; of what it left behind nothing), peak memory in KiB, failures.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 16

struct command {
	const char *name, *input;
	char **argv;
	double *wall_us;
	double cpu_us;
	long peak_kib;
	int failed;
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void input_of(const char *input, int round, char out[4096])
{
	const char *mark = strstr(input, "%d");

	if (mark)
		snprintf(out, 4096, "%.*s%d%s", (int)(mark - input), input, round, mark + 2);
	else
		snprintf(out, 4096, "%s", input);
}

static void run(struct command *c, int round, double *wall_us)
{
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	char input[4096];
	double begin;
	int status;
	pid_t pid;

	input_of(c->input, round, input);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	begin = now_us();
	if (posix_spawnp(&pid, c->argv[0], &actions, NULL, c->argv, environ) != 0) {
		fprintf(stderr, "spawn: %s can't be started\n", c->argv[0]);
		exit(1);
	}
	wait4(pid, &status, 0, &usage);
	*wall_us = now_us() - begin;
	posix_spawn_file_actions_destroy(&actions);
	c->cpu_us += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
		     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	c->failed += status != 0;
}

/* What wait4() tells includes the memory of whoever called fork(): the kernel is asked just before
 * the process ends. */
static long peak_of(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = atol(line + 6);
	if (f)
		fclose(f);
	return kib;
}

static void measure_peak(struct command *c, int round)
{
	int status, in, out;
	char input[4096];
	pid_t pid;

	input_of(c->input, round, input);
	pid = fork();
	if (pid == 0) {
		in = open(input, O_RDONLY);
		out = open("/dev/null", O_WRONLY);
		if (dup2(in, 0) != 0 || dup2(out, 1) != 1 || ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
			_exit(126);
		execvp(c->argv[0], c->argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return;
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL);
	ptrace(PTRACE_CONT, pid, 0, 0);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		int sig = WSTOPSIG(status);

		if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXIT << 8))) {
			c->peak_kib = peak_of(pid);
			sig = 0;
		}
		ptrace(PTRACE_CONT, pid, 0, sig);
	}
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int usage(void)
{
	fprintf(stderr, "usage: spawn ROUNDS [-f FIRST] INPUT [-i INPUT] NAME COMMAND [ARG...] "
			"[-- ...]\n");
	return 64;
}

int main(int argc, char **argv)
{
	struct command command[MAX_COMMANDS] = { 0 };
	int n = 0, rounds = argc > 1 ? atoi(argv[1]) : 0, first = 0, i = 2;
	const char *input;

	if (argc > 4 && strcmp(argv[2], "-f") == 0) {
		first = atoi(argv[3]);
		i = 4;
	}
	if (argc < i + 3 || rounds < 1)
		return usage();
	input = argv[i++];
	for (; i < argc && n < MAX_COMMANDS; i++) {
		struct command *c = &command[n++];

		c->input = input;
		if (strcmp(argv[i], "-i") == 0 && i + 2 < argc) {
			c->input = argv[i + 1];
			i += 2;
		}
		c->name = argv[i++];
		c->argv = argv + i;
		c->wall_us = calloc((size_t)rounds, sizeof *c->wall_us);
		while (i < argc && strcmp(argv[i], "--") != 0)
			i++;
		if (c->argv == argv + i || !c->wall_us)
			return usage();
		argv[i] = NULL;
	}
	for (int r = 0; r < rounds; r++) {
		/* each is the first of a round as often as the others */
		for (int k = 0; k < n; k++) {
			struct command *c = &command[(k + r) % n];

			run(c, first + r, &c->wall_us[r]);
		}
	}
	for (int k = 0; k < n; k++) {
		struct command *c = &command[k];
		double sum = 0;

		measure_peak(c, first + rounds);
		for (int r = 0; r < rounds; r++)
			sum += c->wall_us[r];
		qsort(c->wall_us, (size_t)rounds, sizeof *c->wall_us, ascending);
		printf("%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%ld\t%d\n", c->name, c->wall_us[0],
		       c->wall_us[rounds / 2], c->wall_us[rounds * 99 / 100], sum / rounds,
		       c->cpu_us / rounds, c->peak_kib, c->failed);
	}
	return 0;
}
