/*
 * keeper.h - a process beside a listener that serves the connection which the listener had in hand
 * when it was killed: accepted, and not yet passed to an instance. The two share one table of
 * descriptors, so that the connection outlives the listener.
 */
#ifndef OCSP_KEEPER_H
#define OCSP_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct keeper {
	int listener;		/* a descriptor that says when the listener has ended; -1: no keeper */
	uint64_t *turn;		/* shared: 2n: connection n is nobody's yet; 2n + 1: it is served */
	uint64_t n;		/* of the connection at hand */
	pid_t pid;		/* 0: none is running */
};

/* Called by the listener, before it locks itself in. A kernel that has no such descriptors (before
 * 5.3) means to go without. */
void keeper_init(struct keeper *k);

/* Starts the process if it isn't running; it calls serve(context, connection) if it ever has to. It
 * knows what the listener knows now: stop it when that changes. */
void keeper_start(struct keeper *k, void (*serve)(void *context, int connection), void *context);
void keeper_stop(struct keeper *k);

/* A child of the listener has ended and was waited for: was it this one? */
void keeper_ended(struct keeper *k, pid_t pid);

/* Before each accept(). */
void keeper_next(struct keeper *k);

/* In the instance, before it serves: false if the keeper does already. */
bool keeper_claim(struct keeper *k);

#endif
