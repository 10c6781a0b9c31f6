#include "compare-request.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "der.h"
#include "request.h"

const char *outcome_text(enum outcome o)
{
	static const char *const text[OUTCOMES] = {
		[BOTH_ACCEPT] = "accepted by both",
		[BOTH_REFUSE] = "refused by both",
		[NO_CERTIFICATE] = "refused here: it asks for no certificate",
		[MANY_CERTIFICATES] = "refused here: more than 32 certificates",
		[OTHER_VERSION] = "refused here: a version other than 1",
		[CRITICAL_EXTENSION] = "refused here: a critical extension that is not understood",
		[ODD_NONCE] = "refused here: two nonces, or one of no or more than 128 octets",
		[ODD_BOOLEAN] = "refused here: a BOOLEAN other than 00 and ff",
		[ODD_PARAMETERS] = "refused here: a hash's parameters are not one item of DER",
		[LOOSE_PARAMETERS] = "taken here: what is inside of a hash's odd parameters",
		[LOOSE_NAME] = "taken here: what is inside of requestorName",
		[LOOSE_SIGNATURE] = "taken here: what is inside of a signature",
	};

	return text[o];
}

/* ------------------------------------------------------------------ theirs */

/* Copies items, but without a FALSE behind an OID: "critical" is that if it isn't there. */
static void put_without_false(struct der_out *o, struct bytes items, bool behind_oid)
{
	struct der d = der_of(items);
	struct der_item item;
	size_t mark;

	if (!der_next(&d, &item)) {
		der_put(o, items);
		return;
	}
	/* the last one first */
	put_without_false(o, bytes_of(d.p, (size_t)(d.end - d.p)), item.tag == DER_OID);
	if (behind_oid && bytes_eq(item.all, bytes_of("\x01\x01\x00", 3)))
		return;
	mark = der_mark(o);
	if (item.tag & 0x20)
		put_without_false(o, item.value, false);
	else
		der_put(o, item.value);
	der_wrap(o, item.tag, mark);
}

/* libcrypto 3.0 writes a FALSE again where one stood, and later ones don't. */
static bool is_same(struct bytes again, struct bytes der)
{
	static uint8_t buf[COMPARE_MAX];
	struct der_out o = der_out_of(buf, sizeof buf);

	if (bytes_eq(again, der))
		return true;
	put_without_false(&o, der, false);
	return bytes_eq(again, der_out_bytes(&o));
}

/* NULL if it is none in DER. */
static OCSP_REQUEST *their_request(struct bytes der)
{
	const uint8_t *p = der.p;
	OCSP_REQUEST *r = d2i_OCSP_REQUEST(NULL, &p, (long)der.len);
	uint8_t *again = NULL;
	int len = r && p == der.p + der.len ? i2d_OCSP_REQUEST(r, &again) : -1;
	bool same = len >= 0 && is_same(bytes_of(again, (size_t)len), der);

	OPENSSL_free(again);
	ERR_clear_error();
	if (same)
		return r;
	OCSP_REQUEST_free(r);
	return NULL;
}

static struct bytes string_of(const ASN1_OCTET_STRING *s)
{
	return bytes_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static bool is_critical_unknown(X509_EXTENSION *e, bool single)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));

	if (!X509_EXTENSION_get_critical(e))
		return false;
	return single || (nid != NID_id_pkix_OCSP_Nonce &&
			  nid != NID_id_pkix_OCSP_acceptableResponses);
}

static bool has_critical_unknown(OCSP_REQUEST *r)
{
	for (int i = 0; i < OCSP_REQUEST_get_ext_count(r); i++)
		if (is_critical_unknown(OCSP_REQUEST_get_ext(r, i), false))
			return true;
	for (int i = 0; i < OCSP_request_onereq_count(r); i++) {
		OCSP_ONEREQ *one = OCSP_request_onereq_get0(r, i);

		for (int k = 0; k < OCSP_ONEREQ_get_ext_count(one); k++)
			if (is_critical_unknown(OCSP_ONEREQ_get_ext(one, k), true))
				return true;
	}
	return false;
}

