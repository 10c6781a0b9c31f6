/*
 * responder.h - request octets in, answer octets out: finds the CA, asks cache and store, decides,
 * signs and publishes.
 */
#ifndef OCSP_RESPONDER_H
#define OCSP_RESPONDER_H

#include "cache.h"
#include "conf.h"
#include "request.h"
#include "signer.h"
#include "store.h"

/* Told about everything an operator should know besides the answer itself: one sentence each. */
typedef void responder_say(enum level level, const char *sentence);

struct responder {
	const struct conf *conf;	/* the caller's, must outlive the responder */
	responder_say *say;
	/* one for each conf->ca[]; zeroed where a CA's certificates can't be used */
	struct signer signer[LIM_CAS];
	struct cache cache;
	struct store *store;		/* NULL until it is needed */
	uint8_t cached[LIM_RESPONSE_LEN];	/* the entry that is looked at */
};

#define RESPONDER_ERROR_LEN SIGNER_ERROR_LEN

/* To be called before anything else that touches certificates or keys, and once: sets libcrypto up
 * for the keys that this configuration names. E_BUSY: see key_init(). */
MUST_CHECK enum err responder_init(const struct conf *conf);

/* Loads the certificates of all CAs and opens the cache; no key, no database, no ocspresponse file
 * yet. E_SIGNER, E_DATA, E_IO with a sentence in error: nothing is left open then. The struct is
 * large: not for a stack. responder_init() comes first. */
MUST_CHECK enum err responder_open(const struct conf *conf, responder_say *say,
				   struct responder *out, char error[RESPONDER_ERROR_LEN]);

/* The same, but with those CAs whose certificates can be used: of the others it is said why not. An
 * error only if there are no others. Then responder_answer() alone may be called. */
MUST_CHECK enum err responder_open_some(const struct conf *conf, responder_say *say,
					struct responder *out, char error[RESPONDER_ERROR_LEN]);

void responder_close(struct responder *r);

enum source { SOURCE_NONE, SOURCE_CACHE, SOURCE_STORE, SOURCE_CANNED, SOURCE_SIGNED };

/* "-", "cache" (another process has just signed it, or the database can't be asked), "store" (a
 * cached answer that the database agreed with again), "canned" (ocspresponse=), "signed". */
const char *source_name(enum source s);

/* What a log line says about an answer. */
struct answer_info {
	char serial[SERIAL_TEXT_LEN];	/* of the first CertID, or "-" */
	size_t n;			/* CertIDs asked for */
	const char *status;	/* "good", "revoked", "unknown", or OCSPResponseStatus's name */
	enum source source;
	bool published;		/* it is in the cache now */
	char why[RESPONDER_ERROR_LEN];	/* why there is no status, for the log; else "" */
};

/* Answers one request. out holds LIM_RESPONSE_LEN; *der lies in it and is always a well-formed
 * answer, an error response unless E_OK. The request's octets must stay until it returns.
 * E_CONFIG: it may be about a CA whose certificates can't be used, so that nothing is known. */
enum err responder_answer(struct responder *r, struct bytes request, struct deadline d,
			  uint8_t *out, struct bytes *der, struct answer_info *info);

/* For work that is done ahead, from a row that was read at read_ms (with its cert where verify= of
 * this CA wants one): signs the answer to this CertID and publishes it, if there is none yet, it
 * says something else, its renewal is due or it ends within soon_s. info->source says what was
 * done: SOURCE_SIGNED; SOURCE_STORE: what is there was agreed with; SOURCE_CACHE: somebody has
 * asked the database later than we have, and what is there stays. out: room for LIM_RESPONSE_LEN.
 * E_NOT_FOUND: it is a certificate of another CA, as its issuer's name says, or one that has
 * ended; E_IO: signed, and it can't be published; E_AGAIN: what is there says something else, and
 * another row of the serial may be why: store_find() has the one that counts. */
enum err responder_ahead(struct responder *r, size_t ca, const struct certid *id,
			 const struct store_row *row, int64_t read_ms, int64_t soon_s,
			 uint8_t *out, struct answer_info *info);

#endif
