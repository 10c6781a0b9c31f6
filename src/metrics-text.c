#include "metrics-text.h"

#include <inttypes.h>

#include "response.h"

uint64_t metrics_sum(const uint64_t *values, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += values[i];
	return sum;
}

uint64_t metrics_hits(const struct metrics *m)
{
	return m->lookup[LOOKUP_HIT] + m->lookup[LOOKUP_BACKOFF];
}

int64_t metrics_quantile(const uint64_t *buckets, size_t n, unsigned permille,
			 int64_t (*bound)(unsigned bucket))
{
	uint64_t total = metrics_sum(buckets, n), below = 0;

	if (!total)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		below += buckets[i];
		/* in floating point: a count times a thousand may be too long */
		if ((double)below * 1000 >= (double)total * permille)
			return bound(i);
	}
	return INT64_MAX;
}

static const char *show(const char *mark, int64_t n, const char *const *units,
			const int64_t *sizes, size_t n_units, char out[METRICS_SHOWN_LEN])
{
	size_t i = n_units - 1;
	int64_t tenths;

	if (n < 0)
		return strcpy(out, "-");
	while (i > 0 && n < sizes[i])
		i--;
	tenths = n % sizes[i] * 10 / sizes[i];
	if (tenths)
		snprintf(out, METRICS_SHOWN_LEN, "%s%" PRId64 ".%d%s", mark, n / sizes[i],
			 (int)tenths, units[i]);
	else
		snprintf(out, METRICS_SHOWN_LEN, "%s%" PRId64 "%s", mark, n / sizes[i], units[i]);
	return out;
}

const char *metrics_show_us(int64_t us, char out[METRICS_SHOWN_LEN])
{
	static const char *const units[] = { "us", "ms", "s" };
	static const int64_t sizes[] = { 1, 1000, 1000000 };
	const char *mark = "";

	if (us == INT64_MAX) {
		us = metrics_time_bound_us(METRICS_TIMES - 2);
		mark = ">";
	}
	return show(mark, us, units, sizes, 3, out);
}

const char *metrics_show_s(int64_t s, char out[METRICS_SHOWN_LEN])
{
	static const char *const units[] = { "s", "min", "h", "d" };
	static const int64_t sizes[] = { 1, 60, 3600, 86400 };
	const char *mark = "";

	if (s == INT64_MAX) {
		s = metrics_age_bound_s(METRICS_AGES - 2);
		mark = ">";
	}
	return show(mark, s, units, sizes, 4, out);
}

/* ------------------------------------------------------------------ words */

const char *metrics_way_name(enum metrics_way way)
{
	static const char *const names[METRICS_WAYS] = {
		[WAY_GET] = "GET", [WAY_HEAD] = "HEAD", [WAY_POST] = "POST",
		[WAY_OPTIONS] = "OPTIONS", [WAY_HTTP_OTHER] = "other", [WAY_DER] = "DER",
		[WAY_FILE] = "file",
	};

	return names[way];
}

const char *metrics_answer_name(unsigned answer)
{
	const char *name;

	if (answer <= CERT_UNKNOWN)
		return cert_status_name((enum cert_status)answer);
	if (answer == ANSWER_SEVERAL)
		return "several";
	name = ocsp_status_name((int)(answer - ANSWER_ERROR));
	/* successful is what the names above are for */
	return answer == ANSWER_ERROR || name[0] == '?' ? NULL : name;
}

const char *metrics_lookup_name(enum metrics_lookup l)
{
	static const char *const names[METRICS_LOOKUPS] = {
		[LOOKUP_MISS] = "miss", [LOOKUP_RECHECK] = "recheck", [LOOKUP_RENEW] = "renew",
		[LOOKUP_HIT] = "hit", [LOOKUP_BACKOFF] = "backoff", [LOOKUP_BYPASS] = "bypass",
		[LOOKUP_LAST] = "last",
	};

	return names[l];
}

const char *metrics_clock_name(enum metrics_clock c)
{
	static const char *const names[METRICS_CLOCKS] = {
		[CLOCK_CACHED] = "cache", [CLOCK_ASKED] = "signer", [CLOCK_LOOKUP] = "lookup",
		[CLOCK_SIGN] = "sign",
	};

	return names[c];
}

/* ------------------------------------------------------------------ table */

static void put_percent(FILE *f, const char *name, uint64_t n, uint64_t of, const char *help)
{
	if (n)
		fprintf(f, "  %-18s %14" PRIu64 "  %5.1f %%%s%s\n", name, n,
			100 * (double)n / (double)of, help[0] ? "  " : "", help);
}