static bool has_odd_nonce(OCSP_REQUEST *r)
{
	int i = OCSP_REQUEST_get_ext_by_NID(r, NID_id_pkix_OCSP_Nonce, -1);
	struct bytes nonce;
	struct der d;

	if (i < 0)
		return false;
	if (OCSP_REQUEST_get_ext_by_NID(r, NID_id_pkix_OCSP_Nonce, i) >= 0)
		return true;
	d = der_of(string_of(X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(r, i))));
	return !der_take_last(&d, DER_OCTET_STRING, &nonce) || nonce.len < 1 || nonce.len > 128;
}

/* ------------------------------------------------------------------ the octets */

/* The TBSRequest's value. */
static struct der tbs_of(struct bytes der)
{
	struct der d = der_of(der);
	struct bytes v = { NULL, 0 };

	if (der_take(&d, DER_SEQUENCE, &v)) {
		d = der_of(v);
		v.len = 0;
		if (!der_take(&d, DER_SEQUENCE, &v))
			v.len = 0;
	}
	return der_of(v);
}

static bool has_other_version(struct bytes der)
{
	struct der d = tbs_of(der);
	struct bytes v;

	return der_peek(&d) == DER_CONTEXT_CONS(0) && der_take(&d, DER_CONTEXT_CONS(0), &v) &&
	       !bytes_eq(v, bytes_of("\x02\x01\x00", 3));
}

static bool has_odd_boolean(struct bytes der)
{
	for (size_t i = 0; i + 3 <= der.len; i++)
		if (der.p[i] == DER_BOOLEAN && der.p[i + 1] == 1 && der.p[i + 2] != 0 &&
		    der.p[i + 2] != 0xff)
			return true;
	return false;
}

/* What stands behind the OID in a CertID's AlgorithmIdentifier. */
static struct der parameters_of(struct bytes certid)
{
	struct der d = der_of(certid);
	struct bytes v;

	REQUIRE(der_take(&d, DER_SEQUENCE, &v));
	d = der_of(v);
	REQUIRE(der_take(&d, DER_SEQUENCE, &v));
	d = der_of(v);
	REQUIRE(der_take(&d, DER_OID, NULL));
	return d;
}

static bool has_odd_parameters(OCSP_REQUEST *r)
{
	bool odd = false;

	for (int i = 0; i < OCSP_request_onereq_count(r); i++) {
		OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(r, i));
		uint8_t *der = NULL;
		int len = i2d_OCSP_CERTID(id, &der);
		struct der_item item;
		struct der d;

		REQUIRE(len > 0);
		d = parameters_of(bytes_of(der, (size_t)len));
		odd |= !der_done(&d) && (!der_next(&d, &item) || !der_done(&d));
		OPENSSL_free(der);
	}
	return odd;
}

static bool has_loose_parameters(const struct request *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct der d = parameters_of(r->id[i].der);

		if (!der_done(&d) && der_peek(&d) != DER_NULL)
			return true;
	}
	return false;
}

/* The request without its signature, and without who asks. */
static struct bytes plain_request(struct bytes der, uint8_t out[COMPARE_MAX])
{
	struct der_out o = der_out_of(out, COMPARE_MAX);
	struct der_item item[4];
	struct der d = tbs_of(der);
	size_t n = 0;

	while (n < 4 && der_next(&d, &item[n]))
		n++;
	while (n--)
		if (item[n].tag != DER_CONTEXT_CONS(1))
			der_put(&o, item[n].all);
	der_wrap(&o, DER_SEQUENCE, 0);
	der_wrap(&o, DER_SEQUENCE, 0);
	return der_out_bytes(&o);
}

/* ------------------------------------------------------------------ the comparison */

