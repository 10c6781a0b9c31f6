/* An OCSPResponse that is read back: a file of the cache, or what ocsp-sign has said. */
#include "fuzz.h"

#include "fresh.h"
#include "gtime.h"
#include "response.h"

static bool is_time(int64_t t)
{
	return t >= GTIME_MIN && t <= GTIME_MAX;
}

/* Nothing is sent before its time, or at or after its end. */
static void check_verdict(const struct response *r, const struct single *s, int64_t now_ms,
			  int64_t agreed_ms)
{
	enum verdict v = fresh_judge(s, r->produced_at, now_ms, agreed_ms, 60);
	int64_t now = now_ms / 1000;

	REQUIRE(v >= FRESH_MISS && v <= FRESH_HIT);
	if (v == FRESH_MISS)
		return;
	REQUIRE(s->this_update <= now && r->produced_at <= now && now < s->next_update);
	REQUIRE(v == FRESH_RECHECK || (agreed_ms <= now_ms && now_ms - agreed_ms < 60000));
	REQUIRE(fresh_renew_at(s) >= s->this_update);
	REQUIRE(fresh_renew_at(s) <= s->this_update + (s->next_update - s->this_update) / 2);
}

/* Agreed a millisecond ahead, and a minute ago. */
static void check_at(const struct response *r, const struct single *s, int64_t now)
{
	check_verdict(r, s, now * 1000, now * 1000 + 1);
	check_verdict(r, s, now * 1000, now * 1000 - 60000);
	check_verdict(r, s, now * 1000, now * 1000 - 59999);
}

static void check_single(const struct response *r, const struct single *s, struct bytes der)
{
	check_certid(&s->id, der);
	REQUIRE(s->status == CERT_GOOD || s->status == CERT_REVOKED || s->status == CERT_UNKNOWN);
	REQUIRE(s->reason >= REASON_ABSENT && s->reason <= 10);
	REQUIRE(s->status == CERT_REVOKED || s->reason == REASON_ABSENT);
	REQUIRE(is_time(s->revoked_at) && is_time(s->this_update));
	if (s->next_update == INT64_MIN) {
		REQUIRE(fresh_judge(s, r->produced_at, 0, 0, 60) == FRESH_MISS);
		return;
	}
	REQUIRE(is_time(s->next_update));
	check_at(r, s, s->this_update - 1);
	check_at(r, s, s->this_update);
	check_at(r, s, r->produced_at);
	check_at(r, s, s->this_update / 2 + s->next_update / 2);
	check_at(r, s, s->next_update - 1);
	check_at(r, s, s->next_update);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes der = bytes_of(data, size);
	int64_t this_update = INT64_MIN, next_update = INT64_MAX;
	uint8_t error[RESPONSE_ERROR_LEN];
	struct single s, found;
	struct response r;
	struct der d;
	size_t n = 0;

	if (response_parse(der, &r) != E_OK)
		return 0;
	if (r.status != OCSP_SUCCESSFUL) {
		response_error(r.status, error);
		REQUIRE(bytes_eq(der, bytes_of(error, sizeof error)));
		return 0;
	}
	REQUIRE(lies_in(r.responder_key, der) && r.singles.len && lies_in(r.singles, der));
	REQUIRE(is_time(r.produced_at));
	for (d = der_of(r.singles); response_next(&d, &s); n++) {
		REQUIRE(n > 0 || bytes_eq(s.id.der, r.first.id.der));
		REQUIRE(response_find(&r, s.id.der, &found) == E_OK);
		REQUIRE(bytes_eq(found.id.der, s.id.der));
		check_single(&r, &s, der);
		this_update = s.this_update > this_update ? s.this_update : this_update;
		next_update = s.next_update < next_update ? s.next_update : next_update;
	}
	REQUIRE(der_done(&d) && n == r.n && n > 0);
	REQUIRE(r.this_update == this_update && r.next_update == next_update);
	REQUIRE(response_find(&r, bytes_of(data, 1), &found) == E_NOT_FOUND);
	return 0;
}
