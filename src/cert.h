/*
 * cert.h - X.509 certificates (RFC 5280 4.1), as far as a responder looks at them.
 *
 * The fields are read with der.h and not with libcrypto's d2i_X509(), which decodes each public key
 * through all its providers: a millisecond for two certificates, in a process that lives for four.
 */
#ifndef OCSP_CERT_H
#define OCSP_CERT_H

#include <openssl/types.h>

#include "certid.h"
#include "sigalg.h"

struct cert {
	uint8_t *octets;	/* what the rest points into */
	struct bytes der;	/* all of it */
	struct bytes tbs;	/* what is signed, with its header */
	struct bytes sig_alg;	/* AlgorithmIdentifier, with its header */
	struct bytes signature;
	struct bytes subject, issuer;	/* Names, with their headers */
	struct bytes spki;	/* SubjectPublicKeyInfo, with its header */
	struct bytes key;	/* the value of its BIT STRING, without the unused bits octet */
	struct bytes serial;	/* the magnitude (see certid_serial()) */
	struct bytes extensions;	/* one behind the other, or empty */
	int64_t not_before, not_after;	/* seconds since 1970; both are still inside */
	EVP_PKEY *pkey;		/* see cert_public_key() */
	struct sigalg_ready verifying;	/* with that key */
};

#define CERT_ERROR_LEN 512

/* Reads one certificate from DER or PEM: a file's or a row's octets, which are copied. Text before
 * a PEM block and blocks of other kinds are skipped, blanks and NULs at the end too; nothing else
 * may be left over. Of a chain the first counts, but all of it has to be readable. E_DATA: no
 * certificate, or one that we can't use (a negative or overlong serial, no such dates); E_BUSY: no
 * memory. Free it with cert_free(). */
MUST_CHECK enum err cert_parse(struct bytes octets, struct cert *out);

/* The same from a file. E_IO, E_DATA, with a sentence in error that names the file. */
MUST_CHECK enum err cert_load(const char *path, struct cert *out, char error[CERT_ERROR_LEN]);

/* Every certificate of a file, in its order. Free it with cert_free_all(). */
MUST_CHECK enum err cert_load_all(const char *path, struct cert **out, size_t *n,
				  char error[CERT_ERROR_LEN]);

/* The certificate as PEM, as the predecessor wrote it into the table. The caller frees *out. E_BUSY. */
MUST_CHECK enum err cert_to_pem(const struct cert *c, char **out, size_t *len);

/* NULL-safe, and on a zeroed struct. */
void cert_free(struct cert *c);
void cert_free_all(struct cert *list, size_t n);

/* What the extensions allow. */
struct cert_usage {
	bool is_ca;		/* basicConstraints says cA */
	bool has_ku;		/* keyUsage is there … */
	bool ku_digital_signature;	/* … and allows this */
	bool has_eku;
	bool eku_ocsp_signing;	/* id-kp-OCSPSigning; anyExtendedKeyUsage does not count */
	bool nocheck;		/* id-pkix-ocsp-nocheck (RFC 6960 4.2.2.2.1) */
	bool points_elsewhere;	/* to an OCSP responder, or to CRL distribution points */
	bool broken;		/* an extension can't be read, or stands there twice */
};
struct cert_usage cert_usage(const struct cert *c);

/* What a CertID says about certificates that this one issued (RFC 6960 4.1.1): the hash over its
 * subject, and over its key's BIT STRING value. Writes hashalg_len(h) octets. False if libcrypto
 * can't (or won't) make that hash. */
#define CERT_HASH_LEN 64
MUST_CHECK bool cert_name_hash(const struct cert *ca, enum hashalg h, uint8_t out[CERT_HASH_LEN]);
MUST_CHECK bool cert_key_hash(const struct cert *ca, enum hashalg h, uint8_t out[CERT_HASH_LEN]);

/* Both hashes of this CertID are those of ca. False for HASH_UNKNOWN. */
MUST_CHECK bool cert_is_issuer_in(const struct cert *ca, const struct certid *id);

/* Is this CertID about c, as far as c itself can tell: by its serial number and the name of its
 * issuer? False for HASH_UNKNOWN. */
MUST_CHECK bool cert_is_meant_by(const struct cert *c, const struct certid *id);

/* c's issuer is ca's subject, octet for octet, and ca's key verifies c's signature. E_UNAUTHORIZED:
 * it is not so; E_BUSY: that could not be found out, for want of memory. */
MUST_CHECK enum err cert_issued_by(const struct cert *c, struct cert *ca);

/* Before an answer rests on a "no" of libcrypto's, which has the same word for "no memory". */
MUST_CHECK bool cert_memory_is_short(void);

/* Subject and issuer are the same name. */
static inline bool cert_is_self_issued(const struct cert *c)
{
	return bytes_eq(c->subject, c->issuer);
}

/* The public key, made when it is first asked for; the certificate's, not to be freed. NULL if
 * libcrypto can't read it. */
EVP_PKEY *cert_public_key(struct cert *c);

/* The subject as one line for a person ("CN = Demo CA, O = Demo"), control characters escaped; cut
 * to cap. Returns out. */
char *cert_subject_text(const struct cert *c, char *out, size_t cap);

#endif
