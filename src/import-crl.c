/*
 * The revocations of a CRL, for certificates that the table has.
 */
#include <stdio.h>
#include <stdlib.h>

#include "crl.h"
#include "import.h"

struct crl_source {
	struct crl crl;
	size_t at;
};

static enum err next(struct import_source *s, struct import_record *out)
{
	struct crl_source *c = s->state;
	struct import_record r = { .has_status = true, .revoked = true };
	const struct crl_entry *entry;

	if (c->at == c->crl.n)
		return E_NOT_FOUND;
	entry = &c->crl.entry[c->at++];
	snprintf(s->where, sizeof s->where, "entry %zu", c->at);
	memcpy(r.buf, entry->buf, entry->len);
	r.len = entry->len;
	r.revoked_at = entry->revoked_at;
	r.reason = entry->reason;
	/* a row without certificate is of use only where nobody looks for one */
	r.may_add = !s->conf->verify;
	*out = r;
	return E_OK;
}

static void close_crl(struct import_source *s)
{
	struct crl_source *c = s->state;

	if (c)
		crl_free(&c->crl);
	free(c);
}

enum err import_crl(struct import_source *s, const char *path)
{
	struct crl_source *c = calloc(1, sizeof *c);
	char error[CRL_ERROR_LEN];
	enum err e;

	if (!c) {
		snprintf(s->why, sizeof s->why, "no memory is left");
		return E_BUSY;
	}
	s->state = c;
	s->next = next;
	s->close = close_crl;
	s->what = "CRL";
	e = crl_load(path, s->ca, &c->crl, error);
	if (e == E_OK)
		s->total = (int64_t)c->crl.n;
	else
		snprintf(s->why, sizeof s->why, "%s", error);
	return e;
}
