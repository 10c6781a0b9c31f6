/*
 * report.h - what "ocspctl report" gathers, and the page that is made of it.
 */
#ifndef OCSP_REPORT_H
#define OCSP_REPORT_H

#include <stdio.h>

#include "check.h"
#include "metrics.h"

#define REPORT_DAYS 31
#define REPORT_MONTHS 24
#define REPORT_REASONS 11	/* CRLReason 0 … 10 */

/* How many in each of the last days and months; the last one is today's, or this month's. */
struct report_history {
	uint64_t day[REPORT_DAYS], month[REPORT_MONTHS];
	uint64_t earlier;		/* than the first month, or at an unknown time */
};

struct report_table {
	const char *name;
	char cas[512];			/* the CAs whose certificates are in it */
	int64_t valid, expired, revoked, odd;
};

/* Answers by age, and by the time until their nextUpdate: see metrics_age_bound_s(). */
struct report_cache {
	const char *why;		/* it was not read, or NULL */
	int64_t answers, unreadable, octets;
	int64_t status[3];		/* enum cert_status */
	int64_t ended;
	uint64_t age[METRICS_AGES], left[METRICS_AGES];
};

struct report {
	int64_t now;
	char host[256];
	const char *config;

	struct report_table table[LIM_CAS];
	size_t n_tables;
	char why_no_table[STORE_ERROR_LEN];	/* or "" */
	int64_t reason[REPORT_REASONS], no_reason;
	int64_t ending[3];		/* certificates that end within 7, 30 and 90 days */
	bool has_certs;			/* so that it is known when they were issued */
	struct report_history issued, revoked;

	struct report_cache cache;

	bool counted;
	struct metrics metrics;
	int64_t since;

	const struct finding *found;	/* of ocspctl check */
	size_t n_found;
	unsigned n[FOUND_LEVELS];
};

/* Reads all rows, with their certificates. What fails is in the report. */
void report_gather_tables(struct ctl *c, struct report *r);

/* Reads all cached answers. */
void report_gather_cache(const struct ctl *c, struct report *r);

/* Pure. One more at the time t. */
void report_history_add(struct report_history *h, int64_t now, int64_t t);

/* Pure. The page: HTML with all that it needs in it, and no script. */
void report_put(FILE *f, const struct report *r);

/*
 * Parts of the page. Everything that is text goes through html_text().
 */
extern const char html_style[];

void html_text(FILE *f, const char *s);		/* with &, <, > and quotes as entities */
void html_number(FILE *f, int64_t n);		/* "1,234,567" */
void html_heading(FILE *f, const char *text, const char *sub);	/* opens a section */

/* A row of a table of bars: part of all. kind: a class, "good", "bad", "warn" or "". */
void html_bars_begin(FILE *f, const char *caption);
void html_bar(FILE *f, const char *label, const char *kind, uint64_t part, uint64_t of,
	      uint64_t longest);
void html_bars_end(FILE *f);

/* What metrics_show_us() or _s() says, "250us", as an upper bound: "≤ 250 µs". */
void html_bound(const char *shown, char *out, size_t cap);

/* Bars for the buckets of a histogram, without the empty ones at both ends. */
void html_histogram(FILE *f, const char *caption, const uint64_t *buckets, unsigned n,
		    int64_t (*bound)(unsigned bucket),
		    const char *(*show)(int64_t n, char *out));

/* Columns side by side: labels are those of the first and the last one. */
void html_columns(FILE *f, const char *caption, const char *kind, const uint64_t *values,
		  unsigned n, const char *first, const char *last);

#endif
