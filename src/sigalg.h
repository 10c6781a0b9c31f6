/*
 * sigalg.h - signature algorithms: their AlgorithmIdentifiers, octet for octet as the Baseline
 * Requirements (7.1.3.2) want them, and which one a key signs with.
 */
#ifndef OCSP_SIGALG_H
#define OCSP_SIGALG_H

#include <openssl/types.h>

#include "bytes.h"
#include "error.h"

struct sigalg {
	struct bytes der;	/* AlgorithmIdentifier, with its header */
	const char *key;	/* the kind of key, as EVP_PKEY_is_a() knows it */
	const char *md;		/* NULL: the algorithm has its own */
	int max_bits;		/* EC: keys up to this size sign with it; else 0 */
};

/* The algorithm of these very octets, or NULL: none of ours. Pure. */
const struct sigalg *sigalg_find(struct bytes algorithm);

/* What this key signs with when nobody asks for something else; NULL if it can't sign for us.
 * RSA: SHA-256; EC: the hash that fits the curve; Ed25519, Ed448. */
const struct sigalg *sigalg_default(const EVP_PKEY *key);

/* The first of a PreferredSignatureAlgorithms list (RFC 6960 4.4.7; may be empty or nonsense) that
 * is strong and this key's, else the default. */
const struct sigalg *sigalg_choose(const EVP_PKEY *key, struct bytes preferred);

/* What many signatures of one key, or their verifications, begin with: for the first, libcrypto
 * looks the algorithm up, and those that follow copy what it found. Zeroed at first. */
struct sigalg_ready {
	const struct sigalg *alg;
	EVP_MD_CTX *ctx;
};

/* To be called before the key goes. */
void sigalg_forget(struct sigalg_ready *r);

/* E_OK; E_DATA: it is not this key's, or of these data; E_BUSY: libcrypto could not begin to look.
 * ready: of this key's verifications, or NULL. */
MUST_CHECK enum err sigalg_verify(const struct sigalg *a, EVP_PKEY *key, struct sigalg_ready *ready,
				  struct bytes data, struct bytes signature);

/* A signature's octets at most: of RSA with 16,384 bits, the largest that libcrypto makes. */
#define SIGALG_MAX_LEN 2048

/* Writes *len octets; cap says how many fit. False if libcrypto, or the token, fails.
 * ready: of this key's signatures, or NULL. */
MUST_CHECK bool sigalg_sign(const struct sigalg *a, EVP_PKEY *key, struct sigalg_ready *ready,
			    struct bytes data, uint8_t *out, size_t cap, size_t *len);

#endif
