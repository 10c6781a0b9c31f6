/* Who signs, and the signature: O-3, O-11, O-19, O-22, O-26, O-33, O-35, L-7, L-9, B-17, B-19, M-2,
 * M-3, M-5, U-9, U-13. What is signed here is verified by libcrypto's own OCSP code. */
#include "unit.h"

#include <openssl/ocsp.h>
#include <time.h>

#include "pki.h"
#include "signer.h"

static struct {
	EVP_PKEY *rsa, *ec, *leaf_key;
	X509 *ca, *leaf;
	const char *ca_file, *rsa_file, *ec_file;
} p;

static char error[SIGNER_ERROR_LEN], warning[SIGNER_ERROR_LEN];

#define CA_BASIC "critical,CA:TRUE"
#define CA_KU "critical,keyCertSign,cRLSign,digitalSignature"

static int set_up(void **state)
{
	(void)state;
	p.rsa = pki_key("RSA");
	p.ec = pki_key("P-256");
	p.leaf_key = pki_key("P-256");
	p.ca = pki_cert(
	    &(struct pki_issue){ .name = "CA", .key = p.rsa, .basic = CA_BASIC, .ku = CA_KU });
	p.leaf = pki_cert(&(struct pki_issue){ .name = "leaf", .key = p.leaf_key, .issuer = p.ca,
					       .issuer_key = p.rsa, .serial = 77 });
	p.ca_file = pki_cert_file("ca.pem", p.ca);
	p.rsa_file = pki_key_file("ca.key", p.rsa, NULL);
	p.ec_file = pki_key_file("ec.key", p.ec, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	X509_free(p.ca);
	X509_free(p.leaf);
	EVP_PKEY_free(p.rsa);
	EVP_PKEY_free(p.ec);
	EVP_PKEY_free(p.leaf_key);
	return 0;
}

static struct signer opened(const struct conf_ca *conf)
{
	struct signer s;

	if (signer_open(conf, PROFILE_RFC9919, &s, error, warning) != E_OK ||
	    signer_load_key(&s, error) != E_OK)
		fail_msg("%s", error);
	return s;
}

static void refused(const struct conf_ca *conf, enum conf_profile profile, const char *because)
{
	struct signer s;
	enum err e = signer_open(conf, profile, &s, error, warning);

	if (e == E_OK) {
		e = signer_load_key(&s, error);
		signer_close(&s);
	}
	assert_int_equal(e, E_SIGNER);
	if (!strstr(error, because))
		fail_msg("not \"%s\": %s", because, error);
}

/* The CertID that libcrypto makes for a leaf. */
static struct bytes certid_of(X509 *leaf, X509 *ca)
{
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), leaf, ca);
	uint8_t *der = NULL;
	int len = i2d_OCSP_CERTID(id, &der);

	assert_true(len > 0);
	OCSP_CERTID_free(id);
	return bytes_of(der, (size_t)len);
}

static struct bytes sign_one(struct signer *s, struct bytes certid, struct bytes preferred,
			     uint8_t *buf)
{
	int64_t now = time(NULL);
	struct basic_single single = { certid, CERT_REVOKED, now - 100, 1, now, now + 3600 };
	struct basic b = { .produced_at = now, .single = &single, .n = 1 };
	struct bytes der;

	if (signer_sign(s, &b, preferred, buf, LIM_RESPONSE_LEN, &der, error) != E_OK)
		fail_msg("%s", error);
	return der;
}

/* Verifies as a client does that trusts the CA alone; returns how many certificates are inside. */
#define NO_CERTS (-1)	/* not even an empty list: O-21 */
static int verify(struct bytes der, X509 *ca, X509 *leaf)
{
	const uint8_t *q = der.p;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &q, (long)der.len);
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(r);
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), leaf, ca);
	STACK_OF(X509) *extra = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	ASN1_GENERALIZEDTIME *at, *this_update, *next_update;
	int status, reason, n;

	assert_ptr_equal(q, der.p + der.len);
	X509_STORE_add_cert(store, ca);
	sk_X509_push(extra, ca);
	assert_int_equal(OCSP_basic_verify(basic, extra, store, 0), 1);
	assert_true(
	    OCSP_resp_find_status(basic, id, &status, &reason, &at, &this_update, &next_update));
	assert_int_equal(status, V_OCSP_CERTSTATUS_REVOKED);
	assert_int_equal(reason, 1);
	assert_true(OCSP_check_validity(this_update, next_update, 5, -1));
	n = sk_X509_num(OCSP_resp_get0_certs(basic));
	sk_X509_free(extra);
	X509_STORE_free(store);
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(r);
	return n;
}

