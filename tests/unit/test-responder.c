/* From a request to an answer, with a store that says what the test wants: O-4, O-20, O-23, C-1,
 * D-8, D-9, D-11, D-12, L-5, L-10, N-5, U-3, U-6, U-9. */
#include "unit.h"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pki.h"
#include "responder.h"

/* The stand-in for the database. */
static struct {
	enum err open, find;
	struct store_row row;
	int asked;
	const char *table;
	bool answered;
} db;

static struct store *const a_store = (struct store *)(uintptr_t)&db;

enum err store_open(const struct conf *c, struct deadline d, struct store **out,
		    char error[STORE_ERROR_LEN])
{
	(void)c;
	(void)d;
	snprintf(error, STORE_ERROR_LEN, "nobody answers at db.example");
	if (db.open == E_OK)
		*out = a_store;
	return db.open;
}

void store_close(struct store *s)
{
	(void)s;
}

enum err store_find(struct store *s, const char *table, struct bytes serial, bool want_cert,
		    struct deadline d, struct store_row *out)
{
	assert_ptr_equal(s, a_store);
	(void)serial;
	(void)d;
	db.asked++;
	db.table = table;
	*out = db.row;
	if (!want_cert)
		out->cert = NULL;
	return db.find;
}

bool store_has_answered(const struct store *s)
{
	(void)s;
	return db.answered;
}

void store_row_free(struct store_row *r)
{
	r->cert = NULL;	/* the test's */
}

const char *store_error(const struct store *s)
{
	(void)s;
	return "the connection was lost";
}

/* What the responder said. */
static struct {
	int n[LEVEL_CRITICAL + 1];
	char last[2048];
} said;

static void say(enum level level, const char *sentence)
{
	said.n[level]++;
	if (level > LEVEL_DEBUG)
		snprintf(said.last, sizeof said.last, "%s", sentence);
}

static struct {
	EVP_PKEY *root_key, *key, *leaf_key;
	X509 *root, *ca;
	struct bytes root_der, ca_der, leaf_der,
	    foreign_der; /* the last one with the leaf's serial */
	struct cert ca_cert, root_cert;
	const char *ca_file, *key_file, *root_file, *root_key_file;
	struct conf conf;
	char cache[256];
	struct responder *r;
	uint8_t out[LIM_RESPONSE_LEN];
	struct bytes der;
	struct answer_info info;
	struct response response;
	struct single single;
} p;

#define SERIAL "\x12\x34"

static int set_up_all(void **state)
{
	struct pki_issue issue = { .name = "leaf", .serial = 0x1234 };
	X509 *x;

	(void)state;
	p.root_key = pki_key("P-256");
	p.key = pki_key("P-256");
	p.leaf_key = pki_key("P-256");
	p.root =
	    pki_cert(&(struct pki_issue){ .name = "Root", .key = p.root_key, .basic = "CA:TRUE" });
	p.ca = pki_cert(&(struct pki_issue){ .name = "CA",
					    .key = p.key,
					    .issuer = p.root,
					    .serial = 7,
					    .issuer_key = p.root_key,
					    .basic = "CA:TRUE" });
	issue.key = p.leaf_key;
	issue.issuer = p.ca;
	issue.issuer_key = p.key;
	x = pki_cert(&issue);
	p.leaf_der = pki_der(x);
	X509_free(x);
	issue.issuer = p.root;
	issue.issuer_key = p.root_key;
	x = pki_cert(&issue);
	p.foreign_der = pki_der(x);
	X509_free(x);
	p.root_der = pki_der(p.root);
	p.ca_der = pki_der(p.ca);
	assert_int_equal(cert_parse(p.ca_der, &p.ca_cert), E_OK);
	assert_int_equal(cert_parse(p.root_der, &p.root_cert), E_OK);
	p.ca_file = pki_cert_file("ca.pem", p.ca);
	p.root_file = pki_cert_file("root.pem", p.root);
	p.key_file = pki_key_file("ca.key", p.key, NULL);
	p.root_key_file = pki_key_file("root.key", p.root_key, NULL);
	p.r = malloc(sizeof *p.r);
	return 0;
}

static int tear_down_all(void **state)
{
	(void)state;
	free(p.r);
	cert_free(&p.ca_cert);
	cert_free(&p.root_cert);
	X509_free(p.root);
	X509_free(p.ca);
	EVP_PKEY_free(p.root_key);
	EVP_PKEY_free(p.key);
	EVP_PKEY_free(p.leaf_key);
	OPENSSL_free((void *)(uintptr_t)p.leaf_der.p);
	OPENSSL_free((void *)(uintptr_t)p.foreign_der.p);
	OPENSSL_free((void *)(uintptr_t)p.root_der.p);
	OPENSSL_free((void *)(uintptr_t)p.ca_der.p);
	return 0;
}

