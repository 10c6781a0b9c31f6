/*
 * compare-request.h - one request, read by us and by libcrypto.
 *
 * Both have to say the same: a request or none, for the same certificates, with the same nonce.
 * What libcrypto takes counts as DER if all of it was used and it is written again with the same
 * octets. Where the two may differ is listed here, each kind with a test of its own that looks at
 * the octets or at what libcrypto has read.
 */
#ifndef OCSP_COMPARE_REQUEST_H
#define OCSP_COMPARE_REQUEST_H

#include "fuzz.h"

enum outcome {
	BOTH_ACCEPT, BOTH_REFUSE,
	/* refused here only */
	NO_CERTIFICATE, MANY_CERTIFICATES, OTHER_VERSION, CRITICAL_EXTENSION, ODD_NONCE,
	ODD_BOOLEAN, ODD_PARAMETERS,
	/* taken here only */
	LOOSE_PARAMETERS, LOOSE_NAME, LOOSE_SIGNATURE,
	OUTCOMES,	/* they differ, and must not */
};

const char *outcome_text(enum outcome o);

/* A request of at most this many octets. */
#define COMPARE_MAX 4096
enum outcome compare_request(struct bytes der);

#endif
