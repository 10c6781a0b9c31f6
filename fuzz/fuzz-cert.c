/* A certificate, from a file or a row of the table: PEM or DER. What libcrypto understands as well
 * has to say the same to both. */
#include "fuzz.h"

#include <openssl/bn.h>
#include <openssl/x509.h>

#include "cert.h"

static void check_with_libcrypto(const struct cert *c)
{
	const uint8_t *p = c->der.p;
	X509 *x = d2i_X509(NULL, &p, (long)c->der.len);
	uint8_t serial[LIM_SERIAL_LEN], *subject = NULL;
	BIGNUM *n;
	int len;

	if (!x)
		return;
	n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	REQUIRE(n && !BN_is_negative(n));
	REQUIRE(BN_bn2binpad(n, serial, (int)c->serial.len) == (int)c->serial.len);
	REQUIRE(memcmp(serial, c->serial.p, c->serial.len) == 0);
	len = i2d_X509_NAME(X509_get_subject_name(x), &subject);
	REQUIRE(len > 0 && bytes_eq(bytes_of(subject, (size_t)len), c->subject));
	OPENSSL_free(subject);
	BN_free(n);
	X509_free(x);
}

static void check_cert(const struct cert *c)
{
	struct bytes whole = c->der;
	struct cert again;
	char text[64], *pem;
	size_t len;

	REQUIRE(c->octets && whole.len);
	REQUIRE(c->tbs.len && lies_in(c->tbs, whole) && lies_in(c->sig_alg, whole));
	REQUIRE(lies_in(c->signature, whole) && lies_in(c->subject, c->tbs));
	REQUIRE(lies_in(c->issuer, c->tbs) && lies_in(c->spki, c->tbs) && lies_in(c->key, c->spki));
	REQUIRE(lies_in(c->extensions, c->tbs) && lies_in(c->serial, c->tbs));
	REQUIRE(c->serial.len >= 1 && c->serial.len <= LIM_SERIAL_LEN);
	(void)cert_usage(c);
	REQUIRE(cert_subject_text(c, text, sizeof text) == text);
	REQUIRE(strnlen(text, sizeof text) < sizeof text);
	for (const char *p = text; *p; p++)
		REQUIRE((unsigned char)*p >= 0x20 && *p != 0x7f);
	/* as it is written into the table */
	REQUIRE(cert_to_pem(c, &pem, &len) == E_OK);
	REQUIRE(cert_parse(bytes_of(pem, len), &again) == E_OK && bytes_eq(again.der, whole));
	cert_free(&again);
	free(pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cert c;
	enum err e = cert_parse(bytes_of(data, size), &c);

	REQUIRE(e == E_OK || e == E_DATA);
	if (e == E_OK) {
		check_cert(&c);
		check_with_libcrypto(&c);
		cert_free(&c);
	}
	return 0;
}