static enum outcome why_refused(struct bytes der, OCSP_REQUEST *theirs)
{
	int n = OCSP_request_onereq_count(theirs);

	return n == 0 ? NO_CERTIFICATE : n > LIM_CERTIDS ? MANY_CERTIFICATES :
	       has_other_version(der) ? OTHER_VERSION :
	       has_odd_nonce(theirs) ? ODD_NONCE :
	       has_critical_unknown(theirs) ? CRITICAL_EXTENSION :
	       has_odd_boolean(der) ? ODD_BOOLEAN :
	       has_odd_parameters(theirs) ? ODD_PARAMETERS : OUTCOMES;
}

static enum outcome why_taken(struct bytes der, const struct request *ours)
{
	static uint8_t buf[COMPARE_MAX];
	struct bytes plain = plain_request(der, buf);
	OCSP_REQUEST *r = their_request(plain);

	OCSP_REQUEST_free(r);
	if (!r)
		return has_loose_parameters(ours) ? LOOSE_PARAMETERS : OUTCOMES;
	if (plain.len == der.len)
		return OUTCOMES;
	return ours->is_signed ? LOOSE_SIGNATURE : LOOSE_NAME;
}

static bool same_id(const struct certid *ours, OCSP_CERTID *theirs)
{
	ASN1_OCTET_STRING *name, *key;
	ASN1_INTEGER *serial;
	ASN1_OBJECT *hash;
	uint8_t *der = NULL;
	int len = i2d_OCSP_CERTID(theirs, &der), nid;
	bool same = len > 0 && bytes_eq(ours->der, bytes_of(der, (size_t)len));

	OPENSSL_free(der);
	REQUIRE(OCSP_id_get0_info(&name, &hash, &key, &serial, theirs));
	nid = OBJ_obj2nid(hash);
	same &= bytes_eq(ours->name_hash, string_of(name)) &&
		bytes_eq(ours->key_hash, string_of(key));
	switch (ours->alg) {
	case HASH_SHA1: return same && nid == NID_sha1;
	case HASH_SHA256: return same && nid == NID_sha256;
	case HASH_SHA384: return same && nid == NID_sha384;
	case HASH_SHA512: return same && nid == NID_sha512;
	default: return same;
	}
}

static bool same_nonce(const struct request *ours, OCSP_REQUEST *theirs)
{
	int i = OCSP_REQUEST_get_ext_by_NID(theirs, NID_id_pkix_OCSP_Nonce, -1);
	struct bytes v;

	if (i < 0 || !ours->has_nonce)
		return i < 0 && !ours->has_nonce;
	v = string_of(X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(theirs, i)));
	return v.len > ours->nonce.len &&
	       bytes_eq(ours->nonce, bytes_of(v.p + v.len - ours->nonce.len, ours->nonce.len));
}

static bool same_content(const struct request *ours, OCSP_REQUEST *theirs)
{
	if ((size_t)OCSP_request_onereq_count(theirs) != ours->n ||
	    OCSP_request_is_signed(theirs) != ours->is_signed || !same_nonce(ours, theirs))
		return false;
	for (size_t i = 0; i < ours->n; i++)
		if (!same_id(&ours->id[i],
			     OCSP_onereq_get0_id(OCSP_request_onereq_get0(theirs, (int)i))))
			return false;
	return true;
}

enum outcome compare_request(struct bytes der)
{
	static struct request ours;
	bool taken = request_parse(der, &ours, NULL) == E_OK;
	OCSP_REQUEST *theirs = their_request(der);
	enum outcome o;

	if (taken && theirs)
		o = same_content(&ours, theirs) ? BOTH_ACCEPT : OUTCOMES;
	else if (taken)
		o = why_taken(der, &ours);
	else
		o = theirs ? why_refused(der, theirs) : BOTH_REFUSE;
	OCSP_REQUEST_free(theirs);
	return o;
}
