/* The target of a GET, against a reader that is as plain as its rule (RFC 6960 A.1). */
#include "fuzz.h"

#include "der.h"
#include "http.h"

static int digit_of(uint8_t c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == ' ' ? strchr(digits, '+') : c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* False for a broken escape. */
static bool unescape(const uint8_t *data, size_t size, uint8_t *out, size_t *len)
{
	char hex[3] = "", *end;

	*len = 0;
	for (size_t i = 0; i < size; i++) {
		out[(*len)++] = data[i];
		if (data[i] != '%')
			continue;
		if (size - i < 3)
			return false;
		memcpy(hex, data + i + 1, 2);
		if (strspn(hex, "0123456789abcdefABCDEF") != 2)
			return false;
		out[*len - 1] = (uint8_t)strtoul(hex, &end, 16);
		i += 2;
	}
	return true;
}

/* Octets of base64 without regard to its padding; false if that is wrong, or a digit is. */
static bool unbase64(const uint8_t *text, size_t len, size_t pads, uint8_t *out, size_t *n)
{
	uint32_t bits = 0, have = 0;

	*n = 0;
	if (len % 4 == 1 || (pads && (len + pads) % 4))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (digit_of(text[i]) < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit_of(text[i]);
		have += 6;
		if (have >= 8)
			out[(*n)++] = (uint8_t)(bits >> (have -= 8));
	}
	return true;
}

/* The first way to read it, from the left. */
static enum err read_plainly(const uint8_t *data, size_t size, uint8_t *text, uint8_t *out,
			     size_t *len)
{
	size_t n, pads, total;
	bool meant = false;

	if (size == 0 || memchr(data, '?', size))
		return E_HTTP_NOT_FOUND;
	if (!unescape(data, size, text, &n))
		return E_HTTP_BAD;
	for (pads = 0; pads < 2 && n > 0 && text[n - 1] == '='; pads++)
		n--;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = text + i + 1;
		size_t left = n - i - 1;

		/* the digits that 0x30 begins with */
		if (text[i] != '/' || left < 2 || p[0] != 'M' || p[1] < 'A' || p[1] > 'P')
			continue;
		meant = true;
		if (unbase64(p, left, pads, out, len) &&
		    der_frame(bytes_of(out, *len), size, &total) == E_OK && total == *len)
			return E_OK;
	}
	return meant ? E_MALFORMED : E_HTTP_NOT_FOUND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *out = malloc(size), *plain = malloc(size + 1), *text = malloc(size + 1);
	size_t len = 0, plain_len = 0;
	enum err e, expected;

	REQUIRE((out || size == 0) && plain && text);
	e = http_decode_target(bytes_of(data, size), out, size, &len);
	expected = read_plainly(data, size, text, plain, &plain_len);
	REQUIRE(e == expected);
	if (e == E_OK) {
		REQUIRE(len <= size && out[0] == DER_SEQUENCE);
		REQUIRE(bytes_eq(bytes_of(out, len), bytes_of(plain, plain_len)));
	}
	if (size && e != E_HTTP_NOT_FOUND)
		REQUIRE(http_decode_target(bytes_of(data, size), out, size - 1, &len) ==
			E_HTTP_TARGET);
	free(text);
	free(plain);
	free(out);
	return 0;
}