/* Every test begins with an empty cache and a database that holds the leaf as Valid. */
static int set_up(void **state)
{
	static int n;

	(void)state;
	snprintf(p.cache, sizeof p.cache, "%s/cache%d", pki_folder(), n++);
	p.conf = (struct conf){
	    .cache = p.cache,
	    .recheck_s = 60,
	    .n_ca = 1,
	    .ca = { { .name = "ocsp",
		    .cert = p.ca_file,
		    .pkey = p.key_file,
		    .table = "list_certs",
		    .producetime_s = 86400,
		    .verify = true } },
	};
	memset(&db, 0, sizeof db);
	db.row = (struct store_row){ .cert_num = "0x1234",
				    .status = ROW_VALID,
				    .revoked_at = ROW_NO_TIME,
				    .reason = ROW_NO_REASON,
				    .cert = (uint8_t *)(uintptr_t)p.leaf_der.p,
				    .cert_len = p.leaf_der.len };
	memset(&said, 0, sizeof said);
	return 0;
}

static void put_certid(struct der_out *o, const struct cert *issuer, enum hashalg h,
		       bool null_params, struct bytes serial)
{
	uint8_t name[CERT_HASH_LEN], key[CERT_HASH_LEN];
	size_t mark = der_mark(o), alg;

	assert_true(cert_name_hash(issuer, h, name) && cert_key_hash(issuer, h, key));
	der_put_item(o, DER_INTEGER, serial);
	der_put_item(o, DER_OCTET_STRING, bytes_of(key, hashalg_len(h)));
	der_put_item(o, DER_OCTET_STRING, bytes_of(name, hashalg_len(h)));
	alg = der_mark(o);
	if (null_params)
		der_put_item(o, DER_NULL, bytes_of(NULL, 0));
	der_put_item(o, DER_OID, hashalg_oid(h));
	der_wrap(o, DER_SEQUENCE, alg);
	der_wrap(o, DER_SEQUENCE, mark);
}

/* What is asked: up to two serials, of up to two issuers. */
struct question {
	const struct cert *issuer[2];	/* NULL: the CA; the second: not asked */
	struct bytes serial[2];
	enum hashalg hash;
	bool no_params;
	struct bytes nonce;
};

static struct bytes request_of(const struct question *q, uint8_t *buf, size_t cap)
{
	static const char nonce_oid[] = "\x2b\x06\x01\x05\x05\x07\x30\x01\x02";
	struct der_out o = der_out_of(buf, cap);
	size_t list, mark;

	if (q->nonce.len) {
		der_put_item(&o, DER_OCTET_STRING, q->nonce);
		der_wrap(&o, DER_OCTET_STRING, 0);
		der_put_item(&o, DER_OID, bytes_str(nonce_oid));
		der_wrap(&o, DER_SEQUENCE, 0);
		der_wrap(&o, DER_SEQUENCE, 0);
		der_wrap(&o, DER_CONTEXT_CONS(2), 0);
	}
	list = der_mark(&o);
	for (int i = q->issuer[1] ? 1 : 0; i >= 0; i--) {
		mark = der_mark(&o);
		put_certid(&o, q->issuer[i] ? q->issuer[i] : &p.ca_cert, q->hash, !q->no_params,
			   q->serial[i].len ? q->serial[i] : B(SERIAL));
		der_wrap(&o, DER_SEQUENCE, mark);
	}
	der_wrap(&o, DER_SEQUENCE, list);
	der_wrap(&o, DER_SEQUENCE, 0);
	der_wrap(&o, DER_SEQUENCE, 0);
	assert_false(o.full);
	return der_out_bytes(&o);
}

/* One process: opened, asked once, closed. */
static enum err ask_octets(struct bytes request, struct deadline d)
{
	char error[RESPONDER_ERROR_LEN];
	enum err e;

	if (responder_open_some(&p.conf, say, p.r, error) != E_OK)
		fail_msg("%s", error);
	e = responder_answer(p.r, request, d, p.out, &p.der, &p.info);
	responder_close(p.r);
	/* whatever happened, it is a well-formed answer */
	assert_int_equal(response_parse(p.der, &p.response), E_OK);
	assert_int_equal(p.response.status, err_info(e)->ocsp);
	assert_int_equal(e != E_OK, p.info.why[0] != '\0');
	return e;
}

static enum err ask_for(const struct question *q)
{
	uint8_t buf[1024];
	enum err e = ask_octets(request_of(q, buf, sizeof buf), deadline_in(5000));
	struct der d;

