/* CertID (RFC 6960 4.1.1): O-13, O-14, O-23, U-6, U-15. */
#include "unit.h"

#include "certid.h"
#include "der.h"

#define SHA1_NULL "\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00"
#define SHA1_NONE "\x30\x07\x06\x05\x2b\x0e\x03\x02\x1a"
#define H20 "\x04\x14" "aaaaaaaaaaaaaaaaaaaa"
#define K20 "\x04\x14" "bbbbbbbbbbbbbbbbbbbb"

static const char hex_a[] = "6161616161616161616161616161616161616161";
static const char hex_b[] = "6262626262626262626262626262626262626262";

static struct bytes certid(struct bytes alg, struct bytes serial_item)
{
	static uint8_t buf[512];
	struct der_out o = der_out_of(buf, sizeof buf);

	der_put(&o, serial_item);
	der_put(&o, B(K20));
	der_put(&o, B(H20));
	der_put(&o, alg);
	der_wrap(&o, DER_SEQUENCE, 0);
	return der_out_bytes(&o);
}

static void reads_the_parts(void **state)
{
	struct bytes der = certid(B(SHA1_NULL), B("\x02\x02\x00\xff"));
	struct certid c;

	(void)state;
	assert_int_equal(certid_parse(der, &c), E_OK);
	assert_int_equal(c.alg, HASH_SHA1);
	assert_true(c.null_params);
	assert_true(bytes_eq(c.der, der));
	assert_true(bytes_eq(c.serial, B("\x00\xff")));
	assert_int_equal(c.name_hash.len, 20);
	assert_int_equal(c.key_hash.p[0], 'b');
}

static void refuses_what_is_broken(void **state)
{
	struct certid c;
	struct bytes der;

	(void)state;
	der = certid(B(SHA1_NULL), B("\x02\x02\x00\x7f"));	/* INTEGER not minimal */
	assert_int_equal(certid_parse(der, &c), E_MALFORMED);
	der = certid(B(SHA1_NULL), B("\x02\x00"));
	assert_int_equal(certid_parse(der, &c), E_MALFORMED);
	der = certid(B(SHA1_NULL), B("\x02\x01\x05\x05\x00"));	/* a field too many */
	assert_int_equal(certid_parse(der, &c), E_MALFORMED);
	der = certid(B("\x30\x0b\x06\x05\x2b\x0e\x03\x02\x1a\x05\x02xx"), B("\x02\x01\x05"));
	assert_int_equal(certid_parse(der, &c), E_MALFORMED);	/* NULL with octets in it */
	der = certid(B("\x30\x02\x06\x00"), B("\x02\x01\x05"));	/* an OID of no octets */
	assert_int_equal(certid_parse(der, &c), E_MALFORMED);
	der = certid(B(SHA1_NULL), B("\x02\x01\x05"));
	for (size_t n = 0; n < der.len; n++)
		assert_int_equal(certid_parse(bytes_of(der.p, n), &c), E_MALFORMED);
}

static void an_unknown_hash_is_well_formed_but_leads_nowhere(void **state)
{
	struct certid_place place;
	struct certid c;

	(void)state;
	/* MD5, and SHA-1 with parameters that it doesn't have */
	assert_int_equal(certid_parse(certid(B("\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05"
					       "\x05\x00"),
					     B("\x02\x01\x05")),
				      &c),
			 E_OK);
	assert_int_equal(c.alg, HASH_UNKNOWN);
	assert_false(certid_place(&c, &place));
	assert_int_equal(certid_parse(certid(B("\x30\x0a\x06\x05\x2b\x0e\x03\x02\x1a\x02\x01\x01"),
					     B("\x02\x01\x05")),
				      &c),
			 E_OK);
	assert_int_equal(c.alg, HASH_UNKNOWN);
	/* SHA-256 with digests of 20 octets (O-13: both must match) */
	assert_int_equal(certid_parse(certid(B("\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02"
					       "\x01"),
					     B("\x02\x01\x05")),
				      &c),
			 E_OK);
	assert_int_equal(c.alg, HASH_SHA256);
	assert_false(certid_place(&c, &place));
}

