/*
 * conf-impl.h - what the parts of the configuration's reader share, and nobody else.
 *
 *   conf.c         the file, its sections and keys
 *   conf-rule.c    a key's value to its member of struct conf
 *   conf-value.c   octets to values
 *   conf-finish.c  what is missing, and what follows from what is there
 *   conf-profile.c what profile= changes and forbids; conf-advice.c: what it advises against
 *   conf-hint.c    words for what is wrong
 *   conf-keys.def  the list of keys; conf-keys.c: the same for people
 */
#ifndef OCSP_CONF_IMPL_H
#define OCSP_CONF_IMPL_H

#include "conf.h"
#include "ini.h"

#define DAY_S 86400

enum conf_kind {
	KIND_TEXT, KIND_SECRET, KIND_PATH, KIND_PATHS, KIND_KEY, KIND_SIGNER, KIND_SOCKET,
	KIND_METRICS, KIND_HOSTS, KIND_TABLE, KIND_USER, KIND_BOOL, KIND_NUMBER, KIND_PERIOD, KIND_SECONDS,
	KIND_MILLISECONDS, KIND_DB_TYPE, KIND_LEVEL, KIND_NONCE, KIND_UNKNOWN, KIND_SANDBOX,
	KIND_PROFILE,
};

enum conf_section { SECTION_DB, SECTION_OCSP, SECTION_ADMIN, SECTION_CA };

/* The place of a key in its section. */
enum {
#define KEY_DB(key, kind, member, low, high, fallback, help) CONF_DB_##key,
#include "conf-keys.def"
	CONF_DB_KEYS
};
enum {
#define KEY_OCSP(key, kind, member, low, high, fallback, help) CONF_OCSP_##key,
#include "conf-keys.def"
	CONF_OCSP_KEYS
};
enum {
#define KEY_ADMIN(key, kind, member, low, high, fallback, help) CONF_ADMIN_##key,
#include "conf-keys.def"
	CONF_ADMIN_KEYS
};
enum {
#define KEY_CA(key, kind, member, low, high, fallback, help) CONF_CA_##key,
#include "conf-keys.def"
	CONF_CA_KEYS
};

/* Where the reading is. */
struct conf_reader {
	struct conf *c;
	struct ini ini;
	int flags;
	char *error;
	enum conf_section section;
	size_t ca;		/* of the section, 0 outside of [ca] */
	uint64_t *seen;		/* the section's keys, a bit each; NULL before the first section */
	uint64_t seen_db, seen_admin, seen_ca[LIM_CAS];
	unsigned db_line, admin_line;	/* 0: there is no such section */
};

/* A key as the reader needs it. There is no pointer in it: a static-pie would have to relocate
 * each one at every start. */
#define CONF_KEY_LEN 16
struct conf_rule {
	char key[CONF_KEY_LEN];	/* lower case, padded with NULs */
	uint8_t kind;
	uint16_t offset, size;	/* of its member in struct conf */
	int64_t low, high;
};


/* The keys of a section, in the order of conf-keys.def. */
const struct conf_rule *conf_rules(enum conf_section s, size_t *n);

/* NULL if there is none of this name, in any case of letters. */
const struct conf_rule *conf_rule_find(enum conf_section s, struct bytes key);

/* Reads the value into its member of *c; ca is the index of the section's CA, 0 outside of [ca].
 * False if the value isn't one for this key. Strings are added to c->text. */
MUST_CHECK bool conf_rule_apply(const struct conf_rule *r, const struct ini_item *item, size_t ca,
				struct conf *c);

/* Checks what must be there, and fills in what is derived or inherited. */
MUST_CHECK enum err conf_finish(struct conf_reader *r);

/* The defaults of profile= for keys that are not there. */
void conf_profile_defaults(struct conf_reader *r);

/* E_CONFIG if a value contradicts profile=. */
MUST_CHECK enum err conf_profile_check(const struct conf_reader *r);

/* Adds a string to c->text; NULL if there is no room. */
const char *conf_keep(struct conf *c, struct bytes v);

/* The words of a kind, "auto|off|require", in the order of their enum; NULL if it has none. */
const char *conf_kind_words(enum conf_kind k);

/* Which of those words v is, in any case; -1 if none. */
int conf_read_word(struct bytes v, const char *words);

static inline char conf_lower(uint8_t ch)
{
	return (char)(ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch);
}

bool conf_same(struct bytes v, const char *lower);	/* equal but for the case of letters */
bool conf_is_table(struct bytes v);
bool conf_is_host(struct bytes v);	/* host, host:port, [v6], [v6]:port */
bool conf_is_user(struct bytes v);

/* Writes "PATH:LINE: …" to error (CONF_ERROR_LEN), "PATH: …" for line 0; returns E_CONFIG. */
enum err conf_fail(const char *path, unsigned line, char *error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Writes what a value of this key must be: "must be a number from 1 to 65535". */
void conf_hint_value(const struct conf_rule *r, char *out, size_t cap);

/* Writes the mend for a key that this section doesn't have, "did you mean 'port'?", or "". */
void conf_hint_key(enum conf_section s, struct bytes key, char *out, size_t cap);
void conf_hint_section(struct bytes name, char *out, size_t cap);

/* Writes what a file says so that it can stand in a message: cut, control characters replaced. */
#define CONF_SHOWN_LEN 64
void conf_show(struct bytes v, char out[CONF_SHOWN_LEN]);

#endif