	if (e == E_OK) {
		d = der_of(p.response.singles);
		assert_true(response_next(&d, &p.single));
	}
	return e;
}

static enum err ask(void)
{
	return ask_for(&(struct question){ 0 });
}

/* What the cache has for a question; FRESH_MISS if nothing. */
static enum verdict cached_for(const struct question *q, struct cache_entry *entry)
{
	static uint8_t file[LIM_RESPONSE_LEN];
	uint8_t buf[1024];
	struct request request;
	struct cache c;

	assert_int_equal(request_parse(request_of(q, buf, sizeof buf), &request, NULL), E_OK);
	if (cache_open(&c, p.cache, p.conf.recheck_s, false) != E_OK)
		return FRESH_MISS;
	cache_get(&c, &request.id[0], clock_real_ms(), file, entry, NULL);
	cache_close(&c);
	return entry->verdict;
}

static enum verdict cached(void)
{
	struct cache_entry entry;

	return cached_for(&(struct question){ 0 }, &entry);
}

static void set_revoked(int64_t at, int reason)
{
	db.row.status = ROW_REVOKED;
	db.row.revoked_at = at;
	db.row.reason = reason;
}

static void good_is_signed_and_published(void **state)
{
	struct cache_entry entry;
	int64_t now = clock_real_ms() / 1000;

	(void)state;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_SIGNED);
	assert_string_equal(p.info.status, "good");
	assert_string_equal(p.info.serial, "0x1234");
	assert_int_equal(p.info.n, 1);
	assert_string_equal(db.table, "list_certs");
	assert_int_equal(p.single.status, CERT_GOOD);
	/* the sample's times: O-9, L-20 */
	assert_in_range(p.response.produced_at, now, now + 2);
	assert_int_equal(p.single.this_update, p.response.produced_at);
	assert_int_equal(p.single.next_update, p.single.this_update + 86400 - 1);
	assert_false(p.response.has_nonce);
	assert_int_equal(cached_for(&(struct question){ 0 }, &entry), FRESH_HIT);
	assert_true(bytes_eq(entry.der, p.der));
	/* the next process needs no database */
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_CACHE);
	assert_int_equal(db.asked, 1);
	assert_int_equal(said.n[LEVEL_WARNING] + said.n[LEVEL_ERROR] + said.n[LEVEL_CRITICAL], 0);
}

/* L-5: an answer that says the same is not signed again, not even a key is needed. */
static void recheck_agrees_without_a_signature(void **state)
{
	struct cache_entry before, after;

	(void)state;
	p.conf.recheck_s = 0;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(cached_for(&(struct question){ 0 }, &before), FRESH_RECHECK);
	usleep(20000);
	p.conf.ca[0].pkey = "/nonexistent";
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_STORE);
	assert_int_equal(db.asked, 2);
	assert_int_equal(cached_for(&(struct question){ 0 }, &after), FRESH_RECHECK);
	assert_true(after.agreed_ms > before.agreed_ms);
}

/* D-9, U-3 */
static void a_revocation_is_seen_at_the_next_question(void **state)
{
	int64_t at = clock_real_ms() / 1000 - 1000;

	(void)state;
	p.conf.recheck_s = 0;
	assert_int_equal(ask(), E_OK);
	set_revoked(at, 1);
	assert_int_equal(ask(), E_OK);
	assert_string_equal(p.info.status, "revoked");
	assert_int_equal(p.single.status, CERT_REVOKED);
	assert_int_equal(p.single.revoked_at, at);
	assert_int_equal(p.single.reason, 1);
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_STORE);
	assert_int_equal(p.single.status, CERT_REVOKED);
	/* another reason, and a hold that was lifted: P-5 */
	db.row.reason = 6;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.single.reason, 6);
	db.row.status = ROW_VALID;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.single.status, CERT_GOOD);
}

/* U-3: what is contradicted goes, even if nothing can take its place */
static void a_contradicted_answer_goes_before_signing_can_fail(void **state)
{
	(void)state;
	p.conf.recheck_s = 0;
	assert_int_equal(ask(), E_OK);
	set_revoked(1000, 1);
	p.conf.ca[0].pkey = "/nonexistent";
	assert_int_equal(ask(), E_SIGNER);
	assert_int_equal(p.response.status, OCSP_INTERNAL_ERROR);
	assert_non_null(strstr(p.info.why, "/nonexistent"));
	assert_int_equal(cached(), FRESH_MISS);
}

