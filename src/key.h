/*
 * key.h - the private key that signs: a file, or a URI for OSSL_STORE (a PKCS#11 token, …).
 */
#ifndef OCSP_KEY_H
#define OCSP_KEY_H

#include <openssl/types.h>
#include <stdbool.h>

#include "error.h"

#define KEY_ERROR_LEN 512

/* Is pkey= a URI ("scheme:…") and not a path? A scheme has two letters at least. */
bool key_is_uri(const char *pkey);

/* Opens it. A file is PEM or DER: PKCS#8 (encrypted or not) or the traditional form of RSA and EC.
 * password may be NULL; nobody is ever asked for one. E_SIGNER with a sentence in error, in which
 * the password never stands. Free it with EVP_PKEY_free(). */
MUST_CHECK enum err key_open(const char *pkey, const char *password, EVP_PKEY **out,
			     char error[KEY_ERROR_LEN]);

#endif
