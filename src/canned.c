#include "canned.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cert.h"
#include "gtime.h"
#include "io.h"
#include "pem.h"
#include "sigalg.h"

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

/* The signed parts of a response that response_parse() has accepted. */
struct parts {
	struct bytes data, algorithm, signature, certs;
};

static bool take_item(struct der *d, struct bytes *all)
{
	struct der_item item;

	if (!der_next(d, &item))
		return false;
	*all = item.all;
	return true;
}

static bool split(struct bytes der, struct parts *out)
{
	struct der d = der_of(der);
	struct bytes v;

	memset(out, 0, sizeof *out);
	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return false;
	d = der_of(v);
	if (!der_take(&d, DER_ENUMERATED, NULL) || !der_take_last(&d, DER_CONTEXT_CONS(0), &v))
		return false;
	d = der_of(v);
	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return false;
	d = der_of(v);
	if (!der_take(&d, DER_OID, NULL) || !der_take_last(&d, DER_OCTET_STRING, &v))
		return false;
	d = der_of(v);
	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return false;
	d = der_of(v);
	if (!take_item(&d, &out->data) || !take_item(&d, &out->algorithm) ||
	    !der_take(&d, DER_BIT_STRING, &v) || v.len < 1 || v.p[0] != 0)
		return false;
	out->signature = bytes_of(v.p + 1, v.len - 1);
	if (der_done(&d))
		return true;
	if (!der_take_last(&d, DER_CONTEXT_CONS(0), &v))
		return false;
	d = der_of(v);
	return der_take_last(&d, DER_SEQUENCE, &out->certs);
}

static bool signed_by(const struct parts *p, struct cert *c)
{
	const struct sigalg *alg = sigalg_find(p->algorithm);
	EVP_PKEY *key = cert_public_key(c);

	return alg && key && sigalg_verify(alg, key, p->data, p->signature);
}

/* By a responder that the root has delegated (RFC 6960 4.2.2.2). */
static bool signed_by_delegate(const struct parts *p, struct cert *root, int64_t now)
{
	struct der d = der_of(p->certs);
	struct bytes all;
	bool ok = false;

	while (!ok && take_item(&d, &all)) {
		struct cert_usage usage;
		struct cert c;

		if (cert_parse(all, &c) != E_OK)
			continue;
		usage = cert_usage(&c);
		ok = usage.eku_ocsp_signing && !usage.broken && now >= c.not_before &&
		     now <= c.not_after && cert_issued_by(&c, root) && signed_by(p, &c);
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
	struct parts parts;
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
	} else if (!split(c->der, &parts) ||
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
	int64_t end = c->response.next_update, validity = end - c->response.this_update;
	int64_t notice = validity / 8 > WEEK_S ? validity / 8 : WEEK_S;

	if (end == INT64_MIN)
		return false;
	return end - now < (notice < validity / 2 ? notice : validity / 2);
}
