#include "crl.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "der.h"
#include "gtime.h"
#include "io.h"
#include "pem.h"
#include "store.h"

/* Seconds that a server has for a CRL. */
#define CRL_FETCH_S 120

static bool is_crl(struct bytes label)
{
	return bytes_eq(label, bytes_str("X509 CRL"));
}

/* The CRL's DER: in place, or decoded into the same octets, which text always outgrows. */
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
	while (pem_next(&text, &pem))
		if (is_crl(pem.label)) {
			out->p = buf;
			return base64_decode(pem.body, buf, &out->len);
		}
	return false;
}

static bool read_time(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) == 1 &&
	       gtime_of_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
			      tm.tm_sec, out);
}

/* RFC 5280 5.2.5: what it leaves out would look as if it were not revoked. */
static const char *odd_scope(const X509_CRL *x)
{
	ISSUING_DIST_POINT *idp;
	bool odd;
	int critical;

	for (int i = 0; i < X509_CRL_get_ext_count(x); i++) {
		X509_EXTENSION *ext = X509_CRL_get_ext(x, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));

		if (nid == NID_delta_crl)
			return "is a delta CRL: take the complete one";
		if (X509_EXTENSION_get_critical(ext) && nid != NID_issuing_distribution_point)
			return "has a critical extension that is unknown here";
	}
	idp = X509_CRL_get_ext_d2i(x, NID_issuing_distribution_point, &critical, NULL);
	odd = idp ? idp->indirectCRL > 0 || idp->onlyattr > 0 || idp->onlysomereasons :
		    critical != -1;
	ISSUING_DIST_POINT_free(idp);
	return odd ? "is an indirect CRL, one for some reasons only, or one of attribute "
		     "certificates: take the CA's own" : NULL;
}

/* RFC 5280 5.3: a CRL with such an entry is not to be used. One is certificateIssuer, by which it is
 * about another CA's certificate. */
static bool is_odd_entry(const X509_REVOKED *r)
{
	for (int i = 0; i < X509_REVOKED_get_ext_count(r); i++) {
		X509_EXTENSION *ext = X509_REVOKED_get_ext(r, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));

		if (nid == NID_certificate_issuer)
			return true;
		if (X509_EXTENSION_get_critical(ext) && nid != NID_crl_reason &&
		    nid != NID_invalidity_date && nid != NID_hold_instruction_code)
			return true;
	}
	return false;
}

/* The reasons that a table has words for; others count as none (RFC 5280 5.3.1). */
static bool read_reason(const X509_REVOKED *r, int8_t *out)
{
	int critical;
	ASN1_ENUMERATED *e = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, &critical, NULL);
	long v = e ? ASN1_ENUMERATED_get(e) : ROW_NO_REASON;

	ASN1_ENUMERATED_free(e);
	*out = (int8_t)(reason_word((int)v) ? v : ROW_NO_REASON);
	return e || critical == -1;
}

static bool read_entry(const X509_REVOKED *r, struct crl_entry *out)
{
	const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(r);
	int len = ASN1_STRING_length(serial), skip = 0;
	const uint8_t *p = ASN1_STRING_get0_data(serial);

	while (skip < len - 1 && p[skip] == 0)
		skip++;
	len -= skip;
	if (len < 1 || len > LIM_SERIAL_LEN || ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
		return false;
	memcpy(out->buf, p + skip, (size_t)len);
	out->len = (uint8_t)len;
	return read_time(X509_REVOKED_get0_revocationDate(r), &out->revoked_at) &&
	       read_reason(r, &out->reason);
}

static int compare(const struct crl_entry *a, struct bytes b)
{
	if (a->len != b.len)
		return a->len < b.len ? -1 : 1;
	return memcmp(a->buf, b.p, b.len);
}

static int by_serial(const void *a, const void *b)
{
	return compare(a, crl_serial(b));
}

struct crl_entry *crl_find(const struct crl *c, struct bytes serial)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = compare(&c->entry[mid], serial);

		if (order == 0)
			return &c->entry[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* NULL, or what is wrong. */
static const char *read_all(X509_CRL *x, struct crl *c)
{
	STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(x);
	int n = list ? sk_X509_REVOKED_num(list) : 0;

	if (!read_time(X509_CRL_get0_lastUpdate(x), &c->this_update))
		return "has no proper thisUpdate";
	c->next_update = INT64_MIN;
	if (X509_CRL_get0_nextUpdate(x) &&
	    !read_time(X509_CRL_get0_nextUpdate(x), &c->next_update))
		return "has no proper nextUpdate";
	c->entry = calloc((size_t)n + 1, sizeof *c->entry);
	if (!c->entry)
		return "is too long for the memory";
	for (int i = 0; i < n; i++) {
		const X509_REVOKED *r = sk_X509_REVOKED_value(list, i);

		if (is_odd_entry(r))
			return "has an entry of another CA, or with a critical extension that is "
			       "unknown here";
		if (!read_entry(r, &c->entry[c->n++]))
			return "has an entry that can't be read";
	}
	qsort(c->entry, c->n, sizeof *c->entry, by_serial);
	return NULL;
}

static bool same_issuer(const X509_CRL *x, const struct cert *ca)
{
	const uint8_t *p = ca->subject.p;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)ca->subject.len);
	bool same = name && X509_NAME_cmp(name, X509_CRL_get_issuer(x)) == 0;

	X509_NAME_free(name);
	return same;
}

