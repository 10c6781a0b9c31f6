#include "cert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "der.h"
#include "gtime.h"
#include "io.h"
#include "pem.h"

/* RFC 5280 4.1.2.5: UTCTime's two digits of a year mean 1950 … 2049. */
static bool read_time(struct der *d, int64_t *out)
{
	struct bytes v;
	uint8_t full[GTIME_LEN];

	if (der_peek(d) == DER_GENERALIZED_TIME)
		return der_take(d, DER_GENERALIZED_TIME, &v) && gtime_parse(v, out);
	if (!der_take(d, DER_UTCTIME, &v) || v.len != GTIME_LEN - 2)
		return false;
	memcpy(full, v.p[0] >= '5' ? "19" : "20", 2);
	memcpy(full + 2, v.p, v.len);
	return gtime_parse(bytes_of(full, sizeof full), out);
}

static bool read_serial(struct der *d, struct bytes *magnitude)
{
	struct bytes v;

	if (!der_take(d, DER_INTEGER, &v) || !der_integer_ok(v) || (v.p[0] & 0x80))
		return false;
	if (v.len > 1 && v.p[0] == 0)
		v = bytes_of(v.p + 1, v.len - 1);
	*magnitude = v;
	return v.len <= LIM_SERIAL_LEN;
}

/* A SEQUENCE, with its header. */
static bool take_sequence(struct der *d, struct bytes *all)
{
	struct der_item item;

	if (der_peek(d) != DER_SEQUENCE || !der_next(d, &item))
		return false;
	*all = item.all;
	return true;
}

/* A BIT STRING of whole octets. */
static bool take_bits(struct der *d, struct bytes *out)
{
	struct bytes v;

	if (!der_take_last(d, DER_BIT_STRING, &v) || v.len < 1 || v.p[0] != 0)
		return false;
	*out = bytes_of(v.p + 1, v.len - 1);
	return true;
}

static bool inside(struct bytes all, struct der *out)
{
	struct der d = der_of(all);
	struct bytes v;

	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return false;
	*out = der_of(v);
	return true;
}

static bool read_tbs(struct cert *c)
{
	struct der d, in;
	struct bytes v, alg;

	if (!inside(c->tbs, &d))
		return false;
	if (der_peek(&d) == DER_CONTEXT_CONS(0) && !der_take(&d, DER_CONTEXT_CONS(0), NULL))
		return false;
	/* the algorithm stands there twice, so that it is signed too: RFC 5280 4.1.2.3 */
	if (!read_serial(&d, &c->serial) || !take_sequence(&d, &alg) ||
	    !bytes_eq(alg, c->sig_alg) || !take_sequence(&d, &c->issuer) ||
	    !der_take(&d, DER_SEQUENCE, &v))
		return false;
	in = der_of(v);
	if (!read_time(&in, &c->not_before) || !read_time(&in, &c->not_after) || !der_done(&in))
		return false;
	if (!take_sequence(&d, &c->subject) || !take_sequence(&d, &c->spki) ||
	    !inside(c->spki, &in) || !take_sequence(&in, &alg) || !take_bits(&in, &c->key))
		return false;
	/* the unique identifiers of version 2 */
	if (der_peek(&d) == DER_CONTEXT(1) && !der_take(&d, DER_CONTEXT(1), NULL))
		return false;
	if (der_peek(&d) == DER_CONTEXT(2) && !der_take(&d, DER_CONTEXT(2), NULL))
		return false;
	if (der_done(&d))
		return true;
	if (!der_take_last(&d, DER_CONTEXT_CONS(3), &v))
		return false;
	in = der_of(v);
	return der_take_last(&in, DER_SEQUENCE, &c->extensions);
}

/* The octets become the certificate's, whatever the result. */
static enum err adopt(uint8_t *octets, size_t len, struct cert *out)
{
	struct cert c = { .octets = octets, .der = bytes_of(octets, len) };
	struct der d;

	if (!inside(c.der, &d) || !take_sequence(&d, &c.tbs) || !take_sequence(&d, &c.sig_alg) ||
	    !take_bits(&d, &c.signature) || !read_tbs(&c)) {
		free(octets);
		return E_DATA;
	}
	*out = c;
	return E_OK;
}

