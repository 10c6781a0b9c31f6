/* BasicOCSPResponse, written: the predecessor's sample octet for octet; O-8, O-18, O-20, O-21,
 * O-23, O-34, L-11, L-12, N-4, N-5, P-4, U-14. */
#include "unit.h"

#include "basic.h"
#include "gtime.h"

struct sample {
	struct bytes file, data, algorithm, signature;
	struct response r;
	struct single s;
};

/* Its parts, by the offsets that "openssl asn1parse" prints for the file. */
static struct sample sample(void)
{
	struct sample x = { .file = data_file("predecessor/sample-response.der") };
	struct der d;

	assert_int_equal(response_parse(x.file, &x.r), E_OK);
	d = der_of(x.r.singles);
	assert_true(response_next(&d, &x.s));
	x.data = bytes_of(x.file.p + 34, 165);
	x.algorithm = bytes_of(x.file.p + 199, 15);
	x.signature = bytes_of(x.file.p + x.file.len - 256, 256);
	return x;
}

static void golden_sample_of_the_predecessor(void **state)
{
	struct sample x = sample();
	uint8_t buf[1024], whole[1024];
	struct der_out o = der_out_of(buf, sizeof buf), w = der_out_of(whole, sizeof whole);
	struct basic_single single = { x.s.id.der, CERT_GOOD, 0, REASON_ABSENT, x.r.produced_at,
				       x.r.produced_at + 86400 - 1 };
	struct basic b = { .key_hash = x.r.responder_key, .produced_at = x.r.produced_at,
			   .single = &single, .n = 1 };

	(void)state;
	basic_put_data(&o, &b);
	assert_false(o.full);
	assert_int_equal(der_out_bytes(&o).len, x.data.len);
	assert_memory_equal(der_out_bytes(&o).p, x.data.p, x.data.len);
	basic_put_response(&w, x.data, x.algorithm, x.signature, bytes_of(NULL, 0));
	assert_int_equal(der_out_bytes(&w).len, x.file.len);
	assert_memory_equal(der_out_bytes(&w).p, x.file.p, x.file.len);
	free((void *)(uintptr_t)x.file.p);
}

/* Writes a whole answer with a made-up signature and reads it back. */
static struct bytes write_and_read(const struct basic *b, uint8_t *buf, size_t cap,
				   struct response *r)
{
	static uint8_t data[4096];
	struct der_out o = der_out_of(data, sizeof data), w = der_out_of(buf, cap);

	basic_put_data(&o, b);
	assert_false(o.full);
	basic_put_response(&w, der_out_bytes(&o), B("\x30\x05\x06\x03\x2b\x65\x70"), B("signature"),
			   B("\x30\x00"));
	assert_false(w.full);
	assert_int_equal(response_parse(der_out_bytes(&w), r), E_OK);
	return der_out_bytes(&w);
}

static bool holds(struct bytes hay, struct bytes needle)
{
	return memmem(hay.p, hay.len, needle.p, needle.len) != NULL;
}

/* O-20, O-23 */
static void one_single_for_each_certid_in_its_order(void **state)
{
	struct sample x = sample();
	uint8_t other[128], buf[2048];
	struct basic_single single[3] = {
		{ x.s.id.der, CERT_GOOD, 0, REASON_ABSENT, 1000, 2000 },
		{ bytes_of(other, x.s.id.der.len), CERT_REVOKED, 900, 1, 1000, 2000 },
		{ x.s.id.der, CERT_UNKNOWN, 0, REASON_ABSENT, 1000, 2000 },
	};
	struct basic b = {
	    .key_hash = x.r.responder_key, .produced_at = 1000, .single = single, .n = 3 };
	struct response r;
	struct single s;
	struct der d;

	(void)state;
	memcpy(other, x.s.id.der.p, x.s.id.der.len);
	other[x.s.id.der.len - 1] ^= 1;
	write_and_read(&b, buf, sizeof buf, &r);
	assert_int_equal(r.n, 3);
	d = der_of(r.singles);
	assert_true(response_next(&d, &s));
	assert_int_equal(s.status, CERT_GOOD);
	assert_true(response_next(&d, &s));
	assert_int_equal(s.status, CERT_REVOKED);
	assert_int_equal(s.revoked_at, 900);
	assert_int_equal(s.reason, 1);
	assert_true(bytes_eq(s.id.der, bytes_of(other, x.s.id.der.len)));
	assert_true(response_next(&d, &s));
	assert_int_equal(s.status, CERT_UNKNOWN);
	assert_int_equal(s.next_update, 2000);
	free((void *)(uintptr_t)x.file.p);
}

