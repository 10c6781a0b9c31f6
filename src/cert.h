/*
 * cert.h - X.509 certificates (RFC 5280), as far as a responder looks at them.
 */
#ifndef OCSP_CERT_H
#define OCSP_CERT_H

#include <openssl/types.h>

#include "certid.h"

struct cert {
	X509 *x509;
	uint8_t *octets;	/* what the rest points into */
	struct bytes der;	/* all of it */
	struct bytes subject, issuer;	/* Names, with their headers */
	struct bytes key;	/* subjectPublicKey: the BIT STRING's value without its unused bits octet */
	struct bytes serial;	/* the magnitude (see certid_serial()) */
	int64_t not_before, not_after;	/* seconds since 1970; both are still inside */
};

#define CERT_ERROR_LEN 512

/* Reads one certificate from DER or PEM: a file's or a row's octets. Text before a PEM block is
 * skipped, blanks and NULs behind the last one too; nothing else may be left over. Of a chain the
 * first counts, but all of them have to be PEM certificates. E_DATA: no certificate, or one that
 * we can't use (a negative or overlong serial, dates out of range). Free it with cert_free(). */
MUST_CHECK enum err cert_parse(struct bytes octets, struct cert *out);

/* The same from a file. E_IO, E_DATA, with a sentence in error that names the file. */
MUST_CHECK enum err cert_load(const char *path, struct cert *out, char error[CERT_ERROR_LEN]);

/* Every certificate of a file, in its order. Free it with cert_free_all(). */
MUST_CHECK enum err cert_load_all(const char *path, struct cert **out, size_t *n,
				  char error[CERT_ERROR_LEN]);

/* NULL-safe, and on a zeroed struct. */
void cert_free(struct cert *c);
void cert_free_all(struct cert *list, size_t n);

/* What a CertID says about certificates that this one issued (RFC 6960 4.1.1): the hash over its
 * subject, and over its key's BIT STRING value. Writes hashalg_len(h) octets; h is a known hash. */
#define CERT_HASH_LEN 64
MUST_CHECK enum err cert_name_hash(const struct cert *ca, enum hashalg h, uint8_t out[CERT_HASH_LEN]);
MUST_CHECK enum err cert_key_hash(const struct cert *ca, enum hashalg h, uint8_t out[CERT_HASH_LEN]);

/* Both hashes of this CertID are those of ca. False for HASH_UNKNOWN. */
MUST_CHECK bool cert_is_issuer_in(const struct cert *ca, const struct certid *id);

/* c's issuer is ca's subject, octet for octet, and ca's key verifies c's signature. */
MUST_CHECK bool cert_issued_by(const struct cert *c, const struct cert *ca);

/* Does not look at the dates. Self-signed as well. */
bool cert_is_self_issued(const struct cert *c);

/* The public key; the certificate's, not to be freed. NULL if libcrypto does not know its kind. */
EVP_PKEY *cert_public_key(const struct cert *c);

/* What the extensions allow. */
struct cert_usage {
	bool is_ca;		/* basicConstraints says cA */
	bool has_ku;		/* keyUsage is there … */
	bool ku_digital_signature;	/* … and allows this */
	bool has_eku;
	bool eku_ocsp_signing;	/* id-kp-OCSPSigning; anyExtendedKeyUsage does not count */
	bool nocheck;		/* id-pkix-ocsp-nocheck (RFC 6960 4.2.2.2.1) */
	bool broken;		/* an extension can't be read, or stands there twice */
};
struct cert_usage cert_usage(const struct cert *c);

/* One line for a person: "CN=Demo CA, O=Demo", control characters and non-ASCII escaped; cut to
 * cap. Returns out. */
char *cert_subject_text(const struct cert *c, char *out, size_t cap);

#endif
