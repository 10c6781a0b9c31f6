#include "signer.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>

#include "gtime.h"
#include "key.h"
#include "secret.h"
#include "sigalg.h"

static enum err refuse(char error[SIGNER_ERROR_LEN], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static enum err refuse(char error[SIGNER_ERROR_LEN], const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(error, SIGNER_ERROR_LEN, format, ap);
	va_end(ap);
	return E_SIGNER;
}

static enum err load(const char *path, struct cert *out, char error[SIGNER_ERROR_LEN])
{
	char why[CERT_ERROR_LEN];
	enum err e = cert_load(path, out, why);

	if (e)
		snprintf(error, SIGNER_ERROR_LEN, "%s", why);
	return e;
}

/* RFC 6960 4.2.2.2 */
static enum err check_delegate(struct signer *s, char error[SIGNER_ERROR_LEN],
			       char warning[SIGNER_ERROR_LEN])
{
	const char *path = s->conf->cert;
	struct cert_usage u = cert_usage(&s->delegate);

	if (u.broken)
		return refuse(error, "%s has an extension that can't be read", path);
	if (!u.eku_ocsp_signing)
		return refuse(error,
			      "%s may not sign OCSP answers for another CA: its extended key usage "
			      "lacks OCSPSigning",
			      path);
	if (u.has_ku && !u.ku_digital_signature)
		return refuse(error,
			      "%s may not sign OCSP answers: its key usage lacks digitalSignature",
			      path);
	/* or else everything would look as if another CA had issued it */
	if (!cert_public_key(&s->ca))
		return refuse(error,
			      "the key of %s is of a kind that libcrypto can't read, so that nothing "
			      "can be verified under it",
			      s->conf->issuer);
	if (cert_issued_by(&s->delegate, &s->ca) != E_OK)
		return refuse(error,
			      "%s was not issued by %s: a delegated responder's certificate has to "
			      "come directly from the CA that issuer= names",
			      path, s->conf->issuer);
	if (!u.nocheck)
		snprintf(warning, SIGNER_ERROR_LEN,
			 "%s lacks the extension id-pkix-ocsp-nocheck: clients "
			 "may ask who vouches for the responder, and root programmes forbid it",
			 path);
	else if (u.points_elsewhere)
		snprintf(warning, SIGNER_ERROR_LEN,
			 "%s names an OCSP responder or CRL distribution points beside "
			 "id-pkix-ocsp-nocheck, which RFC 9919 3.2.2 advises against",
			 path);
	return E_OK;
}

static enum err check_ca(struct signer *s, enum conf_profile profile, char error[SIGNER_ERROR_LEN],
			 char warning[SIGNER_ERROR_LEN])
{
	const char *path = s->conf->cert;
	struct cert_usage u = cert_usage(&s->ca);

	if (u.broken)
		return refuse(error, "%s has an extension that can't be read", path);
	if (!u.is_ca && u.eku_ocsp_signing)
		return refuse(error,
			      "%s is a delegated responder's certificate: issuer= has to name the "
			      "certificate of the CA that it answers for",
			      path);
	/* certificates from before basicConstraints existed (X.509 v1) issue as self-signed ones */
	if (!u.is_ca && !cert_is_self_issued(&s->ca))
		return refuse(error,
			      "%s is not a CA's certificate: cert= takes the CA's own, or, with "
			      "issuer=, one that the CA issued for OCSPSigning",
			      path);
	if (!u.has_ku || u.ku_digital_signature)
		return E_OK;
	if (profile == PROFILE_BR)
		return refuse(error,
			      "%s may not sign OCSP answers: its key usage lacks digitalSignature "
			      "(Baseline Requirements 7.1.2.10.7); use a delegated responder's "
			      "certificate",
			      path);
	snprintf(warning, SIGNER_ERROR_LEN,
		 "the key usage of %s lacks digitalSignature: strict clients "
		 "refuse its answers; a delegated responder's certificate would mend that",
		 path);
	return E_OK;
}

enum err signer_open(const struct conf_ca *conf, enum conf_profile profile, struct signer *out,
		     char error[SIGNER_ERROR_LEN], char warning[SIGNER_ERROR_LEN])
{
	struct signer s = { .conf = conf };
	uint8_t hash[CERT_HASH_LEN];
	enum err e;

	warning[0] = '\0';
	e = load(conf_ca_file(conf), &s.ca, error);
	if (e)
		goto out;
	if (conf->issuer) {
		e = load(conf->cert, &s.delegate, error);
		if (e)
			goto out;
		/* both name the CA: it signs itself */
		s.delegated = !bytes_eq(s.ca.der, s.delegate.der);
	}
	e = s.delegated ? check_delegate(&s, error, warning)
			: check_ca(&s, profile, error, warning);
	if (e == E_OK && profile == PROFILE_BR)
		e = signer_check_br(&s, error, warning);
	if (e)
		goto out;
	if (!cert_key_hash(signer_cert(&s), HASH_SHA1, hash)) {
		e = refuse(error, "libcrypto refuses SHA-1, which a ResponderID is made with");
		goto out;
	}
	memcpy(s.key_hash, hash, sizeof s.key_hash);
	*out = s;
	return E_OK;
out:
	signer_close(&s);
	return e;
}

static void drop_key(struct signer *s)
{
	sigalg_forget(&s->signing);
	EVP_PKEY_free(s->key);
	s->key = NULL;
}

void signer_close(struct signer *s)
{
	cert_free(&s->ca);
	cert_free(&s->delegate);
	drop_key(s);
}

static enum err check_dates(const struct cert *c, const char *path, int64_t now,
			    char error[SIGNER_ERROR_LEN])
{
	char date[HTTP_DATE_LEN];

	if (now < c->not_before) {
		http_date_format(c->not_before, date);
		return refuse(error, "%s is not valid before %.*s: is the clock right?", path,
			      HTTP_DATE_LEN, date);
	}
	/* in its last second an answer would end as it begins */
	if (now >= c->not_after) {
		http_date_format(c->not_after, date);
		return refuse(error, "%s expired on %.*s: nothing can be signed with it, renew it",
			      path, HTTP_DATE_LEN, date);
	}
	return E_OK;
}

enum err signer_check_dates(const struct signer *s, int64_t now, char error[SIGNER_ERROR_LEN])
{
	enum err e;

	if (s->delegated) {
		e = check_dates(&s->delegate, s->conf->cert, now, error);
		if (e)
			return e;
	}
	return check_dates(&s->ca, s->delegated ? s->conf->issuer : s->conf->cert, now, error);
}

static const struct cert *ends_first(const struct signer *s)
{
	return s->delegated && s->delegate.not_after < s->ca.not_after ? &s->delegate : &s->ca;
}

int64_t signer_not_after(const struct signer *s)
{
	return ends_first(s)->not_after;
}

bool signer_ends_soon(const struct signer *s, int64_t now, int days)
{
	const struct cert *c = ends_first(s);
	int64_t third = (c->not_after - c->not_before) / 3, notice = days * (int64_t)86400;

	return c->not_after - now < (third < notice ? third : notice);
}

/* The passphrase, or a token's PIN, is in memory only while the key is opened. */
static enum err open_key(const struct conf_ca *conf, EVP_PKEY **key, char error[SIGNER_ERROR_LEN])
{
	char why[KEY_ERROR_LEN];
	struct secret secret;
	const char *password;
	enum err e;

	_Static_assert(KEY_ERROR_LEN >= SECRET_ERROR_LEN, "why takes the sentences of both");
	e = secret_read(conf->passwordfile, &secret, why);
	if (e)
		return refuse(error, "%s", why);
	password = conf->passwordfile ? secret.text : conf->password;
	e = key_open(conf->pkey, password, key, why);
	secret_wipe(&secret);
	if (e)
		snprintf(error, SIGNER_ERROR_LEN, "%s", why);
	return e;
}

enum err signer_load_key(struct signer *s, char error[SIGNER_ERROR_LEN])
{
	EVP_PKEY *public_key, *key = NULL;
	enum err e;

	if (s->key)
		return E_OK;
	public_key = cert_public_key(signer_cert(s));
	if (!public_key || !sigalg_default(public_key))
		return refuse(error,
			      "the key of %s is of a kind that can't sign here: RSA, EC, Ed25519 "
			      "or Ed448 is needed",
			      s->conf->cert);
	e = open_key(s->conf, &key, error);
	if (e)
		return e;
	if (!key_pair(key, public_key)) {
		EVP_PKEY_free(key);
		ERR_clear_error();
		return refuse(error,
			      "pkey= in section [%s] is not the private key of %s: set both to the "
			      "halves of one pair",
			      s->conf->name, s->conf->cert);
	}
	s->key = key;
	return E_OK;
}

bool signer_prefers_other(struct signer *s, struct bytes preferred)
{
	EVP_PKEY *key = preferred.len ? cert_public_key(signer_cert(s)) : NULL;

	return key && sigalg_choose(key, preferred) != sigalg_default(key);
}

enum err signer_sign(struct signer *s, struct basic *b, struct bytes preferred, uint8_t *buf,
		     size_t cap, struct bytes *der, char error[SIGNER_ERROR_LEN])
{
	EVP_PKEY *public_key = cert_public_key(signer_cert(s));
	uint8_t data[LIM_RESPONSE_LEN], signature[SIGALG_MAX_LEN];
	struct der_out o = der_out_of(data, sizeof data);
	struct der_out whole = der_out_of(buf, cap);
	const struct sigalg *alg = sigalg_choose(public_key, preferred);
	size_t len;
	enum err e;

	b->key_hash = bytes_of(s->key_hash, sizeof s->key_hash);
	basic_put_data(&o, b);
	if (o.full)
		return refuse(error, "the answer does not fit into %d octets", LIM_RESPONSE_LEN);
	if (!alg || !sigalg_sign(alg, s->key, &s->signing, der_out_bytes(&o), signature,
				 sizeof signature, &len)) {
		char why[160];

		/* without KEY_NAMES a number, which "openssl errstr" explains */
		ERR_error_string_n(ERR_peek_error(), why, sizeof why);
		e = refuse(error, "signing with the key of section [%s] failed: %s", s->conf->name,
			   why);
		ERR_clear_error();
		if (!key_is_in_token(s->conf->pkey))
			return e;
		/* opened anew the next time: a session that has ended stays so */
		drop_key(s);
		return E_TOKEN;
	}
	basic_put_response(&whole, der_out_bytes(&o), alg->der, bytes_of(signature, len),
			   s->delegated || s->conf->send_cert ? signer_cert(s)->der :
								bytes_of(NULL, 0));
	if (whole.full)
		return refuse(error, "the answer does not fit into %zu octets", cap);
	*der = der_out_bytes(&whole);
	return E_OK;
}
