/* The reader takes DER and nothing else; the writer writes what the reader takes. */
#include "unit.h"

#include "der.h"

static bool reads(struct bytes b)
{
	struct der d = der_of(b);
	struct der_item item;

	return der_next(&d, &item) && der_done(&d);
}

static void takes_der(void **state)
{
	static const uint8_t header[] = { 0x04, 0x84, 0x01, 0x00, 0x00, 0x00 };
	uint8_t big[0x10003 + 2] = { 0x04, 0x83, 0x01, 0x00, 0x00 };
	uint8_t *huge = calloc(1, sizeof header + 0x1000000);

	(void)state;
	assert_non_null(huge);
	memcpy(huge, header, sizeof header);
	assert_true(reads(B("\x05\x00")));
	assert_true(reads(B("\x02\x01\x7f")));
	assert_true(reads(B("\x30\x03\x02\x01\x00")));
	assert_true(reads(bytes_of(big, sizeof big)));
	/* a CRL of half a million entries: 16 MiB and more */
	assert_true(reads(bytes_of(huge, sizeof header + 0x1000000)));
	free(huge);
}

/* X.690 8.1.3, 10.1: definite, minimal, inside what is there. P-8 */
static void refuses_what_is_not_der(void **state)
{
	const struct bytes bad[] = {
		{ NULL, 0 },
		B("\x30"),
		B("\x30\x80\x00\x00"),			/* indefinite */
		B("\x04\x81\x7f"),			/* not minimal, and cut short */
		B("\x04\x81\x01\x00"),			/* not minimal */
		B("\x04\x82\x00\x01\x00"),		/* leading zero */
		B("\x04\x84\x00\x00\x00\x01\x00"),
		B("\x04\x84\xff\xff\xff\xff\x00"),
		B("\x04\x85\x00\x00\x00\x00\x01\x00"),	/* five octets of length */
		B("\x04\x85\x01\x00\x00\x00\x00\x00"),
		B("\x04\x89\x01\x01\x01\x01\x01\x01\x01\x01\x01"),
		B("\x04\x02\x00"),			/* past the end */
		B("\x1f\x81\x01\x00"),			/* high tag */
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (reads(bad[i]))
			fail_msg("case %zu was read", i);
}

static void moves_only_on_success(void **state)
{
	struct bytes b = B("\x02\x01\x05\x02\x05\x00"), value;
	struct der d = der_of(b);

	(void)state;
	assert_false(der_take(&d, DER_OID, &value));
	assert_ptr_equal(d.p, b.p);
	assert_true(der_take(&d, DER_INTEGER, &value));
	assert_int_equal(value.p[0], 5);
	assert_false(der_take(&d, DER_INTEGER, &value));
	assert_ptr_equal(d.p, b.p + 3);
	d = der_of(B("\x02\x01\x05\x05\x00"));
	assert_false(der_take_last(&d, DER_INTEGER, &value));
}

/* D-6: how long a message is must be known from its first octets. */
static void frames_a_stream(void **state)
{
	size_t n = 0;

	(void)state;
	assert_int_equal(der_frame(B(""), 100, &n), E_AGAIN);
	assert_int_equal(der_frame(B("\x30"), 100, &n), E_AGAIN);
	assert_int_equal(der_frame(B("\x30\x03"), 100, &n), E_OK);
	assert_int_equal(n, 5);
	assert_int_equal(der_frame(B("\x30\x82\x01"), 1000, &n), E_AGAIN);
	assert_int_equal(der_frame(B("\x30\x82\x01\x00"), 1000, &n), E_OK);
	assert_int_equal(n, 260);
	assert_int_equal(der_frame(B("\x30\x82\x01\x00"), 259, &n), E_MALFORMED);
	assert_int_equal(der_frame(B("\x30\x84\xff\xff\xff\xff"), 1000, &n), E_MALFORMED);
	assert_int_equal(der_frame(B("\x30\x80"), 1000, &n), E_MALFORMED);
	assert_int_equal(der_frame(B("\x30\x85"), 1000, &n), E_MALFORMED);
	assert_int_equal(der_frame(B("\x02"), 1000, &n), E_MALFORMED);
}

static void knows_minimal_integers_and_oids(void **state)
{
	(void)state;
	assert_true(der_integer_ok(B("\x00")));
	assert_true(der_integer_ok(B("\x00\x80")));
	assert_true(der_integer_ok(B("\xff\x7f")));
	assert_false(der_integer_ok(B("")));
	assert_false(der_integer_ok(B("\x00\x7f")));
	assert_false(der_integer_ok(B("\xff\x80")));
	assert_true(der_oid_ok(B("\x2b\x0e\x03\x02\x1a")));
	assert_true(der_oid_ok(B("\x60\x86\x48")));
	assert_false(der_oid_ok(B("")));
	assert_false(der_oid_ok(B("\x2b\x86")));
	assert_false(der_oid_ok(B("\x2b\x80\x01")));
}

static void writes_what_it_reads(void **state)
{
	static const size_t lengths[] = { 0, 1, 127, 128, 255, 256, 65535, 65536, 70000 };
	static uint8_t value[70000], buf[70010];

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct der_out o = der_out_of(buf, sizeof buf);
		struct der d;
		struct bytes v;

		der_put_item(&o, DER_OCTET_STRING, bytes_of(value, lengths[i]));
		d = der_of(der_out_bytes(&o));
		assert_true(der_take_last(&d, DER_OCTET_STRING, &v));
		assert_int_equal(v.len, lengths[i]);
	}
}

static void nests_and_notices_a_full_buffer(void **state)
{
	uint8_t buf[9];

	(void)state;
	for (size_t cap = 0; cap <= sizeof buf; cap++) {
		struct der_out o = der_out_of(buf, cap);
		size_t mark = der_mark(&o);

		der_put_item(&o, DER_INTEGER, B("\x02"));
		der_put_item(&o, DER_INTEGER, B("\x01"));
		der_wrap(&o, DER_SEQUENCE, mark);
		if (cap < 8)
			assert_int_equal(der_out_bytes(&o).len, 0);
		else
			assert_true(bytes_eq(der_out_bytes(&o),
					     B("\x30\x06\x02\x01\x01\x02\x01\x02")));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_der),
		cmocka_unit_test(refuses_what_is_not_der),
		cmocka_unit_test(moves_only_on_success),
		cmocka_unit_test(frames_a_stream),
		cmocka_unit_test(knows_minimal_integers_and_oids),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(nests_and_notices_a_full_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
