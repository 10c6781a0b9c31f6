/*
 * request.h - OCSPRequest (RFC 6960 4.1.1). Pure; all octets stay the caller's.
 */
#ifndef OCSP_REQUEST_H
#define OCSP_REQUEST_H

#include "certid.h"

struct request {
	struct bytes der;
	struct certid id[LIM_CERTIDS];
	size_t n;
	bool has_nonce;
	struct bytes nonce;		/* 1 … LIM_NONCE_LEN octets (RFC 9654 2.1) */
	struct bytes preferred;		/* PreferredSignatureAlgorithms' value (4.4.7), or empty */
	bool is_signed;			/* the signature is not looked at (RFC 9919 3.1.2) */
};

/* Reads a request that has to fill "der" to its last octet. E_MALFORMED: not this syntax, no or
 * too many certificates, an unknown critical extension (4.1.2), a nonce of a length that RFC 9654
 * forbids, or two of them. why, if not NULL, is set to a clause for the log. */
MUST_CHECK enum err request_parse(struct bytes der, struct request *out, const char **why);

#endif
