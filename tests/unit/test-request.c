/* OCSPRequest (RFC 6960 4.1): O-5, O-15, O-16, O-17, L-6, N-1, N-4, N-6, P-8. */
#include "unit.h"

#include "der.h"
#include "request.h"

#define ID_NONCE "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x02"
#define ID_ACCEPTABLE "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x04"
#define ID_PREFERRED "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x08"
#define ID_OTHER "\x06\x03\x2a\x03\x04"
#define TRUE_ "\x01\x01\xff"
#define FALSE_ "\x01\x01\x00"

/* What a request is made of; empty parts are left out. */
struct plan {
	struct bytes version;		/* the value of [0] */
	struct bytes name;		/* the value of [1] */
	size_t ids;			/* how many certificates */
	struct bytes single_extension;	/* one extension's value, for each certificate */
	struct bytes extensions[4];	/* the value of each */
	struct bytes behind_tbs;	/* within OCSPRequest */
	struct bytes behind;		/* after it */
};

static void put_id(struct der_out *o)
{
	size_t mark = der_mark(o);

	der_put_item(o, DER_INTEGER, B("\x05"));
	der_put_item(o, DER_OCTET_STRING, B("bbbbbbbbbbbbbbbbbbbb"));
	der_put_item(o, DER_OCTET_STRING, B("aaaaaaaaaaaaaaaaaaaa"));
	der_put_item(o, DER_SEQUENCE, B("\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00"));
	der_wrap(o, DER_SEQUENCE, mark);
}

static void put_extensions(struct der_out *o, uint8_t tag, const struct bytes *e, size_t n)
{
	size_t mark = der_mark(o);

	if (!e[0].p)
		return;
	while (n--)
		if (e[n].p)
			der_put_item(o, DER_SEQUENCE, e[n]);
	der_wrap(o, DER_SEQUENCE, mark);
	der_wrap(o, tag, mark);
}

static struct bytes build(const struct plan *p)
{
	static uint8_t buf[LIM_REQUEST_LEN];
	struct der_out o = der_out_of(buf, sizeof buf);
	size_t end, list;

	der_put(&o, p->behind);
	end = der_mark(&o);
	der_put(&o, p->behind_tbs);
	list = der_mark(&o);
	put_extensions(&o, DER_CONTEXT_CONS(2), p->extensions, 4);
	{
		size_t mark = der_mark(&o);

		for (size_t i = 0; i < p->ids; i++) {
			size_t one = der_mark(&o);

			put_extensions(&o, DER_CONTEXT_CONS(0), &p->single_extension, 1);
			put_id(&o);
			der_wrap(&o, DER_SEQUENCE, one);
		}
		der_wrap(&o, DER_SEQUENCE, mark);
	}
	if (p->name.p)
		der_put_item(&o, DER_CONTEXT_CONS(1), p->name);
	if (p->version.p)
		der_put_item(&o, DER_CONTEXT_CONS(0), p->version);
	der_wrap(&o, DER_SEQUENCE, list);
	der_wrap(&o, DER_SEQUENCE, end);
	return der_out_bytes(&o);
}

static enum err parse(struct plan p, struct request *q)
{
	if (p.ids == 0)
		p.ids = 1;
	return request_parse(build(&p), q, NULL);
}

static void reads_the_predecessors_sample(void **state)
{
	struct bytes der = data_file("predecessor/sample-request.der");
	char text[SERIAL_TEXT_LEN];
	struct request q;

	(void)state;
	assert_int_equal(request_parse(der, &q, NULL), E_OK);
	assert_int_equal(q.n, 1);
	serial_text(q.id[0].serial, text);
	assert_string_equal(text, "0x94e315fa6adb9bc3ea20564a7b22ee6ebaa55e0");
	assert_true(q.has_nonce);
	assert_int_equal(q.nonce.len, 16);
	assert_false(q.is_signed);
	/* every proper prefix is malformed, and so is one octet more (P-8) */
	for (size_t n = 0; n < der.len; n++)
		assert_int_equal(request_parse(bytes_of(der.p, n), &q, NULL), E_MALFORMED);
	free((void *)(uintptr_t)der.p);
}

static void takes_what_clients_send(void **state)
{
	const struct plan good[] = {
		{ .ids = 1 },
		{ .ids = LIM_CERTIDS },
		{ .version = B("\x02\x01\x00") },		/* Botan 2 */
		{ .name = B("\xa4\x02\x30\x00") },		/* L-6, unsigned */
		{ .extensions = { B(ID_OTHER "\x04\x00") } },	/* O-15 */
		{ .extensions = { B(ID_OTHER FALSE_ "\x04\x00") } },
		{ .extensions = { B(ID_ACCEPTABLE TRUE_ "\x04\x00") } },
		{ .single_extension = B(ID_OTHER "\x04\x00") },
		{ .single_extension = B(ID_NONCE "\x04\x00") },	/* no nonce in this place */
		{ .behind_tbs = B("\xa0\x09\x30\x07\x30\x02\x06\x00\x03\x01\x00") },
	};
	struct request q;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (parse(good[i], &q) != E_OK)
			fail_msg("case %zu was refused", i);
	assert_true(q.is_signed);
}

