/*
 * deadline.h - one absolute point in time that a connection's every read, write, query and child
 * is held to.
 */
#ifndef OCSP_DEADLINE_H
#define OCSP_DEADLINE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct deadline {
	int64_t at_ms;	/* CLOCK_MONOTONIC, milliseconds */
};

/* Milliseconds of the monotonic clock; microseconds, to measure with. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

/* Milliseconds since 1970 of the real-time clock. */
int64_t clock_real_ms(void);

struct deadline deadline_in(int64_t ms);

/* The earlier of d and ms from now. */
struct deadline deadline_sooner(struct deadline d, int64_t ms);

/* Milliseconds left, never below 0. 0 as well once deadline_interrupt() was called. */
int deadline_left_ms(struct deadline d);

/* From a signal handler: every deadline of this process is over (SIGTERM). */
void deadline_interrupt(void);
bool deadline_interrupted(void);

/* Lets a signal interrupt every deadline. It is blocked from now on, but for the time of a
 * deadline_wait(), so that none is lost between a look at the clock and the wait. */
void deadline_catch(int sig);

/* Waits until fd is ready for events (POLLIN, POLLOUT, …): true if it is, false when the time is
 * over or the process was interrupted. */
bool deadline_wait(struct deadline d, int fd, short events);

#endif
