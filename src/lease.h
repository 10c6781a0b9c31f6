/*
 * lease.h - what a process that watches a table may say about the answers in the cache, and when
 * it has to look at them again. Pure; times are milliseconds since 1970, and arguments.
 *
 * A "pass" reads every cached answer and compares it with its row. What is said are two times: at
 * the first all answers agreed with the table that lie where they are since the second.
 */
#ifndef OCSP_LEASE_H
#define OCSP_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#define LEASE_NEVER INT64_MIN
#define LEASE_DIGEST_LEN 80

struct lease {
	int64_t recheck_ms;	/* how long what is said counts */
	int64_t age_ms;		/* a pass has to come by this often, for what ages */

	/* The table's, if it has one: equal digests mean that nothing was changed in between. */
	char digest[LEASE_DIGEST_LEN];
	bool has_digest;

	/* the last pass that came to its end */
	int64_t pass_ms;	/* its beginning, or LEASE_NEVER */
	int64_t cost_ms;	/* the time that it worked */
	char pass_digest[LEASE_DIGEST_LEN];

	/* the pass that is on its way */
	bool running;
	bool again;		/* the next one has to begin at once */
	int64_t start_ms, span_ms;	/* it may take this long */
	char start_digest[LEASE_DIGEST_LEN];

	int64_t agreed_ms;	/* what lay there before pass_ms agreed then, or LEASE_NEVER */
};

void lease_init(struct lease *l, int64_t recheck_ms, int64_t age_ms);

/* The table was out of sight, or the clock was set back: nothing is known any more. */
void lease_reset(struct lease *l);

/* The table was looked at: this is its digest, asked for at now_ms. True if it is another one. */
bool lease_see(struct lease *l, int64_t now_ms, const char *digest);

/* Something may have changed: a pass has to come by at once. */
void lease_hurry(struct lease *l);

/* Should a pass begin now? */
bool lease_begins(const struct lease *l, int64_t now_ms);

/* The same; then it has begun. */
bool lease_begin(struct lease *l, int64_t now_ms);

/* How many of so many steps should be done by now; all, when it is urgent. */
int64_t lease_due(const struct lease *l, int64_t now_ms, int64_t steps);

/* The pass has ended, after so much work; ok: every answer agrees, or is gone. */
void lease_end(struct lease *l, bool ok, int64_t cost_ms);

/* What may be said: false if it is nothing. */
bool lease_said(const struct lease *l, int64_t *agreed_ms, int64_t *present_ms);

#endif
