/*
 * canned.h - an answer that was made elsewhere and is sent as it is: ocspresponse=, the status of
 * the intermediate certificate, signed offline with the root's key.
 */
#ifndef OCSP_CANNED_H
#define OCSP_CANNED_H

#include "conf.h"
#include "response.h"

struct canned {
	const char *path;
	const struct conf_ca *conf;	/* whose section names it */
	uint8_t *octets;
	struct bytes der;
	struct response response;
};

#define CANNED_ERROR_LEN 512

/* Reads a file: DER, PEM under any label, or bare base64. E_IO, E_DATA (no successful answer in
 * it), with a sentence in error that names the file. Free it with canned_free(). */
MUST_CHECK enum err canned_load(const char *path, const struct conf_ca *conf, struct canned *out,
				char error[CANNED_ERROR_LEN]);
void canned_free(struct canned *c);

/* May it be sent at now? Within its times; and if its section sets root=, signed by that root's key
 * or by a responder that it has delegated and whose certificate is in the answer. E_DATA, E_IO
 * (root's file) with a sentence. */
MUST_CHECK enum err canned_check(const struct canned *c, int64_t now, char error[CANNED_ERROR_LEN]);

/* Is it time to make a new one? In the last eighth of its validity, or the last seven days if that
 * is longer, but never in its first half. Pure. */
bool canned_ends_soon(const struct canned *c, int64_t now);

#endif
