/* ocspresponse=: every form of the file, its times, and who may have signed it. */
#include "unit.h"

#include <openssl/evp.h>
#include <time.h>

#include "basic.h"
#include "canned.h"
#include "pki.h"
#include "signer.h"

static struct {
	EVP_PKEY *root_key, *other_key, *ca_key;
	X509 *root, *ca;
	const char *root_file, *root_key_file, *other_key_file;
	struct cert root_cert, ca_cert;
	uint8_t certid[256];
	size_t certid_len;
	int64_t now;
} p;

static char error[CANNED_ERROR_LEN];

/* A CertID for the intermediate, under the root. */
static void make_certid(const struct cert *issuer, struct bytes serial)
{
	static const uint8_t sha1[] = "\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00";
	uint8_t name[CERT_HASH_LEN], key[CERT_HASH_LEN];
	struct der_out o = der_out_of(p.certid, sizeof p.certid);

	assert_true(cert_name_hash(issuer, HASH_SHA1, name) &&
		    cert_key_hash(issuer, HASH_SHA1, key));
	der_put_item(&o, DER_INTEGER, serial);
	der_put_item(&o, DER_OCTET_STRING, bytes_of(key, 20));
	der_put_item(&o, DER_OCTET_STRING, bytes_of(name, 20));
	der_put(&o, bytes_of(sha1, sizeof sha1 - 1));
	der_wrap(&o, DER_SEQUENCE, 0);
	p.certid_len = der_out_bytes(&o).len;
	memmove(p.certid, der_out_bytes(&o).p, p.certid_len);
}

