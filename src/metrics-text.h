/*
 * metrics-text.h - what was counted, for people and for Prometheus. Reads no clock and no file.
 */
#ifndef OCSP_METRICS_TEXT_H
#define OCSP_METRICS_TEXT_H

#include <stdio.h>

#include "metrics.h"

/* Words for the places of struct metrics. */
const char *metrics_way_name(enum metrics_way way);	/* "GET", "DER", … */
const char *metrics_answer_name(unsigned answer);	/* "good", "tryLater", …; NULL: none such */
const char *metrics_lookup_name(enum metrics_lookup l);
const char *metrics_clock_name(enum metrics_clock c);

uint64_t metrics_sum(const uint64_t *values, size_t n);

/* Requests that the front's cache could answer, of those that it was asked for. */
uint64_t metrics_hits(const struct metrics *m);

/* What a part of the values (of a thousand) doesn't exceed: a bucket's bound, INT64_MAX for the
 * last bucket. -1 if there are no values. */
int64_t metrics_quantile(const uint64_t *buckets, size_t n, unsigned permille,
			 int64_t (*bound)(unsigned bucket));

/* "250us", "2.5ms", "1s", "12h", "7d"; ">5s" is said of the last bucket: INT64_MAX and the bound
 * before it. */
#define METRICS_SHOWN_LEN 32
const char *metrics_show_us(int64_t us, char out[METRICS_SHOWN_LEN]);
const char *metrics_show_s(int64_t s, char out[METRICS_SHOWN_LEN]);

/* https://github.com/prometheus/OpenMetrics, version 1.0; without its last line, "# EOF". */
void metrics_put_openmetrics(FILE *f, const struct metrics *m, int64_t since);

void metrics_put_table(FILE *f, const struct metrics *m);

#endif