static void put_requests(FILE *f, const struct metrics *m)
{
	uint64_t all = metrics_sum(m->request[0], METRICS_WAYS * METRICS_CODES);
	char name[32];

	fprintf(f, "%-20s %14" PRIu64 "\n", "requests", all);
	for (unsigned w = 0; w < METRICS_WAYS; w++)
		for (unsigned c = 0; c < METRICS_CODES; c++) {
			int code = metrics_code(c);

			if (w == WAY_DER || w == WAY_FILE)
				snprintf(name, sizeof name, "%s", metrics_way_name(w));
			else if (code)
				snprintf(name, sizeof name, "%s %d", metrics_way_name(w), code);
			else
				snprintf(name, sizeof name, "%s ...", metrics_way_name(w));
			put_percent(f, name, m->request[w][c], all, "");
		}
	if (m->refused)
		fprintf(f, "%-20s %14" PRIu64 "\n", "connections refused", m->refused);
}

static void put_lookups(FILE *f, const struct metrics *m)
{
	static const char *const help[METRICS_LOOKUPS] = {
		[LOOKUP_HIT] = "sent at once",
		[LOOKUP_RECHECK] = "the database was asked again",
		[LOOKUP_RENEW] = "signed anew before its end",
		[LOOKUP_MISS] = "not there, or no longer valid",
		[LOOKUP_BACKOFF] = "sent while the database was down",
		[LOOKUP_BYPASS] = "a nonce to be echoed, or several certificates",
		[LOOKUP_LAST] = "sent because ocsp-sign failed",
	};
	uint64_t all = metrics_sum(m->lookup, METRICS_LOOKUPS) - m->lookup[LOOKUP_LAST];

	fprintf(f, "\n%-20s %14" PRIu64 "\n", "looked up in cache", all);
	for (unsigned i = METRICS_LOOKUPS; i-- > 0;)
		put_percent(f, metrics_lookup_name(i), m->lookup[i], all, help[i]);
}

static void put_failures(FILE *f, const struct metrics *m)
{
	static const char *const names[METRICS_SIGNER] = {
		[SIGNER_UNREACHABLE] = "not started", [SIGNER_TIMEOUT] = "too late",
		[SIGNER_DIED] = "no answer", [SIGNER_NONSENSE] = "nonsense",
	};

	fprintf(f, "\n%-20s %14" PRIu64 "\n", "signatures", m->signatures);
	fprintf(f, "%-20s %14" PRIu64 "\n", "database failures", m->database_failures);
	fprintf(f, "%-20s %14" PRIu64 "\n", "ocsp-sign answered", m->signer[SIGNER_ANSWERED]);
	for (unsigned i = 1; i < METRICS_SIGNER; i++)
		if (m->signer[i])
			fprintf(f, "  %-18s %14" PRIu64 "\n", names[i], m->signer[i]);
	for (unsigned e = 0; e < E_COUNT_; e++)
		if (m->failure[e])
			fprintf(f, "  %-18s %14" PRIu64 "  not answered\n",
				err_info((enum err)e)->name, m->failure[e]);
}

static void put_clocks(FILE *f, const struct metrics *m)
{
	static const unsigned permille[] = { 500, 900, 990 };

	fprintf(f, "\n%-20s %14s %10s %10s %10s %10s\n", "time", "count", "mean", "50 %", "90 %",
		"99 %");
	for (unsigned c = 0; c < METRICS_CLOCKS; c++) {
		const struct metrics_times *t = &m->time[c];
		uint64_t n = metrics_sum(t->bucket, METRICS_TIMES);
		char shown[METRICS_SHOWN_LEN];

		fprintf(f, "  %-18s %14" PRIu64 " %10s", metrics_clock_name(c), n,
			metrics_show_us(n ? (int64_t)(t->sum_us / n) : -1, shown));
		for (unsigned i = 0; i < 3; i++)
			fprintf(f, " %10s", metrics_show_us(metrics_quantile(t->bucket,
				METRICS_TIMES, permille[i], metrics_time_bound_us), shown));
		fputc('\n', f);
	}
}

void metrics_put_table(FILE *f, const struct metrics *m)
{
	uint64_t all = metrics_sum(m->answer, METRICS_ANSWERS);
	uint64_t aged = metrics_sum(m->age, METRICS_AGES);
	char half[METRICS_SHOWN_LEN], most[METRICS_SHOWN_LEN];

	put_requests(f, m);
	fprintf(f, "\n%-20s %14" PRIu64 "\n", "answers", all);
	for (unsigned i = 0; i < METRICS_ANSWERS; i++)
		if (metrics_answer_name(i))
			put_percent(f, metrics_answer_name(i), m->answer[i], all, "");
	if (aged)
		fprintf(f, "  since their thisUpdate: half of them up to %s, 99 %% up to %s\n",
			metrics_show_s(metrics_quantile(m->age, METRICS_AGES, 500,
							metrics_age_bound_s), half),
			metrics_show_s(metrics_quantile(m->age, METRICS_AGES, 990,
							metrics_age_bound_s), most));
	put_lookups(f, m);
	put_failures(f, m);
	put_clocks(f, m);
}
