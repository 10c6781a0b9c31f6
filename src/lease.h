/*
 * lease.h - what a process that watches a table may say about the answers in the cache, and when
 * it has to look at them again. Pure; times are milliseconds since 1970, and arguments.
 *
 * A "pass" reads every cached answer and compares it with its row. What is said is a time: at that
 * time all that is in the cache agreed with the table. It is never later than what was seen, with
 * regard to answers that others publish at the same time: such a one was asked about at its own
 * time, no more than lag_ms before it is published. So one from before a pass began, less lag_ms,
 * was there when the pass came by.
 */
#ifndef OCSP_LEASE_H
#define OCSP_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#define LEASE_NEVER INT64_MIN
#define LEASE_DIGEST_LEN 256

struct lease {
	int64_t recheck_ms;	/* how long what is said counts */
	int64_t lag_ms;		/* from a look at the table to the publication of its answer, at most */
	int64_t age_ms;		/* a pass has to come by this often, for what ages */

	/* The table, where it has a digest: equal ones mean that nothing was changed in between. */
	char digest[LEASE_DIGEST_LEN];
	int64_t same_since_ms;	/* when this digest was first seen; LEASE_NEVER: there is none */

	/* the last pass that came to its end */
	int64_t pass_ms;	/* its beginning, or LEASE_NEVER */
	char pass_digest[LEASE_DIGEST_LEN];
	bool settled;		/* nothing had been changed for lag_ms before it began */

	/* the pass that is on its way */
	bool running;
	bool again;		/* the next one has to begin at once */
	int64_t start_ms, span_ms;	/* it may take this long */
	char start_digest[LEASE_DIGEST_LEN];
	bool start_settled;

	int64_t agreed_ms;	/* all that was in the cache then agreed, or LEASE_NEVER */
};

void lease_init(struct lease *l, int64_t recheck_ms, int64_t lag_ms, int64_t age_ms);

/* The table was out of sight, or the clock was set back: nothing is known any more. */
void lease_reset(struct lease *l);

/* The table was looked at: this is its digest, asked for at now_ms. */
void lease_see(struct lease *l, int64_t now_ms, const char *digest);

/* Something may have changed: a pass has to come by soon. */
void lease_hurry(struct lease *l);

/* Should a pass begin now? Then it has begun. */
bool lease_begin(struct lease *l, int64_t now_ms);

/* How many of so many steps should be done by now; all, when it is urgent. */
int64_t lease_due(const struct lease *l, int64_t now_ms, int64_t steps);

/* The pass has ended; ok: every answer agrees, or is gone. */
void lease_end(struct lease *l, bool ok);

/* The time of which it may be said that all agreed, or LEASE_NEVER. */
int64_t lease_said(const struct lease *l);

#endif
