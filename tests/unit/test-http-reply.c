/* The heads of answers (RFC 9110, RFC 9111, RFC 9919 7.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "http.h"

#define N(a) (sizeof(a) / sizeof *(a))
#define NOW 784111777		/* Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110 5.6.7 */

static void expect_head(const struct http_reply *r, const char *head)
{
	size_t len = strlen(head);
	char out[1025];

	memset(out, '#', sizeof out);
	assert_int_equal(http_write_head(r, out, 1024), len);
	assert_int_equal(out[len], '#');
	out[len] = '\0';
	assert_string_equal(out, head);

	/* room for all of it is needed, and enough; nothing is written beyond */
	for (size_t cap = 0; cap <= len; cap++) {
		char *exact = malloc(cap + 1);

		assert_non_null(exact);
		assert_int_equal(http_write_head(r, exact, cap), cap < len ? 0 : len);
		free(exact);
	}
}

/* L-15, L-17, H-24: the answer that is everybody's. */
static void test_cacheable(void **state)
{
	struct http_reply r = {
		.status = 200, .now_s = NOW, .content_type = "application/ocsp-response",
		.has_body = true, .body_len = 1234, .cacheable = true,
		.this_update_s = NOW - 3600, .etag = "\"abc\"", .next_update_s = NOW + 86400,
		.max_age_s = 600, .persistent = true, .minor = 1,
	};

	(void)state;
	expect_head(&r, "HTTP/1.1 200 OK\r\n"
			"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			"Content-Type: application/ocsp-response\r\n"
			"Content-Length: 1234\r\n"
			"Last-Modified: Sun, 06 Nov 1994 07:49:37 GMT\r\n"
			"ETag: \"abc\"\r\n"
			"Expires: Mon, 07 Nov 1994 08:49:37 GMT\r\n"
			"Cache-Control: max-age=600, public, no-transform, must-revalidate\r\n"
			"\r\n");

	/* C-6, H-26: thisUpdate is what was modified, but Date is never earlier than that */
	r.this_update_s = NOW + 5;
	r.max_age_s = -1;
	r.etag = NULL;
	r.persistent = false;
	r.ocsp_status = "good";
	expect_head(&r, "HTTP/1.1 200 OK\r\n"
			"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			"Content-Type: application/ocsp-response\r\n"
			"Content-Length: 1234\r\n"
			"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			"Expires: Mon, 07 Nov 1994 08:49:37 GMT\r\n"
			"Cache-Control: max-age=0, public, no-transform, must-revalidate\r\n"
			"Connection: close\r\n"
			"X-OCSP-Status: good\r\n"
			"\r\n");
}

/* H-25, H-30 */
static void test_not_modified(void **state)
{
	struct http_reply r = {
		.status = 304, .now_s = NOW, .content_type = "application/ocsp-response",
		.has_body = true, .body_len = 1234, .cacheable = true,
		.this_update_s = NOW - 3600, .etag = "\"abc\"", .next_update_s = NOW + 86400,
		.max_age_s = 600, .persistent = true, .minor = 0,
	};

	(void)state;
	expect_head(&r, "HTTP/1.1 304 Not Modified\r\n"
			"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			"ETag: \"abc\"\r\n"
			"Expires: Mon, 07 Nov 1994 08:49:37 GMT\r\n"
			"Cache-Control: max-age=600, public, no-transform, must-revalidate\r\n"
			"Connection: keep-alive\r\n"
			"\r\n");
}

/* C-7: an answer with a nonce is authoritative, so not no-store, and yet nobody else's. */
static void test_private(void **state)
{
	struct http_reply r = {
		.status = 200, .now_s = NOW, .content_type = "application/ocsp-response",
		.has_body = true, .body_len = 0, .is_private = true, .persistent = true, .minor = 1,
	};

	(void)state;
	expect_head(&r, "HTTP/1.1 200 OK\r\n"
			"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			"Content-Type: application/ocsp-response\r\n"
			"Content-Length: 0\r\n"
			"Cache-Control: private, max-age=0, must-revalidate\r\n"
			"\r\n");
}

/* L-18, U-8, H-32, and the fields that go with one status each (H-22, H-31). */
static void test_errors(void **state)
{
	struct http_reply r = {
		.status = 405, .now_s = NOW, .has_body = true, .minor = 1,
		.allow = "GET, HEAD, POST, OPTIONS",
	};

	(void)state;
	expect_head(&r, "HTTP/1.1 405 Method Not Allowed\r\n"
			"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			"Content-Length: 0\r\n"
			"Cache-Control: no-store\r\n"
			"Connection: close\r\n"
			"Allow: GET, HEAD, POST, OPTIONS\r\n"
			"\r\n");
	r.allow = NULL;
	r.accept = "application/ocsp-request";
	r.status = 415;
	expect_head(&r, "HTTP/1.1 415 Unsupported Media Type\r\n"
			"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			"Content-Length: 0\r\n"
			"Cache-Control: no-store\r\n"
			"Connection: close\r\n"
			"Accept: application/ocsp-request\r\n"
			"\r\n");
	r.accept = NULL;
	r.retry_after_s = 30;
	r.status = 503;
	r.has_body = false;
	expect_head(&r, "HTTP/1.1 503 Service Unavailable\r\n"
			"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			"Cache-Control: no-store\r\n"
			"Connection: close\r\n"
			"Retry-After: 30\r\n"
			"\r\n");
}

