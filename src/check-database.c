/* The database: can it be reached, what may its account do, is the table what it should be? */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

/* Counting reads the whole table, and nobody waits for it but the operator. */
#define COUNT_MS 60000

/* How far the database's clock may be off: revocations are written with it. */
#define CLOCK_S 5

static bool is_local(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
		strcmp(host, "localhost") == 0 || strncmp(host, "localhost:", 10) == 0;
}

static void check_transport(struct check *k)
{
	const struct conf *c = &k->ctl->conf;

	if (c->db_type != DB_MYSQL || c->db_socket || c->db_tls)
		return;
	for (size_t i = 0; c->db_host[i]; i++)
		if (!is_local(c->db_host[i]))
			check_tell(k, "database", FOUND_WARNING, "nothing on the way to the "
				   "database %s is encrypted, and who can change it can make "
				   "certificates good: set tls_ca=", c->db_host[i]);
}

/* The library waits for whole seconds, for each host one at least. Who is ended before them can't
 * leave a note that the database hangs. */
static void check_patience(struct check *k)
{
	const struct conf *c = &k->ctl->conf;
	int hosts = 0, needs_ms;

	while (c->db_host[hosts])
		hosts++;
	needs_ms = (c->db_socket || !hosts ? 1 : hosts) * 1000 + 100;
	if (c->db_type == DB_MYSQL && c->timeout_ms * 9 / 10 < needs_ms)
		check_tell(k, "database", FOUND_WARNING, "timeout= is too short to find out that a "
			   "database hangs, so that each request would wait for it: make it %ds or "
			   "more", (needs_ms * 10 / 9 + 999) / 1000);
}

/* A list goes on with its next host and says nothing: so here each is asked by itself. */
static void check_hosts(struct check *k)
{
	const struct conf *c = &k->ctl->conf;

	if (c->db_type != DB_MYSQL || c->db_socket || !c->db_host[0] || !c->db_host[1])
		return;
	for (size_t i = 0; c->db_host[i]; i++) {
		char error[STORE_ERROR_LEN];
		struct conf one = *c;
		struct store *s;

		one.db_host[0] = c->db_host[i];
		one.db_host[1] = NULL;
		if (store_open(&one, deadline_in(c->timeout_ms), &s, error) == E_OK) {
			snprintf(error, sizeof error, "%s",
				 store_check(s, c->ca[0].table, deadline_in(c->timeout_ms)) == E_DB ?
				 store_error(s) : "");
			store_close(s);
		}
		if (error[0])
			check_tell(k, "database", FOUND_WARNING, "the database host %s is passed "
				   "over: %s", c->db_host[i], error);
		else
			check_tell(k, "database", FOUND_OK, "the database host %s answers",
				   c->db_host[i]);
	}
}

static void check_rows(struct check *k, const struct conf_ca *ca)
{
	struct store *s = k->ctl->store;
	struct store_count n;

	if (store_check(s, ca->table, deadline_in(COUNT_MS)) != E_OK)
		check_tell(k, "table", FOUND_ERROR, "%s", store_error(s));
	else if (store_count(s, ca->table, deadline_in(COUNT_MS), &n) != E_OK)
		check_tell(k, "table", FOUND_WARNING, "the rows can't be counted: %s",
			   store_error(s));
	else if (n.odd)
		check_tell(k, "table", FOUND_WARNING, "table %s has %lld rows that are neither "
			   "Valid nor Revoked: nothing is answered for these until they are mended",
			   ca->table, (long long)n.odd);
	else
		check_tell(k, "table", FOUND_OK, "table %s has %lld valid certificates and %lld "
			   "revoked ones", ca->table, (long long)n.valid, (long long)n.revoked);
}

static void check_clock(struct check *k, int64_t theirs_ms, int64_t before_ms, int64_t after_ms)
{
	/* as far as the time that the question took leaves it open */
	int64_t off_ms = theirs_ms < before_ms ? theirs_ms - before_ms :
			 theirs_ms > after_ms  ? theirs_ms - after_ms :
						 0;
	long long off_s = llabs((long long)off_ms) / 1000;

	if (off_s > CLOCK_S)
		check_tell(k, "clock", FOUND_WARNING, "the clock of the database is %lld seconds "
			   "%s this host's: have both keep time by NTP", off_s,
			   off_ms < 0 ? "behind" : "ahead of");
	else
		check_tell(k, "clock", FOUND_OK, "the clocks of this host and the database agree");
}

/* What only the server knows: once for each table, the account and the clock once for all. */
static void check_server(struct check *k, const struct conf_ca *ca, bool first)
{
	struct store *s = k->ctl->store;
	int64_t before_ms = clock_real_ms(), after_ms;
	struct store_facts f;

	if (store_facts(s, ca->table, deadline_in(COUNT_MS), &f) != E_OK) {
		check_tell(k, "database", FOUND_WARNING, "the database does not tell about itself: "
			   "%s", store_error(s));
		return;
	}
	after_ms = clock_real_ms();
	if (!f.by_index)
		check_tell(k, "table", FOUND_ERROR, "the index of table %s on cert_num (%s) can't "
			   "be used, so every lookup reads all of it: give the column the "
			   "character set ascii or utf8mb4", ca->table, f.key_type);
	else if (f.key_type[0])
		check_tell(k, "table", FOUND_OK, "table %s is looked up by its index on cert_num, "
			   "%s", ca->table, f.key_type);
	if (!first)
		return;
	if (f.more[0])
		check_tell(k, "database", FOUND_WARNING, "the account %s may do more than SELECT "
			   "(%s): revoke that, and use another account to write ([admin])",
			   k->ctl->conf.db_user, f.more);
	else if (f.has_account)
		check_tell(k, "database", FOUND_OK, "the account %s may do no more than SELECT",
			   k->ctl->conf.db_user);
	if (f.has_clock)
		check_clock(k, f.clock_ms, before_ms, after_ms);
}

void check_database(struct check *k)
{
	const struct conf *c = &k->ctl->conf;
	char error[STORE_ERROR_LEN];

	if (store_open(c, deadline_in(c->timeout_ms), &k->ctl->store, error) != E_OK) {
		check_tell(k, "database", FOUND_ERROR, "the database can't be reached: %s", error);
		return;
	}
	check_tell(k, "database", FOUND_OK, "the database answers: %s",
		   store_describe(k->ctl->store));
	check_transport(k);
	check_patience(k);
	check_hosts(k);
	/* it answered in the time that a request has; counting may take longer */
	store_close(k->ctl->store);
	k->ctl->store = NULL;
	if (store_open(c, deadline_in(COUNT_MS), &k->ctl->store, error) != E_OK) {
		check_tell(k, "database", FOUND_ERROR, "the database can't be reached: %s", error);
		return;
	}
	for (size_t i = 0; i < c->n_ca; i++)
		if (i == 0 || strcmp(c->ca[i].table, c->ca[0].table) != 0) {
			check_rows(k, &c->ca[i]);
			check_server(k, &c->ca[i], i == 0);
		}
}
