#include "sigalg.h"

#include <openssl/evp.h>

#include "der.h"

#define ALG(octets, ...) { { (const uint8_t *)(octets), sizeof(octets) - 1 }, __VA_ARGS__ }
#define RSA_OID "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01"
#define EC_ANY_BITS 4096
#define EC_OID "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03"

/* A key's default is the first that fits it. Nothing weak is here: no MD5, no SHA-1. */
static const struct sigalg table[] = {
	ALG("\x30\x0d" RSA_OID "\x0b\x05\x00", "RSA", "SHA256", 0),
	ALG("\x30\x0d" RSA_OID "\x0c\x05\x00", "RSA", "SHA384", 0),
	ALG("\x30\x0d" RSA_OID "\x0d\x05\x00", "RSA", "SHA512", 0),
	ALG("\x30\x0a" EC_OID "\x02", "EC", "SHA256", 256),
	ALG("\x30\x0a" EC_OID "\x03", "EC", "SHA384", 384),
	ALG("\x30\x0a" EC_OID "\x04", "EC", "SHA512", EC_ANY_BITS),
	ALG("\x30\x05\x06\x03\x2b\x65\x70", "ED25519", NULL, 0),
	ALG("\x30\x05\x06\x03\x2b\x65\x71", "ED448", NULL, 0),
};
#define N_ALGS (sizeof table / sizeof table[0])

const struct sigalg *sigalg_find(struct bytes algorithm)
{
	for (size_t i = 0; i < N_ALGS; i++)
		if (bytes_eq(table[i].der, algorithm))
			return &table[i];
	return NULL;
}

const struct sigalg *sigalg_default(const EVP_PKEY *key)
{
	for (size_t i = 0; i < N_ALGS; i++)
		if (EVP_PKEY_is_a(key, table[i].key) &&
		    (!table[i].max_bits || EVP_PKEY_get_bits(key) <= table[i].max_bits))
			return &table[i];
	return NULL;
}

/* The OBJECT IDENTIFIER of an AlgorithmIdentifier. Clients differ in how they spell the absence of
 * parameters, so preferences are compared without them. */
static bool oid_of(struct bytes algorithm, struct bytes *oid)
{
	struct der d = der_of(algorithm);
	struct bytes v;

	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return false;
	d = der_of(v);
	return der_take(&d, DER_OID, oid);
}

const struct sigalg *sigalg_choose(const EVP_PKEY *key, struct bytes preferred)
{
	const struct sigalg *fallback = sigalg_default(key);
	struct der d = der_of(preferred), in;
	struct bytes v, want, have;
	struct der_item item;

	if (!fallback || !der_take_last(&d, DER_SEQUENCE, &v))
		return fallback;
	d = der_of(v);
	while (der_take(&d, DER_SEQUENCE, &v)) {
		in = der_of(v);
		if (!der_next(&in, &item) || !oid_of(item.all, &want))
			break;
		for (size_t i = 0; i < N_ALGS; i++) {
			const struct sigalg *a = &table[i];

			/* RSA goes with any hash, an EC key with its curve's alone */
			if ((a == fallback || (!a->max_bits && EVP_PKEY_is_a(key, a->key))) &&
			    oid_of(a->der, &have) && bytes_eq(want, have))
				return a;
		}
	}
	return fallback;
}

/* EVP_DigestSignInit_ex() or EVP_DigestVerifyInit_ex() */
typedef int begin_fn(EVP_MD_CTX *, EVP_PKEY_CTX **, const char *, OSSL_LIB_CTX *, const char *,
		     EVP_PKEY *, const OSSL_PARAM *);

void sigalg_forget(struct sigalg_ready *r)
{
	EVP_MD_CTX_free(r->ctx);
	memset(r, 0, sizeof *r);
}

static void remember(struct sigalg_ready *r, const struct sigalg *a, const EVP_MD_CTX *ctx)
{
	sigalg_forget(r);
	r->ctx = EVP_MD_CTX_new();
	/* not every token's key can be copied */
	if (r->ctx && EVP_MD_CTX_copy_ex(r->ctx, ctx) == 1)
		r->alg = a;
}

/* NULL: libcrypto could not. */
static EVP_MD_CTX *begin(begin_fn *how, const struct sigalg *a, EVP_PKEY *key,
			 struct sigalg_ready *ready)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx && ready && ready->alg == a && EVP_MD_CTX_copy_ex(ctx, ready->ctx) == 1)
		return ctx;
	if (ctx && how(ctx, NULL, a->md, NULL, NULL, key, NULL) == 1) {
		if (ready && !ready->ctx)
			remember(ready, a, ctx);
		return ctx;
	}
	EVP_MD_CTX_free(ctx);
	return NULL;
}

enum err sigalg_verify(const struct sigalg *a, EVP_PKEY *key, struct sigalg_ready *ready,
		       struct bytes data, struct bytes signature)
{
	EVP_MD_CTX *ctx;
	enum err e;

	if (!EVP_PKEY_is_a(key, a->key))
		return E_DATA;
	ctx = begin(EVP_DigestVerifyInit_ex, a, key, ready);
	if (!ctx)
		return E_BUSY;
	e = EVP_DigestVerify(ctx, signature.p, signature.len, data.p, data.len) == 1 ? E_OK :
										       E_DATA;
	EVP_MD_CTX_free(ctx);
	return e;
}

bool sigalg_sign(const struct sigalg *a, EVP_PKEY *key, struct sigalg_ready *ready,
		 struct bytes data, uint8_t *out, size_t cap, size_t *len)
{
	EVP_MD_CTX *ctx = begin(EVP_DigestSignInit_ex, a, key, ready);
	size_t n = cap;
	bool ok = ctx && EVP_DigestSign(ctx, out, &n, data.p, data.len) == 1;

	EVP_MD_CTX_free(ctx);
	if (ok)
		*len = n;
	return ok;
}
