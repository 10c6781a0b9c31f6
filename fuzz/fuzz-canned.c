/* A file of ocspresponse=: DER, PEM or base64. */
#include "fuzz.h"

#include "canned.h"
#include "sigalg.h"
#include "signed.h"

static void check_parts(const struct canned *c)
{
	struct signed_parts p;

	if (!signed_split(c->der, &p))
		return;
	REQUIRE(p.data.len && lies_in(p.data, c->der));
	REQUIRE(p.algorithm.len && lies_in(p.algorithm, c->der));
	REQUIRE(lies_in(p.signature, c->der) && lies_in(p.certs, c->der));
	(void)sigalg_find(p.algorithm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char error[CANNED_ERROR_LEN];
	static const struct conf_ca conf = { .name = "ocsp" };
	const char *path = file_of(data, size);
	const struct response *r;
	struct response again;
	struct canned c;
	enum err e;

	error[0] = '\0';
	e = canned_load(path, &conf, &c, error);
	if (e != E_OK) {
		REQUIRE(e == E_DATA);
		check_sentence(error, sizeof error);
		return 0;
	}
	r = &c.response;
	REQUIRE(r->status == OCSP_SUCCESSFUL && r->n >= 1);
	REQUIRE(c.der.len <= LIM_RESPONSE_LEN && lies_in(r->singles, c.der));
	REQUIRE(response_parse(c.der, &again) == E_OK && again.n == r->n);
	/* not before its time, and not at its end */
	REQUIRE(canned_check(&c, r->this_update - 1, error) == E_DATA);
	check_sentence(error, sizeof error);
	if (r->next_update != INT64_MIN) {
		REQUIRE(canned_check(&c, r->next_update, error) == E_DATA);
		REQUIRE(r->next_update <= r->this_update || r->next_update <= r->produced_at ||
			canned_check(&c, r->next_update - 1, error) == E_OK);
		REQUIRE(r->next_update <= r->this_update || canned_ends_soon(&c, r->next_update));
	} else {
		REQUIRE(!canned_ends_soon(&c, r->this_update));
	}
	check_parts(&c);
	canned_free(&c);
	return 0;
}
