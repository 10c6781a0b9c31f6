/*
 * A CRL that is imported. Nobody's signature would survive what is done to it here, so every CRL
 * counts as signed by its CA: what is read behind that check is what this is about.
 */
#include "fuzz.h"

#include <openssl/x509.h>

#include "crl.h"
#include "gtime.h"
#include "store.h"

int __wrap_X509_CRL_verify(X509_CRL *x, EVP_PKEY *key);
int __wrap_X509_NAME_cmp(const X509_NAME *a, const X509_NAME *b);
EVP_PKEY *__wrap_cert_public_key(struct cert *c);

int __wrap_X509_CRL_verify(X509_CRL *x, EVP_PKEY *key)
{
	(void)x;
	(void)key;
	return 1;
}

int __wrap_X509_NAME_cmp(const X509_NAME *a, const X509_NAME *b)
{
	(void)a;
	(void)b;
	return 0;
}

EVP_PKEY *__wrap_cert_public_key(struct cert *c)
{
	static char some;

	(void)c;
	return (EVP_PKEY *)&some;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char error[CRL_ERROR_LEN];
	/* an empty name */
	static const uint8_t subject[] = { 0x30, 0 };
	struct cert ca = { .subject = { subject, sizeof subject } };
	struct crl c;
	enum err e;

	error[0] = '\0';
	e = crl_load(file_of(data, size), &ca, &c, error);
	if (e != E_OK) {
		REQUIRE(e == E_DATA);
		check_sentence(error, sizeof error);
		return 0;
	}
	REQUIRE(c.this_update >= GTIME_MIN && c.this_update <= GTIME_MAX);
	for (size_t i = 0; i < c.n; i++) {
		const struct crl_entry *entry = &c.entry[i], *found;

		REQUIRE(entry->len >= 1 && entry->len <= LIM_SERIAL_LEN);
		REQUIRE(entry->reason == ROW_NO_REASON || reason_word(entry->reason));
		found = crl_find(&c, crl_serial(entry));
		REQUIRE(found && bytes_eq(crl_serial(found), crl_serial(entry)));
	}
	crl_free(&c);
	return 0;
}
