/*
 * stand-in.h - a connection in memory: serve() with octets that come from a buffer, in pieces of
 * any size, and a record of what it took for requests.
 *
 * What serve.c asks of io.h, hangup.h, answer.h and cache.h is in stand-in.c; the rest is the real
 * thing.
 */
#ifndef OCSP_STAND_IN_H
#define OCSP_STAND_IN_H

#include "fuzz.h"

/* What serve() took for a request. path is empty for bare DER. */
struct seen {
	int method;		/* enum http_method */
	struct bytes path;	/* of an HTTP request whose head was taken; the record's own */
	struct bytes request;	/* likewise; what was to be answered: empty if nothing was */
	bool answered;		/* there was something to be answered */
};

#define SEEN_MAX 64
struct connection_record {
	struct seen seen[SEEN_MAX];
	size_t n;
	uint8_t out[1 << 19];	/* everything that was written, without "100 Continue" */
	size_t out_len;
	size_t left;		/* octets of the stream that were not read */
};

/* Serves data as one connection that may make any number of requests, in pieces of 1 to most
 * octets (0: as much as is asked for). Free the record with record_clear(). */
void serve_stream(struct bytes data, uint32_t most, struct connection_record *out);
void record_clear(struct connection_record *r);

#endif
