#include "mutate.h"

#include "der.h"

#define NODES_MAX 400
#define ROOT (-1)

/* An item: where it is, and in which other one. */
struct node {
	size_t at, value, len;	/* offsets of header and value; the value's length */
	int parent;
};

struct tree {
	uint8_t *buf;
	size_t len, cap;
	struct node node[NODES_MAX];
	int n;
};

static void grow(struct tree *t, struct bytes value, int parent)
{
	struct der d = der_of(value);
	struct der_item item;

	while (t->n < NODES_MAX && der_next(&d, &item)) {
		int self = t->n++;

		t->node[self] = (struct node){ (size_t)(item.all.p - t->buf),
					       (size_t)(item.value.p - t->buf), item.value.len,
					       parent };
		/* what is constructed, and the octets of an extension */
		if (item.tag & 0x20 || item.tag == DER_OCTET_STRING)
			grow(t, item.value, self);
	}
}

/* Puts octets in the place of n others. False if there is no room. */
static bool replace(struct tree *t, size_t at, size_t n, struct bytes with)
{
	if (t->len - n + with.len > t->cap)
		return false;
	memmove(t->buf + at + with.len, t->buf + at + n, t->len - at - n);
	if (with.len)
		memcpy(t->buf + at, with.p, with.len);
	t->len += with.len - n;
	return true;
}

/* The header of a value of this length, after its tag. */
static struct bytes length_octets(size_t len, uint8_t out[3])
{
	if (len < 0x80) {
		out[0] = (uint8_t)len;
		return bytes_of(out, 1);
	}
	out[0] = len < 0x100 ? 0x81 : 0x82;
	out[1] = (uint8_t)(len < 0x100 ? len : len >> 8);
	out[2] = (uint8_t)len;
	return bytes_of(out, len < 0x100 ? 2 : 3);
}

/* The same inside of an item: it and all around it get another length. */
static void splice(struct tree *t, int parent, size_t at, size_t n, struct bytes with)
{
	size_t more = with.len - n;	/* wraps where it is less: only sums are looked at */

	if (!replace(t, at, n, with))
		return;
	for (int i = parent; i != ROOT; i = t->node[i].parent) {
		const struct node *p = &t->node[i];
		size_t old = p->value - p->at - 1, len = p->len + more;
		uint8_t octets[3];
		struct bytes header = length_octets(len, octets);

		if (len > 0xffff || !replace(t, p->at + 1, old, header))
			return;
		more += header.len - old;
	}
}

static const struct {
	const char *octets;
	size_t len;
} pieces[] = {
#define PIECE(s) { s, sizeof(s) - 1 }
	PIECE("\x05\x00"), PIECE("\x01\x01\x00"), PIECE("\x01\x01\xff"), PIECE("\x01\x01\x01"),
	PIECE("\x02\x01\x00"), PIECE("\x02\x01\xff"), PIECE("\x30\x00"), PIECE("\x04\x00"),
	PIECE("\x30\x80\x00\x00"), PIECE("\x02\x02\x00\x80"), PIECE("\xa0\x03\x02\x01\x00"),
	PIECE("\xa0\x03\x02\x01\x01"), PIECE("\xa1\x05\x82\x03" "a.b"), PIECE("\x04\x81\x01x"),
	PIECE("\xbf\x21\x00"), PIECE("\x06\x05\x2b\x0e\x03\x02\x1a"),
	PIECE("\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x02"),
	PIECE("\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01"),
};

/* One change of an item, and of all lengths around it. */
static void mutate_item(struct chance *c, struct tree *t)
{
	uint32_t i = chance_below(c, (uint32_t)t->n), j = chance_below(c, (uint32_t)t->n);
	const struct node *node = &t->node[i], *other = &t->node[j];
	size_t all = node->value + node->len - node->at;
	size_t other_all = other->value + other->len - other->at;
	uint32_t k = chance_below(c, sizeof pieces / sizeof *pieces);
	struct bytes piece = bytes_of(pieces[k].octets, pieces[k].len);
	uint8_t copy[4096], octet = (uint8_t)chance_below(c, 256);

	switch (chance_below(c, 9)) {
	case 0:		/* twice */
		memcpy(copy, t->buf + node->at, all);
		splice(t, node->parent, node->at + all, 0, bytes_of(copy, all));
		break;
	case 1:		/* gone */
		splice(t, node->parent, node->at, all, bytes_of(NULL, 0));
		break;
	case 2:		/* another in its place */
		memcpy(copy, t->buf + other->at, other_all);
		splice(t, node->parent, node->at, all, bytes_of(copy, other_all));
		break;
	case 3:		/* something before it */
		splice(t, node->parent, node->at, 0, piece);
		break;
	case 4:		/* something in its place */
		splice(t, node->parent, node->at, all, piece);
		break;
	case 5:		/* something at its end */
		splice(t, (int)i, node->value + node->len, 0, piece);
		break;
	case 6:		/* an octet more */
		splice(t, (int)i, node->value + chance_below(c, (uint32_t)node->len + 1), 0,
		       bytes_of(&octet, 1));
		break;
	case 7:		/* an octet less */
		if (node->len)
			splice(t, (int)i, node->value + chance_below(c, (uint32_t)node->len), 1,
			       bytes_of(NULL, 0));
		break;
	default:	/* another octet: of the value, or the tag */
		t->buf[node->len ? node->value + chance_below(c, (uint32_t)node->len) : node->at] =
			octet;
	}
}

/* A change that knows nothing of items. */
static void mutate_octets(struct chance *c, struct tree *t)
{
	size_t at = chance_below(c, (uint32_t)t->len);
	uint8_t octet = (uint8_t)chance_below(c, 256);

	switch (chance_below(c, 5)) {
	case 0:
		replace(t, at, 0, bytes_of(&octet, 1));
		break;
	case 1:
		if (t->len > 1)
			replace(t, at, 1, bytes_of(NULL, 0));
		break;
	case 2:
		t->buf[at] = (uint8_t)(t->buf[at] ^ (1u << octet % 8));
		break;
	case 3:
		t->len = at + 1;
		break;
	default:
		t->buf[at] = octet;
	}
}

size_t mutate_der(struct chance *c, uint8_t *buf, size_t len, size_t cap)
{
	static struct tree t;

	t.buf = buf;
	t.len = len;
	t.cap = cap;
	for (uint32_t times = 1 + chance_below(c, 4) / 3; times && t.len; times--) {
		t.n = 0;
		grow(&t, bytes_of(buf, t.len), ROOT);
		if (t.n == 0 || chance_below(c, 8) == 0)
			mutate_octets(c, &t);
		else
			mutate_item(c, &t);
	}
	if (t.len == 0)
		t.len = 1;
	return t.len;
}
