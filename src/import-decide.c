#include "import.h"

#define ON_HOLD 6	/* CRLReason certificateHold */

/* RFC 5280 5.3.1: to say nothing and to say "unspecified" is the same. */
static int plain(int reason)
{
	return reason == 0 ? ROW_NO_REASON : reason;
}

/* A revocation is never taken back, but a hold where the operator wants it. */
static void decide_valid(const struct store_row *old, bool release, struct import_plan *p)
{
	if (old->status == ROW_VALID)
		return;
	if (old->status == ROW_REVOKED && old->reason == ON_HOLD && release) {
		p->verdict = IMPORT_CHANGED;
		p->release = true;
		p->why = "released from hold";
	} else if (old->status == ROW_REVOKED) {
		p->verdict = IMPORT_KEPT;
		p->why = old->reason == ON_HOLD ? "is on hold in the table; --release takes it off"
						: "is revoked in the table, and stays so";
	} else {
		p->verdict = IMPORT_CLASH;
		p->why = "its row is neither Valid nor Revoked: mend it";
	}
}

static void decide_revoked(const struct store_row *old, const struct import_record *r,
			   struct import_plan *p)
{
	int was = plain(old->reason), is = plain(r->reason);
	int64_t at = r->revoked_at;

	if (old->status == ROW_REVOKED) {
		if (is == ON_HOLD && was != ON_HOLD) {
			p->verdict = IMPORT_KEPT;
			p->why = "is revoked for good in the table, and not on hold";
			return;
		}
		/* who gives no reason does not contradict one, unless that is a hold */
		if (is == ROW_NO_REASON && was != ON_HOLD)
			is = was;
		if (at == ROW_NO_TIME)
			at = old->revoked_at;
		if (is == was && at == old->revoked_at)
			return;
	}
	p->verdict = IMPORT_CHANGED;
	p->revoke = true;
	p->revoked_at = at;
	p->reason = is;
	p->why = old->status == ROW_REVOKED ? "other date or reason" : "revoked";
}

/* has: the row's certificate, or NULL. */
static void decide_cert(const struct cert *has, const struct import_record *r,
			struct import_plan *p)
{
	if (has && bytes_eq(has->der, r->cert.der))
		return;
	if (has) {
		/* to revoke the number is right all the same */
		if (!p->revoke)
			p->verdict = IMPORT_CLASH;
		p->why = p->revoke ? "revoked, but the table has another certificate with this "
				     "number"
				   : "the table has another certificate with this number";
		p->release = false;
		return;
	}
	p->set_cert = true;
	if (p->verdict == IMPORT_SAME) {
		p->verdict = IMPORT_CHANGED;
		p->why = "its certificate was missing";
	}
}

/* What hangs on the certificate that the row has. */
static enum err decide_owner(const struct store_row *old, const struct import_record *r,
			     struct bytes ca, struct import_plan *p)
{
	struct cert c = { .octets = NULL };
	enum err e = E_DATA;

	if (old->cert)
		e = cert_parse(bytes_of(old->cert, old->cert_len), &c);
	if (e == E_BUSY)
		return e;
	/* of another CA with the same table, whose certificate nothing that is said here is about */
	if (e == E_OK && ca.len && !bytes_eq(c.issuer, ca))
		*p = (struct import_plan){ .verdict = IMPORT_CLASH, .why = "the table's row of this "
					   "number is a certificate of another CA" };
	/* what can't be read is no certificate that anybody would miss */
	else if (r->pem && p->verdict != IMPORT_CLASH)
		decide_cert(e == E_OK ? &c : NULL, r, p);
	cert_free(&c);
	return E_OK;
}

enum err import_decide(const struct store_row *old, const struct import_record *r, struct bytes ca,
		       bool release, struct import_plan *out)
{
	struct import_plan p = { .verdict = IMPORT_SAME };
	enum err e = E_OK;

	if (!old) {
		p.verdict = r->may_add ? IMPORT_NEW : IMPORT_ABSENT;
		p.why = r->may_add ? NULL : "is not in the table: import its certificate first";
	} else {
		if (r->has_status && r->revoked)
			decide_revoked(old, r, &p);
		else if (r->has_status)
			decide_valid(old, release, &p);
		/* not for each of a million lines that change nothing: it takes the longest */
		if (r->pem || p.verdict != IMPORT_SAME)
			e = decide_owner(old, r, ca, &p);
	}
	if (e == E_OK)
		*out = p;
	return e;
}
