/*
 * variants.h - every CertID that clients may ask with about one certificate: hash by hash, with
 * NULL parameters and without.
 */
#ifndef OCSP_VARIANTS_H
#define OCSP_VARIANTS_H

#include "cert.h"

#define VARIANTS (2 * HASH_COUNT)

/* What the CertIDs of all certificates of one CA have in common. */
struct variants {
	uint8_t name[HASH_COUNT][CERT_HASH_LEN], key[HASH_COUNT][CERT_HASH_LEN];
};

/* E_INTERNAL: libcrypto can't, or won't, make one of the hashes. */
MUST_CHECK enum err variants_of(const struct cert *ca, struct variants *out);

static inline enum hashalg variant_hash(size_t i)
{
	return (enum hashalg)(i / 2);
}

static inline bool variant_has_null(size_t i)
{
	return i % 2 == 0;
}

/* Pure. The CertID of a serial (a magnitude); *out lies in octets. E_INTERNAL: it does not fit. */
#define VARIANT_LEN 256
MUST_CHECK enum err variants_certid(const struct variants *v, size_t i, struct bytes serial,
				    uint8_t octets[VARIANT_LEN], struct certid *out);

/* Pure. Puts an OCSPRequest about this CertID at the end of buf. */
#define VARIANT_REQUEST_LEN (VARIANT_LEN + 32)
struct bytes variants_request(const struct certid *id, uint8_t buf[VARIANT_REQUEST_LEN]);

#endif
