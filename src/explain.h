/*
 * explain.h - what the files of "ocspctl explain" share: one request on its way to an answer that
 * is not made.
 */
#ifndef OCSP_EXPLAIN_H
#define OCSP_EXPLAIN_H

#include "ctl.h"
#include "decide.h"
#include "request.h"
#include "signer.h"

struct explain {
	struct ctl *c;
	const uint8_t *octets;
	struct request request;
	int64_t now_ms;
	size_t ca;			/* that was recognised */
	struct signer signer;
	struct cache_entry cached;	/* of a request for one certificate; FRESH_MISS: none */
	bool echo;			/* the nonce, so that nothing can be cached */
	struct decision decision;
	struct validity validity;
	const char *error;		/* OCSP status of an answer without one; NULL: it has */
	bool from_cache;
};

/* A decision: "step  sentence  [source]". */
void explain_say(const char *step, const char *source, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A request's DER, in a file or made from a serial or a certificate. The caller frees *octets. What
 * fails is told. */
MUST_CHECK enum err explain_request(struct explain *x, const char *arg, uint8_t **octets);
void explain_extensions(struct explain *x);

/* As the responder does: a file that answers for this very CertID goes first. With x->error it is
 * for a file to answer, and none can be sent. */
bool explain_canned(struct explain *x);

/* Who signs, with which algorithm, and for how long. */
void explain_signer(struct explain *x);

/* What HTTP says around the answer. */
void explain_http(const struct explain *x);

#endif
