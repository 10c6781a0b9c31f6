/*
 * store-mysql.h - a connection to MySQL or MariaDB, through either one's client library.
 */
#ifndef OCSP_STORE_MYSQL_H
#define OCSP_STORE_MYSQL_H

#include <mysql.h>

#include "store-backend.h"

#if defined(LIBMARIADB) || MYSQL_VERSION_ID < 80001
typedef my_bool sql_bool;
#else
typedef bool sql_bool;
#endif

/* Tries the hosts in their order, each with a part of the time that is left, from the one with the
 * index *host on, which becomes the index of the one behind that which answered. what gets a
 * description of the server. NULL if none answers: error is a sentence with each one's reason. */
MYSQL *mysql_connect_any(const struct conf *c, size_t *host, struct deadline d, bool write,
			 char *what, size_t what_cap, char error[STORE_ERROR_LEN]);

struct mysql_store {
	struct store base;
	MYSQL *my;
	const struct conf *conf;	/* to ask the next host; NULL: who writes stays with one */
	size_t next_host;
};

static inline MYSQL *mysql_of(struct store *s)
{
	return ((struct mysql_store *)(void *)s)->my;
}

/* Says what an operator can do about the usual failures. Returns E_DB. */
enum err mysql_fail(struct store *s, unsigned code, const char *text);

/* Parameters of a statement; empty octets with .p NULL are NULL. */
void mysql_bind(MYSQL_BIND *b, enum enum_field_types type, struct bytes v);
void mysql_bind_word(MYSQL_BIND *b, const char *word);
void mysql_bind_words(MYSQL_BIND *b, const struct store_params *p);

/* Prepares and executes, in one round trip where the library and the server can. */
MUST_CHECK enum err mysql_run(struct store *s, const char *sql, MYSQL_BIND *params, unsigned n,
			      MYSQL_STMT **out);

/* A statement without parameters. */
MUST_CHECK enum err mysql_say(struct store *s, const char *sql);

/* Has this question a row for an answer? */
MUST_CHECK enum err mysql_any(struct store *s, const char *sql, bool *out);

/* What changes the table: see struct store_ops. */
enum err mysql_add(struct store *s, const char *cert_num, struct bytes cert);
enum err mysql_add_many(struct store *s, const struct store_new *rows, size_t n);
enum err mysql_set_revoked(struct store *s, const struct store_params *p, const char *time,
			   const char *reason);
enum err mysql_set_released(struct store *s, const struct store_params *p);
enum err mysql_set_cert(struct store *s, const struct store_params *p, struct bytes cert);
enum err mysql_begin(struct store *s);
enum err mysql_commit_all(struct store *s);
enum err mysql_odd_keys(struct store *s, bool *out);

enum err mysql_facts(struct store *s, struct store_facts *out);
/* For who watches the table: see struct store_ops. */
enum err mysql_hint(struct store *s, char out[STORE_SIGN_LEN]);
enum err mysql_digest(struct store *s, char out[STORE_SIGN_LEN]);
enum err mysql_stamped(struct store *s);
enum err mysql_twins(struct store *s, enum store_twins *out);
enum err mysql_rows(struct store *s, int64_t *out);
enum err mysql_upgrade(struct store *s);
extern const char mysql_recent[];

#endif
