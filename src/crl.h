/*
 * crl.h - a CRL (RFC 5280 5), read whole and verified under its CA.
 */
#ifndef OCSP_CRL_H
#define OCSP_CRL_H

#include "cert.h"

/* A CRL, octets: some ten million entries. */
#define CRL_MAX_LEN (512UL << 20)

struct crl_entry {
	uint8_t buf[LIM_SERIAL_LEN];	/* the serial's magnitude */
	uint8_t len;
	int8_t reason;			/* CRLReason, or ROW_NO_REASON; see store.h */
	int64_t revoked_at;
};

struct crl {
	struct crl_entry *entry;	/* in the order of their serials */
	size_t n;
	int64_t this_update, next_update;	/* next_update INT64_MIN: it has none */
};

#define CRL_ERROR_LEN 512

/* path: a file with PEM or DER, "-" for standard input, or http://… (DER). It has to be a complete
 * CRL of ca itself: no delta, no indirect one, none for some reasons only or of attribute
 * certificates, and without a critical extension that is unknown here, in its entries too.
 * E_IO, E_DATA, E_BUSY with a sentence in error. */
MUST_CHECK enum err crl_load(const char *path, struct cert *ca, struct crl *out,
			     char error[CRL_ERROR_LEN]);

/* NULL-safe on a zeroed struct. */
void crl_free(struct crl *c);

/* The entry of a serial (a magnitude), or NULL. Pure. */
struct crl_entry *crl_find(const struct crl *c, struct bytes serial);

static inline struct bytes crl_serial(const struct crl_entry *e)
{
	return bytes_of(e->buf, e->len);
}

#endif
