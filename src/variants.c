#include "variants.h"

#include "der.h"

enum err variants_of(const struct cert *ca, struct variants *out)
{
	for (int h = 0; h < HASH_COUNT; h++)
		if (!cert_name_hash(ca, (enum hashalg)h, out->name[h]) ||
		    !cert_key_hash(ca, (enum hashalg)h, out->key[h]))
			return E_INTERNAL;
	return E_OK;
}

/* CertID, RFC 6960 4.1.1. */
enum err variants_certid(const struct variants *v, size_t i, struct bytes serial,
			 uint8_t octets[VARIANT_LEN], struct certid *out)
{
	struct der_out o = der_out_of(octets, VARIANT_LEN);
	uint8_t number[LIM_SERIAL_LEN + 1] = { 0 };
	enum hashalg h = variant_hash(i);
	bool sign_octet = serial.p[0] & 0x80;
	size_t mark;

	if (serial.len > LIM_SERIAL_LEN)
		return E_INTERNAL;
	memcpy(number + 1, serial.p, serial.len);
	/* from the last field to the first */
	der_put_item(&o, DER_INTEGER, sign_octet ? bytes_of(number, serial.len + 1) : serial);
	der_put_item(&o, DER_OCTET_STRING, bytes_of(v->key[h], hashalg_len(h)));
	der_put_item(&o, DER_OCTET_STRING, bytes_of(v->name[h], hashalg_len(h)));
	mark = der_mark(&o);
	if (variant_has_null(i))
		der_put_item(&o, DER_NULL, bytes_of(NULL, 0));
	der_put_item(&o, DER_OID, hashalg_oid(h));
	der_wrap(&o, DER_SEQUENCE, mark);
	der_wrap(&o, DER_SEQUENCE, 0);
	return certid_parse(der_out_bytes(&o), out) == E_OK ? E_OK : E_INTERNAL;
}

struct bytes variants_request(const struct certid *id, uint8_t buf[VARIANT_REQUEST_LEN])
{
	struct der_out o = der_out_of(buf, VARIANT_REQUEST_LEN);

	der_put(&o, id->der);
	/* Request, requestList, TBSRequest, OCSPRequest */
	for (int i = 0; i < 4; i++)
		der_wrap(&o, DER_SEQUENCE, 0);
	return der_out_bytes(&o);
}
