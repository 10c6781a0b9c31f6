/*
 * progress.h - how far a long piece of work is, in words. Pure; times are arguments.
 */
#ifndef OCSP_PROGRESS_H
#define OCSP_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

/* What was done when, lately: the rate now is what matters, not that of the beginning. */
#define PROGRESS_SAMPLES 16
struct progress {
	int64_t at_ms[PROGRESS_SAMPLES], done[PROGRESS_SAMPLES];
	unsigned n;		/* that were ever added */
};

/* The monotonic clock's time, and how much is done by then. */
void progress_add(struct progress *p, int64_t now_ms, int64_t done);

/* In a second, over the last samples; 0 while that can't be said. */
int64_t progress_rate(const struct progress *p);

/* "[######--------------]  31 %  310,000 of 1,000,000  3,412/s  3 min 22 s left", or without what
 * isn't known: total is -1 then. Returns out. */
#define PROGRESS_LEN 160
const char *progress_line(const struct progress *p, int64_t total, char out[PROGRESS_LEN]);

/* "1,234,567" */
#define PROGRESS_NUMBER_LEN 28
const char *progress_number(int64_t n, char out[PROGRESS_NUMBER_LEN]);

#endif
