#include "fresh.h"

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = { "miss", "recheck", "renew", "hit" };

	return (unsigned)v < 4 ? names[v] : "?";
}

int64_t fresh_renew_at(const struct single *s)
{
	int64_t validity = s->next_update - s->this_update;
	uint32_t spread = 2166136261u;	/* FNV-1a over the serial: the same for all instances */

	for (size_t i = 0; i < s->id.serial.len; i++)
		spread = (spread ^ s->id.serial.p[i]) * 16777619u;
	return s->this_update + validity / 8 * 3 + validity / 8 * (spread >> 16) / 65536;
}

enum verdict fresh_judge(const struct single *s, int64_t produced_at, int64_t now_ms,
			 int64_t agreed_ms, int recheck_s)
{
	int64_t now = now_ms / 1000, renew_at;

	if (s->next_update == INT64_MIN || now >= s->next_update)
		return FRESH_MISS;
	if (s->this_update > now || produced_at > now)
		return FRESH_MISS;
	if (agreed_ms > now_ms || now_ms - agreed_ms >= (int64_t)recheck_s * 1000)
		return FRESH_RECHECK;
	renew_at = fresh_renew_at(s);
	return now >= renew_at && agreed_ms < renew_at * 1000 ? FRESH_RENEW : FRESH_HIT;
}

int64_t fresh_max_age(const struct response *r, int64_t maxage_s, int64_t recheck_s)
{
	struct der d = der_of(r->singles);
	struct single s;

	while (response_next(&d, &s))
		if (s.status == CERT_REVOKED && s.reason == 6 && recheck_s < maxage_s)
			return recheck_s;
	return maxage_s;
}
