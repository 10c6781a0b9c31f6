#include "basic.h"

#include "gtime.h"

static const char oid_basic[] = "\x2b\x06\x01\x05\x05\x07\x30\x01\x01";
static const char oid_nonce[] = "\x2b\x06\x01\x05\x05\x07\x30\x01\x02";
static const char oid_archive_cutoff[] = "\x2b\x06\x01\x05\x05\x07\x30\x01\x06";
static const char oid_extended_revoke[] = "\x2b\x06\x01\x05\x05\x07\x30\x01\x09";

static void put_time(struct der_out *o, int64_t t)
{
	char text[GTIME_LEN];

	gtime_format(t, text);
	der_put_item(o, DER_GENERALIZED_TIME, bytes_of(text, sizeof text));
}

static void put_revoked(struct der_out *o, const struct basic_single *s)
{
	size_t mark = der_mark(o), reason_mark = mark;
	uint8_t reason = (uint8_t)s->reason;

	if (s->reason != REASON_ABSENT && s->reason != 0) {
		der_put_item(o, DER_ENUMERATED, bytes_of(&reason, 1));
		der_wrap(o, DER_CONTEXT_CONS(0), reason_mark);
	}
	put_time(o, s->revoked_at);
	der_wrap(o, DER_CONTEXT_CONS(1), mark);
}

/* None of ours is critical: RFC 6960 4.4. */
static void put_extension(struct der_out *o, const char *oid, uint8_t tag, struct bytes value)
{
	size_t mark = der_mark(o);

	der_put_item(o, tag, value);
	der_wrap(o, DER_OCTET_STRING, mark);
	der_put_item(o, DER_OID, bytes_str(oid));
	der_wrap(o, DER_SEQUENCE, mark);
}

/* Expired certificates are answered for as long as archive_s, counted back from producedAt. */
static void put_archive_cutoff(struct der_out *o, const struct basic *b)
{
	size_t mark = der_mark(o);
	char text[GTIME_LEN];

	gtime_format(b->produced_at - b->archive_s, text);
	put_extension(o, oid_archive_cutoff, DER_GENERALIZED_TIME, bytes_of(text, sizeof text));
	der_wrap(o, DER_SEQUENCE, mark);
	der_wrap(o, DER_CONTEXT_CONS(1), mark);
}

static void put_single(struct der_out *o, const struct basic *b, const struct basic_single *s)
{
	size_t mark = der_mark(o), next_mark;

	if (b->archive_s && s->status != CERT_UNKNOWN && !b->extended_revoke)
		put_archive_cutoff(o, b);
	next_mark = der_mark(o);
	put_time(o, s->next_update);
	der_wrap(o, DER_CONTEXT_CONS(0), next_mark);
	put_time(o, s->this_update);
	if (s->status == CERT_REVOKED)
		put_revoked(o, s);
	else
		der_put_item(o, s->status == CERT_GOOD ? DER_CONTEXT(0) : DER_CONTEXT(2),
			     bytes_of(NULL, 0));
	der_put(o, s->certid);
	der_wrap(o, DER_SEQUENCE, mark);
}

static void put_extensions(struct der_out *o, const struct basic *b)
{
	size_t mark = der_mark(o);

	if (b->extended_revoke)
		put_extension(o, oid_extended_revoke, DER_NULL, bytes_of(NULL, 0));
	if (b->nonce.len)
		put_extension(o, oid_nonce, DER_OCTET_STRING, b->nonce);
	if (der_mark(o) == mark)
		return;
	der_wrap(o, DER_SEQUENCE, mark);
	der_wrap(o, DER_CONTEXT_CONS(1), mark);
}

void basic_put_data(struct der_out *o, const struct basic *b)
{
	size_t mark = der_mark(o), part;

	put_extensions(o, b);
	part = der_mark(o);
	for (size_t i = b->n; i-- > 0;)
		put_single(o, b, &b->single[i]);
	der_wrap(o, DER_SEQUENCE, part);
	put_time(o, b->produced_at);
	part = der_mark(o);
	der_put_item(o, DER_OCTET_STRING, b->key_hash);
	der_wrap(o, DER_CONTEXT_CONS(2), part);
	der_wrap(o, DER_SEQUENCE, mark);
}

static void put_bits(struct der_out *o, struct bytes value)
{
	static const uint8_t no_unused_bits = 0;
	size_t mark = der_mark(o);

	der_put(o, value);
	der_put(o, bytes_of(&no_unused_bits, 1));
	der_wrap(o, DER_BIT_STRING, mark);
}

void basic_put_response(struct der_out *o, struct bytes data, struct bytes algorithm,
			struct bytes signature, struct bytes certs)
{
	static const uint8_t successful = OCSP_SUCCESSFUL;
	size_t mark = der_mark(o);

	/* never an empty list: RFC 6960 4.2.1 */
	if (certs.len) {
		der_put_item(o, DER_SEQUENCE, certs);
		der_wrap(o, DER_CONTEXT_CONS(0), mark);
	}
	put_bits(o, signature);
	der_put(o, algorithm);
	der_put(o, data);
	der_wrap(o, DER_SEQUENCE, mark);
	der_wrap(o, DER_OCTET_STRING, mark);
	der_put_item(o, DER_OID, bytes_str(oid_basic));
	der_wrap(o, DER_SEQUENCE, mark);
	der_wrap(o, DER_CONTEXT_CONS(0), mark);
	der_put_item(o, DER_ENUMERATED, bytes_of(&successful, 1));
	der_wrap(o, DER_SEQUENCE, mark);
}
