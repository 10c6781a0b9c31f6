#include "http.h"
#include "http-text.h"

/* What is gathered while the fields pass by. */
struct head {
	struct http_request *r;
	enum err refusal;	/* of a request that is framed well and yet not for us */
	bool has_host;
	bool close, keep_alive;
	bool coded, chunked_last, other_coding;		/* Transfer-Encoding */
};

static void refuse(struct head *h, enum err e)
{
	if (h->refusal == E_OK)
		h->refusal = e;
}

/* The forms of a target, RFC 9112 3.2. */
static enum err read_target(struct bytes target, struct http_request *r)
{
	struct bytes path = target;

	if (text_begins(target, "http://") || text_begins(target, "https://")) {
		struct bytes scheme, host;

		text_cut(target, '/', &scheme, &path);
		host = path = text_skip(path, 1);
		while (path.len && path.p[0] != '/' && path.p[0] != '?')
			path = text_skip(path, 1);
		host.len -= path.len;
		if (host.len == 0 || host.p[0] == ':' || !text_is_host(host))
			return E_HTTP_BAD;
		if (path.len == 0)
			path = bytes_str("/");
	} else if (text_same(target, "*")) {
		if (r->method != HTTP_OPTIONS)
			return E_HTTP_BAD;
	} else if (target.p[0] != '/') {
		return E_HTTP_BAD;
	}
	if (!text_is_target(path))
		return E_HTTP_BAD;
	r->path = path;
	return E_OK;
}

/* E_OK, E_HTTP_METHOD or E_HTTP_UNKNOWN. Case matters in a method's name. */
static enum err read_method(struct bytes name, enum http_method *method)
{
	static const struct {
		char name[8];
		enum http_method method;
	} ours[] = {
		{ "POST", HTTP_POST }, { "GET", HTTP_GET }, { "HEAD", HTTP_HEAD },
		{ "OPTIONS", HTTP_OPTIONS },
	};
	static const char others[][8] = { "PUT", "DELETE", "PATCH", "TRACE", "CONNECT" };

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
		if (bytes_eq(name, bytes_str(ours[i].name))) {
			*method = ours[i].method;
			return E_OK;
		}
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (bytes_eq(name, bytes_str(others[i])))
			return E_HTTP_METHOD;
	return E_HTTP_UNKNOWN;
}

static enum err read_request_line(struct bytes line, struct head *h)
{
	struct bytes method, target, version;

	/* two parts would be HTTP/0.9, which nobody is helped by guessing */
	if (!text_cut(line, ' ', &method, &version) || !text_cut(version, ' ', &target, &version))
		return E_HTTP_BAD;
	if (method.len == 0 || target.len == 0 || !text_is_token(method))
		return E_HTTP_BAD;
	refuse(h, read_method(method, &h->r->method));
	if (version.len != 8 || memcmp(version.p, "HTTP/", 5) != 0 || !text_is_digit(version.p[5]) ||
	    version.p[6] != '.' || !text_is_digit(version.p[7]))
		return E_HTTP_BAD;
	if (version.p[5] != '1')
		return E_HTTP_VERSION;
	h->r->minor = version.p[7] != '0';
	if (target.len > LIM_HTTP_TARGET)
		return E_HTTP_TARGET;
	return h->refusal == E_OK ? read_target(target, h->r) : E_OK;
}

/* One value, or the same one repeated (RFC 9112 6.3). A number too large to hold is one too large
 * to be taken, whichever it is. */
static enum err read_length(struct bytes list, struct http_request *r)
{
	struct bytes member;

	while (text_next_member(&list, &member)) {
		uint64_t v = 0;

		if (member.len == 0)
			return E_HTTP_BAD;
		for (size_t i = 0; i < member.len; i++) {
			if (!text_is_digit(member.p[i]))
				return E_HTTP_BAD;
			v = v > (UINT64_MAX - 9) / 10 ? UINT64_MAX : v * 10 + (member.p[i] - '0');
		}
		if (r->has_length && r->content_length != v)
			return E_HTTP_BAD;
		r->has_length = true;
		r->content_length = v;
	}
	return E_OK;
}

/* RFC 9112 6.1: "chunked" ends the list, and stands in it once. */
static enum err read_coding(struct bytes list, struct head *h)
{
	struct bytes member;

	while (text_next_member(&list, &member)) {
		if (member.len == 0 || h->chunked_last)
			return E_HTTP_BAD;
		h->coded = true;
		h->chunked_last = text_same(member, "chunked");
		h->other_coding |= !h->chunked_last;
	}
	return E_OK;
}

static void read_connection(struct bytes list, struct head *h)
{
	struct bytes member;

	while (text_next_member(&list, &member)) {
		h->close |= text_same(member, "close");
		h->keep_alive |= text_same(member, "keep-alive");
	}
}

static void read_expect(struct bytes list, struct head *h)
{
	struct bytes member;

	/* HTTP/1.0 has no such field: it must be ignored there (RFC 9110 10.1.1) */
	while (h->r->minor && text_next_member(&list, &member)) {
		if (text_same(member, "100-continue"))
			h->r->expect_continue = true;
		else if (member.len)
			refuse(h, E_HTTP_EXPECT);
	}
}