static void names_its_file(void **state)
{
	struct certid_place place;
	struct certid c;
	char want[512];

	(void)state;
	assert_int_equal(certid_parse(certid(B(SHA1_NULL), B("\x02\x03\x00\xfa\x0b")), &c), E_OK);
	assert_true(certid_place(&c, &place));
	snprintf(want, sizeof want, "sha1-%s-%s", hex_a, hex_b);
	assert_string_equal(place.folder, want);
	snprintf(want, sizeof want, "sha1-%s-%s/0b", hex_a, hex_b);
	assert_string_equal(place.shard, want);
	snprintf(want, sizeof want, "sha1-%s-%s/0b/fa0b.der", hex_a, hex_b);
	assert_string_equal(place.file, want);
	/* U-6: without parameters it is another CertID, and another file */
	assert_int_equal(certid_parse(certid(B(SHA1_NONE), B("\x02\x03\x00\xfa\x0b")), &c), E_OK);
	assert_true(certid_place(&c, &place));
	snprintf(want, sizeof want, "sha1-%s-%s/0b/fa0b.np.der", hex_a, hex_b);
	assert_string_equal(place.file, want);
}

static void a_serial_that_no_row_can_hold_has_no_file(void **state)
{
	uint8_t item[2 + 127] = { 0x02, LIM_SERIAL_LEN, 1 };
	struct certid_place place;
	struct bytes m;
	struct certid c;

	(void)state;
	assert_int_equal(certid_parse(certid(B(SHA1_NULL), B("\x02\x01\xff")), &c), E_OK);
	assert_false(certid_serial(&c, &m));	/* -1 */
	assert_false(certid_place(&c, &place));
	assert_int_equal(certid_parse(certid(B(SHA1_NULL), bytes_of(item, 2 + LIM_SERIAL_LEN)),
				      &c),
			 E_OK);
	assert_true(certid_place(&c, &place));
	item[1] = LIM_SERIAL_LEN + 1;
	assert_int_equal(certid_parse(certid(B(SHA1_NULL), bytes_of(item, 3 + LIM_SERIAL_LEN)),
				      &c),
			 E_OK);
	assert_false(certid_place(&c, &place));
	assert_int_equal(certid_parse(certid(B(SHA1_NULL), B("\x02\x01\x00")), &c), E_OK);
	assert_true(certid_serial(&c, &m));
	assert_int_equal(m.len, 1);
}

/* U-15: as Python's hex() prints it. */
static void writes_serials_as_the_table_has_them(void **state)
{
	char out[SERIAL_TEXT_LEN];

	(void)state;
	serial_text(B("\x01"), out);
	assert_string_equal(out, "0x1");
	serial_text(B("\x00"), out);
	assert_string_equal(out, "0x0");
	serial_text(B("\x09\x4e\x31"), out);
	assert_string_equal(out, "0x94e31");
	serial_text(B("\xff\xfa\x10"), out);
	assert_string_equal(out, "0xfffa10");
}

static void reads_serials_as_people_write_them(void **state)
{
	const struct {
		const char *text;
		struct bytes want;	/* no octets: an error */
	} cases[] = {
		{ "0x1", B("\x01") },
		{ "1", B("\x01") },
		{ "0X0A", B("\x0a") },
		{ "0000000000000000000000000000000000000000000000000000000000000000ff", B("\xff") },
		{ "09:4E:31", B("\x09\x4e\x31") },
		{ "94e31", B("\x09\x4e\x31") },
		{ "0", B("\x00") },
		{ "0x000", B("\x00") },
		{ "", { NULL, 0 } },
		{ "0x", { NULL, 0 } },
		{ "0xg", { NULL, 0 } },
		{ "-1", { NULL, 0 } },
		{ ":1", { NULL, 0 } },
		{ "1:", { NULL, 0 } },
		{ "1 2", { NULL, 0 } },
	};
	uint8_t buf[LIM_SERIAL_LEN];
	char longest[2 * LIM_SERIAL_LEN + 2];
	struct bytes m;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool ok = serial_parse(bytes_str(cases[i].text), buf, &m);

		if (ok != (cases[i].want.len > 0) || (ok && !bytes_eq(m, cases[i].want)))
			fail_msg("'%s'", cases[i].text);
	}
	memset(longest, 'f', sizeof longest);
	assert_true(serial_parse(bytes_of(longest, 2 * LIM_SERIAL_LEN), buf, &m));
	assert_int_equal(m.len, LIM_SERIAL_LEN);
	assert_false(serial_parse(bytes_of(longest, 2 * LIM_SERIAL_LEN + 1), buf, &m));
	assert_false(serial_parse(bytes_of(longest, 2 * LIM_SERIAL_LEN + 2), buf, &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_parts),
		cmocka_unit_test(refuses_what_is_broken),
		cmocka_unit_test(an_unknown_hash_is_well_formed_but_leads_nowhere),
		cmocka_unit_test(names_its_file),
		cmocka_unit_test(a_serial_that_no_row_can_hold_has_no_file),
		cmocka_unit_test(writes_serials_as_the_table_has_them),
		cmocka_unit_test(reads_serials_as_people_write_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
