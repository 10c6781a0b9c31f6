#include "request.h"
#include "der.h"

/* id-pkix-ocsp 2, 4, 7 and 8: 1.3.6.1.5.5.7.48.1.N (RFC 6960 4.4) */
#define ID_PKIX_OCSP "\x2b\x06\x01\x05\x05\x07\x30\x01"
#define ID_LEN 9
enum { ID_NONCE = 2, ID_ACCEPTABLE = 4, ID_PREFERRED = 8 };

struct extension {
	int id;			/* of id-pkix-ocsp, or -1 */
	bool critical;
	struct bytes value;
};

/* Extension ::= SEQUENCE { extnID OID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }.
 * A FALSE that is spelled out is not DER, but seen in the wild, and harmless. */
static bool read_extension(struct der *list, struct extension *out)
{
	struct bytes value, oid, critical;
	struct der d;

	if (!der_take(list, DER_SEQUENCE, &value))
		return false;
	d = der_of(value);
	if (!der_take(&d, DER_OID, &oid) || !der_oid_ok(oid))
		return false;
	out->critical = false;
	if (der_peek(&d) == DER_BOOLEAN) {
		if (!der_take(&d, DER_BOOLEAN, &critical) || critical.len != 1 ||
		    (critical.p[0] != 0x00 && critical.p[0] != 0xff))
			return false;
		out->critical = critical.p[0] == 0xff;
	}
	if (!der_take_last(&d, DER_OCTET_STRING, &out->value))
		return false;
	out->id = -1;
	if (oid.len == ID_LEN && memcmp(oid.p, ID_PKIX_OCSP, ID_LEN - 1) == 0)
		out->id = oid.p[ID_LEN - 1];
	return true;
}

/* Opens [n] EXPLICIT SEQUENCE OF Extension. */
static bool open_extensions(struct bytes value, struct der *list)
{
	struct der d = der_of(value);
	struct bytes seq;

	if (!der_take_last(&d, DER_SEQUENCE, &seq))
		return false;
	*list = der_of(seq);
	return true;
}

/* The extensions of one certificate: none that we act on, so none of them may be critical. The
 * service locator (4.4.6) is for responders that route. */
static bool read_single_extensions(struct bytes value, const char **why)
{
	struct extension e;
	struct der list;
	int n = 0;

	*why = "singleRequestExtensions are broken";
	if (!open_extensions(value, &list))
		return false;
	while (!der_done(&list)) {
		if (n++ == LIM_EXTENSIONS || !read_extension(&list, &e))
			return false;
		if (e.critical) {
			*why = "a critical extension of a certificate is not understood";
			return false;
		}
	}
	return true;
}

static bool read_nonce(const struct extension *e, struct request *out, const char **why)
{
	struct der d = der_of(e->value);

	*why = "the nonce is no OCTET STRING";
	if (!der_take_last(&d, DER_OCTET_STRING, &out->nonce))
		return false;
	*why = "the nonce has no octets or more than 128";
	if (out->nonce.len == 0 || out->nonce.len > LIM_NONCE_LEN)
		return false;
	*why = "two nonces";
	if (out->has_nonce)
		return false;
	out->has_nonce = true;
	return true;
}

static bool read_request_extensions(struct bytes value, struct request *out, const char **why)
{
	struct extension e;
	struct der list;
	int n = 0;

	*why = "requestExtensions are broken";
	if (!open_extensions(value, &list))
		return false;
	while (!der_done(&list)) {
		*why = "requestExtensions are broken";
		if (n++ == LIM_EXTENSIONS || !read_extension(&list, &e))
			return false;
		if (e.id == ID_NONCE) {
			if (!read_nonce(&e, out, why))
				return false;
		} else if (e.id == ID_PREFERRED) {
			out->preferred = e.value;
		} else if (e.critical && e.id != ID_ACCEPTABLE) {
			/* acceptable responses are understood: what we send is basic, which
			 * every client has to take (4.4.3) */
			*why = "a critical extension is not understood";
			return false;
		}
	}
	return true;
}

