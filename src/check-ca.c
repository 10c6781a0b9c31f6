/* Certificates, keys and canned answers of each CA. */
#include <stdio.h>
#include <sys/stat.h>

#include "canned.h"
#include "check.h"
#include "key.h"
#include "pin.h"

/* Days before a certificate's end at which it becomes a warning; see signer_ends_soon(). */
#define CERT_DAYS 30
#define DAY_S 86400

/* what: "key" or "password". One that systemd passes has no owner to speak of. */
static void check_secret(struct check *k, const char *what, const char *path)
{
	const struct conf *c = &k->ctl->conf;
	struct stat st;

	if (!path || key_is_uri(path) || stat(path, &st) != 0 ||
	    (c->credentials && strncmp(path, c->credentials, strlen(c->credentials)) == 0))
		return;		/* opening it says why */
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		check_tell(k, what, FOUND_ERROR, "the %s %s is open to others than its owner: "
			   "chmod 600 %s", what, path, path);
	else if (k->known_user && st.st_uid != k->uid)
		check_tell(k, what, FOUND_WARNING, "the %s %s belongs to another user than %s: "
			   "chown %s %s", what, path, c->sign_user, c->sign_user, path);
	else
		check_tell(k, what, FOUND_OK, "the %s %s is open to its owner alone", what, path);
}

/* As what it may sign: signer_open() has refused what may not. */
static void tell_usage(struct check *k, struct signer *s, const char *warning)
{
	struct cert_usage u = cert_usage(signer_cert(s));
	const char *path = s->conf->cert;
	char subject[256];

	if (warning[0])
		check_tell(k, "certificate", FOUND_WARNING, "%s", warning);
	if (s->delegated)
		check_tell(k, "certificate", FOUND_OK, "%s may sign: %s has delegated it "
			   "(OCSPSigning%s%s)", path,
			   cert_subject_text(&s->ca, subject, sizeof subject),
			   u.has_ku ? ", digitalSignature" : ", no key usage",
			   u.nocheck ? ", nocheck" : "");
	else
		check_tell(k, "certificate", FOUND_OK, "%s may sign: it is the CA's own (%s%s)",
			   path, u.is_ca ? "cA" : "self-issued, no cA",
			   !u.has_ku ? ", no key usage" :
			   u.ku_digital_signature ? ", digitalSignature" : "");
}

static void check_ca(struct check *k, size_t i)
{
	const struct conf *conf = &k->ctl->conf;
	const struct conf_ca *ca = &conf->ca[i];
	char error[SIGNER_ERROR_LEN], warning[SIGNER_ERROR_LEN];
	int64_t now = clock_real_ms() / 1000, days;
	struct signer *s = &k->signer[i];
	struct cache cache;
	bool dated;
	enum err e;

	if (signer_open(ca, conf->profile, s, error, warning) != E_OK) {
		check_tell(k, "certificate", FOUND_ERROR, "%s", error);
		return;
	}
	tell_usage(k, s, warning);
	days = (signer_not_after(s) - now) / DAY_S;
	dated = signer_check_dates(s, now, error) == E_OK;
	if (!dated)
		check_tell(k, "certificate", FOUND_ERROR, "%s", error);
	else if (signer_ends_soon(s, now, CERT_DAYS))
		check_tell(k, "certificate", FOUND_WARNING, "%s can sign for %lld more days: "
			   "renew it", ca->cert, (long long)days);
	else
		check_tell(k, "certificate", FOUND_OK, "%s can sign for %lld more days", ca->cert,
			   (long long)days);
	check_secret(k, "key", ca->pkey);
	check_secret(k, "password", ca->passwordfile);
	(void)!cache_open(&cache, conf->cache, conf->recheck_s, false);
	e = pin_load_key(&cache, conf, s, true, deadline_in(conf->timeout_ms), error);
	cache_close(&cache);
	if (e) {
		check_tell(k, "key", FOUND_ERROR, "%s", error);
		return;
	}
	check_tell(k, "key", FOUND_OK, "the private key of section [%s] belongs to %s", ca->name,
		   ca->cert);
	k->can_sign[i] = dated;
}

/* Is one of its answers about the certificate of the CA in whose section it stands? */
static bool is_about(const struct canned *c, const struct cert *ca)
{
	struct der d = der_of(c->response.singles);
	struct single s;

	while (response_next(&d, &s))
		if (cert_is_meant_by(ca, &s.id))
			return true;
	return false;
}

/* Baseline Requirements 7.3 */
static bool lacks_reason(const struct canned *c)
{
	struct der d = der_of(c->response.singles);
	struct single s;

	while (response_next(&d, &s))
		if (s.status == CERT_REVOKED && s.reason == REASON_ABSENT)
			return true;
	return false;
}

static void check_canned(struct check *k, size_t i, const char *path)
{
	const struct conf_ca *ca = &k->ctl->conf.ca[i];
	int64_t now = clock_real_ms() / 1000, days = 0;
	char error[CANNED_ERROR_LEN];
	struct canned c;

	if (canned_load(path, ca, &c, error) != E_OK) {
		check_tell(k, "canned", FOUND_ERROR, "%s", error);
		return;
	}
	if (c.response.next_update != INT64_MIN)
		days = (c.response.next_update - now) / DAY_S;
	if (canned_check(&c, now, error) != E_OK)
		check_tell(k, "canned", FOUND_ERROR, "%s", error);
	else if (k->ctl->conf.profile == PROFILE_BR && lacks_reason(&c))
		check_tell(k, "canned", FOUND_WARNING, "ocspresponse %s says revoked without a "
			   "reason, which profile=br wants of a CA's certificate (BR 7.3): make it "
			   "anew with one", path);
	else if (c.response.next_update == INT64_MIN)
		check_tell(k, "canned", FOUND_WARNING, "ocspresponse %s has no nextUpdate, so it "
			   "never expires: make it anew with one", path);
	else if (canned_ends_soon(&c, now))
		check_tell(k, "canned", FOUND_WARNING, "ocspresponse %s is valid for %lld more "
			   "days: make it anew with the root's key (ocspctl sign-issuer)", path,
			   (long long)days);
	else if (!ca->root)
		check_tell(k, "canned", FOUND_WARNING, "ocspresponse %s is valid for %lld more "
			   "days, but its signature is not verified: set root= to the certificate "
			   "of the CA that made it", path, (long long)days);
	else if (k->signer[i].ca.octets && !is_about(&c, &k->signer[i].ca))
		check_tell(k, "canned", FOUND_WARNING, "ocspresponse %s is about another "
			   "certificate than that of the CA of section [%s]: is it in the right "
			   "section?", path, ca->name);
	else
		check_tell(k, "canned", FOUND_OK, "ocspresponse %s is valid for %lld more days",
			   path, (long long)days);
	canned_free(&c);
}

void check_cas(struct check *k)
{
	check_secret(k, "password", k->ctl->conf.db_passwordfile);
	check_secret(k, "tls_key", k->ctl->conf.db_tls_key);
	for (size_t i = 0; i < k->ctl->conf.n_ca; i++) {
		const struct conf_ca *ca = &k->ctl->conf.ca[i];

		check_ca(k, i);
		for (size_t j = 0; ca->ocspresponse[j]; j++)
			check_canned(k, i, ca->ocspresponse[j]);
	}
}