/* D-12 */
static void without_a_database(void **state)
{
	(void)state;
	db.open = E_DB;
	assert_int_equal(ask(), E_DB);
	assert_string_equal(p.info.status, "tryLater");
	assert_non_null(strstr(p.info.why, "db.example"));
	/* what there was stays good for a while */
	db.open = E_OK;
	p.conf.recheck_s = 0;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(said.n[LEVEL_WARNING], 1);
	assert_non_null(strstr(said.last, "answers again"));
	db.open = E_DB;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_CACHE);
	assert_int_equal(said.n[LEVEL_ERROR], 1);
	/* nobody asks for some seconds, and nothing more is said */
	db.open = E_OK;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_CACHE);
	assert_int_equal(db.asked, 1);
	assert_int_equal(said.n[LEVEL_ERROR], 1);
	/* a serial without an answer is asked about all the same */
	db.find = E_DB;
	assert_int_equal(ask_for(&(struct question){ .serial = { B("\x05") } }), E_DB);
	assert_non_null(strstr(p.info.why, "connection was lost"));
	assert_int_equal(db.asked, 2);
}

/* A row that can't be told from another's is an error for its serial alone: an outage would have
 * answers sent that were not compared with the table. */
static void a_row_at_fault_is_no_outage(void **state)
{
	(void)state;
	p.conf.recheck_s = 0;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(cached(), FRESH_RECHECK);
	db.find = E_DB;
	db.answered = true;
	assert_int_equal(ask_for(&(struct question){ .serial = { B("\x05") } }), E_DATA);
	assert_string_equal(p.info.status, "internalError");
	/* the others are asked about as ever */
	db.find = E_OK;
	db.row.status = ROW_REVOKED;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_SIGNED);
	assert_int_equal(p.single.status, CERT_REVOKED);
	/* and what it may be about isn't sent any more */
	db.find = E_DB;
	assert_int_equal(ask(), E_DATA);
	assert_int_equal(cached(), FRESH_MISS);
}

static bool holds(struct bytes hay, struct bytes needle)
{
	return memmem(hay.p, hay.len, needle.p, needle.len) != NULL;
}

/* C-1, L-10, O-8 */
static void what_the_table_lacks(void **state)
{
	static const char extended_revoke[] = "\x2b\x06\x01\x05\x05\x07\x30\x01\x09";

	(void)state;
	p.conf.recheck_s = 0;
	assert_int_equal(ask(), E_OK);
	db.find = E_NOT_FOUND;
	assert_int_equal(ask(), E_UNAUTHORIZED);
	assert_int_equal(cached(), FRESH_MISS);
	p.conf.unknown = UNKNOWN_UNKNOWN;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.single.status, CERT_UNKNOWN);
	assert_string_equal(p.info.status, "unknown");
	assert_int_equal(cached(), FRESH_MISS);
	assert_false(holds(p.der, bytes_str(extended_revoke)));
	p.conf.unknown = UNKNOWN_REVOKED;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.single.status, CERT_REVOKED);
	assert_int_equal(p.single.revoked_at, 0);
	assert_int_equal(p.single.reason, 6);
	assert_int_equal(cached(), FRESH_MISS);
	assert_true(holds(p.der, bytes_str(extended_revoke)));
	/* U-14: a real revocation doesn't say so */
	db.find = E_OK;
	set_revoked(1000, 6);
	assert_int_equal(ask(), E_OK);
	assert_false(holds(p.der, bytes_str(extended_revoke)));
}

/* A serial that no row can have: negative, or too long. */
static void impossible_serials(void **state)
{
	(void)state;
	assert_int_equal(ask_for(&(struct question){ .serial = { B("\x80") } }), E_UNAUTHORIZED);
	assert_int_equal(
	    ask_for(&(struct question){ .serial = { B("123456789012345678901234567890") } }),
	    E_UNAUTHORIZED);
	assert_int_equal(db.asked, 0);
}

/* O-3, O-13, O-20 */
static void several_and_others(void **state)
{
	struct question both = { .issuer = { NULL, &p.ca_cert },
				.serial = { B("\x12\x34"), B("\x12\x34") } };
	struct question mixed = { .issuer = { &p.ca_cert, &p.root_cert } };
	struct cache_entry entry;

	(void)state;
	assert_int_equal(ask_for(&(struct question){ .issuer = { &p.root_cert } }), E_UNAUTHORIZED);
	assert_int_equal(ask_for(&mixed), E_UNAUTHORIZED);
	assert_int_equal(db.asked, 0);
	assert_int_equal(ask_for(&both), E_OK);
	assert_int_equal(p.response.n, 2);
	assert_string_equal(p.info.status, "successful");
	assert_int_equal(p.info.n, 2);
	assert_int_equal(cached(), FRESH_MISS);
	/* of two one isn't there: no answer at all */
	both.serial[1] = B("\x80");
	assert_int_equal(ask_for(&both), E_UNAUTHORIZED);
	assert_int_equal(cached_for(&both, &entry), FRESH_MISS);
}

