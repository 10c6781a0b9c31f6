/*
 * signer.h - who signs for one CA: the CA itself, or a responder that it has delegated
 * (RFC 6960 4.2.2.2), and the signature.
 */
#ifndef OCSP_SIGNER_H
#define OCSP_SIGNER_H

#include "basic.h"
#include "cert.h"
#include "conf.h"

struct signer {
	const struct conf_ca *conf;	/* the caller's, must outlive the signer */
	struct cert ca;		/* whose certificates are answered for */
	struct cert delegate;	/* zeroed unless delegated */
	bool delegated;
	uint8_t key_hash[20];	/* ResponderID byKey: SHA-1 of the signing certificate's key */
	EVP_PKEY *key;		/* NULL until signer_load_key(), and when its token has failed */
	struct sigalg_ready signing;	/* with that key */
};

#define SIGNER_ERROR_LEN 1024

/* Loads and checks the certificates of a CA's section, not the key. A certificate that may not
 * sign is refused: E_SIGNER (E_IO: file) with a sentence in error. warning is a sentence about
 * something that works but should be mended, or "". Dates: see signer_check_dates(). */
MUST_CHECK enum err signer_open(const struct conf_ca *conf, enum conf_profile profile,
				struct signer *out, char error[SIGNER_ERROR_LEN],
				char warning[SIGNER_ERROR_LEN]);
void signer_close(struct signer *s);

/* What profile=br asks for besides; a part of signer_open(). E_SIGNER with a sentence, or perhaps a
 * warning; without a key that can be read it says nothing. */
MUST_CHECK enum err signer_check_br(struct signer *s, char error[SIGNER_ERROR_LEN],
				    char warning[SIGNER_ERROR_LEN]);

/* The certificate whose key signs. */
static inline struct cert *signer_cert(struct signer *s)
{
	return s->delegated ? &s->delegate : &s->ca;
}

/* E_SIGNER with a sentence if the signing certificate or the CA is expired or not yet valid. */
MUST_CHECK enum err signer_check_dates(const struct signer *s, int64_t now,
				       char error[SIGNER_ERROR_LEN]);

/* The last second that an answer may be valid: no certificate that it rests on ends earlier. */
int64_t signer_not_after(const struct signer *s);

/* Is it time to renew the certificate that ends first? In its last days, and of one that lives for
 * a few weeks, as a delegated responder's should, in the last third of its life. */
bool signer_ends_soon(const struct signer *s, int64_t now, int days);

/* Loads the key, once, and sees that it belongs to the signing certificate. E_SIGNER, E_TOKEN,
 * E_PIN. Who answers requests calls pin_load_key() instead. */
MUST_CHECK enum err signer_load_key(struct signer *s, char error[SIGNER_ERROR_LEN]);

/* Does this PreferredSignatureAlgorithms list (its value, or empty) lead to another algorithm than
 * everybody else gets? */
bool signer_prefers_other(struct signer *s, struct bytes preferred);

/* Writes and signs an answer at the end of buf; *der lies in it. b->key_hash is set here. The key
 * must be loaded. E_SIGNER, E_TOKEN with a sentence. */
MUST_CHECK enum err signer_sign(struct signer *s, struct basic *b, struct bytes preferred,
				uint8_t *buf, size_t cap, struct bytes *der,
				char error[SIGNER_ERROR_LEN]);

#endif
