/*
 * cache.h - signed answers at rest: CACHE/<hash>-<name>-<key>/<last octet>/<serial>.der
 *
 * Files are read as if a stranger had written them, and published by rename. A failure here costs
 * speed, never an answer.
 */
#ifndef OCSP_CACHE_H
#define OCSP_CACHE_H

#include <sys/types.h>

#include "certid.h"
#include "deadline.h"
#include "fresh.h"

/* With the longest name that a host can have. */
#define CACHE_NOTE_LEN 96

struct cache {
	const char *path;
	int fd;			/* of the directory, or -1 */
	int recheck_s;
	char backoff[CACHE_NOTE_LEN];	/* the name of this host's note that the database is down */
};

/* The umask of whatever publishes: who gets in at all is for the directory's own mode to say. */
#define CACHE_UMASK 027

struct cache_entry {
	struct bytes der;	/* in the caller's buffer */
	struct response response;
	struct single single;	/* the one that was asked for */
	int64_t agreed_ms;
	bool unread;		/* there is a file, but it can't be read just now */
	enum verdict verdict;	/* FRESH_MISS: of what is above only unread is always set */
};

/* Opens the directory; with create set it is made (mode 0700) when it is missing. E_IO (errno):
 * the cache then behaves as an empty one. */
MUST_CHECK enum err cache_open(struct cache *c, const char *path, int recheck_s, bool create);
void cache_close(struct cache *c);

/* Is another directory at its path by now, or one at last that this user can open? Whoever holds it
 * open for long has to begin anew then: rights that were given at the start are for the old one. */
bool cache_is_replaced(const struct cache *c);

/* Looks for the answer to this CertID. buf needs LIM_RESPONSE_LEN. Anything wrong with the file is
 * a FRESH_MISS; *odd, if not NULL, is then set to a clause for the log ("is a symbolic link"), or
 * NULL when the file simply isn't there. */
void cache_get(const struct cache *c, const struct certid *id, int64_t now_ms, uint8_t *buf,
	       struct cache_entry *out, const char **odd);

/* Is there a file in its place, or can that not be told? Whatever is in it. */
bool cache_has(const struct cache *c, const struct certid *id);

/* Publishes an answer that the database agreed with at agreed_ms. E_IO (errno). */
MUST_CHECK enum err cache_put(const struct cache *c, const struct certid *id, struct bytes der,
			      int64_t agreed_ms);

/* The database has said the same again, at agreed_ms. E_IO (errno): it can't be written down. */
MUST_CHECK enum err cache_touch(const struct cache *c, const struct certid *id, int64_t agreed_ms);

/* The answer is contradicted: nobody may send it again. E_IO if it can't be removed. */
MUST_CHECK enum err cache_remove(const struct cache *c, const struct certid *id);

/* Small files beside the folders, for people and about what they were told. Is it missing, or older
 * than so many seconds? Without a cache nothing is. */
#define CACHE_ISSUERS ".issuers"
bool cache_note_is_older(const struct cache *c, const char *name, int64_t seconds);
MUST_CHECK enum err cache_put_note(const struct cache *c, const char *name, struct bytes text);

/* What stands there, at most cap octets, if it is text: printable ASCII, UTF-8, newlines. Else, or
 * if there is none, 0. */
size_t cache_get_note(const struct cache *c, const char *name, uint8_t *buf, size_t cap);

/* All that lies in this folder since present_ms agreed with the database at agreed_ms: writes it
 * down, if there is such a folder. */
void cache_verify(const struct cache *c, const char *folder, int64_t agreed_ms,
		  int64_t present_ms);

/* Makes the folder of an issuer that was recognised as ours. */
MUST_CHECK enum err cache_make_folder(const struct cache *c, const struct certid *id);

/* Only one process signs for a CertID at a time: a byte of the folder's .lock, waited for as long
 * as d lets it. Returns a descriptor to close, or -1: correctness does not depend on it. */
int cache_lock(const struct cache *c, const struct certid *id, struct deadline d);

/* The same for a file beside the folders, and a byte of it. */
int cache_lock_file(const struct cache *c, const char *name, off_t byte, struct deadline d);

/* The database failed just now (set), or works again (clear), for those who ask about certificates
 * of this one's folder. While it is set, for LIM_BACKOFF_S, valid answers are sent without asking.
 * true from set/clear: the state changed by this call. */
bool cache_backoff_set(const struct cache *c, const struct certid *id);
bool cache_backoff_clear(const struct cache *c, const struct certid *id);
bool cache_backoff(const struct cache *c, const struct certid *id, int64_t now_ms);

/* Before the first question after a back-off: begins it anew if there was one, so that of many who
 * come at this moment one asks, and the others send what they have. */
void cache_backoff_renew(const struct cache *c, const struct certid *id);

#endif
