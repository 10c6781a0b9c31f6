/*
 * metrics.h - counters and histograms that outlive the processes which count: a small file that
 * each of them maps, and adds to with relaxed atomic additions.
 *
 * Counting costs speed at most, never an answer. Without a file nothing is counted. The file has
 * one size for ever and is never made shorter by us; should somebody else do that, or its disk
 * fail, the kernel's SIGBUS is caught and the page replaced by private memory.
 *
 * The front and ocsp-sign count in a file each, with the same layout: they may be different users,
 * and the one who parses the network's octets writes to nothing that the other reads. A reader adds
 * the two up.
 */
#ifndef OCSP_METRICS_H
#define OCSP_METRICS_H

#include "conf.h"
#include "deadline.h"
#include "error.h"

/* How a request came. */
enum metrics_way {
	WAY_GET, WAY_HEAD, WAY_POST, WAY_OPTIONS,	/* as enum http_method */
	WAY_HTTP_OTHER,		/* a head that can't be read, or another method */
	WAY_DER, WAY_FILE,
	METRICS_WAYS
};

/* What was said: a certificate's status (enum cert_status), several at once, or an error. */
enum {
	ANSWER_SEVERAL = 3,
	ANSWER_ERROR,		/* + enum ocsp_status */
	METRICS_ANSWERS = ANSWER_ERROR + 8
};

/* What the front found in its cache. */
enum metrics_lookup {
	LOOKUP_MISS, LOOKUP_RECHECK, LOOKUP_RENEW, LOOKUP_HIT,	/* as enum verdict */
	LOOKUP_BACKOFF,		/* not fresh, but sent: the database is down */
	LOOKUP_BYPASS,		/* the cache has no answer to such a question: a nonce, several */
	LOOKUP_LAST,		/* sent after ocsp-sign had failed */
	METRICS_LOOKUPS
};

/* How ocsp-sign did, seen from the front. */
enum metrics_signer {
	SIGNER_ANSWERED, SIGNER_UNREACHABLE, SIGNER_TIMEOUT, SIGNER_DIED, SIGNER_NONSENSE,
	METRICS_SIGNER
};

/* What took time. */
enum metrics_clock {
	CLOCK_CACHED,	/* a request, from its last octet to the answer's, out of the cache */
	CLOCK_ASKED,	/* the same, with ocsp-sign */
	CLOCK_LOOKUP,	/* the database, connection included */
	CLOCK_SIGN,	/* the signature, loading of the key included */
	METRICS_CLOCKS
};

#define METRICS_CODES 18	/* HTTP statuses: metrics_code(), and others */
#define METRICS_TIMES 19	/* buckets: metrics_time_bound_us(), and above */
#define METRICS_AGES 16		/* buckets: metrics_age_bound_s(), and above */
#define METRICS_SOURCES 5	/* enum source */
#define METRICS_ERRORS 40	/* enum err */

struct metrics_times {
	uint64_t bucket[METRICS_TIMES], sum_us;
};

/* Everything that is counted. The layout of the file: what is new goes to the end. */
struct metrics {
	uint64_t request[METRICS_WAYS][METRICS_CODES];	/* [..][0] where there is no HTTP status */
	uint64_t answer[METRICS_ANSWERS];
	uint64_t lookup[METRICS_LOOKUPS];
	uint64_t signer[METRICS_SIGNER];
	uint64_t refused;		/* connections over a limit, by the listener */
	uint64_t age[METRICS_AGES], age_sum_s;	/* of answers, since their thisUpdate */
	struct metrics_times time[METRICS_CLOCKS];
	/* by ocsp-sign */
	uint64_t source[METRICS_SOURCES];
	uint64_t failure[METRICS_ERRORS];
	uint64_t signatures;
	uint64_t database_failures;	/* what was still valid in the cache may have been sent */
};

enum metrics_part { METRICS_FRONT, METRICS_SIGN };

/* Maps the file of metrics=, or of the cache directory (cache_fd, may be -1), and makes it if it is
 * missing (mode 0600) or no such file. What fails leaves counting without effect. To be called as
 * the user that the process stays, and before it locks itself in: then it needs no right later. */
void metrics_open(const struct conf *conf, int cache_fd, enum metrics_part part);

void metrics_count_request(enum metrics_way way, int http_status);	/* 0: none */
void metrics_count_answer(unsigned answer);
void metrics_count_lookup(enum metrics_lookup l);
void metrics_count_signer(enum metrics_signer s);
void metrics_count_refused(uint64_t n);
void metrics_count_age(int64_t seconds);
void metrics_count_time(enum metrics_clock c, int64_t us);
void metrics_count_source(unsigned source);
void metrics_count_failure(enum err e);
void metrics_count_signature(void);
void metrics_count_database_failure(void);

/* Adds up the files of both parts; *since is when the older was made (seconds). E_NOT_FOUND: there
 * is none; E_DATA: what is there is no such file, or of another version; E_IO (errno). */
MUST_CHECK enum err metrics_read(const struct conf *conf, struct metrics *out, int64_t *since);

/* The name of a part's file, for a message. */
#define METRICS_PATH_LEN 4096
void metrics_path(const struct conf *conf, enum metrics_part part, char out[METRICS_PATH_LEN]);

/* Pure: the HTTP status of a column, 0 for the last one (any other). */
int metrics_code(unsigned column);
/* Pure: what the values of a bucket don't exceed; INT64_MAX for the last one. */
int64_t metrics_time_bound_us(unsigned bucket);
int64_t metrics_age_bound_s(unsigned bucket);

#endif
