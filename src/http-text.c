#include "http-text.h"

struct bytes text_trim(struct bytes b)
{
	while (b.len && (b.p[0] == ' ' || b.p[0] == '\t'))
		b = text_skip(b, 1);
	while (b.len && (b.p[b.len - 1] == ' ' || b.p[b.len - 1] == '\t'))
		b.len--;
	return b;
}

bool text_next_member(struct bytes *list, struct bytes *member)
{
	if (!list->p)
		return false;
	if (!text_cut(*list, ',', member, list)) {
		*member = *list;
		list->p = NULL;
	}
	*member = text_trim(*member);
	return true;
}

/* This sees every octet of every head: it looks at eight of them at once, and closer only where
 * there is something. */
static bool has_control(struct bytes b)
{
	const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
	size_t i = 0;

	while (i < b.len) {
		size_t stop = b.len - i < 8 ? b.len : i + 8;

		if (stop - i == 8) {
			uint64_t x, del, low;

			memcpy(&x, b.p + i, 8);
			del = x ^ ones * 0x7f;
			del = (del - ones) & ~del & highs;
			low = (x - ones * 0x20) & ~x & highs;
			if (!(del | low))
				i = stop;
		}
		for (; i < stop; i++)
			if ((b.p[i] < 0x20 && b.p[i] != '\t') || b.p[i] == 0x7f)
				return true;
	}
	return false;
}

enum err text_next_line(struct bytes *in, struct bytes *line)
{
	struct bytes l, rest;

	if (!text_cut(*in, '\n', &l, &rest))
		return E_AGAIN;
	if (l.len && l.p[l.len - 1] == '\r')
		l.len--;
	if (has_control(l))
		return E_HTTP_BAD;
	*line = l;
	*in = rest;
	return E_OK;
}

/* Letters, digits and marks. */
static bool made_of(struct bytes b, const char *marks)
{
	for (size_t i = 0; i < b.len; i++) {
		uint8_t c = b.p[i], small = c | 0x20;

		if ((small < 'a' || small > 'z') && !text_is_digit(c) &&
		    (c == 0 || !strchr(marks, c)))
			return false;
	}
	return true;
}

bool text_is_token(struct bytes b)
{
	return made_of(b, "!#$%&'*+-.^_`|~");
}

bool text_is_target(struct bytes b)
{
	return made_of(b, "-._~!$&'()*+,;=:@/?%");
}

bool text_is_host(struct bytes b)
{
	struct bytes host = b, port = { 0 };

	if (b.len && b.p[0] == '[') {
		if (!text_cut(text_skip(b, 1), ']', &host, &port) || host.len == 0 ||
		    !made_of(host, ":.-_~!$&'()*+,;="))
			return false;
		if (port.len && port.p[0] != ':')
			return false;
		if (port.len)
			port = text_skip(port, 1);
	} else {
		text_cut(b, ':', &host, &port);
		if (!made_of(host, "-._~!$&'()*+,;=%"))
			return false;
	}
	for (size_t i = 0; i < port.len; i++)
		if (!text_is_digit(port.p[i]))
			return false;
	return true;
}
