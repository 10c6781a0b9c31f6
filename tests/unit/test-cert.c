/* Certificates: O-11, O-13, U-13, U-15, P-6, and that what a table or a file holds is read
 * strictly. */
#include "unit.h"

#include "cert.h"
#include "pki.h"

static struct {
	EVP_PKEY *ca_key, *other_key, *leaf_key;
	X509 *ca, *impostor, *leaf;
	struct bytes ca_der, leaf_der, impostor_der;
} p;

static int set_up(void **state)
{
	(void)state;
	p.ca_key = pki_key("RSA");
	p.other_key = pki_key("P-256");
	p.leaf_key = pki_key("P-256");
	p.ca = pki_cert(&(struct pki_issue){ .name = "CA", .key = p.ca_key, .serial = 1,
					     .basic = "critical,CA:TRUE",
					     .ku = "critical,keyCertSign,digitalSignature" });
	/* the same name, another key */
	p.impostor = pki_cert(&(struct pki_issue){ .name = "CA", .key = p.other_key, .serial = 1,
						   .basic = "critical,CA:TRUE" });
	p.leaf = pki_cert(&(struct pki_issue){ .name = "leaf", .key = p.leaf_key, .issuer = p.ca,
					       .issuer_key = p.ca_key, .serial = 0x9abcde,
					       .ku = "keyAgreement", .eku = "serverAuth" });
	p.ca_der = pki_der(p.ca);
	p.leaf_der = pki_der(p.leaf);
	p.impostor_der = pki_der(p.impostor);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	X509_free(p.ca);
	X509_free(p.impostor);
	X509_free(p.leaf);
	EVP_PKEY_free(p.ca_key);
	EVP_PKEY_free(p.other_key);
	EVP_PKEY_free(p.leaf_key);
	OPENSSL_free((void *)(uintptr_t)p.ca_der.p);
	OPENSSL_free((void *)(uintptr_t)p.leaf_der.p);
	OPENSSL_free((void *)(uintptr_t)p.impostor_der.p);
	return 0;
}

static struct cert parsed(struct bytes b)
{
	struct cert c;

	assert_int_equal(cert_parse(b, &c), E_OK);
	return c;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	assert_true(ASN1_TIME_to_tm(t, &tm));
	return timegm(&tm);
}

/* What libcrypto reads, we read. */
static void fields(void **state)
{
	struct cert c = parsed(p.leaf_der);
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(p.leaf);
	uint8_t *name = NULL;
	int len = i2d_X509_NAME(X509_get_subject_name(p.leaf), &name);

	(void)state;
	assert_true(bytes_eq(c.der, p.leaf_der));
	assert_true(bytes_eq(c.serial, B("\x9a\xbc\xde")));	/* the DER has a leading 00: U-15 */
	assert_true(bytes_eq(c.subject, bytes_of(name, (size_t)len)));
	assert_true(
	    bytes_eq(c.key, bytes_of(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key))));
	assert_int_equal(c.not_before, seconds_of(X509_get0_notBefore(p.leaf)));
	assert_int_equal(c.not_after, seconds_of(X509_get0_notAfter(p.leaf)));
	assert_false(cert_is_self_issued(&c));
	OPENSSL_free(name);
	cert_free(&c);
	assert_null(c.octets);
}

/* RFC 5280 4.1.2.5: UTCTime before 2050, GeneralizedTime from then on, 19xx as well */
static void centuries(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} table[] = {
		{ "19500101000000Z", -631152000 },
		{ "19991231235959Z", 946684799 },
		{ "20000101000000Z", 946684800 },
		{ "20491231235959Z", 2524607999 },
		{ "20500101000000Z", 2524608000 },
		{ "99991231235959Z", 253402300799 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		X509 *x = X509_dup(p.leaf);
		struct bytes der;
		struct cert c;

		assert_true(ASN1_TIME_set_string_X509(X509_getm_notAfter(x), table[i].text));
		assert_true(X509_sign(x, p.ca_key, EVP_sha256()) > 0);
		der = pki_der(x);
		c = parsed(der);
		assert_int_equal(c.not_after, table[i].seconds);
		cert_free(&c);
		OPENSSL_free((void *)(uintptr_t)der.p);
		X509_free(x);
	}
}

