#include "response.h"
#include "gtime.h"

static const char id_basic[] = "\x2b\x06\x01\x05\x05\x07\x30\x01\x01";
static const char id_nonce[] = "\x2b\x06\x01\x05\x05\x07\x30\x01\x02";

const char *cert_status_name(enum cert_status s)
{
	static const char *const names[] = { "good", "revoked", "unknown" };

	return (unsigned)s < 3 ? names[s] : "?";
}

void response_error(enum ocsp_status status, uint8_t out[RESPONSE_ERROR_LEN])
{
	out[0] = DER_SEQUENCE;
	out[1] = 3;
	out[2] = DER_ENUMERATED;
	out[3] = 1;
	out[4] = (uint8_t)status;
}

/* [n] EXPLICIT GeneralizedTime */
static bool read_time_in(struct bytes value, int64_t *out)
{
	struct der d = der_of(value);
	struct bytes t;

	return der_take_last(&d, DER_GENERALIZED_TIME, &t) && gtime_parse(t, out);
}

/* RevokedInfo ::= SEQUENCE { revocationTime, revocationReason [0] EXPLICIT CRLReason OPTIONAL },
 * its header replaced by the tag of the choice */
static bool read_revoked(struct bytes value, struct single *out)
{
	struct der d = der_of(value);
	struct bytes v, reason;

	if (!der_take(&d, DER_GENERALIZED_TIME, &v) || !gtime_parse(v, &out->revoked_at))
		return false;
	if (der_done(&d))
		return true;
	if (!der_take_last(&d, DER_CONTEXT_CONS(0), &v))
		return false;
	d = der_of(v);
	if (!der_take_last(&d, DER_ENUMERATED, &reason) || reason.len != 1 || reason.p[0] > 10)
		return false;
	out->reason = reason.p[0];
	return true;
}

static bool read_status(struct der *d, struct single *out)
{
	struct der_item choice;

	out->revoked_at = 0;
	out->reason = REASON_ABSENT;
	if (!der_next(d, &choice))
		return false;
	switch (choice.tag) {
	case DER_CONTEXT(0):
		out->status = CERT_GOOD;
		return choice.value.len == 0;
	case DER_CONTEXT(2):
		out->status = CERT_UNKNOWN;
		return choice.value.len == 0;
	case DER_CONTEXT_CONS(1):
		out->status = CERT_REVOKED;
		return read_revoked(choice.value, out);
	}
	return false;
}

/* SingleResponse ::= SEQUENCE { certID, certStatus, thisUpdate, nextUpdate [0] OPTIONAL,
 * singleExtensions [1] OPTIONAL } */
static bool read_single(struct bytes value, struct single *out)
{
	struct der d = der_of(value);
	struct der_item id;
	struct bytes v;

	if (!der_next(&d, &id) || certid_parse(id.all, &out->id) != E_OK ||
	    !read_status(&d, out) || !der_take(&d, DER_GENERALIZED_TIME, &v) ||
	    !gtime_parse(v, &out->this_update))
		return false;
	out->next_update = INT64_MIN;
	if (der_peek(&d) == DER_CONTEXT_CONS(0) &&
	    (!der_take(&d, DER_CONTEXT_CONS(0), &v) || !read_time_in(v, &out->next_update)))
		return false;
	return der_done(&d) || der_take_last(&d, DER_CONTEXT_CONS(1), NULL);
}

bool response_next(struct der *d, struct single *out)
{
	struct bytes v;

	return der_take(d, DER_SEQUENCE, &v) && read_single(v, out);
}

static bool read_singles(struct bytes list, struct response *out)
{
	struct der d = der_of(list);
	struct single s;

	out->singles = list;
	out->n = 0;
	while (!der_done(&d)) {
		if (!response_next(&d, &s))
			return false;
		if (out->n == 0)
			out->first = s;
		if (out->n == 0 || s.this_update > out->this_update)
			out->this_update = s.this_update;
		if (out->n == 0 || s.next_update < out->next_update)
			out->next_update = s.next_update;
		out->n++;
	}
	return out->n > 0;
}

