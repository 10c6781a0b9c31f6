/* A chunked body. Where it ends, and what is in it, must not depend on how it arrives. */
#include "fuzz.h"

#include "http.h"

/* Small, so that bodies get too long here and there. */
#define CAP 300

struct result {
	enum err e;
	size_t used, body_len;
	uint8_t body[CAP];
};

/* In pieces of 1 to most octets, each in memory that ends where it ends; 0: all at once. */
static void feed(const uint8_t *data, size_t size, uint32_t most, struct result *out)
{
	struct chance chance = chance_of(data, size);
	struct http_chunked c = { 0 };
	size_t at = 0;

	out->e = E_AGAIN;
	while (out->e == E_AGAIN && at < size) {
		size_t n = most ? 1 + chance_below(&chance, most) : size, used = 0;
		uint8_t *piece;

		n = n < size - at ? n : size - at;
		piece = malloc(n);
		REQUIRE(piece);
		memcpy(piece, data + at, n);
		out->e = http_chunked_feed(&c, bytes_of(piece, n), &used, out->body, CAP);
		free(piece);
		REQUIRE(out->e == E_AGAIN || out->e == E_OK || out->e == E_HTTP_BAD ||
			out->e == E_HTTP_BODY);
		REQUIRE(used <= n && (out->e != E_AGAIN || used == n));
		at += used;
	}
	out->used = at;
	out->body_len = c.body_len;
	REQUIRE(c.body_len <= CAP && c.body_len <= size);
}

static void require_same(const struct result *a, const struct result *b)
{
	REQUIRE(a->e == b->e);
	if (a->e != E_OK && a->e != E_AGAIN)
		return;
	REQUIRE(a->used == b->used && a->body_len == b->body_len);
	REQUIRE(memcmp(a->body, b->body, a->body_len) == 0);
}

/* The body may gather where the input lies. */
static void feed_in_place(const uint8_t *data, size_t size, struct result *out)
{
	struct http_chunked c = { 0 };
	uint8_t *copy = malloc(size);

	REQUIRE(copy || size == 0);
	if (size)
		memcpy(copy, data, size);
	out->used = 0;
	out->e = http_chunked_feed(&c, bytes_of(copy, size), &out->used, copy, CAP);
	out->body_len = c.body_len;
	if (c.body_len)
		memcpy(out->body, copy, c.body_len);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, pieces, octets, place;

	feed(data, size, 0, &whole);
	feed(data, size, 1, &octets);
	feed(data, size, 40, &pieces);
	feed_in_place(data, size, &place);
	require_same(&whole, &octets);
	require_same(&whole, &pieces);
	require_same(&whole, &place);
	return 0;
}