static bool holds(struct bytes hay, struct bytes needle)
{
	return memmem(hay.p, hay.len, needle.p, needle.len) != NULL;
}

#define SHA256_RSA B("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00")
#define SHA384_RSA B("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00")
#define SHA512_RSA B("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00")
#define NOTHING bytes_of(NULL, 0)

/* O-22, O-26, B-17, M-3: every kind of key, with the AlgorithmIdentifier's very octets */
static void every_kind_of_key(void **state)
{
	const struct {
		const char *kind;
		struct bytes algorithm;
	} table[] = {
		{ "RSA", SHA256_RSA },
		{ "P-256", B("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02") },
		{ "P-384", B("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03") },
		{ "P-521", B("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04") },
		{ "ED25519", B("\x30\x05\x06\x03\x2b\x65\x70") },
		{ "ED448", B("\x30\x05\x06\x03\x2b\x65\x71") },
	};
	static uint8_t buf[LIM_RESPONSE_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		EVP_PKEY *key = pki_key(table[i].kind);
		X509 *ca = pki_cert(
		    &(struct pki_issue){ .name = "CA", .key = key, .basic = CA_BASIC, .ku = CA_KU });
		X509 *leaf = pki_cert(&(struct pki_issue){ .name = "leaf",
							  .key = p.leaf_key,
							  .issuer = ca,
							  .issuer_key = key,
							  .serial = 5 });
		struct conf_ca conf = { .name = "ocsp",
				       .cert = pki_cert_file("x.pem", ca),
				       .pkey = pki_key_file("x.key", key, "pw"),
				       .password = "pw" };
		struct signer s = opened(&conf);
		struct bytes id = certid_of(leaf, ca), der = sign_one(&s, id, NOTHING, buf);
		uint8_t hash[20];

		assert_int_equal(verify(der, ca, leaf), NO_CERTS);
		assert_true(holds(der, table[i].algorithm));
		assert_true(holds(der, id));
		/* O-19, L-9, U-13 */
		assert_true(X509_pubkey_digest(ca, EVP_sha1(), hash, NULL));
		assert_true(holds(der, bytes_of(hash, 20)));
		assert_memory_equal(hash, s.key_hash, 20);
		OPENSSL_free((void *)(uintptr_t)id.p);
		signer_close(&s);
		X509_free(ca);
		X509_free(leaf);
		EVP_PKEY_free(key);
	}
}

/* O-33, O-35 */
static void preferred_algorithms(void **state)
{
#define SHA1_RSA "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00"
#define P384 "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"
#define BARE_SHA512_RSA "\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"
	const struct {
		struct bytes list, expect;
		bool other;
	} table[] = {
		{ NOTHING, SHA256_RSA, false },
		{ B("\x30\x00"), SHA256_RSA, false },
		{ B("rubbish"), SHA256_RSA, false },
		/* SHA-1 is never used, whoever asks */
		{ B("\x30\x11\x30\x0f" SHA1_RSA), SHA256_RSA, false },
		{ B("\x30\x11\x30\x0f\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"),
		  SHA256_RSA, false },
		{ B("\x30\x11\x30\x0f\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00"),
		  SHA384_RSA, true },
		/* without parameters; after one that this key can't do */
		{ B("\x30\x1d\x30\x0c" P384 "\x30\x0d" BARE_SHA512_RSA), SHA512_RSA, true },
		{ B("\x30\x0e\x30\x0c" P384), SHA256_RSA, false },
	};
	static uint8_t buf[LIM_RESPONSE_LEN];
	struct conf_ca conf = { .name = "ocsp", .cert = p.ca_file, .pkey = p.rsa_file };
	struct signer s = opened(&conf);
	struct bytes id = certid_of(p.leaf, p.ca);

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct bytes der = sign_one(&s, id, table[i].list, buf);

		assert_int_equal(verify(der, p.ca, p.leaf), NO_CERTS);
		assert_true(holds(der, table[i].expect));
		assert_int_equal(signer_prefers_other(&s, table[i].list), table[i].other);
	}
	OPENSSL_free((void *)(uintptr_t)id.p);
	signer_close(&s);
}

