/* What becomes of a record that meets a row. */
#include "unit.h"

#include "import.h"
#include "pki.h"

#define HOLD 6
#define THEN 1700000000
#define LATER 1700000001

/* Of the CA that certificates are of here. */
static struct bytes ca_name;

static struct import_plan decide_row(const struct store_row *row, const struct import_record *r,
				     bool release)
{
	struct import_plan p;

	assert_int_equal(import_decide(row, r, ca_name, release, &p), E_OK);
	return p;
}

static struct import_plan decide(enum row_status status, int64_t at, int reason,
				 const struct import_record *r, bool release)
{
	struct store_row row = { .status = status, .revoked_at = at, .reason = reason };

	return decide_row(&row, r, release);
}

static struct import_record says(bool revoked, int64_t at, int reason)
{
	return (struct import_record){ .has_status = true, .revoked = revoked, .revoked_at = at,
				       .reason = reason, .may_add = true };
}

static void without_a_row(void **state)
{
	struct import_record r = says(false, ROW_NO_TIME, ROW_NO_REASON);
	struct import_plan p;

	(void)state;
	p = decide_row(NULL, &r, false);
	assert_int_equal(p.verdict, IMPORT_NEW);
	r.may_add = false;
	p = decide_row(NULL, &r, false);
	assert_int_equal(p.verdict, IMPORT_ABSENT);
}

/* Whatever the source says, nobody who is revoked in the table becomes valid by it. */
static void a_revocation_is_never_taken_back(void **state)
{
	struct import_record valid = says(false, ROW_NO_TIME, ROW_NO_REASON);
	struct import_plan p;

	(void)state;
	for (int reason = ROW_ODD_REASON; reason <= 10; reason++)
		for (int release = 0; release < 2; release++) {
			p = decide(ROW_REVOKED, THEN, reason, &valid, release);
			if (reason == HOLD && release) {
				assert_int_equal(p.verdict, IMPORT_CHANGED);
				assert_true(p.release);
			} else {
				assert_int_equal(p.verdict, IMPORT_KEPT);
				assert_false(p.release);
			}
			assert_false(p.revoke);
		}
	p = decide(ROW_ODD, ROW_NO_TIME, ROW_NO_REASON, &valid, true);
	assert_int_equal(p.verdict, IMPORT_CLASH);
	p = decide(ROW_VALID, ROW_NO_TIME, ROW_NO_REASON, &valid, false);
	assert_int_equal(p.verdict, IMPORT_SAME);
}

static void a_revocation_is_taken_over(void **state)
{
	struct import_record r = says(true, THEN, 1);
	struct import_plan p = decide(ROW_VALID, ROW_NO_TIME, ROW_NO_REASON, &r, false);

	(void)state;
	assert_int_equal(p.verdict, IMPORT_CHANGED);
	assert_true(p.revoke);
	assert_int_equal(p.revoked_at, THEN);
	assert_int_equal(p.reason, 1);
	p = decide(ROW_ODD, ROW_NO_TIME, ROW_NO_REASON, &r, false);
	assert_true(p.revoke);
}

