/*
 * import.h - rows of the table from elsewhere: where they come from, what becomes of each, and how
 * they are written, many at a time and all or none.
 */
#ifndef OCSP_IMPORT_H
#define OCSP_IMPORT_H

#include "cert.h"
#include "conf.h"
#include "store.h"

/* What a source says about one certificate. */
struct import_record {
	uint8_t buf[LIM_SERIAL_LEN];
	size_t len;		/* of the serial's magnitude, in buf */
	bool has_status;	/* it says whether the certificate is revoked */
	bool revoked;
	int64_t revoked_at;	/* or ROW_NO_TIME */
	int reason;		/* CRLReason, or ROW_NO_REASON */
	bool may_add;		/* a row may be made of it */
	struct cert cert;	/* zeroed if the source has none */
	char *pem;		/* it as the predecessor wrote it; NULL if there is none */
	size_t pem_len;
};
void import_record_free(struct import_record *r);

static inline struct bytes import_serial(const struct import_record *r)
{
	return bytes_of(r->buf, r->len);
}

/* A file of records, octets: some million certificates, or ten million lines of index.txt. Where
 * less than that can be addressed, half of it. */
#define IMPORT_LEN (SIZE_MAX > UINT32_MAX ? (size_t)(4ULL << 30) : SIZE_MAX / 2)

/* Where records come from. */
#define IMPORT_PATH_LEN 4096
#define IMPORT_WHERE_LEN (IMPORT_PATH_LEN + 16)
#define IMPORT_WHY_LEN (IMPORT_PATH_LEN + 512)
struct import_source {
	/* The next record. E_NOT_FOUND: there is no more; E_DATA: a bad one, of which where ("file"
	 * or "file:line") and why tell; anything else ends the import, and why is a sentence. */
	enum err (*next)(struct import_source *s, struct import_record *out);
	void (*close)(struct import_source *s);	/* NULL-safe members, frees state */
	void *state;
	const char *what;	/* "index.txt", "certificates", "CRL", "table" */
	int64_t total;		/* records, or -1 */
	const struct conf_ca *conf;
	struct cert *ca;	/* whose certificates are taken */
	char where[IMPORT_WHERE_LEN], why[IMPORT_WHY_LEN];
};

/* Each fills in next, close, state, what and total; conf and ca are set. E_OK, or s->why is a
 * sentence. */
MUST_CHECK enum err import_index(struct import_source *s, const char *path, const char *certs);
MUST_CHECK enum err import_certs(struct import_source *s, const char *path);
MUST_CHECK enum err import_crl(struct import_source *s, const char *path);
/* store: read from while rows are written through the same one. */
MUST_CHECK enum err import_table(struct import_source *s, struct store *store, const char *table,
				 int64_t patience_ms);

/* What a file or folder is, by what is in it. */
enum import_format { IMPORT_UNKNOWN, IMPORT_INDEX, IMPORT_CERTS, IMPORT_CRL };
MUST_CHECK enum err import_detect(const char *path, enum import_format *out,
				  char error[IMPORT_WHY_LEN]);

/* Takes a certificate (its DER or PEM) into r: it has to be one of s->ca, with the serial that r
 * has, unless that has none yet. E_DATA with s->why. */
MUST_CHECK enum err import_take_cert(struct import_source *s, struct bytes octets,
				     struct import_record *r);

/* What becomes of a record. */
enum import_verdict {
	IMPORT_NEW,	/* a row is made */
	IMPORT_CHANGED,	/* the row gets what it lacks, or is revoked, or released */
	IMPORT_SAME,
	IMPORT_KEPT,	/* the row is revoked, and stays so */
	IMPORT_ABSENT,	/* there is no row, and none can be made of it */
	IMPORT_CLASH,	/* the row has another certificate, perhaps another CA's, or no status:
			 * nothing is done */
	IMPORT_VERDICTS
};
struct import_plan {
	enum import_verdict verdict;
	bool revoke, release, set_cert;	/* of IMPORT_CHANGED */
	int64_t revoked_at;		/* of revoke */
	int reason;
	const char *why;		/* a clause: of what is not done, and of a change */
};

/* Pure, but for the parsing of old->cert. old: the row there is, or NULL. ca: the subject of the CA
 * that r is about; empty: every row counts as its, whoever issued the certificate. release: what is
 * only on hold may become valid again. E_OK; E_BUSY: no memory. */
MUST_CHECK enum err import_decide(const struct store_row *old, const struct import_record *r,
				  struct bytes ca, bool release, struct import_plan *out);

/* Records on their way into the table. */
struct import_batch;
/* Told what became of each record. */
typedef void import_told(void *arg, const struct import_record *r, const struct import_plan *p);

struct import_target {
	struct store *store;
	const char *table;
	struct bytes ca;	/* see import_decide() */
	int64_t patience_ms;	/* for one question */
	bool dry_run, release;
	bool odd_keys;		/* store_odd_keys() */
	import_told *told;
	void *arg;
};

/* NULL: no memory. */
struct import_batch *import_batch_new(const struct import_target *t);
void import_batch_free(struct import_batch *b);

/* Takes the record over, and writes when there are enough. E_OK; E_DB: store_error(); E_BUSY: no
 * memory; E_NOT_FOUND, E_DATA: somebody else has changed the table. */
MUST_CHECK enum err import_batch_add(struct import_batch *b, struct import_record *r);
MUST_CHECK enum err import_batch_flush(struct import_batch *b);

#endif