static size_t pem_of(struct bytes der, const char *label, char *out)
{
	size_t n = (size_t)sprintf(out, "-----BEGIN %s-----\n", label);

	n += (size_t)EVP_EncodeBlock((uint8_t *)out + n, der.p, (int)der.len);
	return n + (size_t)sprintf(out + n, "\n-----END %s-----\n", label);
}

static enum err try(const char *text, size_t len)
{
	struct cert c;
	enum err e = cert_parse(bytes_of(text, len), &c);

	if (e == E_OK)
		cert_free(&c);
	return e;
}

/* What a table's blob or a file may hold around a certificate, and what it may not. */
static void text_forms(void **state)
{
	static char t[16384];
	char *end;
	size_t n;

	(void)state;
	n = pem_of(p.leaf_der, "CERTIFICATE", t);
	assert_int_equal(try(t, n), E_OK);
	assert_int_equal(try(t, n - 1), E_OK);	/* no newline at the end */
	memcpy(t + n, "\r\n \0\0", 5);
	assert_int_equal(try(t, n + 5), E_OK);
	t[n] = 'x';
	assert_int_equal(try(t, n + 1), E_DATA);
	/* text before it, as "openssl ca" writes it; it may even begin with a 0 */
	end = stpcpy(t, "0 Certificate:\n    Data:\n");
	n = (size_t)(end - t) + pem_of(p.leaf_der, "CERTIFICATE", end);
	assert_int_equal(try(t, n), E_OK);
	/* a chain, a key in the same file */
	n += pem_of(p.ca_der, "CERTIFICATE", t + n);
	assert_int_equal(try(t, n), E_OK);
	n += pem_of(B("secret"), "PRIVATE KEY", t + n);
	assert_int_equal(try(t, n), E_OK);
	n += pem_of(B("rubbish"), "CERTIFICATE", t + n);
	assert_int_equal(try(t, n), E_DATA);
	/* labels that don't match, a label without end, base64 that isn't */
	n = pem_of(p.leaf_der, "CERTIFICATE", t);
	memcpy(strstr(t, "END C"), "END D", 5);
	assert_int_equal(try(t, n), E_DATA);
	n = pem_of(p.leaf_der, "CERTIFICATE", t);
	assert_int_equal(try(t, n / 2), E_DATA);
	t[60] = '*';
	assert_int_equal(try(t, n), E_DATA);
	n = pem_of(p.leaf_der, "PRIVATE KEY", t);
	assert_int_equal(try(t, n), E_DATA);
	assert_int_equal(try("", 0), E_DATA);
	/* DER with a newline or a NUL behind it, and with something else */
	memcpy(t, p.leaf_der.p, p.leaf_der.len);
	memcpy(t + p.leaf_der.len, "\n\0", 2);
	assert_int_equal(try(t, p.leaf_der.len + 2), E_OK);
	t[p.leaf_der.len] = 'x';
	assert_int_equal(try(t, p.leaf_der.len + 1), E_DATA);
}

static void every_prefix_is_refused_and_every_change_survived(void **state)
{
	uint8_t *copy = malloc(p.ca_der.len);
	struct cert_usage u;
	struct cert c, ca = parsed(p.ca_der);

	(void)state;
	for (size_t n = 0; n < p.ca_der.len; n++) {
		uint8_t *exact = malloc(n ? n : 1);

		memcpy(exact, p.ca_der.p, n);
		assert_int_equal(cert_parse(bytes_of(exact, n), &c), E_DATA);
		free(exact);
	}
	for (size_t i = 0; i < p.ca_der.len; i++) {
		memcpy(copy, p.ca_der.p, p.ca_der.len);
		copy[i] ^= 1;
		if (cert_parse(bytes_of(copy, p.ca_der.len), &c) != E_OK)
			continue;
		/* nothing in it can be changed without the signature noticing */
		u = cert_usage(&c);
		(void)u;
		assert_int_equal(cert_issued_by(&c, &ca), E_UNAUTHORIZED);
		cert_free(&c);
	}
	free(copy);
	cert_free(&ca);
}

