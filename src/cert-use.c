#include "cert.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "der.h"
#include "key.h"

void cert_free(struct cert *c)
{
	if (!c)
		return;
	sigalg_forget(&c->verifying);
	EVP_PKEY_free(c->pkey);
	free(c->octets);
	memset(c, 0, sizeof *c);
}

/* OBJECT IDENTIFIERs' values */
static const char oid_basic_constraints[] = "\x55\x1d\x13";
static const char oid_key_usage[] = "\x55\x1d\x0f";
static const char oid_ext_key_usage[] = "\x55\x1d\x25";
static const char oid_nocheck[] = "\x2b\x06\x01\x05\x05\x07\x30\x01\x05";
static const char oid_info_access[] = "\x2b\x06\x01\x05\x05\x07\x01\x01";
static const char oid_crl_points[] = "\x55\x1d\x1f";
static const char oid_ad_ocsp[] = "\x2b\x06\x01\x05\x05\x07\x30\x01";
static const char oid_ocsp_signing[] = "\x2b\x06\x01\x05\x05\x07\x03\x09";

enum extension {
	EXT_BASIC_CONSTRAINTS, EXT_KEY_USAGE, EXT_EXT_KEY_USAGE, EXT_NOCHECK, EXT_INFO_ACCESS,
	EXT_CRL_POINTS, EXT_COUNT
};

static const char *const oids[EXT_COUNT] = {
	[EXT_BASIC_CONSTRAINTS] = oid_basic_constraints,
	[EXT_KEY_USAGE] = oid_key_usage,
	[EXT_EXT_KEY_USAGE] = oid_ext_key_usage,
	[EXT_NOCHECK] = oid_nocheck,
	[EXT_INFO_ACCESS] = oid_info_access,
	[EXT_CRL_POINTS] = oid_crl_points,
};

static bool read_basic_constraints(struct der d, struct cert_usage *u)
{
	struct bytes v, flag;

	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return false;
	d = der_of(v);
	/* an explicit FALSE is no DER, but stands in many a certificate */
	if (der_peek(&d) == DER_BOOLEAN) {
		if (!der_take(&d, DER_BOOLEAN, &flag) || flag.len != 1)
			return false;
		u->is_ca = flag.p[0] != 0;
	}
	return der_peek(&d) != DER_INTEGER ? der_done(&d) : der_take_last(&d, DER_INTEGER, NULL);
}

static bool read_key_usage(struct der d, struct cert_usage *u)
{
	struct bytes v;

	if (!der_take_last(&d, DER_BIT_STRING, &v) || v.len < 1)
		return false;
	u->has_ku = true;
	u->ku_digital_signature = v.len > 1 && (v.p[1] & 0x80);
	return true;
}

static bool read_ext_key_usage(struct der d, struct cert_usage *u)
{
	struct bytes v;

	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return false;
	u->has_eku = true;
	for (d = der_of(v); !der_done(&d);) {
		if (!der_take(&d, DER_OID, &v))
			return false;
		u->eku_ocsp_signing |= bytes_eq(v, bytes_str(oid_ocsp_signing));
	}
	return true;
}

/* A place to fetch the certificate's issuer from does no harm (RFC 9919 3.2.2). */
static bool read_info_access(struct der d, struct cert_usage *u)
{
	struct bytes v, method;

	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return false;
	for (d = der_of(v); !der_done(&d);) {
		struct der in;

		if (!der_take(&d, DER_SEQUENCE, &v))
			return false;
		in = der_of(v);
		if (!der_take(&in, DER_OID, &method))
			return false;
		u->points_elsewhere |= bytes_eq(method, bytes_str(oid_ad_ocsp));
	}
	return true;
}

static bool read_extension(struct der *d, unsigned *seen, struct cert_usage *u)
{
	struct bytes v, oid;
	struct der in;
	int which = 0;

	if (!der_take(d, DER_SEQUENCE, &v))
		return false;
	in = der_of(v);
	if (!der_take(&in, DER_OID, &oid))
		return false;
	if (der_peek(&in) == DER_BOOLEAN && !der_take(&in, DER_BOOLEAN, NULL))
		return false;
	if (!der_take_last(&in, DER_OCTET_STRING, &v))
		return false;
	while (which < EXT_COUNT && !bytes_eq(oid, bytes_str(oids[which])))
		which++;
	if (which == EXT_COUNT)
		return true;
	if (*seen & 1u << which)
		return false;
	*seen |= 1u << which;
	switch ((enum extension)which) {
	case EXT_BASIC_CONSTRAINTS:
		return read_basic_constraints(der_of(v), u);
	case EXT_KEY_USAGE:
		return read_key_usage(der_of(v), u);
	case EXT_EXT_KEY_USAGE:
		return read_ext_key_usage(der_of(v), u);
	case EXT_NOCHECK:
		u->nocheck = true;
		break;
	case EXT_INFO_ACCESS:
		return read_info_access(der_of(v), u);
	case EXT_CRL_POINTS:
	case EXT_COUNT:
		u->points_elsewhere = true;
		break;
	}
	return true;
}

