#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "child.h"
#include "der.h"
#include "hangup.h"
#include "http.h"
#include "io.h"
#include "log.h"

struct connection {
	const struct front *front;
	int in, out;
	struct client client;
	struct deadline whole;		/* of the request at hand */
	struct deadline reading;	/* sooner: an answer has to fit in as well */
	struct deadline alarm;		/* what alarm() was set for */
	size_t have;			/* octets in "input" */
	enum metrics_way way;		/* of the request at hand, for HTTP */
	int left;			/* further requests that this connection may make */
	bool persistent;		/* the answer sent last promised to take another */
	bool patient;			/* the next request is waited for within recv() */
	bool ended, drain;		/* nothing more is sent; what comes is to be read */
};

/* One connection at a time. A head and a body may both be in here, and what was pipelined. */
static uint8_t input[LIM_HTTP_HEAD + LIM_REQUEST_LEN];
static uint8_t body[LIM_REQUEST_LEN];

/* Four fifths of the time are for reading. The alarm is a backstop: should any call block in spite
 * of the deadline, the process ends. Of many requests in a second one sets it. */
static void start_clock(struct connection *c, struct deadline d)
{
	if (d.at_ms - c->alarm.at_ms >= 1000) {
		alarm((unsigned)deadline_left_ms(d) / 1000 + 2);
		c->alarm = d;
	}
	c->whole = d;
	c->reading = deadline_sooner(d, (int64_t)deadline_left_ms(d) * 4 / 5);
}

/* Reads more behind what is there. E_GONE: the client has closed. */
static enum err read_more(struct connection *c)
{
	uint8_t *buf = input + c->have;
	size_t cap = sizeof input - c->have, n;
	enum err e = c->patient && c->have == 0 ? io_read_patiently(c->in, c->reading, buf, cap, &n) :
						  io_read_some(c->in, c->reading, buf, cap, &n);

	if (e == E_OK && n == 0)
		return E_GONE;
	if (e == E_OK)
		c->have += n;
	return e;
}

/* Behind the last answer, and before it is counted: the client need not wait for that, which a disk
 * that stands still holds up. */
static void end_sending(struct connection *c)
{
	int why = errno;

	if (!c->ended)
		c->drain = hang_up(c->out);
	c->ended = true;
	errno = why;
}

/* ------------------------------------------------------------------ bare DER */

static enum err serve_der(struct connection *c)
{
	struct answer a = { .err = E_OK };
	size_t total = 0;
	enum err e;

	while ((e = der_frame(bytes_of(input, c->have), LIM_REQUEST_LEN, &total)) == E_AGAIN ||
	       (e == E_OK && c->have < total)) {
		e = read_more(c);
		if (e != E_OK)
			break;
	}
	if (e == E_GONE && c->have == 0)
		return E_GONE;
	/* cut short, or with octets behind it: not one OCSPRequest */
	if (e == E_GONE || (e == E_OK && c->have > total))
		e = E_MALFORMED;
	if (e == E_OK)
		answer_request(c->front, bytes_of(input, total), &c->client, c->whole, &a);
	else
		answer_error(e, &a);
	e = io_write_all(c->out, c->whole, a.der);
	end_sending(c);
	metrics_count_request(WAY_DER, 0);
	answer_sent(&a);
	return e;
}

/* ---------------------------------------------------------------------- HTTP */

static enum err send_reply(struct connection *c, const struct http_request *q,
			   struct http_reply *r, struct bytes content)
{
	char head[1024];
	size_t len;
	enum err e;

	r->minor = q->minor;
	r->persistent = q->persistent && r->status < 400;
	c->persistent = r->persistent;
	r->now_s = clock_real_ms() / 1000;
	r->max_age_s = http_max_age(r->max_age_s, r->next_update_s, r->now_s);
	r->has_body = r->status != 304;
	r->body_len = content.len;
	if (q->method == HTTP_HEAD || r->status == 304)
		content.len = 0;
	len = http_write_head(r, head, sizeof head);
	e = io_write_two(c->out, c->whole, bytes_of(head, len), content);
	if (e != E_OK || !c->persistent)
		end_sending(c);
	metrics_count_request(c->way, r->status);
	return e;
}

