#include "decide.h"

#include "gtime.h"

/* RFC 5280 5.3.1 */
enum {
	UNSPECIFIED = 0,
	CERTIFICATE_HOLD = 6,
	NOT_ASSIGNED = 7,
	REMOVE_FROM_CRL = 8,
	LAST_REASON = 10,
};

/* Baseline Requirements 7.2.2: what else than "unspecified" a subscriber's certificate may say. A
 * suspension (6) is forbidden there (4.9.13): the certificate is revoked, without a reason. */
static bool allowed_by_br(int reason)
{
	return reason == 1 || reason == 3 || reason == 4 || reason == 5 || reason == 9;
}

static int decide_reason(int reason, enum conf_profile profile, const char **odd)
{
	if (reason == ROW_NO_REASON || reason == UNSPECIFIED)
		return REASON_ABSENT;	/* rather than "unspecified": RFC 5280 5.3.1 */
	if (reason < 0 || reason > LAST_REASON || reason == NOT_ASSIGNED) {
		*odd = "revocation_reason is no CRLReason, so none is given";
		return REASON_ABSENT;
	}
	if (reason == REMOVE_FROM_CRL) {
		*odd = "revocation_reason removeFromCRL is for delta CRLs, so none is given";
		return REASON_ABSENT;
	}
	if (profile == PROFILE_BR && !allowed_by_br(reason)) {
		*odd = "the Baseline Requirements forbid this revocation_reason, so none is given";
		return REASON_ABSENT;
	}
	return reason;
}

static int64_t decide_time(int64_t revoked_at, int64_t not_before, int64_t now, const char **odd)
{
	if (revoked_at == ROW_NO_TIME || revoked_at < GTIME_MIN || revoked_at > GTIME_MAX) {
		bool known = not_before != ROW_NO_TIME;

		*odd = known ? "revocation_time is missing, so its notBefore is given" :
			       "revocation_time is missing, so 1970 is given";
		return known ? not_before : 0;
	}
	if (revoked_at > now)
		*odd = "revocation_time lies ahead, so the time of the answer is given";
	return revoked_at;
}

enum err decide_row(const struct store_row *row, int64_t not_before, int64_t now,
		    enum conf_profile profile, struct decision *out)
{
	struct decision d = { .status = CERT_GOOD, .reason = REASON_ABSENT };

	switch (row->status) {
	case ROW_VALID:
		break;
	case ROW_REVOKED:
		d.status = CERT_REVOKED;
		d.reason = decide_reason(row->reason, profile, &d.odd_reason);
		d.revoked_at = decide_time(row->revoked_at, not_before, now, &d.odd_time);
		break;
	case ROW_ODD:
	default:
		return E_DATA;
	}
	*out = d;
	return E_OK;
}

bool decide_same(const struct decision *d, const struct single *answer, int64_t produced_at)
{
	if (d->status != answer->status)
		return false;
	return d->status != CERT_REVOKED ||
	       (answer->reason == d->reason &&
		answer->revoked_at == decide_revoked_at(d, produced_at));
}

struct validity decide_validity(const struct conf *conf, const struct conf_ca *ca,
				int64_t not_after, const struct decision *d, int64_t produced_at)
{
	int64_t back = conf->backdate_s, most = CONF_MOST_BACKDATE(ca);
	struct validity v = { .this_update = produced_at - (back < most ? back : most) };

	if (d->status == CERT_REVOKED && v.this_update < decide_revoked_at(d, produced_at))
		v.this_update = decide_revoked_at(d, produced_at);
	v.next_update = v.this_update + ca->producetime_s - 1;
	v.by_certificate = v.next_update > not_after;
	if (v.by_certificate)
		v.next_update = not_after;
	return v;
}
