#include "signed.h"

#include "der.h"
#include "sigalg.h"

static bool take_item(struct der *d, struct bytes *all)
{
	struct der_item item;

	if (!der_next(d, &item))
		return false;
	*all = item.all;
	return true;
}

bool signed_split(struct bytes der, struct signed_parts *out)
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

bool signed_by(const struct signed_parts *p, struct cert *c)
{
	const struct sigalg *alg = sigalg_find(p->algorithm);
	EVP_PKEY *key = cert_public_key(c);

	return alg && key && sigalg_verify(alg, key, &c->verifying, p->data, p->signature) == E_OK;
}
