#include "der.h"
#include "http.h"

/* What a base64 digit stands for, and one more; 0 for what is none. A blank counts as '+': that is
 * what some software makes of a '+' before it escapes it. */
#define SLASH 64
#define PAD 65
static const uint8_t digit_of[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15,
	['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,
	['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26,
	['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33,
	['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47,
	['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52,
	['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59,
	['7'] = 60, ['8'] = 61, ['9'] = 62,
	['+'] = 63, [' '] = 63, ['/'] = SLASH, ['='] = PAD,
};

static bool is_base64(uint8_t digit)
{
	return digit != 0 && digit != PAD;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes the escapes, once, and writes a digit for each octet that comes out. */
static enum err to_digits(struct bytes path, uint8_t *out, size_t *n)
{
	const uint8_t *p = path.p, *end = path.p + path.len;
	uint8_t *o = out;

	while (p < end) {
		uint8_t c = *p++;

		if (c == '%') {
			if (end - p < 2 || hex_value(p[0]) < 0 || hex_value(p[1]) < 0)
				return E_HTTP_BAD;
			c = (uint8_t)(hex_value(p[0]) << 4 | hex_value(p[1]));
			p += 2;
		}
		*o++ = digit_of[c];
	}
	*n = (size_t)(o - out);
	return E_OK;
}

/* out may be where the digits are, or before: it never overtakes them. Bits left over at the end
 * are dropped. */
static size_t from_digits(const uint8_t *digit, size_t n, uint8_t *out)
{
	uint8_t *o = out;
	uint32_t bits = 0;
	size_t i;

	for (i = 0; i + 4 <= n; i += 4) {
		bits = (uint32_t)(digit[i] - 1) << 18 | (uint32_t)(digit[i + 1] - 1) << 12 |
		       (uint32_t)(digit[i + 2] - 1) << 6 | (uint32_t)(digit[i + 3] - 1);
		*o++ = (uint8_t)(bits >> 16);
		*o++ = (uint8_t)(bits >> 8);
		*o++ = (uint8_t)bits;
	}
	if (n - i >= 2) {
		bits = (uint32_t)(digit[i] - 1) << 12 | (uint32_t)(digit[i + 1] - 1) << 6;
		if (n - i == 3)
			bits |= (uint32_t)(digit[i + 2] - 1);
		*o++ = (uint8_t)(bits >> 10);
		if (n - i == 3)
			*o++ = (uint8_t)(bits >> 2);
	}
	return (size_t)(o - out);
}

/* Do these digits say in their first octets that they are one SEQUENCE, of just their length? */
static bool is_framed(const uint8_t *digit, size_t n, size_t cap)
{
	uint8_t header[6];
	size_t len = from_digits(digit, n < 8 ? n : 8, header), total;

	return n % 4 != 1 && der_frame(bytes_of(header, len), cap, &total) == E_OK &&
	       total == n * 3 / 4;
}

/*
 * A request begins with the octet 0x30, so its base64 with 'M' and one of 'A' to 'P'. It can be
 * read from there only if nothing but base64 follows, up to the end; where that holds is found out
 * once, and a look at the length that it claims tells the rest. So a path costs what its length
 * is, however many slashes it has.
 */
enum err http_decode_target(struct bytes path, uint8_t *out, size_t cap, size_t *len)
{
	const uint8_t *slash = out;
	size_t n, pad, clean;
	bool meant = false;
	enum err e;

	if (path.len == 0 || memchr(path.p, '?', path.len))
		return E_HTTP_NOT_FOUND;
	if (path.len > cap)
		return E_HTTP_TARGET;
	e = to_digits(path, out, &n);
	if (e != E_OK)
		return e;
	for (pad = 0; pad < 2 && n > 0 && out[n - 1] == PAD; pad++)
		n--;
	for (clean = n; clean > 0 && is_base64(out[clean - 1]); clean--)
		;
	while ((slash = memchr(slash, SLASH, (size_t)(out + n - slash)))) {
		const uint8_t *digit = ++slash;
		size_t left = (size_t)(out + n - digit);

		if (left < 2 || digit[0] != digit_of['M'] || digit[1] == 0 ||
		    digit[1] > digit_of['P'])
			continue;
		meant = true;
		/* padding may be missing, but not be wrong */
		if (digit > out + clean && (pad == 0 || (left + pad) % 4 == 0) &&
		    is_framed(digit, left, cap)) {
			*len = from_digits(digit, left, out);
			return E_OK;
		}
	}
	return meant ? E_MALFORMED : E_HTTP_NOT_FOUND;
}

/* Where in a chunked body the next octet stands. Its lines end in CR LF and nothing less: unlike
 * a field's, such a line is worth a quarrel about where the request ends. */
enum chunked_state {
	CHUNK_SIZE,		/* a digit, or what ends the digits */
	CHUNK_BLANK,		/* a blank before an extension */
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER,
	CHUNK_TRAILER_LF,
};

/* May it stand in an extension or in a trailer field? */
static bool is_text(uint8_t b)
{
	return (b >= 0x20 && b != 0x7f) || b == '\t';
}

/* What stands behind the digits of a size. */
static enum err chunked_after_size(struct http_chunked *c, uint8_t b)
{
	if (b == '\r' && c->state == CHUNK_SIZE)
		c->state = CHUNK_SIZE_LF;
	else if (b == ';')
		c->state = CHUNK_EXTENSION;
	else if (b == ' ' || b == '\t')
		c->state = CHUNK_BLANK;
	else
		return E_HTTP_BAD;
	return E_AGAIN;
}

/* One octet of framing. E_OK: it was the last; E_AGAIN; E_HTTP_BAD; E_HTTP_BODY. */
static enum err chunked_step(struct http_chunked *c, uint8_t b, size_t cap)
{
	int digit;

	switch ((enum chunked_state)c->state) {
	case CHUNK_SIZE:
		digit = hex_value(b);
		if (digit >= 0) {
			/* the check keeps it small: no size can overflow */
			c->left = c->left << 4 | (unsigned)digit;
			c->line_len++;
			return c->left > cap - c->body_len ? E_HTTP_BODY : E_AGAIN;
		}
		return c->line_len ? chunked_after_size(c, b) : E_HTTP_BAD;
	case CHUNK_BLANK:
		return chunked_after_size(c, b);
	case CHUNK_EXTENSION:
		if (b == '\r')
			c->state = CHUNK_SIZE_LF;
		else if (!is_text(b))
			return E_HTTP_BAD;
		return E_AGAIN;
	case CHUNK_SIZE_LF:
		c->state = c->left ? CHUNK_DATA : CHUNK_TRAILER;
		c->line_len = 0;
		return b == '\n' ? E_AGAIN : E_HTTP_BAD;
	case CHUNK_DATA:
		break;		/* not framing: http_chunked_feed() takes it */
	case CHUNK_DATA_CR:
		c->state = CHUNK_DATA_LF;
		return b == '\r' ? E_AGAIN : E_HTTP_BAD;
	case CHUNK_DATA_LF:
		c->state = CHUNK_SIZE;
		return b == '\n' ? E_AGAIN : E_HTTP_BAD;
	case CHUNK_TRAILER:
		if (b == '\r')
			c->state = CHUNK_TRAILER_LF;
		else if (!is_text(b))
			return E_HTTP_BAD;
		else
			c->line_len++;
		return E_AGAIN;
	case CHUNK_TRAILER_LF:
		if (b != '\n')
			return E_HTTP_BAD;
		if (c->line_len == 0)
			return E_OK;
		c->state = CHUNK_TRAILER;
		c->line_len = 0;
		return E_AGAIN;
	}
	return E_HTTP_BAD;
}

enum err http_chunked_feed(struct http_chunked *c, struct bytes in, size_t *used, uint8_t *body,
			   size_t cap)
{
	size_t i = 0;

	while (i < in.len) {
		enum err e;

		if (c->state == CHUNK_DATA) {
			size_t n = in.len - i < c->left ? in.len - i : (size_t)c->left;

			memmove(body + c->body_len, in.p + i, n);
			c->body_len += n;
			c->left -= n;
			i += n;
			if (c->left == 0)
				c->state = CHUNK_DATA_CR;
			continue;
		}
		e = chunked_step(c, in.p[i++], cap);
		if (e == E_OK)
			*used = i;
		if (e != E_AGAIN)
			return e;
		if (++c->overhead > LIM_HTTP_CHUNK_OVERHEAD)
			return E_HTTP_BAD;
	}
	*used = in.len;
	return E_AGAIN;
}