static int set_up(void **state)
{
	struct bytes der;

	(void)state;
	p.now = time(NULL);
	p.root_key = pki_key("P-256");
	p.other_key = pki_key("P-256");
	p.ca_key = pki_key("P-256");
	p.root =
	    pki_cert(&(struct pki_issue){ .name = "Root", .key = p.root_key, .basic = "CA:TRUE" });
	p.ca = pki_cert(&(struct pki_issue){ .name = "CA",
					    .key = p.ca_key,
					    .issuer = p.root,
					    .issuer_key = p.root_key,
					    .basic = "CA:TRUE",
					    .serial = 42 });
	p.root_file = pki_cert_file("root.pem", p.root);
	p.root_key_file = pki_key_file("root.key", p.root_key, NULL);
	p.other_key_file = pki_key_file("other.key", p.other_key, NULL);
	der = pki_der(p.root);
	assert_int_equal(cert_parse(der, &p.root_cert), E_OK);
	OPENSSL_free((void *)(uintptr_t)der.p);
	der = pki_der(p.ca);
	assert_int_equal(cert_parse(der, &p.ca_cert), E_OK);
	OPENSSL_free((void *)(uintptr_t)der.p);
	make_certid(&p.root_cert, B("\x2a"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cert_free(&p.root_cert);
	cert_free(&p.ca_cert);
	X509_free(p.root);
	X509_free(p.ca);
	EVP_PKEY_free(p.root_key);
	EVP_PKEY_free(p.other_key);
	EVP_PKEY_free(p.ca_key);
	return 0;
}

static uint8_t octets[LIM_RESPONSE_LEN];

/* The answer lies in "octets" until the next one is made. */
static struct bytes made_by(const struct conf_ca *conf, int64_t this_update, int64_t next_update)
{
	char why[SIGNER_ERROR_LEN], warning[SIGNER_ERROR_LEN];
	struct basic_single single = { bytes_of(p.certid, p.certid_len),
				      CERT_GOOD,
				      0,
				      REASON_ABSENT,
				      this_update,
				      next_update };
	struct basic b = { .produced_at = this_update, .single = &single, .n = 1 };
	struct signer s;
	struct bytes der;

	assert_int_equal(signer_open(conf, PROFILE_RFC9919, &s, why, warning), E_OK);
	assert_int_equal(signer_load_key(&s, why), E_OK);
	assert_int_equal(signer_sign(&s, &b, bytes_of(NULL, 0), octets, sizeof octets, &der, why),
			 E_OK);
	signer_close(&s);
	return der;
}

static struct bytes made_by_root(int64_t this_update, int64_t next_update)
{
	struct conf_ca conf = { .name = "root", .cert = p.root_file, .pkey = p.root_key_file };

	return made_by(&conf, this_update, next_update);
}

static const struct conf_ca no_root = { .name = "ocsp" };

static void loads(struct bytes file, struct bytes der)
{
	struct canned c;

	assert_int_equal(canned_load(pki_file("canned", file), &no_root, &c, error), E_OK);
	assert_true(bytes_eq(c.der, der));
	canned_free(&c);
}

static void refuses(struct bytes file)
{
	const char *path = pki_file("canned", file);
	struct canned c;

	assert_int_equal(canned_load(path, &no_root, &c, error), E_DATA);
	assert_non_null(strstr(error, path));
}

static void every_form_of_the_file(void **state)
{
	struct bytes der = made_by_root(p.now, p.now + 1000);
	static char base64[8192], t[9000];
	size_t n = (size_t)EVP_EncodeBlock((uint8_t *)base64, der.p, (int)der.len);
	uint8_t *copy = malloc(der.len + 2);

	(void)state;
	loads(der, der);
	memcpy(copy, der.p, der.len);
	memcpy(copy + der.len, "\n\n", 2);
	loads(bytes_of(copy, der.len + 2), der);
	copy[der.len] = 'x';
	refuses(bytes_of(copy, der.len + 1));
	refuses(bytes_of(copy, der.len - 1));
	loads(bytes_of(base64, n), der);
	loads(bytes_of(t, (size_t)snprintf(t, sizeof t, " %.70s\n%s\r\n", base64, base64 + 70)),
	      der);
	loads(bytes_of(t, (size_t)snprintf(t, sizeof t,
					   "# made offline\n-----BEGIN OCSP RESPONSE-----\n%s\n"
					   "-----END OCSP RESPONSE-----\n",
					   base64)),
	      der);
	loads(bytes_of(t, (size_t)snprintf(t, sizeof t, "-----BEGIN X-----\n%s\n-----END X-----",
					   base64)),
	      der);
	refuses(
	    bytes_of(t, (size_t)snprintf(t, sizeof t,
					 "-----BEGIN X-----\n%s\n-----END X-----\nmore", base64)));
	refuses(bytes_of(t, (size_t)snprintf(t, sizeof t, "-----BEGIN X-----\n%s\n", base64)));
	refuses(bytes_of(base64, n - 4));
	refuses(B(""));
	refuses(B("\x30\x03\x0a\x01\x06"));	/* an error response answers nothing */
	free(copy);
}

static void predecessors_sample_is_taken(void **state)
{
	struct bytes der = data_file("predecessor/sample-response.der");

	(void)state;
	loads(der, der);
	free((void *)(uintptr_t)der.p);
}

static enum err check(struct bytes der, const char *root)
{
	struct conf_ca conf = { .name = "ocsp", .root = root };
	struct canned c;
	enum err e;

	assert_int_equal(canned_load(pki_file("canned", der), &conf, &c, error), E_OK);
	e = canned_check(&c, p.now, error);
	canned_free(&c);
	return e;
}

static void its_times(void **state)
{
	(void)state;
	assert_int_equal(check(made_by_root(p.now, p.now + 1), NULL), E_OK);
	assert_int_equal(check(made_by_root(p.now - 100, p.now), NULL), E_DATA);
	assert_non_null(strstr(error, "valid until"));
	assert_int_equal(check(made_by_root(p.now + 1, p.now + 100), NULL), E_DATA);
	assert_non_null(strstr(error, "not valid before"));
}

static void signed_by_the_root(void **state)
{
	struct conf_ca other = { .name = "x", .pkey = p.other_key_file };
	X509 *impostor = pki_cert(&(struct pki_issue){ .name = "Root", .key = p.other_key,
						       .basic = "CA:TRUE" });
	uint8_t *copy;
	struct bytes der = made_by_root(p.now, p.now + 1000);

	(void)state;
	assert_int_equal(check(der, p.root_file), E_OK);
	copy = malloc(der.len);
	memcpy(copy, der.p, der.len);
	copy[der.len - 1] ^= 1;
	assert_int_equal(check(bytes_of(copy, der.len), p.root_file), E_DATA);
	assert_non_null(strstr(error, "signed neither"));
	free(copy);
	other.cert = pki_cert_file("impostor.pem", impostor);
	assert_int_equal(check(made_by(&other, p.now, p.now + 1000), p.root_file), E_DATA);
	assert_int_equal(check(made_by_root(p.now, p.now + 1000), other.cert), E_DATA);
	assert_int_equal(check(made_by_root(p.now, p.now + 1000), "/nonexistent/root.pem"), E_IO);
	assert_non_null(strstr(error, "/nonexistent/root.pem"));
	X509_free(impostor);
}

static enum err check_delegate(const struct pki_issue *changed)
{
	struct pki_issue w = *changed;
	struct conf_ca conf = { .name = "root", .issuer = p.root_file, .pkey = p.other_key_file };
	enum err e;
	X509 *x;

	w.name = "responder";
	w.key = p.other_key;
	w.issuer = p.root;
	w.issuer_key = p.root_key;
	x = pki_cert(&w);
	conf.cert = pki_cert_file("ocsp.pem", x);
	e = check(made_by(&conf, p.now, p.now + 1000), p.root_file);
	X509_free(x);
	return e;
}

/* O-11 */
static void signed_by_a_delegate_of_the_root(void **state)
{
	(void)state;
	assert_int_equal(check_delegate(&(struct pki_issue){ .eku = "OCSPSigning" }), E_OK);
	assert_int_equal(check_delegate(&(struct pki_issue){ .eku = "OCSPSigning", .from_s = -100,
							     .to_s = -10 }), E_DATA);
	assert_non_null(strstr(error, "signed neither"));
}

/* O-3: the root speaks for what it issued */
static void about_another_cas_certificate(void **state)
{
	(void)state;
	make_certid(&p.ca_cert, B("\x2a"));
	assert_int_equal(check(made_by_root(p.now, p.now + 1000), p.root_file), E_DATA);
	assert_non_null(strstr(error, "did not issue"));
	make_certid(&p.root_cert, B("\x2a"));
}

#define DAY_S 86400LL

static void tells_of_its_end_in_time(void **state)
{
	static const struct {
		int64_t validity_days, left_days;
		bool soon;
	} cases[] = {
		{ 365, 46, false }, { 365, 45, true }, { 30, 8, false }, { 30, 6, true },
		{ 4, 3, false }, { 4, 1, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t end = cases[i].validity_days * DAY_S;
		struct canned c = { .response = { .this_update = 0, .next_update = end } };

		assert_int_equal(canned_ends_soon(&c, end - cases[i].left_days * DAY_S), cases[i].soon);
		assert_true(canned_ends_soon(&c, end));
		c.response.next_update = 1;
		assert_true(canned_ends_soon(&c, 1));
		c.response.next_update = INT64_MIN;
		assert_false(canned_ends_soon(&c, end));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_the_file),
		cmocka_unit_test(predecessors_sample_is_taken),
		cmocka_unit_test(its_times),
		cmocka_unit_test(tells_of_its_end_in_time),
		cmocka_unit_test(signed_by_the_root),
		cmocka_unit_test(signed_by_a_delegate_of_the_root),
		cmocka_unit_test(about_another_cas_certificate),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