/* A second CA, with its own table and key. */
static void with_root(void)
{
	p.conf.n_ca = 2;
	p.conf.ca[1] = p.conf.ca[0];
	p.conf.ca[1].name = "root";
	p.conf.ca[1].table = "root_certs";
	p.conf.ca[1].cert = p.root_file;
	p.conf.ca[1].pkey = p.root_key_file;
}

/* Two CAs: each with its own table and key (U-17). */
static void two_cas(void **state)
{
	(void)state;
	with_root();
	db.row.cert = (uint8_t *)(uintptr_t)p.foreign_der.p;
	db.row.cert_len = p.foreign_der.len;
	assert_int_equal(ask_for(&(struct question){ .issuer = { &p.root_cert } }), E_OK);
	assert_string_equal(db.table, "root_certs");
	assert_memory_equal(p.response.responder_key.p, p.r->signer[1].key_hash, 20);
	assert_int_equal(ask(), E_UNAUTHORIZED);	/* the row holds the root's leaf */
	assert_string_equal(db.table, "list_certs");
	assert_int_equal(ask_for(&(struct question){ .issuer = { &p.root_cert, &p.ca_cert } }),
			 E_UNAUTHORIZED);
}

/* U-6, O-23: each hash and each spelling is an answer of its own */
static void every_hash(void **state)
{
	(void)state;
	for (int h = 0; h < HASH_COUNT; h++) {
		struct question q = { .hash = (enum hashalg)h };
		struct cache_entry entry;
		uint8_t buf[1024];
		struct request request;

		for (int i = 0; i < 2; i++) {
			q.no_params = i == 1;
			assert_int_equal(cached_for(&q, &entry), FRESH_MISS);
			assert_int_equal(ask_for(&q), E_OK);
			assert_int_equal(p.info.source, SOURCE_SIGNED);
			assert_int_equal(
			    request_parse(request_of(&q, buf, sizeof buf), &request, NULL), E_OK);
			assert_true(bytes_eq(p.single.id.der, request.id[0].der));
			assert_int_equal(cached_for(&q, &entry), FRESH_HIT);
		}
	}
}

/* The row's certificate has to be the one. */
static void certificates_in_the_table(void **state)
{
	uint8_t junk[] = "junk";

	(void)state;
	p.conf.recheck_s = 0;
	assert_int_equal(ask(), E_OK);
	db.row.cert = NULL;
	db.row.cert_len = 0;
	assert_int_equal(ask(), E_DATA);
	assert_non_null(strstr(p.info.why, "verify=no"));
	assert_int_equal(cached(), FRESH_MISS);
	db.row.cert_too_long = true;
	assert_int_equal(ask(), E_DATA);
	db.row.cert_too_long = false;
	db.row.cert = junk;
	db.row.cert_len = 4;
	assert_int_equal(ask(), E_DATA);
	db.row.cert = (uint8_t *)(uintptr_t)p.ca_der.p;
	db.row.cert_len = p.ca_der.len;
	assert_int_equal(ask(), E_DATA);
	assert_non_null(strstr(p.info.why, "another serial"));
	db.row.cert = (uint8_t *)(uintptr_t)p.foreign_der.p;
	db.row.cert_len = p.foreign_der.len;
	said.n[LEVEL_ERROR] = 0;
	assert_int_equal(ask(), E_UNAUTHORIZED);
	assert_int_equal(said.n[LEVEL_ERROR], 1);
	assert_non_null(strstr(said.last, "not issued"));
	p.conf.ca[0].verify = false;
	db.row.cert_len = 0;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.single.status, CERT_GOOD);
}

/* D-8, U-12 */
static void odd_rows(void **state)
{
	(void)state;
	p.conf.recheck_s = 0;
	assert_int_equal(ask(), E_OK);
	db.row.status = ROW_ODD;
	assert_int_equal(ask(), E_DATA);
	assert_string_equal(p.info.status, "internalError");
	assert_int_equal(cached(), FRESH_MISS);
	set_revoked(ROW_NO_TIME, ROW_ODD_REASON);
	assert_int_equal(ask(), E_OK);
	assert_int_equal(said.n[LEVEL_WARNING], 2);
	assert_int_equal(p.single.reason, REASON_ABSENT);
	/* its notBefore: an hour before this test began */
	assert_in_range(p.response.produced_at - p.single.revoked_at, 3600, 3700);
	/* a time ahead is never later than the answer, and the answer isn't made anew for it */
	set_revoked(clock_real_ms() / 1000 + 3600, 1);
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.single.revoked_at, p.response.produced_at);
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_STORE);
	assert_int_equal(said.n[LEVEL_WARNING], 3);
}