/* P-4: unspecified is left out; every other reason that CRLReason has is written */
static void reasons(void **state)
{
	struct sample x = sample();
	uint8_t buf[1024];
	struct basic_single single = { x.s.id.der, CERT_REVOKED, 5, 0, 1000, 2000 };
	struct basic b = {
	    .key_hash = x.r.responder_key, .produced_at = 1000, .single = &single, .n = 1 };
	struct response r;
	struct single s;

	(void)state;
	for (int reason = REASON_ABSENT; reason <= 10; reason++) {
		single.reason = reason;
		write_and_read(&b, buf, sizeof buf, &r);
		assert_int_equal(response_find(&r, x.s.id.der, &s), E_OK);
		assert_int_equal(s.reason, reason == 0 ? REASON_ABSENT : reason);
		assert_int_equal(s.revoked_at, 5);
	}
	free((void *)(uintptr_t)x.file.p);
}

/* N-4, N-5, O-8, O-34, U-14: only where they have to be, and never critical */
static void extensions(void **state)
{
	static const uint8_t nonce[] =
	    "\x30\x12\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x02\x04\x05\x04\x03"
	    "abc";
	static const uint8_t revoke[] =
	    "\x30\x0f\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x09\x04\x02\x05";
	struct sample x = sample();
	uint8_t buf[1024];
	struct basic_single single = { x.s.id.der, CERT_REVOKED, 0, 6, 1000, 2000 };
	struct basic b = {
	    .key_hash = x.r.responder_key, .produced_at = 1000, .single = &single, .n = 1 };
	struct bytes der, with_nonce = bytes_of(nonce, sizeof nonce - 1),
			  ext = bytes_of(revoke, 17);
	struct response r;

	(void)state;
	der = write_and_read(&b, buf, sizeof buf, &r);
	assert_false(r.has_nonce || holds(der, ext));
	b.nonce = B("abc");
	der = write_and_read(&b, buf, sizeof buf, &r);
	assert_true(r.has_nonce && holds(der, with_nonce) && !holds(der, ext));
	b.extended_revoke = true;
	der = write_and_read(&b, buf, sizeof buf, &r);
	assert_true(r.has_nonce && holds(der, with_nonce) && holds(der, ext));
	assert_true(holds(der, B("19700101000000Z\xa0\x03\x0a\x01\x06")));
	b.nonce = bytes_of(NULL, 0);
	der = write_and_read(&b, buf, sizeof buf, &r);
	assert_true(!r.has_nonce && holds(der, ext));
	free((void *)(uintptr_t)x.file.p);
}

/* O-30: producedAt less the retention, in each SingleResponse that knows something */
static void archive_cutoff(void **state)
{
	static const uint8_t cutoff[] =
	    "\xa1\x22\x30\x20\x30\x1e\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x06"
	    "\x04\x11\x18\x0f"
	    "19700101000640Z";
	struct sample x = sample();
	uint8_t buf[1024];
	struct basic_single single = { x.s.id.der, CERT_GOOD, 0, REASON_ABSENT, 1000, 2000 };
	struct basic b = { .key_hash = x.r.responder_key, .produced_at = 1000, .single = &single,
			   .n = 1, .archive_s = 600 };
	struct bytes ext = bytes_of(cutoff, sizeof cutoff - 1);
	struct response r;

	(void)state;
	assert_true(holds(write_and_read(&b, buf, sizeof buf, &r), ext));
	single.status = CERT_REVOKED;
	assert_true(holds(write_and_read(&b, buf, sizeof buf, &r), ext));
	b.extended_revoke = true;
	assert_false(holds(write_and_read(&b, buf, sizeof buf, &r), ext));
	b.extended_revoke = false;
	single.status = CERT_UNKNOWN;
	assert_false(holds(write_and_read(&b, buf, sizeof buf, &r), ext));
	free((void *)(uintptr_t)x.file.p);
}

/* What doesn't fit is noticed, at every size that is too small. */
static void too_small_a_buffer(void **state)
{
	struct sample x = sample();
	uint8_t buf[1024];
	struct basic_single single = { x.s.id.der, CERT_GOOD, 0, REASON_ABSENT, 1000, 2000 };
	struct basic b = {
	    .key_hash = x.r.responder_key, .produced_at = 1000, .single = &single, .n = 1 };

	(void)state;
	for (size_t cap = 0; cap < x.data.len; cap++) {
		struct der_out o = der_out_of(buf, cap);

		basic_put_data(&o, &b);
		assert_true(o.full);
	}
	free((void *)(uintptr_t)x.file.p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_sample_of_the_predecessor),
		cmocka_unit_test(one_single_for_each_certid_in_its_order),
		cmocka_unit_test(reasons),
		cmocka_unit_test(extensions),
		cmocka_unit_test(archive_cutoff),
		cmocka_unit_test(too_small_a_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
