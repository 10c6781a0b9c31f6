/*
 * http-text.h - what lines and field values are made of (RFC 9110 5.6, RFC 9112 2.2). Pure; used by
 * the http-*.c files alone.
 */
#ifndef OCSP_HTTP_TEXT_H
#define OCSP_HTTP_TEXT_H

#include "bytes.h"
#include "error.h"

static inline bool text_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline struct bytes text_skip(struct bytes b, size_t n)
{
	return bytes_of(b.p + n, b.len - n);
}

/* Cuts b in two at the first c, which belongs to neither. False, and nothing written, if there is
 * none. */
static inline bool text_cut(struct bytes b, char c, struct bytes *before, struct bytes *after)
{
	const uint8_t *at = b.len ? memchr(b.p, c, b.len) : NULL;

	if (!at)
		return false;
	*before = bytes_of(b.p, (size_t)(at - b.p));
	*after = text_skip(b, before->len + 1);
	return true;
}

/* Without regard to case. lower is ours: small letters, digits and any of "*-/:"; b must hold no
 * control octets, which could pass for some of those marks. */
static inline bool text_same(struct bytes b, const char *lower)
{
	if (b.len != strlen(lower))
		return false;
	for (size_t i = 0; i < b.len; i++)
		if ((b.p[i] | 0x20) != lower[i])
			return false;
	return true;
}

static inline bool text_begins(struct bytes b, const char *lower)
{
	size_t n = strlen(lower);

	return b.len >= n && text_same(bytes_of(b.p, n), lower);
}

/* Without the blanks (SP, HTAB) at both ends. */
struct bytes text_trim(struct bytes b);

/* Takes the next member off a comma-separated list, without the blanks around it. A value with no
 * comma is a list of one, even if it is empty. False at the end: .p is NULL then. */
bool text_next_member(struct bytes *list, struct bytes *member);

/* Takes a line off *in, without its CR LF or bare LF. E_OK; E_AGAIN: it has not come yet;
 * E_HTTP_BAD: it holds a control octet other than HTAB (a bare CR and NUL are among them). */
MUST_CHECK enum err text_next_line(struct bytes *in, struct bytes *line);

/* Is it made of what may stand there, and of nothing else? Nothing at all passes. */
bool text_is_token(struct bytes b);
bool text_is_target(struct bytes b);	/* a path and its query, RFC 3986 3.3, 3.4 */
bool text_is_host(struct bytes b);	/* uri-host [ ":" port ], RFC 9110 7.2 */

#endif
