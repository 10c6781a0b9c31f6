/*
 * spawn.c - what a whole process costs: starts commands in turn, many times, and prints wall time,
 * processor time and peak memory of each, and the ratio to the first.
 *
 *   spawn ROUNDS INPUT [-u PATH] NAME COMMAND [ARG...] [-- [-u PATH] NAME COMMAND [ARG...]]...
 *
 * Each gets INPUT on standard input; its output goes to /dev/null. -u PATH removes that file before
 * each start (so that a cached answer is missed). Commands take turns, so that noise of the machine
 * hits all of them alike.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 16

struct command {
	const char *name, *remove;
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

static void run(struct command *c, const char *input, int round)
{
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	double begin;
	int status;
	pid_t pid;

	if (c->remove)
		unlink(c->remove);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	begin = now_us();
	if (posix_spawnp(&pid, c->argv[0], &actions, NULL, c->argv, environ) != 0) {
		fprintf(stderr, "spawn: %s can't be started\n", c->argv[0]);
		exit(1);
	}
	wait4(pid, &status, 0, &usage);
	c->wall_us[round] = now_us() - begin;
	posix_spawn_file_actions_destroy(&actions);
	c->cpu_us += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
		     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	if (usage.ru_maxrss > c->peak_kib)
		c->peak_kib = usage.ru_maxrss;
	c->failed += status != 0;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int usage(void)
{
	fprintf(stderr, "usage: spawn ROUNDS INPUT [-u PATH] NAME COMMAND [ARG...] [-- ...]\n");
	return 64;
}

int main(int argc, char **argv)
{
	struct command command[MAX_COMMANDS] = { 0 };
	int n = 0, rounds = argc > 1 ? atoi(argv[1]) : 0;

	if (argc < 5 || rounds < 1)
		return usage();
	for (int i = 3; i < argc && n < MAX_COMMANDS; i++) {
		struct command *c = &command[n++];

		if (strcmp(argv[i], "-u") == 0 && i + 2 < argc) {
			c->remove = argv[i + 1];
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
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < n; i++)
			run(&command[i], argv[2], r);
	printf("%-34s %9s %9s %9s %9s %8s %7s\n", "", "min us", "p50 us", "p99 us", "cpu us",
	       "peak KiB", "x first");
	for (int i = 0; i < n; i++) {
		struct command *c = &command[i];

		qsort(c->wall_us, (size_t)rounds, sizeof *c->wall_us, ascending);
		printf("%-34s %9.0f %9.0f %9.0f %9.0f %8ld %7.2f%s\n", c->name, c->wall_us[0],
		       c->wall_us[rounds / 2], c->wall_us[rounds * 99 / 100], c->cpu_us / rounds,
		       c->peak_kib, c->wall_us[rounds / 2] / command[0].wall_us[rounds / 2],
		       c->failed ? "  (failed)" : "");
	}
	return 0;
}
