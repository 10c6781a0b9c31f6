/*
 * watch-impl.h - what the files of a watcher share.
 */
#ifndef OCSP_WATCH_IMPL_H
#define OCSP_WATCH_IMPL_H

#include <sys/stat.h>

#include "decide.h"
#include "lease.h"
#include "variants.h"
#include "walk.h"
#include "watch.h"

/* Folders of the cache: one for each CA and hash. */
#define WATCH_FOLDERS (LIM_CAS * HASH_COUNT)

/* Answers that one tick may make because of the column updated_at; a pass finds the others. */
#define WATCH_QUEUE 1000

/* Answers that are compared with the table in one question. */
#define WATCH_BATCH STORE_MANY

/* One answer in the cache. */
struct watch_item {
	size_t folder;
	bool has_null;
	uint8_t buf[LIM_SERIAL_LEN];
	size_t serial_len;
};

/* The same, with what it says. */
struct watch_seen {
	struct watch_item item;
	char text[SERIAL_TEXT_LEN];	/* as the table spells it */
	struct single says;	/* its octets are gone: only status, reason and times */
	int64_t produced_at;
	bool due;		/* it has to be signed anew */
	bool found;
	struct store_row row;	/* the one that counts, of those that were found; without cert */
};

struct watch {
	struct conf conf;	/* the caller's, with recheck=0: here everything is asked */
	int recheck_s;		/* as it was */
	struct responder responder;
	uint8_t out[LIM_RESPONSE_LEN];

	char folder[WATCH_FOLDERS][CERTID_FOLDER_LEN];
	size_t folder_ca[WATCH_FOLDERS];
	enum hashalg folder_hash[WATCH_FOLDERS];
	size_t n_folders;
	struct variants variants[LIM_CAS];

	const char *table[LIM_CAS];	/* each once */
	bool stamped[LIM_CAS];
	size_t n_tables;
	enum store_twins twins;	/* of all tables */
	char hints[LIM_CAS][STORE_SIGN_LEN];

	struct stat canned[LIM_CAS][LIM_HOSTS];	/* as they were when they were last read */

	struct lease lease;
	struct walk walk;
	bool pass_failed;
	bool pass_unread;	/* a file was passed over, for it can't be read */
	struct watch_seen seen[WATCH_BATCH];
	size_t n_seen;
	struct watch_item queue[WATCH_QUEUE];
	size_t n_queue;
	const char *feeding;	/* the table whose rows are put there */

	size_t host;		/* of the list, that was asked last */
	int64_t return_at_ms;	/* when an earlier one is tried again, monotonic */
	int64_t last_ms;	/* when it ticked last */
	int64_t moved_ms;	/* when a hint was last another one, monotonic */
	int64_t digest_at_ms;	/* when digests are asked for again, monotonic */
	bool fed;		/* rows had changed since the last one */
	int64_t rows;		/* of all tables, then */
	struct watch_count count;
	int64_t pass_cached, pass_cost_ms;	/* of the pass on its way */
};

/* Milliseconds that a question to the database may take. A table's digest needs the most. */
#define WATCH_DB_MS 10000

static inline struct bytes watch_serial(const struct watch_item *i)
{
	return bytes_of(i->buf, i->serial_len);
}

/* Which row is about this folder's certificates. */
static inline const char *watch_table(const struct watch *w, size_t folder)
{
	return w->conf.ca[w->folder_ca[folder]].table;
}

MUST_CHECK enum err watch_certid(const struct watch *w, const struct watch_item *i,
				 uint8_t octets[VARIANT_LEN], struct certid *out);

/* Does an answer that says this agree with the row? */
MUST_CHECK bool watch_agrees(const struct watch *w, const struct store_row *row,
			     const struct single *says, int64_t produced_at);

/* Asks the table about this one as a request would, signs it anew or removes it. E_OK: what is in
 * the cache now is true; E_DB; E_AGAIN: it could not be had. */
MUST_CHECK enum err watch_answer(struct watch *w, const struct certid *id);

/* Connects, if need be; one that was on a later host of the list goes back to an earlier one. */
MUST_CHECK enum err watch_connect(struct watch *w, char error[RESPONDER_ERROR_LEN]);

/* Is it another host by now than the one that was asked before? Then all is forgotten: what one has
 * said says nothing about another, which may be behind. There has to be a connection. */
bool watch_has_moved(struct watch *w);
void watch_forget(struct watch *w);

/* The rows that have changed lately. */
MUST_CHECK enum err watch_feed(struct watch *w);

/* Goes on with the pass, as far as it is due. */
MUST_CHECK enum err watch_pass(struct watch *w, int64_t now_ms);

/* Puts files of ocspresponse= that have changed into the cache. */
MUST_CHECK enum err watch_canned(struct watch *w);

#endif
