/*
 * key.h - keys: the private one that signs, from a file or through OSSL_STORE (a PKCS#11 token, …),
 * and the public ones of certificates.
 */
#ifndef OCSP_KEY_H
#define OCSP_KEY_H

#include <openssl/types.h>

#include "bytes.h"
#include "error.h"

#define KEY_ERROR_LEN 512

/* Is pkey= a URI ("scheme:…") and not a path? A scheme has two characters at least. Pure. */
MUST_CHECK bool key_is_uri(const char *pkey);

/* Is it one in a token, or whatever else may be away and come back? All URIs but "file:". Pure. */
MUST_CHECK bool key_is_in_token(const char *pkey);

/* What is made ready in libcrypto only for those who need it:
 *  KEY_URI    openssl.cnf is read, for providers and engines; OPENSSL_CONF asks for it as well.
 *             It takes a twentieth of a whole answer.
 *  KEY_NAMES  the old table of all ciphers and digests by name, where an encrypted key in the
 *             traditional form and TLS look things up, and the words for libcrypto's errors. It
 *             takes a fifth of a whole answer. */
enum key_needs { KEY_URI = 1 << 0, KEY_NAMES = 1 << 1 };

/* To be called before anything else of libcrypto, and once. needs: of enum key_needs, or 0. E_BUSY:
 * there is no memory for it, and nothing else of libcrypto may be called. */
MUST_CHECK enum err key_init(unsigned needs);
#define KEY_NO_MEMORY "no memory is left to make libcrypto ready"

/* Opens it. A file is PEM or DER: PKCS#8 (encrypted or not) or the traditional form of RSA and EC.
 * password, or a token's PIN, may be NULL; nobody is ever asked for one. E_SIGNER; for
 * what is in a token E_TOKEN, or E_PIN where it refuses the PIN; with a sentence in error, in which the
 * password never stands. Free it with EVP_PKEY_free(). */
MUST_CHECK enum err key_open(const char *pkey, const char *password, EVP_PKEY **out,
			     char error[KEY_ERROR_LEN]);

/* The key in a SubjectPublicKeyInfo, or NULL. Free it with EVP_PKEY_free(). */
EVP_PKEY *key_public(struct bytes spki);

/* The two halves of one pair? Where a token keeps what would be compared to itself, it has to sign
 * something instead. */
MUST_CHECK bool key_pair(EVP_PKEY *private_key, EVP_PKEY *public_key);

/* The key that a PKCS#11 URI names, by libcrypto's engine of that name; NULL, and why is in
 * libcrypto's queue. ui asks for the PIN, and gets asked. */
EVP_PKEY *key_of_engine(const char *uri, UI_METHOD *ui, void *asked);

/* RSA without libcrypto's decoders, which take longer than the signature; NULL if the octets are
 * something else. PKCS#8 or RSAPrivateKey; SubjectPublicKeyInfo. */
EVP_PKEY *rsa_private(struct bytes der);
EVP_PKEY *rsa_public(struct bytes spki);

#endif
