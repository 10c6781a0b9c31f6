/*
 * pem.h - textual encodings (RFC 7468) and base64 (RFC 4648 4). Pure.
 */
#ifndef OCSP_PEM_H
#define OCSP_PEM_H

#include "bytes.h"
#include "error.h"

struct pem {
	struct bytes label;	/* "CERTIFICATE" */
	struct bytes body;	/* between the BEGIN and the END line, base64 if nothing else */
};

/* Finds the next block and moves *text behind it; what stands before it is skipped. False if there
 * is none, or it has no matching END: *text is then left alone. */
MUST_CHECK bool pem_next(struct bytes *text, struct pem *out);

/* Blanks, newlines and NULs only: what may be left behind a block, or behind a blob's DER. */
MUST_CHECK bool pem_blank(struct bytes b);

/* Decodes; blanks, newlines and NULs are skipped, padding has to be there. out needs room for
 * text.len * 3 / 4 octets. False if it is no base64, or empty. */
MUST_CHECK bool base64_decode(struct bytes text, uint8_t *out, size_t *len);

#endif
