/*
 * bytes.h - octets travel as pointer and length; nothing here owns memory.
 */
#ifndef OCSP_BYTES_H
#define OCSP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *p;
	size_t len;
};

static inline struct bytes bytes_of(const void *p, size_t len)
{
	return (struct bytes){ p, len };
}

/* Of a literal or another string of our own: never of something from outside. */
static inline struct bytes bytes_str(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* Writes 2 * b.len lower-case hex digits and no NUL; returns the end. */
static inline char *bytes_hex(struct bytes b, char *out)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < b.len; i++) {
		*out++ = digit[b.p[i] >> 4];
		*out++ = digit[b.p[i] & 15];
	}
	return out;
}

/* In place: what a terminal would obey becomes '?'. Other UTF-8, as in names of files, stays. */
static inline void text_defuse(char *text)
{
	for (uint8_t *p = (uint8_t *)text; *p; p++) {
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			*p++ = '?';
		else if (*p >= 0x20 && *p != 0x7f)
			continue;
		*p = '?';
	}
}

#endif