static const char *delegate_file(const struct pki_issue *changed)
{
	struct pki_issue w = *changed;
	const char *path;
	X509 *x;

	w.name = "responder";
	w.key = p.ec;
	w.issuer = w.issuer ? w.issuer : p.ca;
	w.issuer_key = w.issuer_key ? w.issuer_key : p.rsa;
	x = pki_cert(&w);
	path = pki_cert_file("ocsp.pem", x);
	X509_free(x);
	return path;
}

/* O-11, L-7, O-19 */
static void delegated_responder(void **state)
{
	struct conf_ca conf = { .name = "ocsp",
			       .pkey = p.ec_file,
			       .issuer = p.ca_file,
			       .cert = delegate_file(&(struct pki_issue){ .eku = "OCSPSigning",
									 .ku = "digitalSignature",
									 .nocheck = true }) };
	static uint8_t buf[LIM_RESPONSE_LEN];
	struct signer s = opened(&conf);
	struct bytes id = certid_of(p.leaf, p.ca), der = sign_one(&s, id, NOTHING, buf);

	(void)state;
	assert_true(s.delegated);
	assert_string_equal(warning, "");
	assert_int_equal(verify(der, p.ca, p.leaf), 1);
	assert_true(holds(der, s.delegate.der));
	OPENSSL_free((void *)(uintptr_t)id.p);
	signer_close(&s);
	/* M-5: works, but somebody should know */
	conf.cert = delegate_file(&(struct pki_issue){ .eku = "OCSPSigning" });
	s = opened(&conf);
	assert_non_null(strstr(warning, "nocheck"));
	signer_close(&s);
	/* both keys name the CA: it signs itself */
	conf.cert = p.ca_file;
	conf.pkey = p.rsa_file;
	s = opened(&conf);
	assert_false(s.delegated);
	signer_close(&s);
}

/* O-3: who may not */
static void who_may_not_sign(void **state)
{
	EVP_PKEY *key = pki_key("P-384");
	X509 *impostor = pki_cert(&(struct pki_issue){ .name = "CA", .key = key, .basic = CA_BASIC });
	struct conf_ca conf = { .name = "ocsp", .pkey = p.ec_file, .issuer = p.ca_file };

	(void)state;
	conf.cert = delegate_file(&(struct pki_issue){ .ku = "digitalSignature" });
	refused(&conf, PROFILE_RFC9919, "OCSPSigning");
	conf.cert = delegate_file(&(struct pki_issue){ .eku = "serverAuth" });
	refused(&conf, PROFILE_RFC9919, "OCSPSigning");
	conf.cert = delegate_file(&(struct pki_issue){ .eku = "anyExtendedKeyUsage" });
	refused(&conf, PROFILE_RFC9919, "OCSPSigning");
	conf.cert =
	    delegate_file(&(struct pki_issue){ .eku = "OCSPSigning", .ku = "keyEncipherment" });
	refused(&conf, PROFILE_RFC9919, "digitalSignature");
	conf.cert = delegate_file(&(struct pki_issue){ .eku = "OCSPSigning", .issuer = impostor,
						       .issuer_key = key });
	refused(&conf, PROFILE_RFC9919, "not issued by");
	conf.cert = delegate_file(&(struct pki_issue){ .eku = "OCSPSigning" });
	conf.pkey = p.rsa_file;
	refused(&conf, PROFILE_RFC9919, "not the private key");
	/* without issuer= */
	conf.issuer = NULL;
	refused(&conf, PROFILE_RFC9919, "issuer=");
	conf.cert = pki_cert_file("leaf.pem", p.leaf);
	refused(&conf, PROFILE_RFC9919, "not a CA");
	conf.cert = p.ca_file;
	conf.pkey = p.ec_file;
	refused(&conf, PROFILE_RFC9919, "not the private key");
	conf.pkey = "/nonexistent";
	refused(&conf, PROFILE_RFC9919, "/nonexistent");
	X509_free(impostor);
	EVP_PKEY_free(key);
}