static void refuses_what_is_malformed(void **state)
{
	const struct plan bad[] = {
		{ .ids = LIM_CERTIDS + 1 },
		{ .version = B("\x02\x01\x01") },
		{ .version = B("\x02\x01\x00\x05\x00") },
		{ .name = B("") },
		{ .extensions = { B(ID_OTHER TRUE_ "\x04\x00") } },	/* O-15: critical */
		{ .extensions = { B(ID_OTHER "\x01\x01\x01" "\x04\x00") } },
		{ .extensions = { B(ID_OTHER) } },
		{ .extensions = { B("\x06\x00\x04\x00") } },
		{ .single_extension = B(ID_OTHER TRUE_ "\x04\x00") },
		{ .behind_tbs = B("\x05\x00") },
		{ .behind_tbs = B("\xa0\x02\x30\x00") },
		{ .behind = B("\x00") },				/* P-8 */
	};
	struct request q;
	const char *why = NULL;
	struct plan none = { .ids = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (parse(bad[i], &q) != E_MALFORMED)
			fail_msg("case %zu was taken", i);
	assert_int_equal(request_parse(build(&none), &q, &why), E_MALFORMED);
	assert_string_equal(why, "it asks for no certificate");
}

/* RFC 9654 2.1: N-1, N-4, N-6. */
static void keeps_the_zones_of_the_nonce(void **state)
{
	uint8_t ext[11 + 3 + 3 + LIM_NONCE_LEN + 1];
	struct plan two = { .extensions = { B(ID_NONCE "\x04\x03\x04\x01x"),
					    B(ID_NONCE "\x04\x03\x04\x01x") } };
	struct plan raw = { .extensions = { B(ID_NONCE "\x04\x10" "0123456789abcdef") } };
	struct plan behind = { .extensions = { B(ID_NONCE "\x04\x04\x04\x01xy") } };
	struct request q;

	(void)state;
	for (size_t len = 0; len <= LIM_NONCE_LEN + 1; len++) {
		static const uint8_t octets[LIM_NONCE_LEN + 1] = { 7 };
		struct der_out o = der_out_of(ext, sizeof ext);
		struct plan p = { .ids = 1 };
		enum err e;

		der_put_item(&o, DER_OCTET_STRING, bytes_of(octets, len));
		der_wrap(&o, DER_OCTET_STRING, 0);
		der_put(&o, B(ID_NONCE));
		p.extensions[0] = der_out_bytes(&o);
		assert_true(p.extensions[0].len > 0);
		e = parse(p, &q);
		assert_int_equal(e, len >= 1 && len <= 128 ? E_OK : E_MALFORMED);
		if (e == E_OK)
			assert_int_equal(q.nonce.len, len);
	}
	assert_int_equal(parse(two, &q), E_MALFORMED);
	assert_int_equal(parse(raw, &q), E_MALFORMED);
	assert_int_equal(parse(behind, &q), E_MALFORMED);
}

static void bounds_the_extensions(void **state)
{
	static uint8_t buf[LIM_REQUEST_LEN];
	struct request q;

	(void)state;
	for (int n = LIM_EXTENSIONS; n <= LIM_EXTENSIONS + 1; n++) {
		struct der_out o = der_out_of(buf, sizeof buf);
		size_t mark;

		for (int i = 0; i < n; i++)
			der_put_item(&o, DER_SEQUENCE, B(ID_OTHER "\x04\x00"));
		der_wrap(&o, DER_SEQUENCE, 0);
		der_wrap(&o, DER_CONTEXT_CONS(2), 0);
		mark = der_mark(&o);
		put_id(&o);
		der_wrap(&o, DER_SEQUENCE, mark);
		der_wrap(&o, DER_SEQUENCE, mark);
		der_wrap(&o, DER_SEQUENCE, 0);
		der_wrap(&o, DER_SEQUENCE, 0);
		assert_int_equal(request_parse(der_out_bytes(&o), &q, NULL),
				 n <= LIM_EXTENSIONS ? E_OK : E_MALFORMED);
	}
}

static void keeps_preferred_algorithms_for_the_signer(void **state)
{
	struct plan p = { .extensions = { B(ID_PREFERRED "\x04\x02\x30\x00") } };
	struct request q;

	(void)state;
	assert_int_equal(parse(p, &q), E_OK);
	assert_true(bytes_eq(q.preferred, B("\x30\x00")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_predecessors_sample),
		cmocka_unit_test(takes_what_clients_send),
		cmocka_unit_test(refuses_what_is_malformed),
		cmocka_unit_test(keeps_the_zones_of_the_nonce),
		cmocka_unit_test(bounds_the_extensions),
		cmocka_unit_test(keeps_preferred_algorithms_for_the_signer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
