/*
 * response.h - OCSPResponse (RFC 6960 4.2.1), read back. Pure; all octets stay the caller's.
 *
 * What is checked is the shape, not the signature: what we read was signed by us, or verified
 * when it was published.
 */
#ifndef OCSP_RESPONSE_H
#define OCSP_RESPONSE_H

#include "certid.h"
#include "der.h"

enum cert_status { CERT_GOOD, CERT_REVOKED, CERT_UNKNOWN };

/* "good", "revoked", "unknown". */
const char *cert_status_name(enum cert_status s);

#define REASON_ABSENT (-1)

struct single {
	struct certid id;
	enum cert_status status;
	int64_t revoked_at;	/* of CERT_REVOKED */
	int reason;		/* CRLReason, or REASON_ABSENT */
	int64_t this_update;
	int64_t next_update;	/* INT64_MIN if absent */
};

struct response {
	enum ocsp_status status;
	/* the rest only if it is successful */
	struct bytes responder_key;	/* responderID byKey, 20 octets; empty if byName */
	int64_t produced_at;
	struct bytes singles;		/* the SingleResponses, one behind the other */
	struct single first;		/* of them: mostly the only one */
	size_t n;
	int64_t this_update;		/* the latest of all */
	int64_t next_update;		/* the earliest of all; INT64_MIN if one has none */
	bool has_nonce;
};

/* Reads a response that has to fill "der". E_MALFORMED. */
MUST_CHECK enum err response_parse(struct bytes der, struct response *out);

/* The SingleResponse of this very CertID, byte for byte. E_NOT_FOUND. */
MUST_CHECK enum err response_find(const struct response *r, struct bytes certid_der, struct single *out);

/* Reads the SingleResponse at the front of *d and moves on. False at the end. */
MUST_CHECK bool response_next(struct der *d, struct single *out);

/* An error response: no responseBytes, no signature (RFC 6960 4.2.1). */
#define RESPONSE_ERROR_LEN 5
void response_error(enum ocsp_status status, uint8_t out[RESPONSE_ERROR_LEN]);

#endif
