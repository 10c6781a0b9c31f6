/*
 * decide.h - from a row of the table to a status. Pure.
 *
 * Every row that says Revoked gets a definite answer, however odd its time or reason are: a
 * certificate that was revoked must never look better because somebody mistyped a date.
 */
#ifndef OCSP_DECIDE_H
#define OCSP_DECIDE_H

#include "conf.h"
#include "response.h"
#include "store.h"

struct decision {
	enum cert_status status;	/* CERT_GOOD or CERT_REVOKED */
	int64_t revoked_at;	/* as it stands there: see decide_revoked_at() */
	int reason;		/* CRLReason, or REASON_ABSENT */
	/* Clauses for the log about a time or a reason that was replaced, or NULL. */
	const char *odd_time, *odd_reason;
};

/* not_before: of the row's certificate, or ROW_NO_TIME if it isn't known. now: seconds.
 * E_DATA: the row is neither valid nor revoked. */
MUST_CHECK enum err decide_row(const struct store_row *row, int64_t not_before, int64_t now,
			       enum conf_profile profile, struct decision *out);

/* What an answer of that time says: nothing is revoked later than the answer was produced. */
static inline int64_t decide_revoked_at(const struct decision *d, int64_t produced_at)
{
	return d->revoked_at < produced_at ? d->revoked_at : produced_at;
}

/* From when until when an answer of that time is valid. not_after: the last second of any certificate
 * that it rests on; by_certificate: it is that which ends the answer, and not producetime=.
 *
 * Setting thisUpdate back (backdate=) takes no more than a quarter of the validity, for an answer is
 * renewed from 3/8 of it on; and what is revoked was not known to be so before it was (RFC 6960
 * 2.4). */
struct validity {
	int64_t this_update, next_update;
	bool by_certificate;
};
struct validity decide_validity(const struct conf *conf, const struct conf_ca *ca,
				int64_t not_after, const struct decision *d, int64_t produced_at);

/* Does this answer, made at produced_at, still say just that? */
bool decide_same(const struct decision *d, const struct single *answer, int64_t produced_at);

#endif
