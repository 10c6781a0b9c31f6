/*
 * fresh.h - may this cached answer be sent? Pure; the times are arguments.
 */
#ifndef OCSP_FRESH_H
#define OCSP_FRESH_H

#include "response.h"

enum verdict {
	FRESH_MISS,	/* no answer to send: absent, expired, of the future */
	FRESH_RECHECK,	/* valid, but the database was last asked too long ago */
	FRESH_RENEW,	/* valid and agreed, but a new one is due, and nobody has tried yet */
	FRESH_HIT,
};

const char *verdict_name(enum verdict v);

/* now_ms, agreed_ms: milliseconds since 1970. agreed_ms is when the database last said the same:
 * the newer of the file's mtime and its folder's marker's. An agreement of the future counts for
 * nothing (the clock was set back), nor does an answer whose thisUpdate lies ahead. Nothing is
 * valid at or after its nextUpdate. Who agrees signs anew where that is due, and says so by the
 * agreement where it can't be done: it is tried once in each recheck_s, not by every client. */
enum verdict fresh_judge(const struct single *s, int64_t produced_at, int64_t now_ms,
			 int64_t agreed_ms, int recheck_s);

/* When an answer should be signed anew, seconds since 1970: past 3/8 of its validity, and up to an
 * eighth of it later, spread by the serial so that answers signed together don't age together. That
 * is never later than half of the validity: Baseline Requirements 4.9.9, and Microsoft's 3.2.2. */
int64_t fresh_renew_at(const struct single *s);

/* Pure. How many seconds of maxage= an HTTP cache may keep it. A certificate on hold may be good again
 * at any moment (RFC 5280 5.3.1), so its answer is kept no longer than we do without asking. */
int64_t fresh_max_age(const struct response *r, int64_t maxage_s, int64_t recheck_s);

#endif
