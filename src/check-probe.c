/* Asks as a client would, and looks at the answer: for each CA one certificate of the table. */
#include <stdio.h>

#include "check.h"
#include "child.h"
#include "lint.h"

/* Rows that are looked through for one that can be asked about. */
#define ROWS 64

struct probe {
	struct check *k;
	const struct conf_ca *conf;
	struct cert *ca;
	bool found;
	unsigned bare, readable;	/* rows whose certificate can't be read, or can */
	enum cert_status status;
	uint8_t buf[LIM_SERIAL_LEN];
	struct bytes serial;
	char text[SERIAL_TEXT_LEN];
};

/* Several CAs may share a table: is this row's certificate one of ours? */
static bool is_ours(struct probe *p, const struct store_row *row)
{
	struct cert cert = { .octets = NULL };
	bool ours;

	if (!p->conf->verify)
		return true;
	if (!row->cert || cert_parse(bytes_of(row->cert, row->cert_len), &cert) != E_OK) {
		p->bare++;
		return false;
	}
	p->readable++;
	ours = bytes_eq(cert.serial, p->serial) && cert_issued_by(&cert, p->ca) == E_OK;
	cert_free(&cert);
	return ours;
}

static bool look_at_row(void *arg, struct store_row *row)
{
	struct probe *p = arg;

	if (row->status == ROW_ODD ||
	    !serial_parse(bytes_str(row->cert_num), p->buf, &p->serial) || !is_ours(p, row))
		return true;
	p->status = row->status == ROW_REVOKED ? CERT_REVOKED : CERT_GOOD;
	serial_text(p->serial, p->text);
	p->found = true;
	return false;
}

static void tell_fault(void *arg, bool error, const char *clause, const char *source)
{
	struct probe *p = arg;

	check_tell(p->k, "probe", error ? FOUND_ERROR : FOUND_WARNING,
		   "the answer about %s is not as it should be: %s (%s)", p->text, clause, source);
}

static void ask(struct probe *p)
{
	static uint8_t answer[LIM_RESPONSE_LEN];
	const struct conf *c = &p->k->ctl->conf;
	uint8_t buf[VARIANT_REQUEST_LEN];
	int64_t start_us = clock_mono_us();
	struct ctl_certids ids;
	struct lint lint;
	size_t len;
	enum err e;

	if (ctl_certids(p->ca, p->serial, &ids) != E_OK)
		return;
	e = child_ask(c, "check", variants_request(&ids.id[0], buf), deadline_in(c->timeout_ms),
		      answer, sizeof answer, &len);
	if (e != E_OK) {
		check_tell(p->k, "probe", FOUND_ERROR, "%s %s: its log says why", c->signer,
			   e == E_NOT_FOUND || e == E_BUSY ? "can't be started or reached" :
			   e == E_DEADLINE		   ? "did not answer within timeout=" :
							     "ended without an answer");
		return;
	}
	lint = (struct lint){
		.certid = ids.id[0].der,
		.status = p->status,
		.ca = p->ca->der,
		.now = clock_real_ms() / 1000,
		.producetime_s = p->conf->producetime_s,
		.profile = c->profile,
	};
	if (lint_response(bytes_of(answer, len), &lint, tell_fault, p) == 0)
		check_tell(p->k, "probe", FOUND_OK, "asked about %s: %s, %zu octets in %lld ms, "
			   "and all is as it should be", p->text, cert_status_name(p->status), len,
			   (long long)(clock_mono_us() - start_us) / 1000);
}

void check_probes(struct check *k)
{
	struct ctl *c = k->ctl;

	for (size_t i = 0; i < c->conf.n_ca; i++) {
		const struct conf_ca *ca = &c->conf.ca[i];
		struct probe p = { .k = k, .conf = ca, .ca = &k->signer[i].ca };

		if (!k->can_sign[i] || !c->store)
			continue;
		if (store_page(c->store, ca->table, "", ROWS, ca->verify, ctl_deadline(c),
			       look_at_row, &p) != E_OK)
			check_tell(k, "probe", FOUND_WARNING, "%s", store_error(c->store));
		else if (!p.found && p.bare && !p.readable)
			check_tell(k, "probe", FOUND_WARNING, "the first %u rows of table %s have no "
				   "certificate that can be read, and verify=yes asks for it: run "
				   "\"ocspctl import --certs FOLDER\", or set verify=no in section [%s]",
				   p.bare, ca->table, ca->name);
		else if (!p.found)
			check_tell(k, "probe", FOUND_OK, "nothing was asked for section [%s]: the "
				   "first rows of table %s have no certificate of its CA", ca->name,
				   ca->table);
		else
			ask(&p);
	}
}
