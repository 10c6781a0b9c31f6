/*
 * responder-impl.h - one request on its way through the responder's files.
 */
#ifndef OCSP_RESPONDER_IMPL_H
#define OCSP_RESPONDER_IMPL_H

#include "decide.h"
#include "responder.h"

struct ask {
	struct responder *r;
	struct deadline d;
	struct answer_info *info;
	uint8_t *out;			/* LIM_RESPONSE_LEN octets */
	struct bytes der;		/* the answer, in out */

	struct request request;
	struct signer *signer;		/* of the CA that all the CertIDs name */
	bool cacheable;			/* an answer that everybody gets who asks this */
	struct cache_entry cached;	/* FRESH_MISS unless it could be sent */

	struct decision decision[LIM_CERTIDS];
	bool not_issued;		/* the table lacks one, and unknown= has an answer for it */
	int64_t agreed_ms;		/* just before the database was asked */
};

/* Writes info->why, and returns e. */
enum err ask_fail(struct ask *a, enum err e, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Tells the operator something about the CertID with this index. */
void ask_say(const struct ask *a, enum level level, size_t i, const char *clause);

/* Makes this the answer. */
void ask_answer(struct ask *a, struct bytes der, enum source source, const char *status);

/* E_NOT_FOUND: no ocspresponse= file is about this CertID. */
MUST_CHECK enum err ask_canned(struct ask *a);

/* Finds out the status of the CertID with this index: fills decision[i]. */
MUST_CHECK enum err ask_status(struct ask *a, size_t i);

/* The same from a row that was read: it has to have its cert where verify= wants that. */
MUST_CHECK enum err ask_row(struct ask *a, size_t i, struct bytes serial,
			    const struct store_row *row);

/* Finds what the cache has about the first CertID; what another key has signed counts for nothing. */
void ask_cache(struct ask *a);

/* Nobody may send what the cache has about this one any more. */
void ask_drop(const struct ask *a, size_t i);

/* The database has said the same again. */
void ask_touch(const struct ask *a);

/* Writes down which CAs there are, for the front's page: hourly at most. */
void ask_note_issuers(const struct ask *a);

/* Says, daily at most, that a certificate which the answers rest on ends soon, if it does. */
void ask_warn_of_end(const struct ask *a);

/* Signs what was decided, and publishes it where that may be. */
MUST_CHECK enum err ask_sign(struct ask *a);

#endif
