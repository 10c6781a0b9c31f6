/* Where the request is: in a chunked body (RFC 9112 7.1), or in a GET target (RFC 6960 A.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "http.h"

#define N(a) (sizeof(a) / sizeof *(a))

/* Feeds it in pieces of at most "piece" octets, each in memory that ends where it ends. */
static enum err feed(struct bytes in, size_t piece, uint8_t *body, size_t cap, size_t *body_len,
		     size_t *used)
{
	struct http_chunked c = { 0 };
	enum err e = E_AGAIN;

	*used = 0;
	while (e == E_AGAIN && *used < in.len) {
		size_t n = in.len - *used < piece ? in.len - *used : piece, took = 0;
		uint8_t *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, in.p + *used, n);
		e = http_chunked_feed(&c, bytes_of(copy, n), &took, body, cap);
		free(copy);
		if (e == E_AGAIN)
			assert_int_equal(took, n);
		*used += took;
	}
	*body_len = c.body_len;
	return e;
}

#define C(literal) literal, sizeof(literal) - 1

/* H-9 */
static void test_chunked(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		enum err e;
		const char *body;	/* of E_OK */
		size_t rest;		/* octets that belong to somebody else */
	} row[] = {
		{ C("5\r\nhello\r\n0\r\n\r\n"), E_OK, "hello", 0 },
		{ C("5\r\nhello\r\n0\r\n\r\nGET /"), E_OK, "hello", 5 },
		{ C("0\r\n\r\n"), E_OK, "", 0 },
		{ C("1\r\nh\r\n1\r\ne\r\n3\r\nllo\r\n0\r\n\r\n"), E_OK, "hello", 0 },
		{ C("00000000000000000000005\r\nhello\r\n000\r\n\r\n"), E_OK, "hello", 0 },
		{ C("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), E_OK,
		  "01234567890123456789", 0 },
		{ C("9\r\n123456789\r\n0\r\n\r\n"), E_OK, "123456789", 0 },
		{ C("4\r\n\r\n\r\n\r\n0\r\n\r\n"), E_OK, "\r\n\r\n", 0 },
		{ C("5;a=\"b;\";c\r\nhello\r\n0;x\r\n\r\n"), E_OK, "hello", 0 },
		{ C("5 \t;a = b\r\nhello\r\n0\r\n\r\n"), E_OK, "hello", 0 },
		{ C("5\r\nhello\r\n0\r\nX-T: 1\r\nContent-Length: 9\r\n\r\nrest"),
		  E_OK, "hello", 4 },
		{ C(""), E_AGAIN, NULL, 0 },
		{ C("5"), E_AGAIN, NULL, 0 },
		{ C("5\r\nhello\r\n0\r\n"), E_AGAIN, NULL, 0 },
		{ C("5\r\nhello\r\n0\r\nX: y\r\n"), E_AGAIN, NULL, 0 },
		{ C("\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C(";a\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("g\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("0x5\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("-5\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("+5\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C(" 5\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("5 \r\nhello"), E_HTTP_BAD, NULL, 0 },
		{ C("5 5\r\nhello"), E_HTTP_BAD, NULL, 0 },
		{ C("5\nhello"), E_HTTP_BAD, NULL, 0 },
		{ C("5\rhello"), E_HTTP_BAD, NULL, 0 },
		{ C("5;a\nhello"), E_HTTP_BAD, NULL, 0 },
		{ C("5;a\0\r\nhello"), E_HTTP_BAD, NULL, 0 },
		{ C("5;a\rb\r\nhello"), E_HTTP_BAD, NULL, 0 },
		{ C("5\r\nhello!\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("5\r\nhello\n0\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("5\r\nhello\r0\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("5\r\nhello0\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("5\r\nhelloX\n0\r\n\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("5\r\nhello\rX0\r\n\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("5\r\nhello\r\n\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("5\r\nhello\r\n0\r\nX: y\n\r\n"), E_HTTP_BAD, NULL, 0 },
		{ C("5\r\nhello\r\n0\r\n\rX"), E_HTTP_BAD, NULL, 0 },
		{ C("5\r\nhello\r\n0\r\nX: \x01\r\n\r\n"), E_HTTP_BAD, NULL, 0 },
		/* over the 20 octets there is room for, by a chunk, by many, or by a size that
		 * no counter holds */
		{ C("15\r\n"), E_HTTP_BODY, NULL, 0 },
		{ C("14\r\n01234567890123456789\r\n1\r\n"), E_HTTP_BODY, NULL, 0 },
		{ C("ffffffffffffffff\r\n"), E_HTTP_BODY, NULL, 0 },
		{ C("10000000000000005\r\nhello"), E_HTTP_BODY, NULL, 0 },
		{ C("fffffffffffffffffffffffffffffffffffff\r\n"), E_HTTP_BODY, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++) {
		for (size_t piece = 1; piece <= row[i].len + 1; piece++) {
			uint8_t body[20];
			size_t len, used;
			enum err e = feed(bytes_of(row[i].in, row[i].len), piece, body,
					  sizeof body, &len, &used);

			if (e != row[i].e)
				fail_msg("\"%s\" by %zu: %s", row[i].in, piece, err_info(e)->name);
			if (e != E_OK)
				continue;
			assert_int_equal(used, row[i].len - row[i].rest);
			assert_true(bytes_eq(bytes_of(body, len), bytes_str(row[i].body)));
		}
	}
}

/* The body may gather in the buffer that it is read from. */
static void test_chunked_in_place(void **state)
{
	uint8_t buf[] = "3\r\nabc\r\n14\r\n0123456789abcdefghij\r\n0\r\n\r\n";
	struct http_chunked c = { 0 };
	size_t used;

	(void)state;
	assert_int_equal(http_chunked_feed(&c, bytes_of(buf, sizeof buf - 1), &used, buf,
					   sizeof buf), E_OK);
	assert_int_equal(used, sizeof buf - 1);
	assert_true(bytes_eq(bytes_of(buf, c.body_len), bytes_str("abc0123456789abcdefghij")));
}

/* An octet a chunk is a body; one with more wrapping than content is an attack. */
static void test_chunked_overhead(void **state)
{
	static uint8_t in[2 * LIM_HTTP_CHUNK_OVERHEAD], body[LIM_REQUEST_LEN];
	struct bytes b = bytes_of(in, sizeof in);
	size_t len, used, n = 0;

	(void)state;
	for (; n < 6 * 400; n += 6)
		memcpy(in + n, "1\r\nx\r\n", 6);
	memcpy(in + n, "0\r\n\r\n", 5);
	assert_int_equal(feed(b, 1000, body, sizeof body, &len, &used), E_OK);
	assert_int_equal(len, 400);

	memset(in, '0', sizeof in);
	assert_int_equal(feed(b, sizeof in, body, sizeof body, &len, &used), E_HTTP_BAD);
	memset(in, 'x', sizeof in);
	memcpy(in, "1;", 2);
	assert_int_equal(feed(b, 1, body, sizeof body, &len, &used), E_HTTP_BAD);
	memcpy(in, "0\r\nx", 4);
	assert_int_equal(feed(b, 7, body, sizeof body, &len, &used), E_HTTP_BAD);
}

static enum err decode(const char *path, uint8_t *out, size_t cap, size_t *len)
{
	size_t n = strlen(path);
	uint8_t *copy = malloc(n + 1), *exact = malloc(cap);
	enum err e;

	assert_non_null(copy);
	assert_non_null(exact);
	memcpy(copy + 1, path, n);	/* not aligned, and ending where it ends */
	e = http_decode_target(bytes_of(copy + 1, n), exact, cap, len);
	if (e == E_OK)
		memcpy(out, exact, *len);
	free(copy);
	free(exact);
	return e;
}

static void test_target(void **state)
{
	/* SEQUENCE { fb ff bf 3e 3f } is 30 05 fb ff bf 3e 3f, in base64 "MAX7/78+Pw==" */
	static const uint8_t seven[] = { 0x30, 0x05, 0xfb, 0xff, 0xbf, 0x3e, 0x3f };
	/* of a length that needs one sign of padding, and none: "MAYA////AAE=", "MAcA////AAEC" */
	static const uint8_t eight[] = { 0x30, 0x06, 0x00, 0xff, 0xff, 0xff, 0x00, 0x01 };
	static const uint8_t nine[] = { 0x30, 0x07, 0x00, 0xff, 0xff, 0xff, 0x00, 0x01, 0x02 };
	static const uint8_t empty[] = { 0x30, 0x00 };
	/* lengths in the long form, needlessly long as well: refusing that is the parser's task */
	static const uint8_t longer[] = { 0x30, 0x81, 0x01, 0xff };
	static const uint8_t longest[] = { 0x30, 0x84, 0x00, 0x00, 0x00, 0x01, 0xff };
	static const struct {
		const char *path;
		enum err e;
		struct bytes der;
	} row[] = {
		/* U-1: slashes, raw and escaped, before and inside */
		{ "/MAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "//MAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "///MAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "/ocsp/MAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "/ocsp//MAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "/a/b/c/d/MAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "/%2FMAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "/ca%2fMAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "/../MAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "/my-ca_1.crt/MAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "/a=/MAX7/78+Pw==", E_OK, { seven, 7 } },
		/* what is no request may look like the beginning of one */
		{ "/MA/MAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "/MAX7/MAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "/M/MD/MAX7/78+Pw==", E_OK, { seven, 7 } },
		/* escapes, in either case and of everything; none is undone twice */
		{ "/MAX7%2F78%2BPw%3D%3D", E_OK, { seven, 7 } },
		{ "/MAX7%2f78%2bPw%3d%3d", E_OK, { seven, 7 } },
		{ "/%4d%41%58%37%2F%37%38%2B%50%77%3D%3d", E_OK, { seven, 7 } },
		{ "/%39/MAX7/78+Pw==", E_OK, { seven, 7 } },
		{ "/MAX7%252F78%252BPw%253D%253D", E_MALFORMED, { 0 } },
		/* U-2: a plus is a plus, and so is a blank */
		{ "/MAX7%2F78%20Pw==", E_OK, { seven, 7 } },
		/* padding */
		{ "/MAX7/78+Pw", E_OK, { seven, 7 } },
		{ "/MAX7/78+Pw=", E_MALFORMED, { 0 } },
		{ "/MAX7/78+Pw===", E_MALFORMED, { 0 } },
		{ "/MAX7/78+Pw%3D=", E_OK, { seven, 7 } },
		{ "/MAYA////AAE=", E_OK, { eight, 8 } },
		{ "/MAYA////AAE", E_OK, { eight, 8 } },
		{ "/MAYA////AAE==", E_MALFORMED, { 0 } },
		{ "/MAcA////AAEC", E_OK, { nine, 9 } },
		{ "/MAcA////AAEC=", E_MALFORMED, { 0 } },
		{ "/MAcA////AAEC====", E_MALFORMED, { 0 } },
		/* bits that belong to no octet */
		{ "/MAX7/78+Px==", E_OK, { seven, 7 } },
		{ "/MAYA////AAF", E_OK, { eight, 8 } },
		{ "/MAA=", E_OK, { empty, 2 } },
		{ "/MAA", E_OK, { empty, 2 } },
		{ "/MIEB/w==", E_OK, { longer, 4 } },
		{ "/MIQAAAAB/w==", E_OK, { longest, 7 } },
		/* too short, too long, broken off, of no known length */
		{ "/MAX7/78+", E_MALFORMED, { 0 } },
		{ "/MAX7/78+P", E_MALFORMED, { 0 } },
		{ "/MAX7/78+PwA=", E_MALFORMED, { 0 } },
		{ "/MAX7/78+Pw==/", E_MALFORMED, { 0 } },
		{ "/MAX7/78+Pw==x", E_MALFORMED, { 0 } },
		{ "/MAX7=/78+Pw==", E_MALFORMED, { 0 } },
		{ "/MAX7/78+Pw%00", E_MALFORMED, { 0 } },
		{ "/MAX7/78+Pw%0A", E_MALFORMED, { 0 } },
		/* of the right length, but with one octet that is no base64 */
		{ "/MAX7-78+Pw==", E_MALFORMED, { 0 } },
		{ "/MAX7/78_Pw==", E_MALFORMED, { 0 } },
		{ "/MAX7=78+Pw==", E_MALFORMED, { 0 } },
		{ "/MAX7/78+P%00==", E_MALFORMED, { 0 } },
		{ "/MAX7/78+P%ff==", E_MALFORMED, { 0 } },
		{ "/MP", E_MALFORMED, { 0 } },
		{ "/MA", E_MALFORMED, { 0 } },
		{ "/MIA=", E_MALFORMED, { 0 } },
		{ "/MIX//////w==", E_MALFORMED, { 0 } },
		{ "/MIT/////AAAA", E_MALFORMED, { 0 } },
		/* not meant as a request */
		{ "", E_HTTP_NOT_FOUND, { 0 } },
		{ "/", E_HTTP_NOT_FOUND, { 0 } },
		{ "//", E_HTTP_NOT_FOUND, { 0 } },
		{ "*", E_HTTP_NOT_FOUND, { 0 } },
		{ "/M", E_HTTP_NOT_FOUND, { 0 } },
		{ "/favicon.ico", E_HTTP_NOT_FOUND, { 0 } },
		{ "/index.html", E_HTTP_NOT_FOUND, { 0 } },
		{ "/MyCA.crt", E_HTTP_NOT_FOUND, { 0 } },
		{ "/M=", E_HTTP_NOT_FOUND, { 0 } },
		{ "/MQ", E_HTTP_NOT_FOUND, { 0 } },
		{ "=", E_HTTP_NOT_FOUND, { 0 } },
		{ "==", E_HTTP_NOT_FOUND, { 0 } },
		{ "/M%00", E_HTTP_NOT_FOUND, { 0 } },
		{ "/AAAAAAAA", E_HTTP_NOT_FOUND, { 0 } },
		{ "/xMAX7/78+Pw==", E_HTTP_NOT_FOUND, { 0 } },
		{ "/MAX7/78+Pw==?x=1", E_HTTP_NOT_FOUND, { 0 } },
		{ "?MAX7/78+Pw==", E_HTTP_NOT_FOUND, { 0 } },
		/* broken escapes */
		{ "/%zzMAX7/78+Pw==", E_HTTP_BAD, { 0 } },
		{ "/MAX7/78+Pw%3", E_HTTP_BAD, { 0 } },
		{ "/MAX7/78+Pw%", E_HTTP_BAD, { 0 } },
		{ "/MAX7/78+Pw%g0", E_HTTP_BAD, { 0 } },
		{ "/MAX7/78+Pw%0g", E_HTTP_BAD, { 0 } },
		{ "/%-1", E_HTTP_BAD, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++) {
		uint8_t out[128];
		size_t len = 0;
		enum err e = decode(row[i].path, out, sizeof out, &len);

		if (e != row[i].e)
			fail_msg("%s: %s", row[i].path, err_info(e)->name);
		if (e == E_OK && !bytes_eq(bytes_of(out, len), row[i].der))
			fail_msg("%s: other octets", row[i].path);
	}
}

/* A request as clients send it, at each of its lengths cut short: whole, or not at all. */
static void test_target_whole(void **state)
{
	static const char path[] =
		"/MFEwTzBNMEswSTAJBgUrDgMCGgUABBRG7LJcrne8vFaZM4sqk7xl3YZTlwQUQ+YG7gbLvbkeFwZgl3ii"
		"1paiXzUCEEZ4TrmaLsZD3LJHt6Q1xWs=";
	char begin[sizeof path];
	uint8_t out[256];
	size_t len;

	(void)state;
	assert_int_equal(decode(path, out, sizeof out, &len), E_OK);
	assert_int_equal(len, 83);
	assert_int_equal(out[82], 0x6b);
	for (size_t n = 0; n < sizeof path - 2; n++) {
		memcpy(begin, path, n);
		begin[n] = '\0';
		assert_int_equal(decode(begin, out, sizeof out, &len),
				 n < 3 ? E_HTTP_NOT_FOUND : E_MALFORMED);
	}
	/* the room is the path's, decoded or not */
	assert_int_equal(decode(path, out, sizeof path - 1, &len), E_OK);
	assert_int_equal(decode(path, out, sizeof path - 2, &len), E_HTTP_TARGET);
}

/* U-11: the longest targets, with as many beginnings as there can be, each of which claims just
 * what is left. They are done at once (decoding from each of them would take minutes under the
 * sanitizer). */
static void test_target_hostile(void **state)
{
	static char path[LIM_HTTP_TARGET + 1];
	static uint8_t out[LIM_REQUEST_LEN];
	size_t len;

	(void)state;
	memset(path, '/', LIM_HTTP_TARGET);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(decode(path, out, sizeof out, &len), E_HTTP_NOT_FOUND);
	for (size_t i = 0; i + 3 <= LIM_HTTP_TARGET; i += 3)
		memcpy(path + i, "/MI", 3);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(decode(path, out, sizeof out, &len), E_MALFORMED);
	/* 30 82 hi lo …: "/MII" and three digits that say how much follows */
	for (size_t i = 0; i + 8 <= LIM_HTTP_TARGET; i += 8) {
		static const char digit[] =
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
		size_t n = (LIM_HTTP_TARGET - 1 - (i + 1)) * 3 / 4 - 4;

		memcpy(path + i, "/MII", 4);
		path[i + 4] = digit[n >> 8 & 63];
		path[i + 5] = digit[n >> 2 & 63];
		path[i + 6] = digit[n << 4 & 63];
		path[i + 7] = 'A';
	}
	path[LIM_HTTP_TARGET - 1] = '.';
	for (int i = 0; i < 1000; i++)
		assert_int_equal(decode(path, out, sizeof out, &len), E_MALFORMED);
	path[LIM_HTTP_TARGET - 1] = '\0';
	assert_int_equal(decode(path, out, sizeof out, &len), E_OK);
	assert_int_equal(len, (LIM_HTTP_TARGET - 2) * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunked),
		cmocka_unit_test(test_chunked_in_place),
		cmocka_unit_test(test_chunked_overhead),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_target_whole),
		cmocka_unit_test(test_target_hostile),
	};

	return cmocka_run_group_tests_name("http-body", tests, NULL, NULL);
}