/* N-5, C-5 */
static void nonces(void **state)
{
	struct question q = { .nonce = B("0123456789abcdef0123456789abcdef0") }; /* 33 octets */

	(void)state;
	assert_int_equal(ask_for(&q), E_OK);
	assert_false(p.response.has_nonce);
	assert_int_equal(cached(), FRESH_HIT);
	p.conf.nonce = NONCE_ECHO;
	assert_int_equal(ask_for(&q), E_OK);
	assert_int_equal(p.info.source, SOURCE_SIGNED);
	assert_true(p.response.has_nonce);
	assert_true(holds(p.der, q.nonce));
	p.conf.profile = PROFILE_BR;
	assert_int_equal(ask_for(&q), E_OK);
	assert_false(p.response.has_nonce);
	q.nonce.len = 32;
	assert_int_equal(ask_for(&q), E_OK);
	assert_true(p.response.has_nonce);
	/* what is in the cache has none */
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_CACHE);
	assert_false(p.response.has_nonce);
}

static void no_request(void **state)
{
	(void)state;
	assert_int_equal(ask_octets(B("\x30\x03\x02\x01\x00"), deadline_in(5000)), E_MALFORMED);
	assert_string_equal(p.info.serial, "-");
	assert_string_equal(p.info.status, "malformedRequest");
	assert_int_equal(ask_octets(bytes_of(NULL, 0), deadline_in(5000)), E_MALFORMED);
}

/* Puts an answer of the past into the cache. */
static void publish_old(const struct conf_ca *by, int64_t this_update, int64_t next_update)
{
	char error[SIGNER_ERROR_LEN], warning[SIGNER_ERROR_LEN];
	static uint8_t buf[LIM_RESPONSE_LEN];
	uint8_t question[1024];
	struct basic_single single = { .status = CERT_GOOD, .reason = REASON_ABSENT,
				       .this_update = this_update, .next_update = next_update };
	struct basic b = { .produced_at = this_update, .single = &single, .n = 1 };
	struct request request;
	struct signer s;
	struct bytes der;
	struct cache c;

	assert_int_equal(request_parse(request_of(&(struct question){ 0 }, question, sizeof question),
				       &request, NULL),
			 E_OK);
	single.certid = request.id[0].der;
	assert_int_equal(signer_open(by, PROFILE_RFC9919, &s, error, warning), E_OK);
	assert_int_equal(signer_load_key(&s, error), E_OK);
	assert_int_equal(signer_sign(&s, &b, bytes_of(NULL, 0), buf, sizeof buf, &der, error),
			 E_OK);
	assert_int_equal(cache_open(&c, p.cache, 0, true), E_OK);
	assert_int_equal(cache_make_folder(&c, &request.id[0]), E_OK);
	assert_int_equal(cache_put(&c, &request.id[0], der, this_update * 1000), E_OK);
	cache_close(&c);
	signer_close(&s);
}

static void renewal(void **state)
{
	int64_t now = clock_real_ms() / 1000;

	(void)state;
	/* past half of its time: signed anew … */
	publish_old(&p.conf.ca[0], now - 700, now + 300);
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_SIGNED);
	/* … or, if that fails, still sent, and somebody is told */
	publish_old(&p.conf.ca[0], now - 700, now + 300);
	p.conf.ca[0].pkey = "/nonexistent";
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_STORE);
	assert_int_equal(p.single.this_update, now - 700);
	assert_int_equal(said.n[LEVEL_CRITICAL], 1);
	/* U-4: but never after its end */
	publish_old(&(struct conf_ca){ .cert = p.ca_file, .pkey = p.key_file }, now - 700, now - 1);
	assert_int_equal(ask(), E_SIGNER);
}

/* The CA has a new key, or another responder: what the old one signed isn't sent on. */
static void an_answer_of_another_key(void **state)
{
	X509 *x = pki_cert(&(struct pki_issue){ .name = "x",
					       .key = p.leaf_key,
					       .issuer = p.ca,
					       .issuer_key = p.key,
					       .eku = "OCSPSigning",
					       .nocheck = true });
	struct conf_ca other = p.conf.ca[0];
	int64_t now = clock_real_ms() / 1000;

	(void)state;
	other.cert = pki_cert_file("ocsp.pem", x);
	other.issuer = p.ca_file;
	other.pkey = pki_key_file("ocsp.key", p.leaf_key, NULL);
	publish_old(&other, now, now + 1000);
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_SIGNED);
	X509_free(x);
}

