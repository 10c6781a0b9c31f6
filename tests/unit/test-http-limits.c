/* Request heads: the limits, and what is asked of a POST before its body is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http.h"

#define N(a) (sizeof(a) / sizeof *(a))
#define HOST "Host: ocsp.example\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST
#define TYPE "Content-Type: application/ocsp-request\r\n"
#define END "\r\n"

static size_t add(char *out, size_t len, const char *s)
{
	memcpy(out + len, s, strlen(s));
	return len + strlen(s);
}

/* H-4, and the fields: the limits are where bounds.h puts them. */
static void test_limits(void **state)
{
	static char head[2 * LIM_HTTP_HEAD];
	struct http_request r;
	size_t len;

	(void)state;
	for (size_t target = LIM_HTTP_TARGET; target <= LIM_HTTP_TARGET + 1; target++) {
		len = add(head, 0, "GET /");
		memset(head + len, 'A', target - 1);
		len = add(head, len + target - 1, " HTTP/1.1\r\n" HOST END);
		assert_int_equal(http_parse_head(bytes_of(head, len), &r),
				 target > LIM_HTTP_TARGET ? E_HTTP_TARGET : E_OK);
	}
	for (int fields = LIM_HTTP_FIELDS; fields <= LIM_HTTP_FIELDS + 1; fields++) {
		len = add(head, 0, "GET / HTTP/1.1\r\n" HOST);
		for (int i = 1; i < fields; i++)
			len = add(head, len, "X: y\r\n");
		len = add(head, len, END);
		assert_int_equal(http_parse_head(bytes_of(head, len), &r),
				 fields > LIM_HTTP_FIELDS ? E_HTTP_HEAD : E_OK);
	}
	/* a head of just LIM_HTTP_HEAD octets; with one more it never ends */
	for (size_t size = LIM_HTTP_HEAD; size <= LIM_HTTP_HEAD + 1; size++) {
		len = add(head, 0, "GET / HTTP/1.1\r\n" HOST "X: ");
		memset(head + len, 'y', size - 4 - len);
		len = add(head, size - 4, "\r\n\r\n");
		assert_int_equal(len, size);
		assert_int_equal(http_parse_head(bytes_of(head, len), &r),
				 size > LIM_HTTP_HEAD ? E_AGAIN : E_OK);
	}
	assert_int_equal(http_head_overflow(bytes_of(head, LIM_HTTP_HEAD)), E_HTTP_HEAD);
	memset(head, 'A', LIM_HTTP_HEAD);
	assert_int_equal(http_parse_head(bytes_of(head, LIM_HTTP_HEAD), &r), E_AGAIN);
	assert_int_equal(http_head_overflow(bytes_of(head, LIM_HTTP_HEAD)), E_HTTP_UNKNOWN);
	head[LIM_HTTP_METHOD + 1] = ' ';
	assert_int_equal(http_head_overflow(bytes_of(head, LIM_HTTP_HEAD)), E_HTTP_UNKNOWN);
	head[LIM_HTTP_METHOD] = ' ';
	assert_int_equal(http_head_overflow(bytes_of(head, LIM_HTTP_HEAD)), E_HTTP_TARGET);
	memcpy(head, "\r\n\r\nGET /", 9);
	assert_int_equal(http_head_overflow(bytes_of(head, LIM_HTTP_HEAD)), E_HTTP_TARGET);
	/* what lies beyond is not looked at */
	head[LIM_HTTP_HEAD] = '\n';
	assert_int_equal(http_head_overflow(bytes_of(head, LIM_HTTP_HEAD + 1)), E_HTTP_TARGET);
}

/* H-31, H-33, H-34: what is asked of a POST before its body is read. */
static void test_post(void **state)
{
	static const struct {
		const char *fields;
		enum err e;
	} row[] = {
		{ TYPE "Content-Length: 83\r\n", E_OK },
		{ TYPE "Content-Length: 0\r\n", E_OK },
		{ TYPE "Transfer-Encoding: chunked\r\n", E_OK },
		{ "Content-Length: 83\r\n", E_OK },
		{ "Content-Length: 83\r\nContent-Type: Application/OCSP-Request\r\n", E_OK },
		{ "Content-Length: 83\r\nContent-Type: application/ocsp-request; charset=utf-8\r\n",
		  E_OK },
		{ "Content-Length: 83\r\nContent-Type: application/ocsp-request \t;x\r\n", E_OK },
		{ "Content-Length: 83\r\nContent-Type: application/ocsp-requests\r\n", E_HTTP_TYPE },
		{ "Content-Length: 83\r\nContent-Type: application/ocsp\r\n", E_HTTP_TYPE },
		{ "Content-Length: 83\r\nContent-Type: text/plain\r\n", E_HTTP_TYPE },
		{ "Content-Length: 83\r\nContent-Type: ;\r\n", E_HTTP_TYPE },
		{ "Content-Length: 83\r\nContent-Type:\r\n", E_HTTP_TYPE },
		{ TYPE "Content-Length: 83\r\nContent-Encoding: gzip\r\n", E_HTTP_TYPE },
		{ TYPE "Content-Length: 83\r\nContent-Encoding: identity\r\n", E_OK },
		{ TYPE, E_HTTP_LENGTH },
		{ TYPE "Content-Length: 16384\r\n", E_OK },
		{ TYPE "Content-Length: 16385\r\n", E_HTTP_BODY },
		{ TYPE "Content-Length: 4294967296\r\n", E_HTTP_BODY },
		{ TYPE "Content-Length: 18446744073709551616\r\n", E_HTTP_BODY },
		{ TYPE "Content-Length: 99999999999999999999999999999999\r\n", E_HTTP_BODY },
	};

	(void)state;
	assert_int_equal(LIM_REQUEST_LEN, 16384);
	for (size_t i = 0; i < N(row); i++) {
		struct http_request r;
		char head[512];
		size_t len = add(head, 0, POST);

		len = add(head, len, row[i].fields);
		len = add(head, len, END);
		assert_int_equal(http_parse_head(bytes_of(head, len), &r), E_OK);
		assert_int_equal(http_check_post(&r), row[i].e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_post),
	};

	return cmocka_run_group_tests_name("http-limits", tests, NULL, NULL);
}
