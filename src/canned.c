#include "canned.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cert.h"
#include "gtime.h"
#include "io.h"
#include "pem.h"
#include "signed.h"

/* DER stays where it is; text is decoded in place, which it always outgrows. */
static bool decode(uint8_t *buf, size_t len, struct bytes *out)
{
	struct bytes text = bytes_of(buf, len);
	struct der d = der_of(text);
	struct der_item item;
	struct pem pem;

	if (der_peek(&d) == DER_SEQUENCE && der_next(&d, &item) &&
	    pem_blank(bytes_of(d.p, (size_t)(d.end - d.p)))) {
		*out = item.all;
		return true;
	}
	if (pem_next(&text, &pem)) {
		if (!pem_blank(text))
			return false;
		text = pem.body;
	}
	out->p = buf;
	return base64_decode(text, buf, &out->len);
}

enum err canned_load(const char *path, const struct conf_ca *conf, struct canned *out,
		     char error[CANNED_ERROR_LEN])
{
	struct canned c = { .path = path, .conf = conf };
	size_t len;
	enum err e;

	/* base64 and its newlines take less than half as much again */
	e = io_load_file(path, LIM_RESPONSE_LEN * 3 / 2, &c.octets, &len);
	if (e) {
		snprintf(error, CANNED_ERROR_LEN, "ocspresponse %s can't be read: %s", path,
			 e == E_DATA ? "it is no regular file, or too long" : strerror(errno));
		return e == E_DATA ? E_DATA : E_IO;
	}
	if (!decode(c.octets, len, &c.der) || c.der.len > LIM_RESPONSE_LEN ||
	    response_parse(c.der, &c.response) != E_OK || c.response.status != OCSP_SUCCESSFUL) {
		snprintf(error, CANNED_ERROR_LEN,
			 "ocspresponse %s is no successful OCSP response in DER, PEM or base64: "
			 "make it anew",
			 path);
		canned_free(&c);
		return E_DATA;
	}
	*out = c;
	return E_OK;
}

void canned_free(struct canned *c)
{
	free(c->octets);
	memset(c, 0, sizeof *c);
}

/* By a responder that the root has delegated (RFC 6960 4.2.2.2). */
static bool signed_by_delegate(const struct signed_parts *p, struct cert *root, int64_t now)
{
	struct der d = der_of(p->certs);
	struct der_item item;
	bool ok = false;

	while (!ok && der_next(&d, &item)) {
		struct cert_usage usage;
		struct cert c;

		if (cert_parse(item.all, &c) != E_OK)
			continue;
		usage = cert_usage(&c);
		ok = usage.eku_ocsp_signing && !usage.broken && now >= c.not_before &&
		     now <= c.not_after && cert_issued_by(&c, root) == E_OK && signed_by(p, &c);
		cert_free(&c);
	}
	return ok;
}

static bool root_issued_all(const struct canned *c, const struct cert *root)
{
	struct der d = der_of(c->response.singles);
	struct single s;

	while (response_next(&d, &s))
		if (!cert_is_issuer_in(root, &s.id))
			return false;
	return der_done(&d);
}

static enum err check_signature(const struct canned *c, int64_t now, char error[CANNED_ERROR_LEN])
{
	struct signed_parts parts;
	struct cert root;
	enum err e;

	e = cert_load(c->conf->root, &root, error);
	if (e)
		return e;
	if (now < root.not_before || now > root.not_after) {
		snprintf(error, CANNED_ERROR_LEN,
			 "root %s is expired or not yet valid, so ocspresponse %s can't be "
			 "verified",
			 c->conf->root, c->path);
		e = E_DATA;
	} else if (!root_issued_all(c, &root)) {
		snprintf(error, CANNED_ERROR_LEN,
			 "ocspresponse %s answers for a certificate that %s did not issue",
			 c->path, c->conf->root);
		e = E_DATA;
	} else if (!signed_split(c->der, &parts) ||
		   (!signed_by(&parts, &root) && !signed_by_delegate(&parts, &root, now))) {
		snprintf(error, CANNED_ERROR_LEN,
			 "ocspresponse %s is signed neither with the key of %s nor "
			 "by a responder it has delegated, or with an algorithm that is too weak",
			 c->path, c->conf->root);
		e = E_DATA;
	}
	cert_free(&root);
	return e;
}

enum err canned_check(const struct canned *c, int64_t now, char error[CANNED_ERROR_LEN])
{
	char date[HTTP_DATE_LEN];

	if (now < c->response.this_update || now < c->response.produced_at) {
		http_date_format(c->response.this_update, date);
		snprintf(error, CANNED_ERROR_LEN,
			 "ocspresponse %s is not valid before %.*s: is the clock right?",
			 c->path, HTTP_DATE_LEN, date);
		return E_DATA;
	}
	if (c->response.next_update != INT64_MIN && now >= c->response.next_update) {
		http_date_format(c->response.next_update, date);
		snprintf(error, CANNED_ERROR_LEN,
			 "ocspresponse %s was valid until %.*s: make it anew with the key that "
			 "issued the certificate",
			 c->path, HTTP_DATE_LEN, date);
		return E_DATA;
	}
	return c->conf->root ? check_signature(c, now, error) : E_OK;
}

#define WEEK_S (7 * 86400)

bool canned_ends_soon(const struct canned *c, int64_t now)
{
	int64_t end = c->response.next_update, validity, notice;

	if (end == INT64_MIN)
		return false;
	validity = end - c->response.this_update;
	notice = validity / 8 > WEEK_S ? validity / 8 : WEEK_S;
	return end - now <= (notice < validity / 2 ? notice : validity / 2);
}
