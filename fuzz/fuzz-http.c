/* The head of an HTTP request. */
#include "fuzz.h"

#include "http.h"

static void check_head(const struct http_request *q, struct bytes in)
{
	struct bytes head = bytes_of(in.p, q->head_len);

	REQUIRE(q->head_len >= 4 && q->head_len <= in.len && q->head_len <= LIM_HTTP_HEAD);
	REQUIRE(head.p[head.len - 1] == '\n');
	REQUIRE(head.p[head.len - 2] == '\n' ||
		(head.p[head.len - 2] == '\r' && head.p[head.len - 3] == '\n'));
	REQUIRE(q->minor == 0 || q->minor == 1);
	/* "/" stands for what an absolute target left out */
	REQUIRE(q->path.len >= 1 && q->path.len <= LIM_HTTP_TARGET);
	REQUIRE(lies_in(q->path, head) || bytes_eq(q->path, bytes_str("/")));
	REQUIRE(lies_in(q->content_type, head) && lies_in(q->if_none_match, head));
	/* one framing at most */
	REQUIRE(!(q->chunked && q->has_length) && (q->has_length || q->content_length == 0));
	REQUIRE(!q->chunked || q->minor == 1);
	if (http_check_post(q) == E_OK)
		REQUIRE(q->chunked || (q->has_length && q->content_length <= LIM_REQUEST_LEN));
}

static bool same(const struct http_request *a, const struct http_request *b)
{
	return a->method == b->method && a->minor == b->minor && bytes_eq(a->path, b->path) &&
	       bytes_eq(a->content_type, b->content_type) &&
	       bytes_eq(a->if_none_match, b->if_none_match) && a->chunked == b->chunked &&
	       a->has_length == b->has_length && a->content_length == b->content_length &&
	       a->content_encoding == b->content_encoding &&
	       a->expect_continue == b->expect_continue && a->persistent == b->persistent &&
	       a->head_len == b->head_len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chance chance = chance_of(data, size);
	struct http_request q, other;
	enum err e, before;

	e = http_parse_head(bytes_of(data, size), &q);
	if (e == E_OK)
		check_head(&q, bytes_of(data, size));
	else
		REQUIRE(e == E_AGAIN || err_info(e)->http >= 400);
	if (e == E_OK) {
		/* what stands behind a head means nothing to it */
		REQUIRE(http_parse_head(bytes_of(data, q.head_len), &other) == E_OK);
		REQUIRE(same(&q, &other));
		REQUIRE(http_parse_head(bytes_of(data, q.head_len - 1), &other) == E_AGAIN);
	}
	/* with less of it, the verdict is the same, or it is too early for one */
	for (int i = 0; i < 4 && size; i++) {
		size_t len = chance_below(&chance, (uint32_t)size);

		before = http_parse_head(bytes_of(data, len), &other);
		REQUIRE(before == E_AGAIN || before == e);
	}
	if (e == E_AGAIN && size >= LIM_HTTP_HEAD) {
		e = http_head_overflow(bytes_of(data, size));
		REQUIRE(e == E_HTTP_HEAD || e == E_HTTP_TARGET || e == E_HTTP_UNKNOWN);
	}
	if (size)
		http_etag_matches(bytes_of(data, size), "\"0123456789abcdef\"");
	return 0;
}
