/*
 * framing - says which requests the program sees in a stream of octets; for tests/diff-nginx.py.
 *
 * Reads streams from standard input, each with its length in four octets before it. For each it
 * writes, in hexadecimal,
 *
 *   request METHOD PATH OCTETS	a request whose head was taken; OCTETS is "-" if there was
 *					nothing in it to be answered
 *   answers OCTETS			all that was sent
 */
#include "stand-in.h"

#include <unistd.h>

#include "http.h"

#define STREAM_MAX (1 << 18)

static const char *const method_name[] = {
	[HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD", [HTTP_POST] = "POST", [HTTP_OPTIONS] = "OPTIONS",
};

static void put_hex(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		printf("%02x", b.p[i]);
}

static void tell(const struct connection_record *r)
{
	for (size_t i = 0; i < r->n; i++) {
		printf("request %s ", method_name[r->seen[i].method]);
		put_hex(r->seen[i].path);
		putchar(' ');
		if (r->seen[i].answered)
			put_hex(r->seen[i].request);
		else
			putchar('-');
		putchar('\n');
	}
	printf("answers ");
	put_hex(bytes_of(r->out, r->out_len));
	putchar('\n');
	fflush(stdout);
}

int main(void)
{
	static struct connection_record record;
	static uint8_t stream[STREAM_MAX];
	uint8_t head[4];

	while (fread(head, 1, sizeof head, stdin) == sizeof head) {
		size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 |
			     head[3];

		REQUIRE(len <= sizeof stream && fread(stream, 1, len, stdin) == len);
		serve_stream(bytes_of(stream, len), 0, &record);
		tell(&record);
		record_clear(&record);
	}
	return 0;
}