/* All of standard input: whoever fetches the CRL by other means writes it there. */
static enum err load_input(uint8_t **buf, size_t *len)
{
	size_t cap = 1 << 16, n = 0;
	uint8_t *p = NULL, *more;
	ssize_t got = 1;

	while (got > 0) {
		if (p && n == cap)
			cap *= 2;
		more = cap <= CRL_MAX_LEN ? realloc(p, cap) : NULL;
		if (!more) {
			free(p);
			return E_DATA;
		}
		p = more;
		got = read(0, p + n, cap - n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		free(p);
		return E_IO;
	}
	*buf = p;
	*len = n;
	return E_OK;
}

/* What a CRL's URL leads to is DER (RFC 5280 4.2.1.13). */
static enum err load_http(const char *url, uint8_t **buf, size_t *len, char error[CRL_ERROR_LEN])
{
	BIO *bio = OSSL_HTTP_get(url, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, 1,
				 CRL_MAX_LEN, CRL_FETCH_S);
	const char *why = ERR_reason_error_string(ERR_peek_last_error());
	uint8_t *copy = NULL;
	char *text;
	long n;

	if (bio) {
		n = BIO_get_mem_data(bio, &text);
		copy = malloc((size_t)n + 1);
		why = "no memory is left";
	}
	if (copy) {
		memcpy(copy, text, (size_t)n);
		*buf = copy;
		*len = (size_t)n;
	} else {
		snprintf(error, CRL_ERROR_LEN, "%s can't be fetched, or is no DER there: %s", url,
			 why ? why : "no answer");
	}
	BIO_free_all(bio);
	return copy ? E_OK : E_IO;
}

static enum err load(const char *path, uint8_t **buf, size_t *len, char error[CRL_ERROR_LEN])
{
	enum err e;

	if (strncmp(path, "http://", 7) == 0)
		return load_http(path, buf, len, error);
	if (strncmp(path, "https://", 8) == 0) {
		snprintf(error, CRL_ERROR_LEN, "%s: a CRL is signed, so http:// will do; else: "
			 "curl %s | ocspctl ... -", path, path);
		return E_IO;
	}
	e = strcmp(path, "-") == 0 ? load_input(buf, len) :
		io_load_file(path, CRL_MAX_LEN, buf, len);
	if (e != E_OK)
		snprintf(error, CRL_ERROR_LEN, "%s can't be read: %s", path,
			 e == E_DATA ? "it is no regular file, or too long" : strerror(errno));
	return e;
}

enum err crl_load(const char *path, struct cert *ca, struct crl *out, char error[CRL_ERROR_LEN])
{
	struct crl c = { .entry = NULL };
	const char *wrong = NULL;
	struct bytes der;
	const uint8_t *p;
	X509_CRL *x = NULL;
	uint8_t *buf;
	EVP_PKEY *key;
	size_t len;
	enum err e;

	e = load(path, &buf, &len, error);
	if (e != E_OK)
		return e;
	key = cert_public_key(ca);
	if (decode(buf, len, &der)) {
		p = der.p;
		x = d2i_X509_CRL(NULL, &p, (long)der.len);
	}
	if (!x)
		wrong = "is no CRL in PEM or DER";
	else if (!same_issuer(x, ca))
		wrong = "is a CRL of another CA";
	else if (!key || X509_CRL_verify(x, key) != 1)
		wrong = "is not signed with the key of its CA";
	else
		wrong = odd_scope(x);
	if (!wrong)
		wrong = read_all(x, &c);
	X509_CRL_free(x);
	free(buf);
	if (wrong) {
		snprintf(error, CRL_ERROR_LEN, "%s %s", path, wrong);
		crl_free(&c);
		return E_DATA;
	}
	*out = c;
	return E_OK;
}

void crl_free(struct crl *c)
{
	free(c->entry);
	memset(c, 0, sizeof *c);
}
