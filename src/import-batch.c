#include "import.h"

#include <stdlib.h>

struct import_batch {
	struct import_target t;
	struct import_record rec[STORE_MANY];
	struct store_row old[STORE_MANY];	/* the row of rec[i], if have[i] */
	bool have[STORE_MANY];
	uint16_t order[STORE_MANY];		/* of rec[], by their serials */
	size_t n, octets;
	char key[STORE_MANY][SERIAL_TEXT_LEN];
	struct store_new add[STORE_MANY];
	size_t n_add;
};

void import_record_free(struct import_record *r)
{
	cert_free(&r->cert);
	free(r->pem);
	r->pem = NULL;
}

struct import_batch *import_batch_new(const struct import_target *t)
{
	struct import_batch *b = calloc(1, sizeof *b);

	if (b)
		b->t = *t;
	return b;
}

static void empty(struct import_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		import_record_free(&b->rec[i]);
		if (b->have[i])
			store_row_free(&b->old[i]);
		b->have[i] = false;
	}
	b->n = b->octets = b->n_add = 0;
}

void import_batch_free(struct import_batch *b)
{
	if (b)
		empty(b);
	free(b);
}

static struct deadline soon(const struct import_batch *b)
{
	return deadline_in(b->t.patience_ms);
}

static int compare(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return memcmp(a.p, b.p, a.len);
}

/* Where in order[] this serial is, or would be. */
static size_t place(const struct import_batch *b, struct bytes serial, bool *there)
{
	size_t low = 0, high = b->n;

	*there = false;
	while (low < high && !*there) {
		size_t mid = low + (high - low) / 2;
		int c = compare(import_serial(&b->rec[b->order[mid]]), serial);

		if (c == 0)
			*there = true;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return *there ? high : low;
}

static bool take_row(void *arg, struct store_row *row)
{
	struct import_batch *b = arg;
	uint8_t buf[LIM_SERIAL_LEN];
	struct bytes serial;
	bool there;
	size_t at, i;

	if (!serial_parse(bytes_str(row->cert_num), buf, &serial))
		return true;
	at = place(b, serial, &there);
	if (!there)
		return true;
	i = b->order[at];
	/* twins, of which the worse counts */
	if (b->have[i] && !store_row_beats(row, &b->old[i]))
		return true;
	if (b->have[i])
		store_row_free(&b->old[i]);
	b->old[i] = *row;
	b->have[i] = true;
	row->cert = NULL;	/* it is ours now */
	return true;
}

/* Where keys may be spelt in every way, each is asked for in all its forms. */
static enum err find_rows(struct import_batch *b)
{
	struct store *s = b->t.store;
	enum err e = E_OK;

	for (size_t i = 0; i < b->n; i++)
		serial_text(import_serial(&b->rec[i]), b->key[i]);
	if (!b->t.odd_keys)
		return store_match(s, b->t.table, (const char (*)[SERIAL_TEXT_LEN])b->key, b->n,
				   soon(b), take_row, b);
	for (size_t i = 0; i < b->n && e == E_OK; i++) {
		e = store_find(s, b->t.table, import_serial(&b->rec[i]), true, soon(b), &b->old[i]);
		b->have[i] = e == E_OK;
		if (e == E_NOT_FOUND)
			e = E_OK;
	}
	return e;
}

static void plan_new(struct import_batch *b, size_t i)
{
	const struct import_record *r = &b->rec[i];
	struct store_new *n = &b->add[b->n_add++];

	memcpy(n->cert_num, b->key[i], sizeof n->cert_num);
	n->revoked = r->has_status && r->revoked;
	n->revoked_at = r->revoked_at;
	n->reason = r->reason;
	n->cert = bytes_of(r->pem, r->pem ? r->pem_len : 0);
}

static enum err change(struct import_batch *b, size_t i, const struct import_plan *p)
{
	const struct import_record *r = &b->rec[i];
	struct store *s = b->t.store;
	enum err e = E_OK;

	if (p->revoke)
		e = store_revoke(s, b->t.table, import_serial(r), p->revoked_at, p->reason,
				 soon(b));
	if (p->release)
		e = store_release(s, b->t.table, import_serial(r), soon(b));
	if (e == E_OK && p->set_cert)
		e = store_set_cert(s, b->t.table, import_serial(r), bytes_of(r->pem, r->pem_len),
				   soon(b));
	return e;
}

enum err import_batch_flush(struct import_batch *b)
{
	enum err e = b->n ? find_rows(b) : E_OK;

	for (size_t i = 0; i < b->n && e == E_OK; i++) {
		struct import_plan p;

		e = import_decide(b->have[i] ? &b->old[i] : NULL, &b->rec[i], b->t.ca,
				  b->t.release, &p);
		if (e != E_OK)
			break;
		if (p.verdict == IMPORT_NEW)
			plan_new(b, i);
		if (!b->t.dry_run)
			e = change(b, i, &p);
		if (e == E_OK)
			b->t.told(b->t.arg, &b->rec[i], &p);
	}
	if (e == E_OK && !b->t.dry_run)
		e = store_add_many(b->t.store, b->t.table, b->add, b->n_add, soon(b));
	empty(b);
	return e;
}

enum err import_batch_add(struct import_batch *b, struct import_record *r)
{
	bool there;
	size_t at = place(b, import_serial(r), &there);

	/* once more the same: it has to see what became of the first */
	if (there || b->n == STORE_MANY || b->octets + r->pem_len > STORE_BATCH_LEN) {
		enum err e = import_batch_flush(b);

		if (e != E_OK) {
			import_record_free(r);
			return e;
		}
		at = 0;
	}
	memmove(b->order + at + 1, b->order + at, (b->n - at) * sizeof b->order[0]);
	b->order[at] = (uint16_t)b->n;
	b->rec[b->n++] = *r;
	b->octets += r->pem_len;
	return E_OK;
}
