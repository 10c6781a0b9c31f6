/*
 * http.h - HTTP/1 as far as RFC 6960 appendix A needs it (RFC 9110, 9112). Pure: octets in, values
 * out; the caller reads, writes and keeps the time.
 */
#ifndef OCSP_HTTP_H
#define OCSP_HTTP_H

#include "bytes.h"
#include "error.h"
#include "bounds.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OPTIONS };

struct http_request {
	enum http_method method;
	int minor;			/* of HTTP/1.x: 0, or 1 for 1.1 and above */
	struct bytes path;		/* the target without scheme and authority; "*" for
					 * OPTIONS *; not always a part of what was read */
	struct bytes content_type;	/* without blanks around; .p NULL if absent; several such
					 * fields: E_HTTP_BAD */
	struct bytes if_none_match;	/* likewise; of several such fields: empty */
	bool has_length, chunked;
	uint64_t content_length;	/* UINT64_MAX if it is more than that */
	bool content_encoding;		/* something other than identity */
	bool expect_continue;		/* 100 is waited for, and a body would follow */
	bool persistent;		/* the client would like to go on (RFC 9112 9.3), and no body
					 * stands in the way that only a POST makes us read */
	size_t head_len;		/* octets up to and with the empty line */
};

/* Can a request begin with this octet? A method does, or an empty line that has to be skipped. */
static inline bool http_begins(uint8_t c)
{
	/* not isalpha(): its table is one more page to be mapped */
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '\r' || c == '\n';
}

/* Are there but line ends, or nothing? Some clients put one behind a body (RFC 9112 2.2), and that
 * begins no request. */
bool http_is_blank(struct bytes in);

/* Reads a request head. E_OK; E_AGAIN: more is needed (the caller stops at LIM_HTTP_HEAD and then
 * answers with http_head_overflow(); what lies beyond is not looked at); else the error to answer
 * with, after which the connection has to be closed. On an error, out->method and out->minor are
 * set as far as they were understood (GET and 1); the rest means nothing.
 *
 * Lines may end in a bare LF. Refused is whatever two readers could understand in two ways: a bare
 * CR, control octets, obs-fold, a blank before the colon, a field repeated that may stand once,
 * lengths that differ, a length beside a Transfer-Encoding. */
MUST_CHECK enum err http_parse_head(struct bytes in, struct http_request *out);

/* Which error it is that LIM_HTTP_HEAD octets hold no whole head: E_HTTP_HEAD; when they are one
 * line, E_HTTP_TARGET; when it begins with no method of at most LIM_HTTP_METHOD, E_HTTP_UNKNOWN. */
enum err http_head_overflow(struct bytes in);

/* Checks what a POST must be before its body is read: E_OK; E_HTTP_TYPE: another type than
 * application/ocsp-request (none at all passes), or a content coding; E_HTTP_LENGTH; E_HTTP_BODY
 * (over LIM_REQUEST_LEN). After an error the connection has to be closed: the body is unread. */
MUST_CHECK enum err http_check_post(const struct http_request *r);

/* Takes a chunked body apart (RFC 9112 7.1): in is raw, the body gathers in body[0 … body_len),
 * which may be where in is, or before it. Start with a zeroed struct and call again with what came
 * later; what was used up is reported, so that the caller can drop it. Extensions and trailers are
 * dropped; lines have to end in CR LF here.
 * E_OK: the body is complete, *used octets of this input belonged to it; E_AGAIN: all of the input
 * was used; E_HTTP_BAD; E_HTTP_BODY (over cap). */
struct http_chunked {
	int state;
	uint64_t left;		/* octets of the chunk at hand */
	size_t overhead;
	size_t body_len;
	size_t line_len;
};
MUST_CHECK enum err http_chunked_feed(struct http_chunked *c, struct bytes in, size_t *used,
				      uint8_t *body, size_t cap);

/*
 * Finds the request in a GET target: {prefix}/{url-encoding of base64 of DER}, RFC 6960 A.1.
 * '/', '+' and '=' may stand raw or escaped, padding may be missing, a blank counts as '+', slashes
 * are never merged; the prefix may have any number of segments. Of all ways to read the path, the
 * first (leftmost) whose octets are one DER SEQUENCE of exactly that length counts; failing that,
 * one that begins like a SEQUENCE, which is then E_MALFORMED.
 * out is worked in, whatever comes of it: cap must be path.len at least.
 * E_OK: *len octets in out; E_MALFORMED: meant as a request, but none; E_HTTP_NOT_FOUND: not meant
 * as one ("/favicon.ico", a query); E_HTTP_BAD: a broken escape; E_HTTP_TARGET: cap is too small.
 */
MUST_CHECK enum err http_decode_target(struct bytes path, uint8_t *out, size_t cap, size_t *len);

/* An answer's ETag, with its quotes. */
#define HTTP_ETAG_LEN (2 + 64 + 1)
void http_make_etag(struct bytes der, char out[HTTP_ETAG_LEN]);

/* Does an If-None-Match value ("*", or a list) name this ETag? etag is with its quotes; weak
 * comparison (RFC 9110 13.1.2). */
bool http_etag_matches(struct bytes if_none_match, const char *etag);

/* What the head of an answer says. */
struct http_reply {
	int status;
	int64_t now_s;			/* Date */
	const char *content_type;	/* NULL: none */
	bool has_body;			/* Content-Length is sent (also to HEAD, and not on 304) */
	size_t body_len;
	/* caching (RFC 9919 7.2); only if cacheable, else Cache-Control: no-store for an error, or
	 * "private, max-age=0, must-revalidate" for an answer with a nonce */
	bool cacheable, is_private;
	int64_t this_update_s;		/* Last-Modified, but never later than Date */
	const char *etag;		/* with its quotes; NULL: none */
	int64_t next_update_s;		/* Expires */
	int64_t max_age_s;
	bool persistent;		/* else Connection: close */
	int minor;			/* of the request: HTTP/1.0 is told keep-alive */
	const char *allow, *accept;	/* NULL: none */
	int retry_after_s;		/* 0: none */
	const char *ocsp_status;	/* X-OCSP-Status; NULL: none */
};

/* Writes the head of an answer, empty line included, with its fields in the order of the struct.
 * For a status below 200 that is the status line alone; a 304 has no Content-Type, Content-Length
 * and Last-Modified. Returns the length, or 0 if cap is too small (1,024 always is enough). */
size_t http_write_head(const struct http_reply *r, char *out, size_t cap);

const char *http_reason(int status);

/* Seconds a cache may keep an answer: max(0, min(policy, next_update - now - 1)). RFC 9919 7.2. */
int64_t http_max_age(int64_t policy_s, int64_t next_update_s, int64_t now_s);

#endif
