#include "gtime.h"
#include "http.h"
#include "http-text.h"
#include "sha256.h"

/* A buffer that is written from its start; beyond its end nothing is written, and "full" is set:
 * check once, at the end. */
struct text {
	char *p, *end;
	bool full;
};

static void put(struct text *t, const char *s, size_t len)
{
	if (t->full || len > (size_t)(t->end - t->p)) {
		t->full = true;
		return;
	}
	memcpy(t->p, s, len);
	t->p += len;
}

#define PUT(t, literal) put(t, literal, sizeof(literal) - 1)

static void put_string(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

static void put_number(struct text *t, uint64_t v)
{
	char digits[20];
	size_t i = sizeof digits;

	do
		digits[--i] = (char)('0' + v % 10);
	while (v /= 10);
	put(t, digits + i, sizeof digits - i);
}

static void put_date(struct text *t, int64_t seconds)
{
	char date[HTTP_DATE_LEN];

	http_date_format(seconds, date);
	put(t, date, sizeof date);
}

const char *http_reason(int status)
{
	switch (status) {
	case 100: return "Continue";
	case 200: return "OK";
	case 204: return "No Content";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 411: return "Length Required";
	case 412: return "Precondition Failed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 415: return "Unsupported Media Type";
	case 417: return "Expectation Failed";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	}
	return "";
}

/* RFC 9919 7.2 */
static void put_caching(struct text *t, const struct http_reply *r)
{
	if (!r->cacheable) {
		if (r->is_private)
			PUT(t, "\r\nCache-Control: private, max-age=0, must-revalidate");
		else
			PUT(t, "\r\nCache-Control: no-store");
		return;
	}
	/* a 304 tells only what a cache does not have yet (RFC 9110 15.4.5) */
	if (r->status != 304) {
		/* never later than Date (RFC 9110 8.8.2.1) */
		PUT(t, "\r\nLast-Modified: ");
		put_date(t, r->this_update_s < r->now_s ? r->this_update_s : r->now_s);
	}
	if (r->etag) {
		PUT(t, "\r\nETag: ");
		put_string(t, r->etag);
	}
	PUT(t, "\r\nExpires: ");
	put_date(t, r->next_update_s);
	PUT(t, "\r\nCache-Control: max-age=");
	put_number(t, r->max_age_s > 0 ? (uint64_t)r->max_age_s : 0);
	PUT(t, ", public, no-transform, must-revalidate");
}

size_t http_write_head(const struct http_reply *r, char *out, size_t cap)
{
	struct text t = { out, out + cap, false };

	PUT(&t, "HTTP/1.1 ");
	put_number(&t, (unsigned)r->status);
	PUT(&t, " ");
	put_string(&t, http_reason(r->status));
	if (r->status < 200)	/* an interim answer says nothing about the final one */
		goto out;
	PUT(&t, "\r\nDate: ");
	put_date(&t, r->now_s);
	if (r->status != 304 && r->content_type) {
		PUT(&t, "\r\nContent-Type: ");
		put_string(&t, r->content_type);
	}
	if (r->status != 304 && r->has_body) {
		PUT(&t, "\r\nContent-Length: ");
		put_number(&t, r->body_len);
	}
	put_caching(&t, r);
	if (!r->persistent)
		PUT(&t, "\r\nConnection: close");
	else if (r->minor == 0)
		PUT(&t, "\r\nConnection: keep-alive");
	if (r->allow) {
		PUT(&t, "\r\nAllow: ");
		put_string(&t, r->allow);
	}
	if (r->accept) {
		PUT(&t, "\r\nAccept: ");
		put_string(&t, r->accept);
	}
	if (r->retry_after_s > 0) {
		PUT(&t, "\r\nRetry-After: ");
		put_number(&t, (unsigned)r->retry_after_s);
	}
	if (r->ocsp_status) {
		PUT(&t, "\r\nX-OCSP-Status: ");
		put_string(&t, r->ocsp_status);
	}
out:
	PUT(&t, "\r\n\r\n");
	return t.full ? 0 : (size_t)(t.p - out);
}

int64_t http_max_age(int64_t policy_s, int64_t next_update_s, int64_t now_s)
{
	uint64_t left;

	if (policy_s <= 0 || next_update_s <= now_s)
		return 0;
	left = (uint64_t)next_update_s - (uint64_t)now_s - 1;
	return left < (uint64_t)policy_s ? (int64_t)left : policy_s;
}

void http_make_etag(struct bytes der, char out[HTTP_ETAG_LEN])
{
	uint8_t digest[32];

	sha256(der, digest);
	out[0] = '"';
	*bytes_hex(bytes_of(digest, sizeof digest), out + 1) = '"';
	out[65] = '"';
	out[66] = '\0';
}

bool http_etag_matches(struct bytes list, const char *etag)
{
	struct bytes ours = bytes_str(etag), inner, rest;

	if (list.len == 1 && list.p[0] == '*')
		return true;
	for (;;) {
		while (list.len && (list.p[0] == ' ' || list.p[0] == '\t' || list.p[0] == ','))
			list = text_skip(list, 1);
		if (list.len >= 2 && list.p[0] == 'W' && list.p[1] == '/')
			list = text_skip(list, 2);
		/* a comma may stand between the quotes, and no quote between them can be escaped */
		if (list.len == 0 || list.p[0] != '"' ||
		    !text_cut(text_skip(list, 1), '"', &inner, &rest))
			return false;
		if (bytes_eq(bytes_of(list.p, inner.len + 2), ours))
			return true;
		list = rest;
	}
}
