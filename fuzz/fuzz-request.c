/* An OCSPRequest, as the network brings it. */
#include "fuzz.h"

#include "request.h"
#include "der.h"

/* The same certificates asked for in the plainest of requests. */
static void check_plain_request(const struct request *r)
{
	size_t cap = r->der.len + LIM_CERTIDS * 8 + 32;
	uint8_t *buf = malloc(cap);
	struct der_out out = der_out_of(buf, cap);
	static struct request again;

	REQUIRE(buf);
	for (size_t i = r->n; i > 0; i--) {
		size_t mark = der_mark(&out);

		der_put(&out, r->id[i - 1].der);
		der_wrap(&out, DER_SEQUENCE, mark);
	}
	for (int i = 0; i < 3; i++)
		der_wrap(&out, DER_SEQUENCE, 0);
	REQUIRE(request_parse(der_out_bytes(&out), &again, NULL) == E_OK);
	REQUIRE(again.n == r->n && !again.has_nonce && !again.is_signed);
	for (size_t i = 0; i < r->n; i++)
		REQUIRE(bytes_eq(again.id[i].der, r->id[i].der));
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes der = bytes_of(data, size);
	static struct request r;
	const char *why = NULL;
	size_t total;
	enum err e = request_parse(der, &r, &why);

	if (e != E_OK) {
		REQUIRE(e == E_MALFORMED);
		check_sentence(why, 128);
		return 0;
	}
	REQUIRE(der_frame(der, size, &total) == E_OK && total == size);
	REQUIRE(r.der.p == data && r.der.len == size);
	REQUIRE(r.n >= 1 && r.n <= LIM_CERTIDS);
	for (size_t i = 0; i < r.n; i++)
		check_certid(&r.id[i], der);
	REQUIRE(r.has_nonce == (r.nonce.len > 0) && r.nonce.len <= LIM_NONCE_LEN);
	REQUIRE(lies_in(r.nonce, der) && lies_in(r.preferred, der));
	check_plain_request(&r);
	return 0;
}
