/*
 * A whole connection, from its first octet to its last. What the program takes for requests, and
 * what it answers, must not depend on the pieces that the octets come in.
 */
#include "stand-in.h"

#include "der.h"

static bool same_answers(const struct connection_record *a, const struct connection_record *b)
{
	/* the clock may have moved on to the next second between the two */
	static const char date[] = "\r\nDate: ";
	const size_t n = sizeof date - 1, skip = n + 29;
	size_t i = 0;

	if (a->out_len != b->out_len)
		return false;
	while (i < a->out_len) {
		if (a->out_len - i >= skip && memcmp(a->out + i, date, n) == 0 &&
		    memcmp(b->out + i, date, n) == 0) {
			i += skip;
			continue;
		}
		if (a->out[i] != b->out[i])
			return false;
		i++;
	}
	return true;
}

static void require_same(const struct connection_record *a, const struct connection_record *b)
{
	REQUIRE(a->n == b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct seen *s = &a->seen[i], *t = &b->seen[i];

		REQUIRE(s->method == t->method && s->answered == t->answered);
		REQUIRE(bytes_eq(s->path, t->path) && bytes_eq(s->request, t->request));
	}
	REQUIRE(same_answers(a, b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct connection_record whole, octets, pieces;
	struct bytes in = bytes_of(data, size);
	size_t total;

	/* nobody waits for what stands behind bare DER: it is seen if it has come by then */
	if (size && data[0] == DER_SEQUENCE && der_frame(in, size, &total) == E_OK)
		in.len = total;
	serve_stream(in, 0, &whole);
	serve_stream(in, 1, &octets);
	serve_stream(in, 300, &pieces);
	/* whoever asked something has got an answer */
	REQUIRE(whole.n == 0 || whole.out_len > 0);
	require_same(&whole, &octets);
	require_same(&whole, &pieces);
	record_clear(&whole);
	record_clear(&octets);
	record_clear(&pieces);
	return 0;
}