/* U-15, P-6 */
static void serials(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		bool ok;
	} table[] = {
	    { "\x00", 1, true },
	    { "\x01", 1, true },
	    { "\xff\xff", 2, true },
	    { "\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 20,
	     true },
	    { "1234567890123456789012345", 25, true },
	    { "12345678901234567890123456", 26, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		X509 *x = X509_dup(p.leaf);
		BIGNUM *n = BN_bin2bn((const uint8_t *)table[i].octets, (int)table[i].len, NULL);
		struct bytes der;
		struct cert c;
		enum err e;

		BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
		assert_true(X509_sign(x, p.ca_key, EVP_sha256()) > 0);
		der = pki_der(x);
		e = cert_parse(der, &c);
		assert_int_equal(e, table[i].ok ? E_OK : E_DATA);
		if (e == E_OK) {
			assert_true(bytes_eq(c.serial, bytes_of(table[i].octets, table[i].len)));
			cert_free(&c);
		}
		if (i == 1) {
			ASN1_INTEGER_set(X509_get_serialNumber(x), -5);
			assert_true(X509_sign(x, p.ca_key, EVP_sha256()) > 0);
			OPENSSL_free((void *)(uintptr_t)der.p);
			der = pki_der(x);
			assert_int_equal(cert_parse(der, &c), E_DATA);
		}
		OPENSSL_free((void *)(uintptr_t)der.p);
		BN_free(n);
		X509_free(x);
	}
}

static struct cert_usage usage_of(const char *basic, const char *ku, const char *eku, bool nocheck)
{
	X509 *x = pki_cert(&(struct pki_issue){ .name = "x",
					       .key = p.other_key,
					       .basic = basic,
					       .ku = ku,
					       .eku = eku,
					       .nocheck = nocheck });
	struct bytes der = pki_der(x);
	struct cert c = parsed(der);
	struct cert_usage u = cert_usage(&c);

	cert_free(&c);
	OPENSSL_free((void *)(uintptr_t)der.p);
	X509_free(x);
	return u;
}

static void usages(void **state)
{
	struct cert_usage u = usage_of(NULL, NULL, NULL, false);

	(void)state;
	assert_false(u.is_ca || u.has_ku || u.has_eku || u.eku_ocsp_signing || u.nocheck ||
		     u.broken);
	u = usage_of("critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL, false);
	assert_true(u.is_ca && u.has_ku && !u.ku_digital_signature && !u.broken);
	u = usage_of("CA:FALSE", "digitalSignature", "serverAuth,OCSPSigning", true);
	assert_true(!u.is_ca && u.ku_digital_signature && u.has_eku && u.eku_ocsp_signing &&
		    u.nocheck);
	u = usage_of("CA:FALSE", "decipherOnly", "anyExtendedKeyUsage", false);
	assert_true(u.has_ku && !u.ku_digital_signature && u.has_eku && !u.eku_ocsp_signing &&
		    !u.broken);
}

static void an_extension_that_stands_there_twice_is_broken(void **state)
{
	X509 *x = X509_dup(p.leaf);
	X509_EXTENSION *again = X509_get_ext(x, 0);
	struct bytes der;
	struct cert c;

	(void)state;
	assert_true(X509_add_ext(x, again, -1));
	assert_true(X509_sign(x, p.ca_key, EVP_sha256()) > 0);
	der = pki_der(x);
	c = parsed(der);
	assert_true(cert_usage(&c).broken);
	cert_free(&c);
	OPENSSL_free((void *)(uintptr_t)der.p);
	X509_free(x);
}

/* O-13, U-13: over the Name, and over the BIT STRING's value */
static void hashes_of_a_certid(void **state)
{
	const EVP_MD *md[HASH_COUNT] = { EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512() };
	struct cert ca = parsed(p.ca_der);

	(void)state;
	for (int h = 0; h < HASH_COUNT; h++) {
		uint8_t name[64], key[64], ours[CERT_HASH_LEN], ours_key[CERT_HASH_LEN];
		struct certid id = { .alg = (enum hashalg)h };
		unsigned len;

		assert_true(X509_NAME_digest(X509_get_subject_name(p.ca), md[h], name, &len));
		assert_int_equal(len, hashalg_len((enum hashalg)h));
		assert_true(X509_pubkey_digest(p.ca, md[h], key, &len));
		assert_true(cert_name_hash(&ca, (enum hashalg)h, ours));
		assert_true(cert_key_hash(&ca, (enum hashalg)h, ours_key));
		assert_memory_equal(ours, name, len);
		assert_memory_equal(ours_key, key, len);
		id.name_hash = bytes_of(name, len);
		id.key_hash = bytes_of(key, len);
		assert_true(cert_is_issuer_in(&ca, &id));
		key[len - 1] ^= 1;
		assert_false(cert_is_issuer_in(&ca, &id));
		key[len - 1] ^= 1;
		name[0] ^= 1;
		assert_false(cert_is_issuer_in(&ca, &id));
		name[0] ^= 1;
		id.alg = HASH_UNKNOWN;
		assert_false(cert_is_issuer_in(&ca, &id));
	}
	cert_free(&ca);
}

/* O-11: by name and by signature, not by one of them */
static void who_issued_it(void **state)
{
	struct cert ca = parsed(p.ca_der), leaf = parsed(p.leaf_der),
		    impostor = parsed(p.impostor_der);

	(void)state;
	assert_int_equal(cert_issued_by(&leaf, &ca), E_OK);
	assert_int_equal(cert_issued_by(&ca, &ca), E_OK);
	assert_int_equal(cert_issued_by(&impostor, &impostor), E_OK);
	assert_int_equal(cert_issued_by(&leaf, &impostor), E_UNAUTHORIZED);
	assert_int_equal(cert_issued_by(&leaf, &leaf), E_UNAUTHORIZED);
	assert_int_equal(cert_issued_by(&ca, &leaf), E_UNAUTHORIZED);
	cert_free(&ca);
	cert_free(&leaf);
	cert_free(&impostor);
}

/* Algorithms that we sign with, and one that we don't. */
static void who_issued_it_by_algorithm(void **state)
{
	static const char *const kinds[] = { "P-256", "P-384", "P-521", "ED25519", "ED448", "PSS" };

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		bool pss = strcmp(kinds[i], "PSS") == 0;
		EVP_PKEY *key = pki_key(pss ? "RSA" : kinds[i]);
		X509 *x = pki_cert(&(struct pki_issue){ .name = "CA", .key = key, .pss = pss });
		struct bytes der = pki_der(x);
		struct cert c = parsed(der), ca = parsed(p.ca_der);

		assert_int_equal(cert_issued_by(&c, &c), E_OK);
		assert_int_equal(cert_issued_by(&c, &ca), E_UNAUTHORIZED);
		cert_free(&c);
		cert_free(&ca);
		OPENSSL_free((void *)(uintptr_t)der.p);
		X509_free(x);
		EVP_PKEY_free(key);
	}
}