static bool is_certificate(struct bytes label)
{
	return bytes_eq(label, bytes_str("CERTIFICATE")) ||
	       bytes_eq(label, bytes_str("X509 CERTIFICATE"));
}

/* Reads the certificate at the front of *in and moves on. E_NOT_FOUND at the end. */
static enum err next_cert(struct bytes *in, struct cert *out)
{
	struct der d = der_of(*in);
	struct der_item item;
	uint8_t *octets;
	struct pem pem;
	size_t len;

	/* a text may begin with "0" too: what isn't DER to its end is looked through for PEM */
	if (der_peek(&d) == DER_SEQUENCE && der_next(&d, &item) &&
	    pem_blank(bytes_of(d.p, (size_t)(d.end - d.p)))) {
		octets = malloc(item.all.len);
		if (!octets)
			return E_BUSY;
		memcpy(octets, item.all.p, item.all.len);
		*in = bytes_of(d.end, 0);
		return adopt(octets, item.all.len, out);
	}
	do {
		if (!pem_next(in, &pem))
			return pem_blank(*in) ? E_NOT_FOUND : E_DATA;
	} while (!is_certificate(pem.label));
	octets = malloc(pem.body.len + 1);
	if (!octets)
		return E_BUSY;
	if (!base64_decode(pem.body, octets, &len)) {
		free(octets);
		return E_DATA;
	}
	return adopt(octets, len, out);
}

enum err cert_parse(struct bytes octets, struct cert *out)
{
	struct cert first, more;
	enum err e;

	e = next_cert(&octets, &first);
	if (e)
		return e == E_NOT_FOUND ? E_DATA : e;
	while ((e = next_cert(&octets, &more)) == E_OK)
		cert_free(&more);
	if (e != E_NOT_FOUND) {
		cert_free(&first);
		return e;
	}
	*out = first;
	return E_OK;
}

static enum err unreadable(const char *path, enum err e, char error[CERT_ERROR_LEN])
{
	snprintf(error, CERT_ERROR_LEN, "%s can't be read: %s", path,
		 e == E_DATA ? "it is no regular file, or too long for a certificate"
			     : strerror(errno));
	return e == E_DATA ? E_DATA : E_IO;
}

static enum err no_cert(const char *path, enum err e, char error[CERT_ERROR_LEN])
{
	snprintf(error, CERT_ERROR_LEN, "%s: %s", path,
		 e == E_BUSY ? "no memory is left" : "this is no X.509 certificate in PEM or DER");
	return e;
}

enum err cert_load(const char *path, struct cert *out, char error[CERT_ERROR_LEN])
{
	uint8_t *buf;
	size_t len;
	enum err e;

	e = io_load_file(path, LIM_CERT_LEN, &buf, &len);
	if (e)
		return unreadable(path, e, error);
	e = cert_parse(bytes_of(buf, len), out);
	free(buf);
	return e ? no_cert(path, e, error) : E_OK;
}

enum err cert_load_all(const char *path, struct cert **out, size_t *n, char error[CERT_ERROR_LEN])
{
	struct cert *list = NULL, *more;
	size_t count = 0, len;
	struct bytes in;
	uint8_t *buf;
	enum err e;

	e = io_load_file(path, LIM_CERT_LEN, &buf, &len);
	if (e)
		return unreadable(path, e, error);
	in = bytes_of(buf, len);
	do {
		more = realloc(list, (count + 1) * sizeof *list);
		if (!more) {
			e = E_BUSY;
			break;
		}
		list = more;
		e = next_cert(&in, &list[count]);
		count += e == E_OK;
	} while (e == E_OK);
	free(buf);
	if (e != E_NOT_FOUND || count == 0) {
		cert_free_all(list, count);
		return no_cert(path, e == E_NOT_FOUND ? E_DATA : e, error);
	}
	*out = list;
	*n = count;
	return E_OK;
}

void cert_free_all(struct cert *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cert_free(&list[i]);
	free(list);
}
