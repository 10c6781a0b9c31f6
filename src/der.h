/*
 * der.h - a strict reader and a small writer for DER (X.690). Pure: no I/O, no memory of its own.
 *
 * The reader takes definite minimal lengths and one-octet tags only, never looks past its end, and
 * never recurses: a caller descends by making a new cursor of a value.
 */
#ifndef OCSP_DER_H
#define OCSP_DER_H

#include "bytes.h"
#include "error.h"

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTCTIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
};
#define DER_CONTEXT(n) (0x80 | (n))		/* primitive [n] */
#define DER_CONTEXT_CONS(n) (0xa0 | (n))	/* constructed [n] */

/* What is left to read. */
struct der {
	const uint8_t *p, *end;
};

struct der_item {
	uint8_t tag;
	struct bytes all;	/* tag, length and value */
	struct bytes value;
};

static inline struct der der_of(struct bytes b)
{
	/* what is not there has no address to count from */
	return (struct der){ b.p, b.len ? b.p + b.len : b.p };
}

static inline bool der_done(const struct der *d)
{
	return d->p == d->end;
}

/* The tag that der_next() would read, or -1 at the end. */
static inline int der_peek(const struct der *d)
{
	return der_done(d) ? -1 : *d->p;
}

/* Reads one item and moves on. False, and nothing moved, if there is none or it is no DER. */
MUST_CHECK bool der_next(struct der *d, struct der_item *out);

/* The same, and the tag must be this one. value may be NULL. */
MUST_CHECK bool der_take(struct der *d, uint8_t tag, struct bytes *value);

/* As der_take(), for an item that must be there alone: it has to reach the end of d. */
MUST_CHECK bool der_take_last(struct der *d, uint8_t tag, struct bytes *value);

/* A framing question, for a stream: how long is the item that these octets begin?
 * E_OK: *total is header and value, octets; E_AGAIN: the header is not complete;
 * E_MALFORMED: this begins no SEQUENCE, or one over max. Lengths need not be minimal here: that
 * is for the parser to refuse, once the item has been read. */
MUST_CHECK enum err der_frame(struct bytes begin, size_t max, size_t *total);

/* An INTEGER's value: not empty, no needless leading octet (X.690 8.3.2). */
bool der_integer_ok(struct bytes value);

/* An OBJECT IDENTIFIER's value: not empty, complete, arcs minimal (X.690 8.19). */
bool der_oid_ok(struct bytes value);

/*
 * The writer fills a buffer from its end towards its start, so that each header can be put in
 * front of a value whose length is then known. Writing past the start sets "full", and everything
 * later is ignored: check once, at the end.
 */
struct der_out {
	uint8_t *start, *p, *end;
	bool full;
};

static inline struct der_out der_out_of(uint8_t *buf, size_t cap)
{
	return (struct der_out){ buf, buf + cap, buf + cap, false };
}

/* Puts octets as they are in front of what is there. */
void der_put(struct der_out *o, struct bytes b);

/* Puts tag and length in front of everything that was written after "mark" (a value of o->end -
 * o->p taken before it was written). */
void der_wrap(struct der_out *o, uint8_t tag, size_t mark);

static inline size_t der_mark(const struct der_out *o)
{
	return (size_t)(o->end - o->p);
}

/* A whole item with this value. */
static inline void der_put_item(struct der_out *o, uint8_t tag, struct bytes value)
{
	size_t mark = der_mark(o);

	der_put(o, value);
	der_wrap(o, tag, mark);
}

/* What has been written; empty if it did not fit. */
static inline struct bytes der_out_bytes(const struct der_out *o)
{
	return o->full ? (struct bytes){ NULL, 0 } : (struct bytes){ o->p, (size_t)(o->end - o->p) };
}

#endif
