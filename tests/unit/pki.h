/* pki.h - certificates and keys made on the spot, so that no test ever expires. */
#ifndef OCSP_UNIT_PKI_H
#define OCSP_UNIT_PKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "bytes.h"

struct pki_issue {
	const char *name;		/* CN */
	EVP_PKEY *key;
	X509 *issuer;			/* NULL: signs itself */
	EVP_PKEY *issuer_key;
	long serial;			/* 0: 0x1234 */
	long from_s, to_s;		/* relative to now; 0 and 0: an hour ago, and in 30 days */
	const char *basic, *ku, *eku;	/* extensions as openssl.cnf would say them, or NULL */
	bool nocheck;
	bool pss;			/* signed with RSA-PSS */
};

/* "RSA", "P-256", "P-384", "P-521", "ED25519", "ED448"; RSA has 2048 bits. */
EVP_PKEY *pki_key(const char *kind);

X509 *pki_cert(const struct pki_issue *what);

/* A certificate's DER; the caller frees .p. */
struct bytes pki_der(X509 *cert);

/* A folder of its own for this process, removed with all in it at the end. */
const char *pki_folder(void);

/* Writes a file into it; returns its path, which stays valid. */
const char *pki_file(const char *name, struct bytes b);
const char *pki_cert_file(const char *name, X509 *cert);
const char *pki_key_file(const char *name, EVP_PKEY *key, const char *password);

#endif