/* An HTTP error, or another short text: nothing about OCSP. The connection ends with an error. */
static enum err send_text(struct connection *c, const struct http_request *q, int status,
			  struct bytes text)
{
	struct http_reply r = {
		.status = status,
		.content_type = "text/plain; charset=utf-8",
		.allow = status == 405 || q->method == HTTP_OPTIONS ? "GET, HEAD, POST, OPTIONS" :
								      NULL,
		.accept = status == 415 ? "application/ocsp-request" : NULL,
	};

	return send_reply(c, q, &r, text);
}

static enum err send_http_error(struct connection *c, const struct http_request *q, enum err e)
{
	char text[64];
	int status = err_info(e)->http;

	log_info("HTTP %d to %s: %s", status, client_name(&c->client), err_info(e)->name);
	*stpcpy(stpcpy(text, http_reason(status)), "\n") = '\0';
	return send_text(c, q, status, bytes_str(text));
}

static enum err send_answer(struct connection *c, const struct http_request *q,
			    const struct answer *a)
{
	const struct conf *conf = c->front->conf;
	bool get = q->method != HTTP_POST;
	char etag[HTTP_ETAG_LEN];
	struct http_reply r = {
		.status = 200,
		.content_type = "application/ocsp-response",
		.ocsp_status = conf->status_header ? a->status : NULL,
	};
	enum err e;

	if (a->err == E_OK) {
		r.cacheable = !a->response.has_nonce && a->response.next_update != INT64_MIN;
		r.is_private = !r.cacheable;
		r.this_update_s = a->response.this_update;
		r.next_update_s = a->response.next_update;
		r.max_age_s = fresh_max_age(&a->response, conf->maxage_s, conf->recheck_s);
	}
	/* a digest only for those who can use it */
	if (r.cacheable && (get || q->if_none_match.p)) {
		http_make_etag(a->der, etag);
		r.etag = etag;
		if (q->if_none_match.p && http_etag_matches(q->if_none_match, etag)) {
			if (!get) {
				e = send_http_error(c, q, E_HTTP_PRECONDITION);
				answer_withheld(a);
				return e;
			}
			r.status = 304;
			r.content_type = NULL;
		}
	}
	e = send_reply(c, q, &r, a->der);
	answer_sent(a);
	return e;
}

static const char front_page[] =
	"This is an OCSP responder (ocsp-stdio " PACKAGE_VERSION ").\n"
	"It answers POST requests of type application/ocsp-request, and GET requests whose path\n"
	"is a base64 request (RFC 6960, appendix A).\n\nIt answers for certificates of:\n";

/* For whoever comes with a browser. Which CAs these are was written down by ocsp-sign, which alone
 * reads their certificates, when it last signed something. */
static enum err send_front_page(struct connection *c, const struct http_request *q)
{
	size_t len = sizeof front_page - 1, more;

	memcpy(body, front_page, len);
	more = cache_get_note(&c->front->cache, CACHE_ISSUERS, body + len, sizeof body - len);
	if (!more) {
		static const char none[] = "(to be seen when the first answer was signed)\n";

		more = sizeof none - 1;
		memcpy(body + len, none, more);
	}
	return send_text(c, q, 200, bytes_of(body, len + more));
}

/* Reads the head of the next request into *q. E_GONE: the client made no further request. */
static enum err read_head(struct connection *c, struct http_request *q)
{
	size_t parsed = 0;
	enum err e;

	q->method = HTTP_GET;
	q->minor = 1;
	for (;;) {
		/* nothing changes before a line is complete */
		if (c->have > parsed && memchr(input + parsed, '\n', c->have - parsed)) {
			e = http_parse_head(bytes_of(input, c->have), q);
			if (e != E_AGAIN)
				return e;
		}
		parsed = c->have;
		if (c->have >= LIM_HTTP_HEAD)
			return http_head_overflow(bytes_of(input, c->have));
		e = read_more(c);
		if (e == E_IO || (e != E_OK && http_is_blank(bytes_of(input, c->have))))
			return E_GONE;
		if (e != E_OK)
			return e == E_DEADLINE ? E_HTTP_TIMEOUT : E_HTTP_BAD;
	}
}

/* Reads the body behind the head; the head stays where it is, since q points into it. *request is
 * in "input" or in "body"; *end is where the request ends in the input. */