/* Request ::= SEQUENCE { reqCert CertID, singleRequestExtensions [0] EXPLICIT OPTIONAL } */
static bool read_list(struct bytes value, struct request *out, const char **why)
{
	struct der list = der_of(value);

	while (!der_done(&list)) {
		struct der_item id;
		struct bytes one, ext;
		struct der d;

		*why = "too many certificates";
		if (out->n == LIM_CERTIDS)
			return false;
		*why = "a CertID is broken";
		if (!der_take(&list, DER_SEQUENCE, &one))
			return false;
		d = der_of(one);
		if (!der_next(&d, &id) || certid_parse(id.all, &out->id[out->n]) != E_OK)
			return false;
		if (der_peek(&d) == DER_CONTEXT_CONS(0) &&
		    (!der_take(&d, DER_CONTEXT_CONS(0), &ext) || !read_single_extensions(ext, why)))
			return false;
		if (!der_done(&d))
			return false;
		out->n++;
	}
	*why = "it asks for no certificate";
	return out->n > 0;
}

/* version [0] EXPLICIT INTEGER DEFAULT v1(0). Spelled out it is not DER, but Botan 2 sends it. */
static bool read_version(struct bytes value)
{
	struct der d = der_of(value);
	struct bytes v;

	return der_take_last(&d, DER_INTEGER, &v) && v.len == 1 && v.p[0] == 0;
}

/* TBSRequest ::= SEQUENCE { version [0] DEFAULT v1, requestorName [1] OPTIONAL, requestList
 * SEQUENCE OF Request, requestExtensions [2] OPTIONAL } */
static bool read_tbs(struct bytes value, struct request *out, const char **why)
{
	struct der d = der_of(value);
	struct bytes v;

	*why = "TBSRequest is broken";
	if (der_peek(&d) == DER_CONTEXT_CONS(0) &&
	    (!der_take(&d, DER_CONTEXT_CONS(0), &v) || !read_version(v)))
		return false;
	if (der_peek(&d) == DER_CONTEXT_CONS(1)) {
		struct der_item name;
		struct der n;

		if (!der_take(&d, DER_CONTEXT_CONS(1), &v))
			return false;
		n = der_of(v);
		if (!der_next(&n, &name) || !der_done(&n))
			return false;
	}
	if (!der_take(&d, DER_SEQUENCE, &v) || !read_list(v, out, why))
		return false;
	if (der_peek(&d) == DER_CONTEXT_CONS(2) &&
	    (!der_take(&d, DER_CONTEXT_CONS(2), &v) || !read_request_extensions(v, out, why)))
		return false;
	if (!der_done(&d)) {
		*why = "TBSRequest has a field too many";
		return false;
	}
	return true;
}

/* Signature ::= SEQUENCE { AlgorithmIdentifier, BIT STRING, certs [0] OPTIONAL }: its shape only. */
static bool read_signature(struct bytes value)
{
	struct der outer = der_of(value), d;
	struct bytes v;

	if (!der_take_last(&outer, DER_SEQUENCE, &v))
		return false;
	d = der_of(v);
	if (!der_take(&d, DER_SEQUENCE, NULL) || !der_take(&d, DER_BIT_STRING, &v) || v.len == 0)
		return false;
	return der_done(&d) || der_take_last(&d, DER_CONTEXT_CONS(0), NULL);
}

enum err request_parse(struct bytes der, struct request *out, const char **why)
{
	struct der d = der_of(der);
	const char *clause = "it is no SEQUENCE, or has octets behind it";
	struct bytes v, part;
	bool ok = false;

	/* only this much is set: the list of certificates is filled as it is read */
	out->der = der;
	out->n = 0;
	out->has_nonce = out->is_signed = false;
	out->nonce = out->preferred = (struct bytes){ NULL, 0 };

	if (!der_take_last(&d, DER_SEQUENCE, &v))
		goto out;
	d = der_of(v);
	clause = "TBSRequest is missing";
	if (!der_take(&d, DER_SEQUENCE, &part) || !read_tbs(part, out, &clause))
		goto out;
	clause = "the signature is broken";
	if (!der_done(&d)) {
		if (!der_take_last(&d, DER_CONTEXT_CONS(0), &part) || !read_signature(part))
			goto out;
		out->is_signed = true;
	}
	ok = true;
out:
	if (!ok && why)
		*why = clause;
	return ok ? E_OK : E_MALFORMED;
}
