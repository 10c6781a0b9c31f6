#include <stdio.h>

#include "explain.h"
#include "http.h"
#include "key.h"
#include "sigalg.h"

/* The name of an AlgorithmIdentifier of ours, for people. */
static void algorithm_name(const struct sigalg *a, char out[64])
{
	snprintf(out, 64, "%s%s%s", a->key, a->md ? " with " : "", a->md ? a->md : "");
}

static void say_algorithm(struct explain *x)
{
	EVP_PKEY *key = cert_public_key(signer_cert(&x->signer));
	const struct sigalg *a = key ? sigalg_choose(key, x->request.preferred) : NULL;
	char name[64];

	if (!a) {
		explain_say("algorithm", "RFC 6960 4.3", "its key is of no kind that signs here");
		return;
	}
	algorithm_name(a, name);
	if (!x->request.preferred.len)
		explain_say("algorithm", "RFC 6960 4.4.7.2", "%s, for the client prefers none",
			    name);
	else
		explain_say("algorithm", "RFC 6960 4.4.7", a == sigalg_default(key) ?
			    "%s: the client's list leads to no other" :
			    "%s, from the client's list; such an answer isn't cached", name);
}

void explain_signer(struct explain *x)
{
	const struct conf_ca *ca = &x->c->conf.ca[x->ca];
	char error[SIGNER_ERROR_LEN], subject[256], from[CTL_TIME_LEN], until[CTL_TIME_LEN];
	int64_t now = x->now_ms / 1000;

	cert_subject_text(signer_cert(&x->signer), subject, sizeof subject);
	if (x->signer.delegated)
		explain_say("signer", "RFC 6960 4.2.2.2", "%s, which the CA has delegated; its "
			    "certificate goes into the answer", subject);
	else
		explain_say("signer", "RFC 6960 4.2.2.2", "the CA itself, %s", subject);
	if (signer_check_dates(&x->signer, now, error) != E_OK) {
		explain_say("signer", "RFC 6960 4.2.2.2", "%s", error);
		x->error = "internalError";
		return;
	}
	say_algorithm(x);
	x->validity = decide_validity(&x->c->conf, ca, signer_not_after(&x->signer), &x->decision,
				      now);
	explain_say("thisUpdate", "RFC 6960 2.4", "%s%s", ctl_time(x->validity.this_update, from),
		    x->validity.this_update < now ? ", set back (backdate=)" : ", now");
	if (x->validity.by_certificate)
		explain_say("nextUpdate", "RFC 6960 4.2.2.1", "%s: the signing certificate or the "
			    "CA ends then, before producetime=%llds is over",
			    ctl_time(x->validity.next_update, until),
			    (long long)ca->producetime_s);
	else
		explain_say("nextUpdate", "RFC 6960 4.2.2.1", "%s: producetime=%llds behind "
			    "thisUpdate, less one second; no certificate ends before",
			    ctl_time(x->validity.next_update, until),
			    (long long)ca->producetime_s);
}

/* A certificate on hold may be good again at any moment: RFC 5280 5.3.1. */
static bool on_hold(const struct explain *x)
{
	const struct single *cached = &x->cached.single;

	if (x->from_cache)
		return cached->status == CERT_REVOKED && cached->reason == 6;
	return x->decision.status == CERT_REVOKED && x->decision.reason == 6;
}

static void say_max_age(const struct explain *x, const struct http_reply *r)
{
	long long policy = x->c->conf.maxage_s, left = r->next_update_s - r->now_s;

	if (on_hold(x) && x->c->conf.recheck_s < policy)
		explain_say("max-age", "RFC 5280 5.3.1", "%lld s: recheck=, for it is on hold",
			    (long long)r->max_age_s);
	else if (r->max_age_s == policy)
		explain_say("max-age", "RFC 9919 7.2", "%lld s: maxage=, for nextUpdate is later",
			    policy);
	else
		explain_say("max-age", "RFC 9919 7.2", "%lld s: up to nextUpdate in %lld s, which "
			    "comes before maxage=%lld", (long long)r->max_age_s, left, policy);
}

void explain_http(const struct explain *x)
{
	char head[1024], *line, *rest = head;
	struct http_reply r = {
		.status = 200,
		.now_s = x->now_ms / 1000,
		.content_type = "application/ocsp-response",
		.minor = 1,
		.cacheable = !x->error && !x->echo,
		.is_private = !x->error && x->echo,
		.this_update_s = x->validity.this_update,
		.next_update_s = x->validity.next_update,
		.etag = x->error || x->echo ? NULL : "\"SHA-256 of the answer, to GET\"",
	};

	r.max_age_s = on_hold(x) && x->c->conf.recheck_s < x->c->conf.maxage_s ?
		x->c->conf.recheck_s : x->c->conf.maxage_s;
	r.max_age_s = http_max_age(r.max_age_s, r.next_update_s, r.now_s);
	if (x->error)
		explain_say("HTTP", "RFC 6960 A.2", "an OCSP error goes with 200 as well, and is "
			    "never to be cached");
	else if (x->echo)
		explain_say("HTTP", "RFC 9919 5", "an answer with a nonce is for nobody else");
	else
		say_max_age(x, &r);
	head[http_write_head(&r, head, sizeof head - 1)] = '\0';
	while ((line = strsep(&rest, "\r\n")))
		if (*line)
			explain_say("", NULL, "%s", line);
}