/* Is there a nonce among the responseExtensions? */
static bool read_extensions(struct bytes value, struct response *out)
{
	struct der d = der_of(value), list;
	struct bytes v, oid;

	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return false;
	list = der_of(v);
	while (!der_done(&list)) {
		if (!der_take(&list, DER_SEQUENCE, &v))
			return false;
		d = der_of(v);
		if (!der_take(&d, DER_OID, &oid))
			return false;
		if (bytes_eq(oid, bytes_of(id_nonce, sizeof id_nonce - 1)))
			out->has_nonce = true;
	}
	return true;
}

/* ResponseData ::= SEQUENCE { version [0] DEFAULT v1, responderID, producedAt, responses,
 * responseExtensions [1] OPTIONAL } */
static bool read_data(struct bytes value, struct response *out)
{
	struct der d = der_of(value), name;
	struct der_item id;
	struct bytes v;

	if (der_peek(&d) == DER_CONTEXT_CONS(0) && !der_take(&d, DER_CONTEXT_CONS(0), NULL))
		return false;
	if (!der_next(&d, &id))
		return false;
	out->responder_key = (struct bytes){ NULL, 0 };
	if (id.tag == DER_CONTEXT_CONS(2)) {
		name = der_of(id.value);
		if (!der_take_last(&name, DER_OCTET_STRING, &out->responder_key))
			return false;
	} else if (id.tag != DER_CONTEXT_CONS(1)) {
		return false;
	}
	if (!der_take(&d, DER_GENERALIZED_TIME, &v) || !gtime_parse(v, &out->produced_at) ||
	    !der_take(&d, DER_SEQUENCE, &v) || !read_singles(v, out))
		return false;
	out->has_nonce = false;
	return der_done(&d) ||
	       (der_take_last(&d, DER_CONTEXT_CONS(1), &v) && read_extensions(v, out));
}

/* BasicOCSPResponse ::= SEQUENCE { tbsResponseData, signatureAlgorithm, signature, certs [0] } */
static bool read_basic(struct bytes octets, struct response *out)
{
	struct der outer = der_of(octets), d;
	struct bytes v, data;

	if (!der_take_last(&outer, DER_SEQUENCE, &v))
		return false;
	d = der_of(v);
	if (!der_take(&d, DER_SEQUENCE, &data) || !read_data(data, out) ||
	    !der_take(&d, DER_SEQUENCE, NULL) || !der_take(&d, DER_BIT_STRING, &v) || v.len < 2)
		return false;
	return der_done(&d) || der_take_last(&d, DER_CONTEXT_CONS(0), NULL);
}

enum err response_parse(struct bytes der, struct response *out)
{
	struct der d = der_of(der);
	struct bytes v, type, basic;
	struct response r;

	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return E_MALFORMED;
	d = der_of(v);
	if (!der_take(&d, DER_ENUMERATED, &v) || v.len != 1)
		return E_MALFORMED;
	if (v.p[0] != OCSP_SUCCESSFUL) {
		if (!der_done(&d) || v.p[0] > OCSP_UNAUTHORIZED || v.p[0] == 4)
			return E_MALFORMED;
		*out = (struct response){ .status = (enum ocsp_status)v.p[0] };
		return E_OK;
	}
	r.status = OCSP_SUCCESSFUL;
	/* responseBytes [0] EXPLICIT SEQUENCE { responseType OID, response OCTET STRING } */
	if (!der_take_last(&d, DER_CONTEXT_CONS(0), &v))
		return E_MALFORMED;
	d = der_of(v);
	if (!der_take_last(&d, DER_SEQUENCE, &v))
		return E_MALFORMED;
	d = der_of(v);
	if (!der_take(&d, DER_OID, &type) ||
	    !bytes_eq(type, bytes_of(id_basic, sizeof id_basic - 1)) ||
	    !der_take_last(&d, DER_OCTET_STRING, &basic) || !read_basic(basic, &r))
		return E_MALFORMED;
	*out = r;
	return E_OK;
}

enum err response_find(const struct response *r, struct bytes certid_der, struct single *out)
{
	struct der d = der_of(r->singles);
	struct single s = r->first;

	while (!bytes_eq(s.id.der, certid_der))
		if (!response_next(&d, &s))
			return E_NOT_FOUND;
	*out = s;
	return E_OK;
}
