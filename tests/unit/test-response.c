/* OCSPResponse read back (RFC 6960 4.2.1), and error responses: O-2, O-6. */
#include "unit.h"

#include "gtime.h"
#include "response.h"

static void reads_the_predecessors_sample(void **state)
{
	struct bytes der = data_file("predecessor/sample-response.der");
	struct response r;
	struct single s;
	struct der d;
	int64_t t;

	(void)state;
	assert_int_equal(response_parse(der, &r), E_OK);
	assert_int_equal(r.status, OCSP_SUCCESSFUL);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.responder_key.len, 20);
	assert_int_equal(r.responder_key.p[0], 0xc1);
	assert_false(r.has_nonce);
	assert_true(gtime_parse(B("20221229131909Z"), &t));
	assert_int_equal(r.produced_at, t);
	assert_int_equal(r.this_update, t);
	assert_int_equal(r.next_update, t + 86400 - 1);
	d = der_of(r.singles);
	assert_true(response_next(&d, &s));
	assert_int_equal(s.status, CERT_GOOD);
	assert_int_equal(s.reason, REASON_ABSENT);
	assert_false(response_next(&d, &s));
	/* it is found by its CertID, byte for byte, and by nothing else */
	assert_int_equal(response_find(&r, s.id.der, &s), E_OK);
	assert_int_equal(response_find(&r, bytes_of(s.id.der.p, s.id.der.len - 1), &s),
			 E_NOT_FOUND);
	free((void *)(uintptr_t)der.p);
}

/* A file cut short by a crash, or changed in one octet of its frame, is no answer. */
static void refuses_every_prefix_and_survives_every_change(void **state)
{
	struct bytes der = data_file("predecessor/sample-response.der");
	uint8_t *copy = malloc(der.len);
	struct response r;

	(void)state;
	for (size_t n = 0; n < der.len; n++) {
		memcpy(copy, der.p, n);
		assert_int_equal(response_parse(bytes_of(copy, n), &r), E_MALFORMED);
	}
	for (size_t i = 0; i < der.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			memcpy(copy, der.p, der.len);
			copy[i] ^= (uint8_t)(1 << bit);
			(void)!response_parse(bytes_of(copy, der.len), &r);
		}
	}
	free(copy);
	free((void *)(uintptr_t)der.p);
}

static void writes_and_reads_errors(void **state)
{
	uint8_t out[RESPONSE_ERROR_LEN];
	struct response r;

	(void)state;
	for (int status = 0; status < 8; status++) {
		bool defined = status == 1 || status == 2 || status == 3 || status == 5 || status == 6;

		response_error((enum ocsp_status)status, out);
		assert_memory_equal(out, "\x30\x03\x0a\x01", 4);
		/* 0 needs responseBytes; 4 is not used; 7 does not exist */
		assert_int_equal(response_parse(bytes_of(out, sizeof out), &r),
				 defined ? E_OK : E_MALFORMED);
		if (defined)
			assert_int_equal(r.status, status);
	}
	/* O-2: an error has no responseBytes */
	assert_int_equal(response_parse(B("\x30\x05\x0a\x01\x06\xa0\x00"), &r), E_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_predecessors_sample),
		cmocka_unit_test(refuses_every_prefix_and_survives_every_change),
		cmocka_unit_test(writes_and_reads_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
