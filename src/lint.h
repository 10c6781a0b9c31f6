/*
 * lint.h - looks at an OCSP answer as a client would, with libcrypto's own reader and verifier, and
 * as an auditor would, with the rules of a profile. Reads no clock and no file.
 */
#ifndef OCSP_LINT_H
#define OCSP_LINT_H

#include "cert.h"
#include "conf.h"
#include "response.h"

struct lint {
	struct bytes certid;		/* that was asked, with its header */
	enum cert_status status;	/* that the table says */
	struct bytes ca;		/* the CA's certificate, DER */
	int64_t now, producetime_s;
	enum conf_profile profile;
};

/* What is wrong with the answer: error (or else only an advice), a clause such as "its signature
 * does not verify (…)", and the rule's source. */
typedef void lint_say(void *arg, bool error, const char *clause, const char *source);

/* Returns how many times say() was called. */
unsigned lint_response(struct bytes der, const struct lint *l, lint_say *say, void *arg);

#endif
