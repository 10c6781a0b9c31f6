#include "stand-in.h"

#include <fcntl.h>
#include <unistd.h>

#include "child.h"
#include "conf.h"
#include "hangup.h"
#include "http.h"
#include "io.h"
#include "log.h"
#include "serve.h"

static struct bytes stream;		/* what is still to come */
static struct chance chance;
static uint32_t piece_most;
static struct connection_record *record;

static struct bytes copy_of(struct bytes b)
{
	uint8_t *p = malloc(b.len + 1);

	REQUIRE(p);
	if (b.len)
		memcpy(p, b.p, b.len);
	return bytes_of(p, b.len);
}

static struct seen *add_seen(void)
{
	REQUIRE(record->n < SEEN_MAX);
	return &record->seen[record->n++];
}

/* ------------------------------------------------------------------ http.h, watched */

enum err __real_http_parse_head(struct bytes in, struct http_request *out);
enum err __wrap_http_parse_head(struct bytes in, struct http_request *out);

enum err __wrap_http_parse_head(struct bytes in, struct http_request *out)
{
	enum err e = __real_http_parse_head(in, out);

	if (e == E_OK)
		*add_seen() = (struct seen){ .method = out->method, .path = copy_of(out->path) };
	return e;
}

/* ------------------------------------------------------------------ io.h, hangup.h */

enum err __wrap_io_read_some(int fd, struct deadline d, uint8_t *buf, size_t cap, size_t *len);
enum err __wrap_io_write_all(int fd, struct deadline d, struct bytes b);
enum err __wrap_io_write_two(int fd, struct deadline d, struct bytes a, struct bytes b);

enum err __wrap_io_read_some(int fd, struct deadline d, uint8_t *buf, size_t cap, size_t *len)
{
	size_t n = cap < stream.len ? cap : stream.len;

	(void)fd;
	(void)d;
	if (piece_most && n) {
		size_t most = 1 + chance_below(&chance, piece_most);

		n = n < most ? n : most;
	}
	if (n)
		memcpy(buf, stream.p, n);
	stream = bytes_of(stream.p + n, stream.len - n);
	*len = n;
	return E_OK;
}

enum err __wrap_io_write_all(int fd, struct deadline d, struct bytes b)
{
	static const char interim[] = "HTTP/1.1 100 ";

	(void)fd;
	(void)d;
	/* whether it is said depends on what has come already */
	if (b.len > sizeof interim && memcmp(b.p, interim, sizeof interim - 1) == 0)
		return E_OK;
	REQUIRE(b.len <= sizeof record->out - record->out_len);
	memcpy(record->out + record->out_len, b.p, b.len);
	record->out_len += b.len;
	return E_OK;
}

enum err __wrap_io_write_two(int fd, struct deadline d, struct bytes a, struct bytes b)
{
	enum err e = __wrap_io_write_all(fd, d, a);

	return e == E_OK && b.len ? io_write_all(fd, d, b) : e;
}

bool hang_up(int out)
{
	(void)out;
	return false;
}

void hang_up_wait(int in, struct deadline d)
{
	(void)in;
	(void)d;
}

/* ------------------------------------------------------------------ answer.h, cache.h */

const char *client_name(struct client *c)
{
	(void)c;
	return "-";
}

/* Every request has the same answer, which nobody verifies here: its times are in sight. */
void answer_request(const struct front *f, struct bytes request, struct client *client,
		    struct deadline d, struct answer *out)
{
	static const uint8_t der[] = { DER_SEQUENCE, 3, DER_ENUMERATED, 1, 0 };
	struct seen *s = record->n ? &record->seen[record->n - 1] : add_seen();

	(void)f;
	(void)client;
	(void)d;
	REQUIRE(!s->answered);
	REQUIRE(request.len <= LIM_REQUEST_LEN);
	s->request = copy_of(request);
	s->answered = true;
	memset(out, 0, sizeof *out);
	out->der = bytes_of(der, sizeof der);
	out->status = "good";
	out->response.this_update = 0;
	out->response.next_update = 4102444800;	/* 2100 */
}

void answer_error(enum err e, struct answer *out)
{
	static uint8_t der[RESPONSE_ERROR_LEN];

	memset(out, 0, sizeof *out);
	response_error(err_info(e)->ocsp, der);
	out->err = e;
	out->der = bytes_of(der, sizeof der);
	out->status = ocsp_status_name(err_info(e)->ocsp);
}

void child_wait(void)
{
}

void answer_withheld(const struct answer *a)
{
	(void)a;
}

void answer_sent(const struct answer *a)
{
	(void)a;
}

size_t cache_get_note(const struct cache *c, const char *name, uint8_t *buf, size_t cap)
{
	(void)c;
	(void)name;
	(void)buf;
	(void)cap;
	return 0;
}

/* ------------------------------------------------------------------ */

void serve_stream(struct bytes data, uint32_t most, struct connection_record *out)
{
	static const struct log_setup quiet = { .program = "fuzz", .level = LEVEL_CRITICAL };
	static const struct conf conf = {
		.timeout_ms = 60000, .keepalive = SEEN_MAX / 2, .maxage_s = 300, .recheck_s = 60,
		.status_header = true,
	};
	static const struct front front = { .conf = &conf, .cache = { .fd = -1 } };
	/* something that can be read at any time */
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0);
	log_init(&quiet);
	memset(out, 0, offsetof(struct connection_record, out));
	out->out_len = 0;
	stream = data;
	chance = chance_of(data.p, data.len);
	piece_most = most;
	record = out;
	(void)serve(&front, fd, fd, SERVE_AUTO, deadline_in(conf.timeout_ms));
	alarm(0);
	out->left = stream.len;
}

void record_clear(struct connection_record *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free((void *)(uintptr_t)r->seen[i].path.p);
		free((void *)(uintptr_t)r->seen[i].request.p);
	}
	r->n = 0;
}
