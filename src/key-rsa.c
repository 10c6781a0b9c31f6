#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "der.h"
#include "key.h"

/* RFC 8017 A.1.1 and A.1.2, in their order */
static const char *const parts[] = {
	OSSL_PKEY_PARAM_RSA_N,		OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_RSA_D,		OSSL_PKEY_PARAM_RSA_FACTOR1,
	OSSL_PKEY_PARAM_RSA_FACTOR2,	OSSL_PKEY_PARAM_RSA_EXPONENT1,
	OSSL_PKEY_PARAM_RSA_EXPONENT2,	OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};
enum { PUBLIC_PARTS = 2, PRIVATE_PARTS = sizeof parts / sizeof parts[0] };

static EVP_PKEY *of_params(OSSL_PARAM *params, int selection)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, selection, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Libcrypto frees the numbers of a private key as they are. */
static void wipe(OSSL_PARAM *params)
{
	for (OSSL_PARAM *p = params; p && p->key; p++)
		OPENSSL_cleanse(p->data, p->data_size);
	OSSL_PARAM_free(params);
}

/* Reads n positive INTEGERs that fill d, and makes a key of them. */
static EVP_PKEY *of_integers(struct der d, int n)
{
	BIGNUM *number[PRIVATE_PARTS] = { NULL };
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	struct bytes v;

	if (!build)
		return NULL;
	for (int i = 0; i < n; i++) {
		if (!der_take(&d, DER_INTEGER, &v) || !der_integer_ok(v) || (v.p[0] & 0x80))
			goto out;
		number[i] = BN_bin2bn(v.p, (int)v.len, NULL);
		if (!number[i] || !OSSL_PARAM_BLD_push_BN(build, parts[i], number[i]))
			goto out;
	}
	if (!der_done(&d))
		goto out;
	params = OSSL_PARAM_BLD_to_param(build);
	if (params)
		key = of_params(params, n == PUBLIC_PARTS ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR);
out:
	wipe(params);
	OSSL_PARAM_BLD_free(build);
	for (int i = 0; i < n; i++)
		BN_clear_free(number[i]);
	return key;
}

/* rsaEncryption, NULL */
static bool take_algorithm(struct der *d)
{
	static const uint8_t rsa[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
				       0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
	struct bytes v;

	return der_take(d, DER_SEQUENCE, &v) && bytes_eq(v, bytes_of(rsa, sizeof rsa));
}

/* "version 0" begins both PKCS#8 (RFC 5958: v1) and RSAPrivateKey (two primes). */
static bool enter(struct bytes der, struct der *in)
{
	struct der d = der_of(der);
	struct bytes v;

	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return false;
	*in = der_of(v);
	return der_take(in, DER_INTEGER, &v) && v.len == 1 && v.p[0] == 0;
}

EVP_PKEY *rsa_private(struct bytes der)
{
	struct bytes v;
	struct der d;

	if (!enter(der, &d))
		return NULL;
	if (der_peek(&d) == DER_SEQUENCE) {
		/* attributes may follow, and mean nothing here */
		if (!take_algorithm(&d) || !der_take(&d, DER_OCTET_STRING, &v) || !enter(v, &d))
			return NULL;
	}
	return of_integers(d, PRIVATE_PARTS);
}

EVP_PKEY *rsa_public(struct bytes spki)
{
	struct der d = der_of(spki);
	struct bytes v;

	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return NULL;
	d = der_of(v);
	if (!take_algorithm(&d) || !der_take_last(&d, DER_BIT_STRING, &v) || v.len < 1 ||
	    v.p[0] != 0)
		return NULL;
	d = der_of(bytes_of(v.p + 1, v.len - 1));
	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return NULL;
	return of_integers(der_of(v), PUBLIC_PARTS);
}
