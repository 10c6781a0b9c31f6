/*
 * signed.h - the signature of an OCSP response that is read back.
 */
#ifndef OCSP_SIGNED_H
#define OCSP_SIGNED_H

#include "cert.h"

/* The signed parts of a response that response_parse() has accepted. */
struct signed_parts {
	struct bytes data, algorithm, signature, certs;
};

/* E.g. of the cache, or of an ocspresponse file. Pure; all octets stay the caller's. */
MUST_CHECK bool signed_split(struct bytes der, struct signed_parts *out);

/* Does this certificate's key verify it, with an algorithm that is strong enough? */
MUST_CHECK bool signed_by(const struct signed_parts *p, struct cert *c);

#endif
