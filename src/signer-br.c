/* What the CA/Browser Forum's Baseline Requirements ask of the certificates that sign answers. */
#include <openssl/evp.h>
#include <stdio.h>

#include "der.h"
#include "sigalg.h"
#include "signer.h"

#define OCTETS(literal) bytes_of(literal, sizeof(literal) - 1)

struct extension {
	bool there, critical;
	struct bytes value;
};

/* The extension of this OBJECT IDENTIFIER (its value). The certificate has been looked at before:
 * none that counts stands there twice. */
static struct extension find(const struct cert *c, struct bytes oid)
{
	struct der d = der_of(c->extensions), in;
	struct bytes v, id, flag;

	while (der_take(&d, DER_SEQUENCE, &v)) {
		struct extension e = { .there = true };

		in = der_of(v);
		if (!der_take(&in, DER_OID, &id) || !bytes_eq(id, oid))
			continue;
		if (der_peek(&in) == DER_BOOLEAN && der_take(&in, DER_BOOLEAN, &flag))
			e.critical = flag.len == 1 && flag.p[0];
		if (der_take_last(&in, DER_OCTET_STRING, &e.value))
			return e;
	}
	return (struct extension){ .there = false };
}

static bool is(struct extension e, struct bytes value)
{
	return e.there && bytes_eq(e.value, value);
}

/* 7.1.2.8, table by table: NULL if a delegated responder's certificate has the shape. */
static const char *shape_fault(const struct cert *c)
{
	static const char signing[] = "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09";
	struct extension nocheck = find(c, OCTETS("\x2b\x06\x01\x05\x05\x07\x30\x01\x05"));
	struct extension usage = find(c, OCTETS("\x55\x1d\x0f"));
	struct extension basic = find(c, OCTETS("\x55\x1d\x13"));

	if (!is(find(c, OCTETS("\x55\x1d\x25")), OCTETS(signing)))
		return "its extended key usage is not OCSPSigning alone";
	if (!is(usage, OCTETS("\x03\x02\x07\x80")) || !usage.critical)
		return "its key usage is not digitalSignature alone, and critical";
	if (!is(nocheck, OCTETS("\x05\x00")) || nocheck.critical)
		return "it lacks id-pkix-ocsp-nocheck, not critical and with a NULL in it";
	if (basic.there && !is(basic, OCTETS("\x30\x00")))
		return "its basic constraints are not empty";
	if (!find(c, OCTETS("\x55\x1d\x23")).there)
		return "it lacks an authority key identifier";
	if (find(c, OCTETS("\x55\x1d\x11")).there)
		return "it has a subject alternative name";
	if (find(c, OCTETS("\x55\x1d\x1e")).there)
		return "it has name constraints";
	if (find(c, OCTETS("\x55\x1d\x1f")).there)
		return "it has CRL distribution points";
	return NULL;
}

static const char *shape_advice(const struct cert *c)
{
	if (find(c, OCTETS("\x2b\x06\x01\x05\x05\x07\x01\x01")).there)
		return "its authority information access is not recommended";
	if (find(c, OCTETS("\x55\x1d\x20")).there)
		return "it should not have certificate policies";
	return NULL;
}

static bool is_pss(struct bytes algorithm)
{
	static const char oid[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
	struct der d = der_of(algorithm);
	struct bytes v;

	return der_take_last(&d, DER_SEQUENCE, &v) && v.len >= sizeof oid - 1 &&
	       memcmp(v.p, oid, sizeof oid - 1) == 0;
}

/* 6.1.5 */
static const char *key_fault(const EVP_PKEY *key)
{
	char curve[32] = "";
	size_t len;

	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) < 2048 ? "its RSA key has less than 2048 bits" : NULL;
	if (!EVP_PKEY_is_a(key, "EC"))
		return NULL;
	if (EVP_PKEY_get_group_name(key, curve, sizeof curve, &len) == 1 &&
	    (strcmp(curve, "prime256v1") == 0 || strcmp(curve, "secp384r1") == 0 ||
	     strcmp(curve, "secp521r1") == 0))
		return NULL;
	return "the curve of its key is none of P-256, P-384 and P-521";
}

/* A clause about a certificate, and the section that it comes from. */
struct finding {
	const char *clause, *section;
};

static struct finding find_fault(const struct signer *s, const EVP_PKEY *key)
{
	const struct cert *c = &s->delegate;
	const char *clause = s->delegated ? shape_fault(c) : NULL;

	if (clause)
		return (struct finding){ clause, "7.1.2.8" };
	if (s->delegated && !sigalg_find(c->sig_alg) && !is_pss(c->sig_alg))
		return (struct finding){ "it is signed with an algorithm that is not allowed",
					 "7.1.3.2" };
	return (struct finding){ key_fault(key), "6.1.5" };
}

static struct finding find_advice(const struct signer *s, const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
		return (struct finding){ "browsers know neither Ed25519 nor Ed448", "7.1.3.2" };
	return (struct finding){ s->delegated ? shape_advice(&s->delegate) : NULL, "7.1.2.8" };
}

enum err signer_check_br(struct signer *s, char error[SIGNER_ERROR_LEN],
			 char warning[SIGNER_ERROR_LEN])
{
	const EVP_PKEY *key = cert_public_key(signer_cert(s));
	struct finding f;

	if (!key)
		return E_OK;	/* signer_load_key() says what is wrong with it */
	f = find_fault(s, key);
	if (f.clause) {
		snprintf(error, SIGNER_ERROR_LEN,
			 "%s can't be used under profile=br: %s (Baseline Requirements %s)",
			 s->conf->cert, f.clause, f.section);
		return E_SIGNER;
	}
	f = find_advice(s, key);
	if (f.clause)
		snprintf(warning, SIGNER_ERROR_LEN, "%s: %s (Baseline Requirements %s)",
			 s->conf->cert, f.clause, f.section);
	return E_OK;
}