static void dates_and_reasons_that_differ(void **state)
{
	static const struct {
		int was, is;
		int64_t at;
		enum import_verdict verdict;
		int then;
	} cases[] = {
		{ 1, 1, THEN, IMPORT_SAME, 0 },
		{ 1, 1, LATER, IMPORT_CHANGED, 1 },
		{ 1, 4, THEN, IMPORT_CHANGED, 4 },
		/* to say nothing is to contradict nothing */
		{ 1, ROW_NO_REASON, THEN, IMPORT_SAME, 0 },
		{ 1, 0, THEN, IMPORT_SAME, 0 },
		{ 0, ROW_NO_REASON, THEN, IMPORT_SAME, 0 },
		{ ROW_NO_REASON, 0, THEN, IMPORT_SAME, 0 },
		{ 1, ROW_NO_REASON, LATER, IMPORT_CHANGED, 1 },
		{ 1, 1, ROW_NO_TIME, IMPORT_SAME, 0 },
		/* but a hold has to be said */
		{ HOLD, ROW_NO_REASON, THEN, IMPORT_CHANGED, ROW_NO_REASON },
		{ HOLD, 1, THEN, IMPORT_CHANGED, 1 },
		{ HOLD, HOLD, THEN, IMPORT_SAME, 0 },
		{ 1, HOLD, THEN, IMPORT_KEPT, 0 },
		{ ROW_NO_REASON, HOLD, THEN, IMPORT_KEPT, 0 },
		{ ROW_ODD_REASON, 1, THEN, IMPORT_CHANGED, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct import_record r = says(true, cases[i].at, cases[i].is);
		struct import_plan p = decide(ROW_REVOKED, THEN, cases[i].was, &r, true);

		assert_int_equal(p.verdict, cases[i].verdict);
		assert_int_equal(p.revoke, cases[i].verdict == IMPORT_CHANGED);
		if (p.revoke)
			assert_int_equal(p.reason, cases[i].then);
	}
}

static X509 *issuer(EVP_PKEY *key, const char *name)
{
	struct pki_issue self = { .name = name, .key = key };

	return pki_cert(&self);
}

static void certificates(void **state)
{
	EVP_PKEY *key = pki_key("P-256");
	X509 *ca = issuer(key, "CA");
	struct pki_issue first = { .name = "a", .key = key, .issuer = ca, .issuer_key = key },
			 second = { .name = "b", .key = key, .issuer = ca, .issuer_key = key };
	X509 *a = pki_cert(&first), *b = pki_cert(&second);
	struct bytes der = pki_der(a), other = pki_der(b);
	struct store_row row = { .status = ROW_VALID };
	struct import_record r = { .reason = ROW_NO_REASON };
	struct import_plan p;
	uint8_t junk[] = "junk";

	(void)state;
	assert_int_equal(cert_parse(der, &r.cert), E_OK);
	assert_int_equal(cert_to_pem(&r.cert, &r.pem, &r.pem_len), E_OK);
	ca_name = r.cert.issuer;
	p = decide_row(&row, &r, false);
	assert_int_equal(p.verdict, IMPORT_CHANGED);
	assert_true(p.set_cert);
	/* the same, in either form */
	row.cert = (uint8_t *)(uintptr_t)der.p;
	row.cert_len = der.len;
	p = decide_row(&row, &r, false);
	assert_int_equal(p.verdict, IMPORT_SAME);
	assert_false(p.set_cert);
	row.cert = (uint8_t *)r.pem;
	row.cert_len = r.pem_len;
	p = decide_row(&row, &r, false);
	assert_int_equal(p.verdict, IMPORT_SAME);
	/* what can't be read is replaced, but never one certificate by another */
	row.cert = junk;
	row.cert_len = sizeof junk;
	p = decide_row(&row, &r, false);
	assert_true(p.set_cert);
	row.cert = (uint8_t *)(uintptr_t)other.p;
	row.cert_len = other.len;
	p = decide_row(&row, &r, false);
	assert_int_equal(p.verdict, IMPORT_CLASH);
	assert_false(p.set_cert || p.revoke);
	/* the number is revoked in any case */
	r.has_status = r.revoked = true;
	r.revoked_at = THEN;
	p = decide_row(&row, &r, false);
	assert_int_equal(p.verdict, IMPORT_CHANGED);
	assert_true(p.revoke && !p.set_cert);
	/* a revoked row keeps its status, and still gets the certificate that it lacks */
	row = (struct store_row){ .status = ROW_REVOKED, .revoked_at = THEN, .reason = 1 };
	r.revoked = false;
	p = decide_row(&row, &r, false);
	assert_int_equal(p.verdict, IMPORT_KEPT);
	assert_true(p.set_cert);
	import_record_free(&r);
	free((void *)(uintptr_t)der.p);
	free((void *)(uintptr_t)other.p);
	X509_free(a);
	X509_free(b);
	X509_free(ca);
	EVP_PKEY_free(key);
	ca_name = bytes_of(NULL, 0);
}

/* Several CAs may have one table, of which the number is the key. */
static void another_ca_s_certificate_is_left_alone(void **state)
{
	EVP_PKEY *key = pki_key("P-256");
	X509 *ca[] = { issuer(key, "Other CA"), issuer(key, "CA") }, *cert[2];
	struct import_record revoked = says(true, THEN, 1), held = says(true, THEN, HOLD);
	struct import_record valid = says(false, ROW_NO_TIME, ROW_NO_REASON), with_cert = revoked;
	struct import_record bare = { .may_add = true };
	const struct import_record *changing[] = { &revoked, &held, &with_cert };
	struct bytes der[2];
	struct import_plan p;

	(void)state;
	for (int own = 0; own < 2; own++) {
		struct pki_issue what = { .name = "a", .key = key, .issuer = ca[own],
					  .issuer_key = key };

		cert[own] = pki_cert(&what);
		der[own] = pki_der(cert[own]);
	}
	assert_int_equal(cert_parse(der[1], &bare.cert), E_OK);
	assert_int_equal(cert_to_pem(&bare.cert, &bare.pem, &bare.pem_len), E_OK);
	ca_name = bare.cert.issuer;
	with_cert.cert = bare.cert;
	with_cert.pem = bare.pem;
	with_cert.pem_len = bare.pem_len;
	for (int own = 0; own < 2; own++) {
		struct store_row row = { .status = ROW_VALID, .cert_len = der[own].len,
					 .cert = (uint8_t *)(uintptr_t)der[own].p };

		for (size_t i = 0; i < 3; i++) {
			p = decide_row(&row, changing[i], false);
			assert_int_equal(p.verdict, own ? IMPORT_CHANGED : IMPORT_CLASH);
			assert_int_equal(p.revoke, own);
			assert_false(p.release || p.set_cert);
			assert_int_equal(strstr(p.why, "of another CA") != NULL, !own);
		}
		/* with verify=no each row counts, whosever it is */
		assert_int_equal(import_decide(&row, &revoked, bytes_of(NULL, 0), false, &p), E_OK);
		assert_true(p.revoke);
		p = decide_row(&row, &bare, false);
		assert_int_equal(p.verdict, own ? IMPORT_SAME : IMPORT_CLASH);
		assert_false(p.set_cert);
		row.status = ROW_REVOKED;
		row.revoked_at = THEN;
		row.reason = HOLD;
		p = decide_row(&row, &valid, true);
		assert_int_equal(p.verdict, own ? IMPORT_CHANGED : IMPORT_CLASH);
		assert_int_equal(p.release, own);
		p = decide_row(&row, &valid, false);
		assert_int_equal(p.verdict, own ? IMPORT_KEPT : IMPORT_CLASH);
	}
	import_record_free(&bare);
	for (int own = 0; own < 2; own++) {
		free((void *)(uintptr_t)der[own].p);
		X509_free(cert[own]);
		X509_free(ca[own]);
	}
	EVP_PKEY_free(key);
	ca_name = bytes_of(NULL, 0);
}

static void formats_are_told_by_content(void **state)
{
	static const struct {
		const char *text;
		enum import_format format;
	} cases[] = {
		{ "V\t350101000000Z\t\t01\tunknown\t/CN=x\n", IMPORT_INDEX },
		{ "# mine\n\nR\tnonsense\n", IMPORT_INDEX },
		{ "-----BEGIN CERTIFICATE-----\n", IMPORT_CERTS },
		{ "text\n-----BEGIN X509 CRL-----\n", IMPORT_CRL },
		{ "hello\n", IMPORT_UNKNOWN },
		{ "", IMPORT_UNKNOWN },
		{ "\n\n", IMPORT_UNKNOWN },
	};
	char error[IMPORT_WHY_LEN];
	enum import_format f;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *path = pki_file("some", bytes_str(cases[i].text));

		f = IMPORT_UNKNOWN;
		assert_int_equal(import_detect(path, &f, error),
				 cases[i].format ? E_OK : E_DATA);
		assert_int_equal(f, cases[i].format);
	}
	assert_int_equal(import_detect(pki_folder(), &f, error), E_OK);
	assert_int_equal(f, IMPORT_CERTS);
	assert_int_equal(import_detect("/nonexistent", &f, error), E_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_row),
		cmocka_unit_test(a_revocation_is_never_taken_back),
		cmocka_unit_test(a_revocation_is_taken_over),
		cmocka_unit_test(dates_and_reasons_that_differ),
		cmocka_unit_test(certificates),
		cmocka_unit_test(another_ca_s_certificate_is_left_alone),
		cmocka_unit_test(formats_are_told_by_content),
	};

	return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
