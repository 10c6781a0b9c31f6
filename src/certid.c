#include "certid.h"
#include "der.h"

static const struct {
	const char *name;
	size_t len;
	struct bytes oid;
} algs[HASH_COUNT] = {
	[HASH_SHA1] = { "sha1", 20, { (const uint8_t *)"\x2b\x0e\x03\x02\x1a", 5 } },
	[HASH_SHA256] = { "sha256", 32,
			  { (const uint8_t *)"\x60\x86\x48\x01\x65\x03\x04\x02\x01", 9 } },
	[HASH_SHA384] = { "sha384", 48,
			  { (const uint8_t *)"\x60\x86\x48\x01\x65\x03\x04\x02\x02", 9 } },
	[HASH_SHA512] = { "sha512", 64,
			  { (const uint8_t *)"\x60\x86\x48\x01\x65\x03\x04\x02\x03", 9 } },
};

const char *hashalg_name(enum hashalg h)
{
	return h < HASH_COUNT ? algs[h].name : "unknown";
}

size_t hashalg_len(enum hashalg h)
{
	return h < HASH_COUNT ? algs[h].len : 0;
}

struct bytes hashalg_oid(enum hashalg h)
{
	return h < HASH_COUNT ? algs[h].oid : (struct bytes){ NULL, 0 };
}

static enum hashalg alg_of_oid(struct bytes oid)
{
	for (int h = 0; h < HASH_COUNT; h++)
		if (bytes_eq(oid, algs[h].oid))
			return (enum hashalg)h;
	return HASH_UNKNOWN;
}

/* AlgorithmIdentifier ::= SEQUENCE { algorithm OID, parameters ANY OPTIONAL }. Hashes have NULL or
 * nothing there (RFC 4055 2.1, RFC 5754 2); anything else is an algorithm that we don't know. */
static bool read_alg(struct bytes value, struct certid *out)
{
	struct der d = der_of(value);
	struct der_item params;
	struct bytes oid;

	if (!der_take(&d, DER_OID, &oid) || !der_oid_ok(oid))
		return false;
	out->alg = alg_of_oid(oid);
	out->null_params = false;
	if (der_done(&d))
		return true;
	if (!der_next(&d, &params) || !der_done(&d))
		return false;
	if (params.tag == DER_NULL && params.value.len == 0)
		out->null_params = true;
	else
		out->alg = HASH_UNKNOWN;
	return params.tag != DER_NULL || params.value.len == 0;
}

enum err certid_parse(struct bytes item, struct certid *out)
{
	struct der outer = der_of(item), d;
	struct bytes value, alg;
	struct certid c = { .der = item };

	if (!der_take_last(&outer, DER_SEQUENCE, &value))
		return E_MALFORMED;
	d = der_of(value);
	if (!der_take(&d, DER_SEQUENCE, &alg) || !read_alg(alg, &c) ||
	    !der_take(&d, DER_OCTET_STRING, &c.name_hash) ||
	    !der_take(&d, DER_OCTET_STRING, &c.key_hash) ||
	    !der_take_last(&d, DER_INTEGER, &c.serial) || !der_integer_ok(c.serial))
		return E_MALFORMED;
	*out = c;
	return E_OK;
}

bool certid_serial(const struct certid *c, struct bytes *magnitude)
{
	struct bytes s = c->serial;

	if (s.len == 0 || s.len > LIM_SERIAL_LEN || (s.p[0] & 0x80))
		return false;
	if (s.len > 1 && s.p[0] == 0) {
		s.p++;
		s.len--;
	}
	*magnitude = s;
	return true;
}

void serial_text(struct bytes magnitude, char out[SERIAL_TEXT_LEN])
{
	char hex[2 * LIM_SERIAL_LEN + 1];
	char *start = hex, *end;

	if (magnitude.len > LIM_SERIAL_LEN)
		magnitude.len = LIM_SERIAL_LEN;
	end = bytes_hex(magnitude, hex);
	while (end - start > 1 && *start == '0')
		start++;
	out[0] = '0';
	out[1] = 'x';
	memcpy(out + 2, start, (size_t)(end - start));
	out[2 + (end - start)] = '\0';
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool serial_parse(struct bytes text, uint8_t buf[LIM_SERIAL_LEN], struct bytes *magnitude)
{
	size_t digits = 0, first = 0, at = LIM_SERIAL_LEN;
	uint8_t low = 0;

	if (text.len >= 2 && text.p[0] == '0' && (text.p[1] | 0x20) == 'x')
		first = 2;
	/* from the last digit to the first, two to an octet */
	for (size_t i = text.len; i > first; i--) {
		int v = hex_digit(text.p[i - 1]);

		if (text.p[i - 1] == ':' && digits % 2 == 0 && digits > 0 && i - 1 > first)
			continue;
		if (v < 0)
			return false;
		if (at == 0) {
			if (v != 0)
				return false;
			continue;	/* a leading zero too many */
		}
		if (digits++ % 2 == 0) {
			low = (uint8_t)v;
			if (digits / 2 >= LIM_SERIAL_LEN)
				return false;
		} else {
			buf[--at] = (uint8_t)(v << 4 | low);
		}
	}
	if (digits == 0)
		return false;
	if (digits % 2)
		buf[--at] = low;
	while (at < LIM_SERIAL_LEN - 1 && buf[at] == 0)
		at++;
	memmove(buf, buf + at, LIM_SERIAL_LEN - at);
	*magnitude = bytes_of(buf, LIM_SERIAL_LEN - at);
	return true;
}

bool certid_place(const struct certid *c, struct certid_place *out)
{
	size_t len = hashalg_len(c->alg), folder_len, shown;
	struct bytes serial;
	char *p = out->folder;

	if (c->alg == HASH_UNKNOWN || c->name_hash.len != len || c->key_hash.len != len ||
	    !certid_serial(c, &serial))
		return false;
	shown = len < CERTID_NAME_DIGEST ? len : CERTID_NAME_DIGEST;
	p = stpcpy(p, algs[c->alg].name);
	*p++ = '-';
	p = bytes_hex(bytes_of(c->name_hash.p, shown), p);
	*p++ = '-';
	p = bytes_hex(bytes_of(c->key_hash.p, shown), p);
	*p = '\0';
	folder_len = (size_t)(p - out->folder);

	memcpy(out->shard, out->folder, folder_len);
	p = out->shard + folder_len;
	*p++ = '/';
	p = bytes_hex(bytes_of(serial.p + serial.len - 1, 1), p);
	*p = '\0';

	memcpy(out->file, out->shard, folder_len + 3);
	p = out->file + folder_len + 3;
	*p++ = '/';
	p = bytes_hex(serial, p);
	strcpy(p, c->null_params ? ".der" : ".np.der");
	return true;
}