static void files(void **state)
{
	const char *path = pki_cert_file("ca.pem", p.ca);
	static char t[16384];
	char error[CERT_ERROR_LEN], name[64];
	struct cert c, *list;
	size_t n;

	(void)state;
	assert_int_equal(cert_load(path, &c, error), E_OK);
	assert_true(bytes_eq(c.der, p.ca_der));
	assert_string_equal(cert_subject_text(&c, name, sizeof name), "O = Unit test, CN = CA");
	assert_string_equal(cert_subject_text(&c, name, 9), "O = Unit");
	cert_free(&c);
	assert_int_equal(cert_load("/nonexistent/ca.pem", &c, error), E_IO);
	assert_non_null(strstr(error, "/nonexistent/ca.pem"));
	assert_non_null(strstr(error, "No such file"));
	path = pki_file("rubbish.pem", B("rubbish\n"));
	assert_int_equal(cert_load(path, &c, error), E_DATA);
	assert_non_null(strstr(error, path));
	n = pem_of(p.leaf_der, "CERTIFICATE", t);
	n += pem_of(p.ca_der, "CERTIFICATE", t + n);
	assert_int_equal(cert_load_all(pki_file("chain.pem", bytes_of(t, n)), &list, &n, error),
			 E_OK);
	assert_int_equal(n, 2);
	assert_true(bytes_eq(list[0].der, p.leaf_der));
	assert_true(bytes_eq(list[1].der, p.ca_der));
	cert_free_all(list, n);
	assert_int_equal(cert_load_all(pki_file("leaf.der", p.leaf_der), &list, &n, error), E_OK);
	assert_int_equal(n, 1);
	cert_free_all(list, n);
	assert_int_equal(cert_load_all(path, &list, &n, error), E_DATA);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(centuries),
		cmocka_unit_test(text_forms),
		cmocka_unit_test(every_prefix_is_refused_and_every_change_survived),
		cmocka_unit_test(serials),
		cmocka_unit_test(usages),
		cmocka_unit_test(an_extension_that_stands_there_twice_is_broken),
		cmocka_unit_test(hashes_of_a_certid),
		cmocka_unit_test(who_issued_it),
		cmocka_unit_test(who_issued_it_by_algorithm),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