/* H-23, H-25 */
static void test_interim(void **state)
{
	struct http_reply r = {
		.status = 100, .now_s = NOW, .has_body = true, .body_len = 5, .minor = 1,
		.content_type = "x/y", .allow = "x",
	};

	(void)state;
	expect_head(&r, "HTTP/1.1 100 Continue\r\n\r\n");
	/* H-17: the blank before the reason is there without a reason as well */
	r.status = 199;
	expect_head(&r, "HTTP/1.1 199 \r\n\r\n");
}

/* http.h promises that 1,024 octets are always enough. */
static void test_longest(void **state)
{
	struct http_reply r = {
		.status = 431, .now_s = INT64_MAX, .content_type = "application/ocsp-response",
		.has_body = true, .body_len = SIZE_MAX, .cacheable = true,
		.this_update_s = INT64_MIN, .next_update_s = INT64_MAX, .max_age_s = INT64_MAX,
		.etag = "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
		.persistent = true, .allow = "GET, HEAD, POST, OPTIONS",
		.accept = "application/ocsp-request", .retry_after_s = INT32_MAX,
		.ocsp_status = "malformedRequest",
	};
	char out[1024];

	(void)state;
	assert_in_range(http_write_head(&r, out, sizeof out), 500, sizeof out);
}

/* Every status that an error can have, and those that no error has, has its reason. */
static void test_reasons(void **state)
{
	static const int others[] = { 100, 200, 204, 304, 500, 503 };

	(void)state;
	for (int e = 0; e < E_COUNT_; e++)
		assert_string_not_equal(http_reason(err_info((enum err)e)->http), "");
	for (size_t i = 0; i < N(others); i++)
		assert_string_not_equal(http_reason(others[i]), "");
	assert_string_equal(http_reason(200), "OK");
	assert_string_equal(http_reason(404), "Not Found");
	assert_string_equal(http_reason(299), "");
	assert_string_equal(http_reason(-1), "");
}

/* H-41, L-16, U-4: never up to nextUpdate, never below 0, never around the corner of a number. */
static void test_max_age(void **state)
{
	static const struct {
		int64_t policy, next, now, age;
	} row[] = {
		{ 600, NOW + 86400, NOW, 600 },
		{ 600, NOW + 601, NOW, 600 },
		{ 600, NOW + 600, NOW, 599 },
		{ 600, NOW + 2, NOW, 1 },
		{ 600, NOW + 1, NOW, 0 },
		{ 600, NOW, NOW, 0 },
		{ 600, NOW - 1, NOW, 0 },
		{ 0, NOW + 86400, NOW, 0 },
		{ -5, NOW + 86400, NOW, 0 },
		{ 600, INT64_MIN, NOW, 0 },
		{ 600, INT64_MAX, INT64_MIN, 600 },
		{ INT64_MAX, INT64_MAX, INT64_MIN, INT64_MAX },
		{ INT64_MAX, INT64_MAX, 0, INT64_MAX - 1 },
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++)
		assert_int_equal(http_max_age(row[i].policy, row[i].next, row[i].now), row[i].age);
}

/* H-28 */
static void test_etag(void **state)
{
	static const struct {
		const char *list;
		bool matches;
	} row[] = {
		{ "\"abc\"", true },
		{ "W/\"abc\"", true },
		{ "*", true },
		{ "\"x\", \"abc\"", true },
		{ "\"x\",W/\"abc\"", true },
		{ "\"abc\", \"x\"", true },
		{ ",, \t\"x\" ,, \"abc\"", true },
		{ "\"a,b\", \"abc\"", true },
		{ "\"\", \"abc\"", true },
		{ "\"x\" \"abc\"", true },
		{ "", false },
		{ "\"x\"", false },
		{ "\"ABC\"", false },
		{ "\"abcd\"", false },
		{ "\"ab\"", false },
		{ "abc", false },
		{ "abc, \"abc\"", false },
		{ "\"abc", false },
		{ "\"", false },
		{ "W/", false },
		{ "W/abc", false },
		{ "w/\"abc\"", false },
		{ "**", false },
		{ "\"x\", *", false },
		{ "\"x\",\",\"abc\"", false },
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++) {
		size_t len = strlen(row[i].list);
		uint8_t *exact = malloc(len + 1);

		assert_non_null(exact);
		memcpy(exact + 1, row[i].list, len);
		if (http_etag_matches(bytes_of(exact + 1, len), "\"abc\"") != row[i].matches)
			fail_msg("%s", row[i].list);
		free(exact);
	}
	assert_false(http_etag_matches((struct bytes){ 0 }, "\"abc\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cacheable),
		cmocka_unit_test(test_not_modified),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_interim),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_max_age),
		cmocka_unit_test(test_etag),
	};

	return cmocka_run_group_tests_name("http-reply", tests, NULL, NULL);
}