/* U-9, M-2; U-7: backdating */
static void times_of_an_answer(void **state)
{
	(void)state;
	p.conf.ca[0].producetime_s = 365 * 86400;
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.single.next_update, p.ca_cert.not_after);
	p.conf.ca[0].producetime_s = 86400;
	p.conf.backdate_s = 600;
	assert_int_equal(ask_for(&(struct question){ .hash = HASH_SHA256 }), E_OK);
	assert_int_equal(p.single.this_update, p.response.produced_at - 600);
	assert_int_equal(p.single.next_update, p.single.this_update + 86400 - 1);
	p.conf.backdate_s = 86400;
	p.conf.ca[0].producetime_s = 60;
	assert_int_equal(ask_for(&(struct question){ .hash = HASH_SHA384 }), E_OK);
	assert_true(p.single.next_update > p.response.produced_at);
}

/* D-11 */
static void without_a_cache(void **state)
{
	(void)state;
	pki_file("file", B("x"));
	snprintf(p.cache, sizeof p.cache, "%s/file", pki_folder());
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_SIGNED);
	assert_int_equal(said.n[LEVEL_WARNING], 1);
}

static void no_time_left(void **state)
{
	uint8_t buf[1024];

	(void)state;
	assert_int_equal(
	    ask_octets(request_of(&(struct question){ 0 }, buf, sizeof buf), deadline_in(0)),
	    E_DEADLINE);
	assert_string_equal(p.info.status, "tryLater");
	assert_int_equal(cached(), FRESH_MISS);
}

/* The intermediate's own status, made with the root's key. */
static const char *canned_file(int64_t this_update, int64_t next_update)
{
	char error[SIGNER_ERROR_LEN], warning[SIGNER_ERROR_LEN];
	static uint8_t buf[LIM_RESPONSE_LEN];
	struct conf_ca root = { .name = "root", .cert = p.root_file, .pkey = p.root_key_file };
	struct basic_single single = { .status = CERT_GOOD, .reason = REASON_ABSENT,
				       .this_update = this_update, .next_update = next_update };
	struct basic b = { .produced_at = this_update, .single = &single, .n = 1 };
	uint8_t id[256];
	struct der_out o = der_out_of(id, sizeof id);
	struct signer s;
	struct bytes der;

	put_certid(&o, &p.root_cert, HASH_SHA1, true, B("\x07"));
	single.certid = der_out_bytes(&o);
	assert_int_equal(signer_open(&root, PROFILE_RFC9919, &s, error, warning), E_OK);
	assert_int_equal(signer_load_key(&s, error), E_OK);
	assert_int_equal(signer_sign(&s, &b, bytes_of(NULL, 0), buf, sizeof buf, &der, error),
			 E_OK);
	signer_close(&s);
	return pki_file("canned.der", der);
}

static void canned_answers(void **state)
{
	struct question about_ca = { .issuer = { &p.root_cert }, .serial = { B("\x07") } };
	int64_t now = clock_real_ms() / 1000;
	struct cache_entry entry;

	(void)state;
	p.conf.ca[0].root = p.root_file;
	p.conf.ca[0].ocspresponse[0] = canned_file(now, now + 1000);
	assert_int_equal(ask_for(&about_ca), E_OK);
	assert_int_equal(p.info.source, SOURCE_CANNED);
	assert_string_equal(p.info.status, "good");
	assert_int_equal(db.asked, 0);
	assert_int_equal(cached_for(&about_ca, &entry), FRESH_HIT);
	assert_true(bytes_eq(entry.der, p.der));
	/* another CertID for the same certificate isn't in it */
	about_ca.hash = HASH_SHA256;
	assert_int_equal(ask_for(&about_ca), E_UNAUTHORIZED);
	about_ca.hash = HASH_SHA1;
	/* leaves don't care */
	assert_int_equal(ask(), E_OK);
	assert_int_equal(p.info.source, SOURCE_SIGNED);
	assert_int_equal(said.n[LEVEL_CRITICAL], 0);
}

