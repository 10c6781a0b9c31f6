#include "pem.h"

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

bool pem_blank(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (!is_blank(b.p[i]))
			return false;
	return true;
}

/* Where "what" stands at the beginning of a line; NULL if nowhere. */
static const uint8_t *find_line(struct bytes text, struct bytes what)
{
	const uint8_t *p = text.p, *end = text.p + text.len;

	while (p && (size_t)(end - p) >= what.len) {
		if (memcmp(p, what.p, what.len) == 0)
			return p;
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : NULL;
	}
	return NULL;
}

bool pem_next(struct bytes *text, struct pem *out)
{
	static const char begin[] = "-----BEGIN ", finish[] = "-----END ", dashes[] = "-----";
	const uint8_t *end = text->p + text->len, *p, *label, *q;
	size_t label_len;

	p = find_line(*text, bytes_str(begin));
	if (!p)
		return false;
	label = p + sizeof begin - 1;
	p = memmem(label, (size_t)(end - label), dashes, sizeof dashes - 1);
	if (!p || memchr(label, '\n', (size_t)(p - label)))
		return false;
	label_len = (size_t)(p - label);
	p += sizeof dashes - 1;
	q = find_line(bytes_of(p, (size_t)(end - p)), bytes_str(finish));
	if (!q)
		return false;
	out->label = bytes_of(label, label_len);
	out->body = bytes_of(p, (size_t)(q - p));
	q += sizeof finish - 1;
	if ((size_t)(end - q) < label_len + sizeof dashes - 1 || memcmp(q, label, label_len) != 0 ||
	    memcmp(q + label_len, dashes, sizeof dashes - 1) != 0)
		return false;
	q += label_len + sizeof dashes - 1;
	*text = bytes_of(q, (size_t)(end - q));
	return true;
}

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct bytes text, uint8_t *out, size_t *len)
{
	uint32_t group = 0;
	size_t n = 0, digits = 0, pads = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.p[i];
		int v;

		if (is_blank(c))
			continue;
		if (c == '=') {
			pads++;
			continue;
		}
		v = base64_value(c);
		if (v < 0 || pads)
			return false;
		group = group << 6 | (uint32_t)v;
		if (++digits % 4 == 0) {
			out[n++] = (uint8_t)(group >> 16);
			out[n++] = (uint8_t)(group >> 8);
			out[n++] = (uint8_t)group;
		}
	}
	if (digits == 0 || pads > 2 || (digits + pads) % 4 != 0)
		return false;
	/* the octets of an incomplete group; bits that stand for nothing have to be 0 */
	if (pads == 1) {
		if (group & 3)
			return false;
		out[n++] = (uint8_t)(group >> 10);
		out[n++] = (uint8_t)(group >> 2);
	} else if (pads == 2) {
		if (group & 15)
			return false;
		out[n++] = (uint8_t)(group >> 4);
	}
	*len = n;
	return true;
}