static enum err read_body(struct connection *c, const struct http_request *q,
			  struct bytes *request, size_t *end)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct http_chunked chunked = { 0 };
	bool invited = !q->expect_continue;
	size_t head = q->head_len, used;
	enum err e;

	for (;;) {
		if (q->chunked) {
			e = http_chunked_feed(&chunked, bytes_of(input + head, c->have - head),
					      &used, body, sizeof body);
			if (e != E_OK && e != E_AGAIN)
				return e;
			c->have -= used;
			memmove(input + head, input + head + used, c->have - head);
			if (e == E_OK) {
				*request = bytes_of(body, chunked.body_len);
				*end = head;
				return E_OK;
			}
		} else if (c->have - head >= q->content_length) {
			*request = bytes_of(input + head, (size_t)q->content_length);
			*end = head + (size_t)q->content_length;
			return E_OK;
		}
		if (!invited && c->have == head) {
			e = io_write_all(c->out, c->reading, bytes_str(go_on));
			if (e != E_OK)
				return e;
		}
		invited = true;
		e = read_more(c);
		if (e != E_OK)
			return e == E_DEADLINE ? E_HTTP_TIMEOUT : E_HTTP_BAD;
	}
}

static enum err serve_post(struct connection *c, const struct http_request *q, size_t *end)
{
	struct bytes request;
	struct answer a = { .err = E_OK };
	enum err e;

	e = http_check_post(q);
	if (e == E_OK)
		e = read_body(c, q, &request, end);
	if (e != E_OK)
		return send_http_error(c, q, e);
	answer_request(c->front, request, &c->client, c->whole, &a);
	return send_answer(c, q, &a);
}

static enum err serve_get(struct connection *c, const struct http_request *q)
{
	struct answer a = { .err = E_OK };
	size_t len;
	enum err e;

	if (bytes_eq(q->path, bytes_str("/")))
		return send_front_page(c, q);
	e = http_decode_target(q->path, body, sizeof body, &len);
	if (e == E_OK)
		answer_request(c->front, bytes_of(body, len), &c->client, c->whole, &a);
	else if (e == E_MALFORMED)
		answer_error(e, &a);
	else
		return send_http_error(c, q, e);
	return send_answer(c, q, &a);
}

static enum err serve_http(struct connection *c)
{
	for (;;) {
		struct http_request q = { .minor = 1 };
		size_t end;
		enum err e = read_head(c, &q);

		if (e == E_GONE)
			return E_GONE;
		c->way = e == E_OK ? (enum metrics_way)q.method : WAY_HTTP_OTHER;
		if (e != E_OK)
			return send_http_error(c, &q, e);
		if (c->left <= 0 || (c->front->is_outdated && c->front->is_outdated()))
			q.persistent = false;
		end = q.head_len;
		if (q.method == HTTP_POST)
			e = serve_post(c, &q, &end);
		else if (q.method == HTTP_OPTIONS)
			e = send_text(c, &q, 200, bytes_of(NULL, 0));
		else
			e = serve_get(c, &q);
		if (e != E_OK || !c->persistent)
			return e;
		c->have -= end;
		memmove(input, input + end, c->have);
		c->left--;
		start_clock(c, deadline_in(c->front->conf->timeout_ms));
		/* the client has just been answered: its next request takes a while */
		if (!c->patient)
			c->patient = io_set_patience(c->in, deadline_left_ms(c->reading));
	}
}

static void finish(struct connection *c, enum err e)
{
	/* of the kernel, not of the client: one that has gone is E_GONE */
	if (e == E_IO)
		log_warning("the connection to %s failed: %s", client_name(&c->client),
			    strerror(errno));
	end_sending(c);
	if (c->drain)
		hang_up_wait(c->in, c->whole);
	child_wait();
}

enum err serve(const struct front *f, int in, int out, enum serve_mode mode, struct deadline d)
{
	struct connection c = {
		.front = f,
		.in = in,
		.out = out,
		.client = { .fd = in },
		.left = f->conf->keepalive - 1,
	};
	enum err e = E_OK;

	start_clock(&c, d);
	if (mode == SERVE_AUTO) {
		e = read_more(&c);
		if (e == E_IO)
			finish(&c, e);
		if (e != E_OK)
			/* silence is no request, and no fault of ours */
			return e == E_DEADLINE ? E_GONE : e;
		if (input[0] == DER_SEQUENCE) {
			mode = SERVE_DER;
		} else if (http_begins(input[0])) {
			mode = SERVE_HTTP;
		} else {
			log_info("%s sent neither DER nor HTTP: closed", client_name(&c.client));
			finish(&c, E_OK);
			return E_OK;
		}
	}
	e = mode == SERVE_DER ? serve_der(&c) : serve_http(&c);
	finish(&c, e);
	return e;
}
