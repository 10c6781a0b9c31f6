/*
 * presign.h - signing ahead: a process of its own for each core, all taking pages of the table from
 * one place.
 */
#ifndef OCSP_PRESIGN_H
#define OCSP_PRESIGN_H

#include <pthread.h>
#include <stdatomic.h>

#include "conf.h"
#include "store.h"

/* What the processes share; in memory that fork() leaves shared. */
struct presign {
	/* set by the parent, before */
	const struct conf *conf;
	size_t first_ca, end_ca;	/* conf.ca[], from and up to */
	int64_t soon_s;			/* sign as well what ends within this time */
	unsigned hashes;		/* 1 << HASH_…: sign for these, else for what is cached */

	/* how far the table has been read, under the lock */
	pthread_mutex_t lock;
	size_t ca;
	char after[sizeof ((struct store_row *)0)->cert_num];
	bool end;
	bool twins;			/* a serial may have several rows */

	atomic_int stop;		/* not 0: finish the row at hand and end */
	atomic_int given_up[LIM_CAS];	/* not 0: the exit code for what keeps conf.ca[] from it */
	atomic_int said;		/* sentences for the operator, of which there may be many */
	_Atomic int64_t total;		/* rows, or -1 while nobody knows */
	_Atomic int64_t rows, signatures, agreed, left_out, failed;
};

/* Makes it, with its lock; NULL without memory. */
struct presign *presign_new(void);

/* What a child does; it ends with the exit code that is returned. A CA that can't sign, or whose
 * table can't be read, is told, given up, and the others go on. */
int presign_work(struct presign *p);

#endif