static void read_content_encoding(struct bytes list, struct http_request *r)
{
	struct bytes member;

	while (text_next_member(&list, &member))
		r->content_encoding |= member.len && !text_same(member, "identity");
}

/* A list that is spread over several fields, which is allowed and never seen, matches nothing: an
 * answer that is sent once more harms nobody. */
static void read_if_none_match(struct bytes value, struct http_request *r)
{
	r->if_none_match = r->if_none_match.p ? bytes_of(value.p, 0) : value;
}

/* A field that may stand once. */
static enum err read_once(struct bytes value, struct bytes *out)
{
	if (out->p)
		return E_HTTP_BAD;
	*out = value;
	return E_OK;
}

static enum err read_host(struct bytes value, struct head *h)
{
	if (h->has_host || !text_is_host(value))
		return E_HTTP_BAD;
	h->has_host = true;
	return E_OK;
}

static enum err read_field(struct bytes line, struct head *h)
{
	struct http_request *r = h->r;
	struct bytes name, value;

	/* a blank in front of the name would be obs-fold, one behind it hides the field from
	 * others (RFC 9112 5.1, 5.2): neither is in a token */
	if (!text_cut(line, ':', &name, &value) || name.len == 0 || !text_is_token(name))
		return E_HTTP_BAD;
	value = text_trim(value);
	switch (name.len) {
	case 4:
		return text_same(name, "host") ? read_host(value, h) : E_OK;
	case 6:
		if (text_same(name, "expect"))
			read_expect(value, h);
		return E_OK;
	case 10:
		if (text_same(name, "connection"))
			read_connection(value, h);
		return E_OK;
	case 12:
		return text_same(name, "content-type") ? read_once(value, &r->content_type) : E_OK;
	case 13:
		if (text_same(name, "if-none-match"))
			read_if_none_match(value, r);
		return E_OK;
	case 14:
		return text_same(name, "content-length") ? read_length(value, r) : E_OK;
	case 16:
		if (text_same(name, "content-encoding"))
			read_content_encoding(value, r);
		return E_OK;
	case 17:
		return text_same(name, "transfer-encoding") ? read_coding(value, h) : E_OK;
	}
	return E_OK;
}

/* What only the whole head can say. */
static enum err conclude(struct head *h)
{
	struct http_request *r = h->r;
	bool has_body;

	if (r->minor && !h->has_host)
		return E_HTTP_BAD;
	/* two framings, or one that ends nowhere: somebody on the way may see another request */
	if (h->coded && (r->minor == 0 || r->has_length || !h->chunked_last))
		return E_HTTP_BAD;
	if (h->other_coding)
		refuse(h, E_HTTP_UNKNOWN);
	r->chunked = h->coded;
	has_body = r->chunked || r->content_length > 0;
	r->expect_continue &= has_body;
	r->persistent = !h->close && (r->minor || h->keep_alive) &&
			(r->method == HTTP_POST || !has_body);
	return h->refusal;
}

enum err http_parse_head(struct bytes in, struct http_request *out)
{
	const uint8_t *begin = in.p;
	struct head h = { .r = out };
	struct bytes line;
	enum err e;

	*out = (struct http_request){ .minor = 1 };
	if (in.len > LIM_HTTP_HEAD)
		in.len = LIM_HTTP_HEAD;
	for (int blank = 0;; blank++) {
		e = text_next_line(&in, &line);
		if (e != E_OK)
			return e;
		if (line.len)
			break;
		if (blank == LIM_HTTP_BLANK_LINES)
			return E_HTTP_BAD;
	}
	e = read_request_line(line, &h);
	for (int n = 0; e == E_OK; n++) {
		e = text_next_line(&in, &line);
		if (e != E_OK)
			return e;
		if (line.len == 0) {
			out->head_len = (size_t)(in.p - begin);
			return conclude(&h);
		}
		e = n < LIM_HTTP_FIELDS ? read_field(line, &h) : E_HTTP_HEAD;
	}
	return e;
}

static struct bytes skip_blank(struct bytes in)
{
	while (in.len && (in.p[0] == '\r' || in.p[0] == '\n'))
		in = text_skip(in, 1);
	return in;
}

bool http_is_blank(struct bytes in)
{
	return skip_blank(in).len == 0;
}

enum err http_head_overflow(struct bytes in)
{
	struct bytes line, rest;

	if (in.len > LIM_HTTP_HEAD)
		in.len = LIM_HTTP_HEAD;
	in = skip_blank(in);
	if (text_cut(in, '\n', &line, &rest))
		return E_HTTP_HEAD;
	if (!text_cut(in, ' ', &line, &rest) || line.len > LIM_HTTP_METHOD)
		return E_HTTP_UNKNOWN;
	return E_HTTP_TARGET;
}

enum err http_check_post(const struct http_request *r)
{
	struct bytes type = r->content_type, parameters;

	/* the type may be left out (RFC 9110 8.3): some clients do */
	if (type.p) {
		text_cut(type, ';', &type, &parameters);
		if (!text_same(text_trim(type), "application/ocsp-request"))
			return E_HTTP_TYPE;
	}
	if (r->content_encoding)
		return E_HTTP_TYPE;
	if (!r->chunked && !r->has_length)
		return E_HTTP_LENGTH;
	if (r->content_length > LIM_REQUEST_LEN)
		return E_HTTP_BODY;
	return E_OK;
}