struct cert_usage cert_usage(const struct cert *c)
{
	struct cert_usage u = { 0 };
	struct der d = der_of(c->extensions);
	unsigned seen = 0;

	while (!u.broken && !der_done(&d))
		u.broken = !read_extension(&d, &seen, &u);
	return u;
}

static bool digest(enum hashalg h, struct bytes in, uint8_t out[CERT_HASH_LEN])
{
	const EVP_MD *md = h == HASH_SHA1 ? EVP_sha1() : h == HASH_SHA256 ? EVP_sha256() :
			   h == HASH_SHA384 ? EVP_sha384() : h == HASH_SHA512 ? EVP_sha512() : NULL;

	/* asked again: an allocation may have failed just then */
	return md && (EVP_Digest(in.p, in.len, out, NULL, md, NULL) == 1 ||
		      EVP_Digest(in.p, in.len, out, NULL, md, NULL) == 1);
}

bool cert_name_hash(const struct cert *ca, enum hashalg h, uint8_t out[CERT_HASH_LEN])
{
	return digest(h, ca->subject, out);
}

bool cert_key_hash(const struct cert *ca, enum hashalg h, uint8_t out[CERT_HASH_LEN])
{
	return digest(h, ca->key, out);
}

bool cert_is_issuer_in(const struct cert *ca, const struct certid *id)
{
	uint8_t hash[CERT_HASH_LEN];

	return id->alg != HASH_UNKNOWN && cert_name_hash(ca, id->alg, hash) &&
	       bytes_eq(id->name_hash, bytes_of(hash, hashalg_len(id->alg))) &&
	       cert_key_hash(ca, id->alg, hash) &&
	       bytes_eq(id->key_hash, bytes_of(hash, hashalg_len(id->alg)));
}

bool cert_is_meant_by(const struct cert *c, const struct certid *id)
{
	struct cert issuer = { .subject = c->issuer };
	uint8_t hash[CERT_HASH_LEN];
	struct bytes serial;

	return id->alg != HASH_UNKNOWN && certid_serial(id, &serial) &&
	       bytes_eq(serial, c->serial) && cert_name_hash(&issuer, id->alg, hash) &&
	       bytes_eq(id->name_hash, bytes_of(hash, hashalg_len(id->alg)));
}

EVP_PKEY *cert_public_key(struct cert *c)
{
	if (!c->pkey)
		c->pkey = key_public(c->spki);
	return c->pkey;
}

enum err cert_to_pem(const struct cert *c, char **out, size_t *len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *copy = NULL;
	long n = 0;

	if (bio && PEM_write_bio(bio, "CERTIFICATE", "", c->der.p, (long)c->der.len)) {
		n = BIO_get_mem_data(bio, &text);
		copy = malloc((size_t)n + 1);
	}
	if (copy) {
		memcpy(copy, text, (size_t)n);
		copy[n] = '\0';
		*out = copy;
		*len = (size_t)n;
	}
	BIO_free(bio);
	return copy ? E_OK : E_BUSY;
}

static enum err verify(const struct cert *c, struct cert *ca)
{
	const struct sigalg *alg = sigalg_find(c->sig_alg);
	EVP_PKEY *key = cert_public_key(ca);
	const uint8_t *p = c->der.p;
	X509 *x;
	bool ok;

	if (!key)
		return E_BUSY;
	if (alg)
		return sigalg_verify(alg, key, &ca->verifying, c->tbs, c->signature);
	/* an algorithm that we never sign with ourselves (RSA-PSS, …) */
	x = d2i_X509(NULL, &p, (long)c->der.len);
	ok = x && X509_verify(x, key) == 1;
	X509_free(x);
	return ok ? E_OK : E_DATA;
}

enum err cert_issued_by(const struct cert *c, struct cert *ca)
{
	enum err e;

	if (!bytes_eq(c->issuer, ca->subject))
		return E_UNAUTHORIZED;
	e = verify(c, ca);
	/* libcrypto says "no" as well where it lacked the memory for a "yes" */
	if (e == E_DATA)
		e = verify(c, ca);
	if (e == E_DATA && cert_memory_is_short())
		e = E_BUSY;
	return e == E_DATA ? E_UNAUTHORIZED : e;
}

/* More than any step of libcrypto's takes here. */
#define STEP_LEN 65536

bool cert_memory_is_short(void)
{
	void *p = OPENSSL_malloc(STEP_LEN);

	OPENSSL_free(p);
	return !p;
}

char *cert_subject_text(const struct cert *c, char *out, size_t cap)
{
	const uint8_t *p = c->subject.p;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)c->subject.len);
	BIO *mem = BIO_new(BIO_s_mem());
	int n = 0;

	if (name && mem &&
	    X509_NAME_print_ex(mem, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0)
		n = BIO_read(mem, out, (int)cap - 1);
	out[n > 0 ? n : 0] = '\0';
	BIO_free(mem);
	X509_NAME_free(name);
	return out;
}
