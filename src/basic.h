/*
 * basic.h - BasicOCSPResponse (RFC 6960 4.2.1), written. Pure: the signature is made elsewhere.
 */
#ifndef OCSP_BASIC_H
#define OCSP_BASIC_H

#include "der.h"
#include "response.h"

/* One SingleResponse. */
struct basic_single {
	struct bytes certid;	/* as it was asked, with its header */
	enum cert_status status;
	int64_t revoked_at;	/* of CERT_REVOKED */
	int reason;		/* CRLReason, or REASON_ABSENT */
	int64_t this_update, next_update;
};

struct basic {
	struct bytes key_hash;	/* ResponderID byKey, 20 octets */
	int64_t produced_at;
	const struct basic_single *single;
	size_t n;
	struct bytes nonce;	/* echoed, or empty */
	bool extended_revoke;	/* RFC 6960 4.4.8: a "revoked" stands for "not issued" */
	int64_t archive_s;	/* how long expired certificates are kept; 0: nobody has said */
};

/* Puts ResponseData in front of what is there: what the signature is made over. A reason of 0
 * (unspecified: RFC 5280 5.3.1) is left out. With archive_s, what is known about a certificate
 * carries an archive cutoff (RFC 6960 4.4.4). */
void basic_put_data(struct der_out *o, const struct basic *b);

/* Puts an OCSPResponse, successful, with these parts: ResponseData and AlgorithmIdentifier with
 * their headers, the signature's octets, certificates (each with its header, one behind the other)
 * or none. */
void basic_put_response(struct der_out *o, struct bytes data, struct bytes algorithm,
			struct bytes signature, struct bytes certs);

#endif