static void canned_answers_that_are_not_sent(void **state)
{
	struct question about_ca = { .issuer = { &p.root_cert }, .serial = { B("\x07") } };
	int64_t now = clock_real_ms() / 1000;
	struct cache_entry entry;

	(void)state;
	p.conf.ca[0].ocspresponse[0] = canned_file(now - 1000, now - 1);
	assert_int_equal(ask_for(&about_ca), E_IO);
	assert_string_equal(p.info.status, "tryLater");
	assert_int_equal(said.n[LEVEL_CRITICAL], 1);
	assert_int_equal(cached_for(&about_ca, &entry), FRESH_MISS);
	p.conf.ca[0].ocspresponse[0] = "/nonexistent";
	assert_int_equal(ask_for(&about_ca), E_IO);
	assert_int_equal(said.n[LEVEL_CRITICAL], 2);
	p.conf.ca[0].ocspresponse[0] = canned_file(now, now + 1000);
	p.conf.ca[0].root = p.ca_file;
	assert_int_equal(ask_for(&about_ca), E_IO);
	assert_int_equal(said.n[LEVEL_CRITICAL], 3);
	/* of two files one will do */
	p.conf.ca[0].root = NULL;
	p.conf.ca[0].ocspresponse[1] = p.conf.ca[0].ocspresponse[0];
	p.conf.ca[0].ocspresponse[0] = "/nonexistent";
	assert_int_equal(ask_for(&about_ca), E_OK);
	/* a broken file says nothing to those who ask about something else */
	said.n[LEVEL_CRITICAL] = 0;
	p.conf.ca[0].ocspresponse[1] = NULL;
	assert_int_equal(ask(), E_OK);
	about_ca.serial[0] = B("\x08");
	assert_int_equal(ask_for(&about_ca), E_UNAUTHORIZED);
	assert_int_equal(said.n[LEVEL_CRITICAL], 0);
}

static void broken_set_ups(void **state)
{
	char error[RESPONDER_ERROR_LEN];

	(void)state;
	p.conf.ca[0].cert = "/nonexistent";
	assert_int_equal(responder_open(&p.conf, say, p.r, error), E_IO);
	assert_non_null(strstr(error, "/nonexistent"));
	assert_int_equal(responder_open_some(&p.conf, say, p.r, error), E_IO);
	assert_int_equal(said.n[LEVEL_CRITICAL], 1);
}

/* Of two CAs one can't be used: the other one's certificates are answered for. */
static void one_broken_ca(void **state)
{
	struct question about[2] = { { .issuer = { &p.ca_cert } }, { .issuer = { &p.root_cert } } };
	struct question both = { .issuer = { &p.root_cert, &p.ca_cert } };
	char error[RESPONDER_ERROR_LEN];

	(void)state;
	with_root();
	for (size_t i = 0; i < 2; i++) {
		struct conf_ca kept = p.conf.ca[i];

		p.conf.ca[i].cert = "/nonexistent";
		assert_int_equal(responder_open(&p.conf, say, p.r, error), E_IO);
		said.n[LEVEL_CRITICAL] = 0;
		db.row.cert = (uint8_t *)(uintptr_t)(i ? p.leaf_der : p.foreign_der).p;
		db.row.cert_len = (i ? p.leaf_der : p.foreign_der).len;
		assert_int_equal(ask_for(&about[!i]), E_OK);
		assert_int_equal(said.n[LEVEL_CRITICAL], 1);
		db.asked = 0;
		assert_int_equal(ask_for(&about[i]), E_CONFIG);
		assert_non_null(strstr(p.info.why, kept.name));
		assert_int_equal(ask_for(&both), E_CONFIG);
		assert_int_equal(db.asked, 0);
		p.conf.ca[i] = kept;
	}
}

/* What was made ahead for a CA is sent though nothing else is known of it. */
static void canned_answer_of_a_broken_ca(void **state)
{
	struct question about_ca = { .issuer = { &p.root_cert }, .serial = { B("\x07") } };
	int64_t now = clock_real_ms() / 1000;

	(void)state;
	with_root();
	p.conf.ca[1].ocspresponse[0] = canned_file(now, now + 1000);
	p.conf.ca[1].cert = "/nonexistent";
	assert_int_equal(ask_for(&about_ca), E_OK);
	assert_int_equal(p.info.source, SOURCE_CANNED);
	p.conf.ca[1].ocspresponse[0] = "/nonexistent";
	about_ca.hash = HASH_SHA256;
	assert_int_equal(ask_for(&about_ca), E_CONFIG);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(good_is_signed_and_published),
		TEST(recheck_agrees_without_a_signature),
		TEST(a_revocation_is_seen_at_the_next_question),
		TEST(a_contradicted_answer_goes_before_signing_can_fail),
		TEST(without_a_database),
		TEST(a_row_at_fault_is_no_outage),
		TEST(what_the_table_lacks),
		TEST(impossible_serials),
		TEST(several_and_others),
		TEST(two_cas),
		TEST(every_hash),
		TEST(certificates_in_the_table),
		TEST(odd_rows),
		TEST(nonces),
		TEST(no_request),
		TEST(renewal),
		TEST(an_answer_of_another_key),
		TEST(times_of_an_answer),
		TEST(without_a_cache),
		TEST(no_time_left),
		TEST(canned_answers),
		TEST(canned_answers_that_are_not_sent),
		TEST(broken_set_ups),
		TEST(one_broken_ca),
		TEST(canned_answer_of_a_broken_ca),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
