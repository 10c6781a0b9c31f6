#include "der.h"

bool der_next(struct der *d, struct der_item *out)
{
	const uint8_t *p = d->p;
	size_t left = (size_t)(d->end - p), header = 2, len;

	if (left < 2 || (p[0] & 0x1f) == 0x1f)
		return false;
	len = p[1];
	if (len & 0x80) {
		size_t n = len & 0x7f;

		/* four octets say 4 GiB, more than any limit of ours: a CRL may take half of one */
		if (n == 0 || n > 4 || left < 2 + n)
			return false;
		len = 0;
		for (size_t i = 0; i < n; i++)
			len = len << 8 | p[2 + i];
		if (len < 0x80 || (n > 1 && p[2] == 0))
			return false;
		header += n;
	}
	if (len > left - header)
		return false;
	out->tag = p[0];
	out->all = bytes_of(p, header + len);
	out->value = bytes_of(p + header, len);
	d->p = p + header + len;
	return true;
}

bool der_take(struct der *d, uint8_t tag, struct bytes *value)
{
	struct der_item item;

	if (der_peek(d) != tag || !der_next(d, &item))
		return false;
	if (value)
		*value = item.value;
	return true;
}

bool der_take_last(struct der *d, uint8_t tag, struct bytes *value)
{
	return der_take(d, tag, value) && der_done(d);
}

enum err der_frame(struct bytes b, size_t max, size_t *total)
{
	size_t header = 2, len;

	if (b.len >= 1 && b.p[0] != DER_SEQUENCE)
		return E_MALFORMED;
	if (b.len < 2)
		return E_AGAIN;
	len = b.p[1];
	if (len & 0x80) {
		size_t n = len & 0x7f;

		if (n == 0 || n > 4)
			return E_MALFORMED;
		if (b.len < 2 + n)
			return E_AGAIN;
		len = 0;
		for (size_t i = 0; i < n; i++)
			len = len << 8 | b.p[2 + i];
		header += n;
	}
	if (len > max || header + len > max)
		return E_MALFORMED;
	*total = header + len;
	return E_OK;
}

bool der_integer_ok(struct bytes v)
{
	if (v.len == 0)
		return false;
	if (v.len == 1)
		return true;
	return !(v.p[0] == 0x00 && !(v.p[1] & 0x80)) && !(v.p[0] == 0xff && (v.p[1] & 0x80));
}

bool der_oid_ok(struct bytes v)
{
	bool first = true;	/* of an arc */

	if (v.len == 0 || (v.p[v.len - 1] & 0x80))
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (first && v.p[i] == 0x80)
			return false;
		first = !(v.p[i] & 0x80);
	}
	return true;
}

void der_put(struct der_out *o, struct bytes b)
{
	if (o->full || b.len > (size_t)(o->p - o->start)) {
		o->full = true;
		return;
	}
	if (b.len) {
		o->p -= b.len;
		memcpy(o->p, b.p, b.len);
	}
}

void der_wrap(struct der_out *o, uint8_t tag, size_t mark)
{
	size_t len = der_mark(o) - mark;
	uint8_t header[3 + sizeof len];
	size_t i = sizeof header;

	if (len < 0x80) {
		header[--i] = (uint8_t)len;
	} else {
		size_t n = 0;

		for (size_t l = len; l; l >>= 8, n++)
			header[--i] = (uint8_t)l;
		header[--i] = (uint8_t)(0x80 | n);
	}
	header[--i] = tag;
	der_put(o, bytes_of(header + i, sizeof header - i));
}
