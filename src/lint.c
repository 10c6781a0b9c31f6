#include "lint.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <stdio.h>

#define HOUR_S 3600
#define DAY_S 86400

/* A clock may be that far off before an answer of the future is one. */
#define SLACK_S 60

struct state {
	const struct lint *l;
	lint_say *say;
	void *arg;
	unsigned n;
};

static void fault(struct state *s, const char *clause, const char *source)
{
	s->n++;
	s->say(s->arg, true, clause, source);
}

static void advice(struct state *s, const char *clause, const char *source)
{
	s->n++;
	s->say(s->arg, false, clause, source);
}

/* As libcrypto reads and verifies it, which knows nothing of our own reader and writer. */
static void lint_signature(struct state *s, OCSP_RESPONSE *response)
{
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	const unsigned char *p = s->l->ca.p;
	X509 *ca = d2i_X509(NULL, &p, (long)s->l->ca.len);
	const ASN1_OCTET_STRING *id = NULL;
	const X509_NAME *name = NULL;
	char clause[256];
	unsigned long code;

	if (!basic || !store || !others || !ca || !X509_STORE_add_cert(store, ca) ||
	    !sk_X509_push(others, ca)) {
		fault(s, "libcrypto finds no BasicOCSPResponse in it", "RFC 6960 4.2.1");
		goto out;
	}
	/* the CA is what a client trusts here, be it a root or not */
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	ERR_clear_error();
	if (OCSP_basic_verify(basic, others, store, OCSP_PARTIAL_CHAIN) != 1) {
		code = ERR_peek_last_error();
		snprintf(clause, sizeof clause, "its signature does not verify (%s)",
			 code ? ERR_reason_error_string(code) : "no reason given");
		fault(s, clause, "RFC 6960 3.2");
	}
	if (!OCSP_resp_get0_id(basic, &id, &name) || !id)
		fault(s, "its responder ID is no key hash", "RFC 9919 3.2.2");
	ERR_clear_error();
out:
	OCSP_BASICRESP_free(basic);
	sk_X509_free(others);
	X509_free(ca);
	X509_STORE_free(store);
}

static void lint_times(struct state *s, const struct response *r, const struct single *single)
{
	const struct lint *l = s->l;
	int64_t validity;

	if (single->next_update == INT64_MIN) {
		fault(s, "it has no nextUpdate", "RFC 9919 3.2.4");
		return;
	}
	validity = single->next_update - single->this_update + 1;
	if (r->produced_at > l->now + SLACK_S || single->this_update > l->now + SLACK_S)
		fault(s, "its thisUpdate or producedAt lies ahead", "RFC 6960 4.2.2.1");
	if (single->this_update > r->produced_at)
		fault(s, "its thisUpdate is later than its producedAt", "RFC 6960 2.4");
	if (single->next_update <= l->now)
		fault(s, "its nextUpdate has passed", "RFC 6960 4.2.2.1");
	if (validity > l->producetime_s)
		advice(s, "it is valid for longer than producetime=, from before that was changed",
		       "ocsp_py.ini(5)");
	if (l->profile != PROFILE_BR)
		return;
	if (validity < 8 * HOUR_S)
		fault(s, "it is valid for less than eight hours", "Baseline Requirements 4.9.9");
	if (validity > 10 * DAY_S)
		fault(s, "it is valid for more than ten days", "Baseline Requirements 4.9.9");
}

static void lint_single(struct state *s, const struct single *single)
{
	if (single->status != s->l->status)
		fault(s, "it does not say what the table says", "RFC 6960 2.2");
	if (single->status != CERT_REVOKED)
		return;
	if (single->revoked_at > s->l->now + SLACK_S)
		fault(s, "it was revoked at a time that lies ahead", "RFC 6960 4.2.1");
	if (single->reason == 0)
		fault(s, "it gives the reason unspecified instead of none", "RFC 5280 5.3.1");
	if (single->reason == 6 && s->l->profile == PROFILE_BR)
		fault(s, "it says certificateHold", "Baseline Requirements 7.2.2");
}

unsigned lint_response(struct bytes der, const struct lint *l, lint_say *say, void *arg)
{
	struct state s = { .l = l, .say = say, .arg = arg };
	const unsigned char *p = der.p;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)der.len);
	struct single single;
	struct response r;
	char clause[96];

	if (!response || p != der.p + der.len || response_parse(der, &r) != E_OK) {
		fault(&s, "it is no OCSPResponse", "RFC 6960 4.2.1");
	} else if (r.status != OCSP_SUCCESSFUL) {
		snprintf(clause, sizeof clause, "it is %s", ocsp_status_name((int)r.status));
		fault(&s, clause, "RFC 6960 2.3");
	} else if (response_find(&r, l->certid, &single) != E_OK) {
		fault(&s, "it does not repeat the CertID that was asked", "RFC 6960 4.2.1");
	} else {
		if (r.n != 1)
			fault(&s, "it tells about certificates that were not asked",
			      "RFC 9919 3.2.1");
		if (r.has_nonce)
			fault(&s, "it has a nonce that was not asked for", "RFC 9654 2.1");
		lint_single(&s, &single);
		lint_times(&s, &r, &single);
		lint_signature(&s, response);
	}
	OCSP_RESPONSE_free(response);
	return s.n;
}
