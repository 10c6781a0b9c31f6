#include <stdio.h>

#include "metrics.h"
#include "responder-impl.h"

/* Of the time that is left, what the database may take for one question: the rest is for signing
 * and for saying that it didn't answer. */
static struct deadline share_of(struct deadline d)
{
	return deadline_sooner(d, deadline_left_ms(d) * 6 / 10);
}

static enum err find_row(struct ask *a, struct bytes serial, struct store_row *row)
{
	const struct conf_ca *ca = a->signer->conf;
	struct deadline d = share_of(a->d);
	int64_t start_us = clock_mono_us();
	char error[STORE_ERROR_LEN];
	enum err e;

	if (!a->r->store) {
		e = store_open(a->r->conf, d, &a->r->store, error);
		if (e) {
			a->r->store = NULL;
			return ask_fail(a, E_DB, "%s", error);
		}
	}
	e = store_find(a->r->store, ca->table, serial, ca->verify, d, row);
	if (e == E_OK || e == E_NOT_FOUND) {
		metrics_count_time(CLOCK_LOOKUP, clock_mono_us() - start_us);
		return e;
	}
	ask_fail(a, E_DB, "%s", store_error(a->r->store));
	/* one row is at fault, and the database is there for all others */
	if (store_has_answered(a->r->store))
		return E_DATA;
	/* the next question begins with a new connection */
	store_close(a->r->store);
	a->r->store = NULL;
	return E_DB;
}

/* RFC 6960 2.2 leaves three answers, and the operator has chosen. */
static enum err not_in_table(struct ask *a, size_t i)
{
	struct decision *d = &a->decision[i];

	ask_drop(a, i);
	switch (a->r->conf->unknown) {
	case UNKNOWN_UNKNOWN:
		*d = (struct decision){ .status = CERT_UNKNOWN, .reason = REASON_ABSENT };
		break;
	case UNKNOWN_REVOKED:
		/* certificateHold since 1970, and extended-revoke says what it means */
		*d = (struct decision){ .status = CERT_REVOKED, .reason = 6 };
		break;
	case UNKNOWN_UNAUTHORIZED:
	default:
		return ask_fail(a, E_UNAUTHORIZED, "table %s does not hold the certificate",
				a->signer->conf->table);
	}
	a->not_issued = true;
	return E_OK;
}

static enum err no_memory(struct ask *a, const struct store_row *row)
{
	return ask_fail(a, E_BUSY, "no memory is left to verify the certificate in row %s",
			row->cert_num);
}

/* The certificate in the row is what the row's serial says, and came from this CA. */
static enum err check_cert(struct ask *a, const struct store_row *row, struct bytes serial,
			   int64_t *not_before, bool *is_ca)
{
	const char *table = a->signer->conf->table;
	struct cert c;
	enum err e;

	if (row->cert_too_long)
		return ask_fail(a, E_DATA,
				"row %s of table %s has more than %d octets for a certificate",
				row->cert_num, table, LIM_CERT_LEN);
	if (!row->cert_len)
		return ask_fail(a, E_DATA,
				"row %s of table %s has no certificate: import it, or set verify=no",
				row->cert_num, table);
	e = cert_parse(bytes_of(row->cert, row->cert_len), &c);
	if (e == E_BUSY)
		return no_memory(a, row);
	if (e)
		return ask_fail(a, E_DATA,
				"what row %s of table %s has for a certificate can't be read",
				row->cert_num, table);
	*not_before = c.not_before;
	*is_ca = a->r->conf->profile == PROFILE_BR && cert_usage(&c).is_ca;
	if (!bytes_eq(c.serial, serial)) {
		e = ask_fail(a, E_DATA, "the certificate in row %s of table %s has another serial",
			     row->cert_num, table);
	} else {
		e = cert_issued_by(&c, &a->signer->ca);
	}
	if (e == E_BUSY && !cert_public_key(&a->signer->ca) && !cert_memory_is_short()) {
		e = ask_fail(a, E_SIGNER,
			     "the key of %s is of a kind that libcrypto can't read, so that nothing "
			     "can be verified under it", conf_ca_file(a->signer->conf));
	} else if (e == E_BUSY) {
		no_memory(a, row);
	} else if (e == E_UNAUTHORIZED) {
		ask_fail(a, e,
			 "the certificate in row %s of table %s was not issued by the CA of "
			 "section [%s]",
			 row->cert_num, table, a->signer->conf->name);
		a->r->say(LEVEL_ERROR, a->info->why);
	}
	cert_free(&c);
	return e;
}

enum err ask_row(struct ask *a, size_t i, struct bytes serial, const struct store_row *row)
{
	const struct conf_ca *ca = a->signer->conf;
	struct decision *d = &a->decision[i];
	int64_t not_before = ROW_NO_TIME;
	bool is_ca = false;
	enum err e = E_OK;

	if (ca->verify)
		e = check_cert(a, row, serial, &not_before, &is_ca);
	if (e == E_OK && decide_row(row, not_before, clock_real_ms() / 1000, a->r->conf->profile,
				    &a->decision[i]) != E_OK)
		e = ask_fail(a, E_DATA,
			     "the status of row %s in table %s is neither Valid nor Revoked",
			     row->cert_num, ca->table);
	if (e == E_OK && is_ca && d->status == CERT_REVOKED && d->reason == REASON_ABSENT)
		d->odd_reason = "a CA's certificate is revoked without a reason that the Baseline "
				"Requirements allow (7.3): put one into revocation_reason";
	/* whatever was said about it before, it can't be said now; unless nothing was found out */
	if (e && e != E_BUSY)
		ask_drop(a, i);
	return e;
}

enum err ask_status(struct ask *a, size_t i)
{
	struct store_row row;
	struct bytes serial;
	enum err e;

	if (!certid_serial(&a->request.id[i], &serial))
		return not_in_table(a, i);
	e = find_row(a, serial, &row);
	/* it may be this one's: what was said before can't be said now */
	if (e == E_DATA)
		ask_drop(a, i);
	if (e)
		return e == E_NOT_FOUND ? not_in_table(a, i) : e;
	e = ask_row(a, i, serial, &row);
	store_row_free(&row);
	return e;
}