/* B-19: a warning, and a refusal where the Baseline Requirements rule */
static void a_ca_without_digital_signature(void **state)
{
	X509 *ca = pki_cert(&(struct pki_issue){ .name = "CA", .key = p.rsa, .basic = CA_BASIC,
						 .ku = "keyCertSign" });
	struct conf_ca conf = {
	    .name = "ocsp", .cert = pki_cert_file("noku.pem", ca), .pkey = p.rsa_file };
	struct signer s = opened(&conf);

	(void)state;
	assert_non_null(strstr(warning, "digitalSignature"));
	signer_close(&s);
	refused(&conf, PROFILE_BR, "7.1.2.10.7");
	X509_free(ca);
}

/* An old CA without extensions, that signed itself. */
static void a_ca_of_version_1(void **state)
{
	X509 *ca = pki_cert(&(struct pki_issue){ .name = "CA", .key = p.rsa });
	struct conf_ca conf = {
	    .name = "ocsp", .cert = pki_cert_file("v1.pem", ca), .pkey = p.rsa_file };
	struct signer s = opened(&conf);

	(void)state;
	assert_string_equal(warning, "");
	signer_close(&s);
	X509_free(ca);
}

/* U-9, M-2 */
static void dates(void **state)
{
	struct conf_ca conf = { .name = "ocsp", .pkey = p.ec_file, .issuer = p.ca_file,
				.cert = delegate_file(&(struct pki_issue){
					.eku = "OCSPSigning", .from_s = -100, .to_s = 5000 }) };
	int64_t now = time(NULL);
	struct signer s;

	(void)state;
	assert_int_equal(signer_open(&conf, PROFILE_RFC9919, &s, error, warning), E_OK);
	assert_int_equal(signer_not_after(&s), s.delegate.not_after);
	assert_true(s.delegate.not_after < s.ca.not_after);
	assert_int_equal(signer_check_dates(&s, now, error), E_OK);
	assert_int_equal(signer_check_dates(&s, s.delegate.not_after - 1, error), E_OK);
	/* an answer of that second would be valid for none: O-24 */
	assert_int_equal(signer_check_dates(&s, s.delegate.not_after, error), E_SIGNER);
	assert_non_null(strstr(error, "expired"));
	assert_non_null(strstr(error, conf.cert));
	assert_int_equal(signer_check_dates(&s, s.delegate.not_before - 1, error), E_SIGNER);
	assert_non_null(strstr(error, "not valid before"));
	/* a third of 5,100 seconds */
	assert_false(signer_ends_soon(&s, s.delegate.not_after - 1701, 14));
	assert_true(signer_ends_soon(&s, s.delegate.not_after - 1699, 14));
	signer_close(&s);
	/* days, of one that lives longer than three times as long */
	conf.cert = delegate_file(&(struct pki_issue){ .eku = "OCSPSigning", .to_s = 14 * 86400,
						       .from_s = -14 * 86400 });
	assert_int_equal(signer_open(&conf, PROFILE_RFC9919, &s, error, warning), E_OK);
	assert_false(signer_ends_soon(&s, s.delegate.not_after - 2 * 86400 - 1, 2));
	assert_true(signer_ends_soon(&s, s.delegate.not_after - 2 * 86400 + 1, 2));
	signer_close(&s);
	/* the CA ends first */
	conf.cert = delegate_file(&(struct pki_issue){ .eku = "OCSPSigning", .from_s = -7200,
						       .to_s = 60 * 86400 });
	assert_int_equal(signer_open(&conf, PROFILE_RFC9919, &s, error, warning), E_OK);
	assert_int_equal(signer_not_after(&s), s.ca.not_after);
	assert_int_equal(signer_check_dates(&s, s.ca.not_after, error), E_SIGNER);
	assert_non_null(strstr(error, conf.issuer));
	assert_int_equal(signer_check_dates(&s, s.ca.not_before - 1, error), E_SIGNER);
	signer_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_key),
		cmocka_unit_test(preferred_algorithms),
		cmocka_unit_test(delegated_responder),
		cmocka_unit_test(who_may_not_sign),
		cmocka_unit_test(a_ca_without_digital_signature),
		cmocka_unit_test(a_ca_of_version_1),
		cmocka_unit_test(dates),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
