/*
 * What was counted, as OpenMetrics text. A name that is published stays: dashboards rest on it.
 */
#include <inttypes.h>

#include "metrics-text.h"

static void put_family(FILE *f, const char *name, const char *type, const char *unit,
		       const char *help)
{
	fprintf(f, "# TYPE ocsp_%s %s\n", name, type);
	if (unit)
		fprintf(f, "# UNIT ocsp_%s %s\n", name, unit);
	fprintf(f, "# HELP ocsp_%s %s\n", name, help);
}

static void put_requests(FILE *f, const struct metrics *m)
{
	put_family(f, "requests", "counter", NULL,
		   "Requests answered, by transport, HTTP method and HTTP status.");
	for (unsigned w = 0; w < METRICS_WAYS; w++)
		for (unsigned c = 0; c < METRICS_CODES; c++) {
			int code = metrics_code(c);

			if (w == WAY_DER || w == WAY_FILE) {
				if (c == 0)
					fprintf(f, "ocsp_requests_total{transport=\"%s\"} %" PRIu64
						"\n", w == WAY_DER ? "der" : "file",
						m->request[w][0]);
			} else if (m->request[w][c] || (code == 200 && w != WAY_HTTP_OTHER)) {
				fprintf(f, "ocsp_requests_total{transport=\"http\",method=\"%s\",",
					metrics_way_name(w));
				if (code)
					fprintf(f, "code=\"%d\"} ", code);
				else
					fputs("code=\"other\"} ", f);
				fprintf(f, "%" PRIu64 "\n", m->request[w][c]);
			}
		}
}

/* value: NULL for what has no name. */
static void put_labelled(FILE *f, const char *name, const char *label, const char *value,
			 uint64_t n)
{
	if (value)
		fprintf(f, "ocsp_%s_total{%s=\"%s\"} %" PRIu64 "\n", name, label, value, n);
}

static void put_counter(FILE *f, const char *name, const char *help, uint64_t n)
{
	put_family(f, name, "counter", NULL, help);
	fprintf(f, "ocsp_%s_total %" PRIu64 "\n", name, n);
}

/* A number of millionths as a decimal fraction, exactly, without zeros at its end. */
static void put_millionths(FILE *f, uint64_t n)
{
	char text[32];
	size_t len = (size_t)snprintf(text, sizeof text, "%" PRIu64 ".%06u", n / 1000000,
				      (unsigned)(n % 1000000));

	while (text[len - 1] == '0' && text[len - 2] != '.')
		len--;
	fprintf(f, "%.*s", (int)len, text);
}

struct histogram {
	const char *name, *label, *value;	/* label may be NULL */
	const uint64_t *bucket;
	size_t n;
	int64_t (*bound)(unsigned bucket);
	uint64_t scale;		/* of bounds and sum: 1 for millionths, 1000000 for whole seconds */
	uint64_t sum;
};

static void put_histogram(FILE *f, const struct histogram *h)
{
	const char *comma = h->label ? "," : "";
	char label[64] = "";
	uint64_t below = 0;

	if (h->label)
		snprintf(label, sizeof label, "%s=\"%s\"", h->label, h->value);
	for (unsigned i = 0; i < h->n; i++) {
		below += h->bucket[i];
		fprintf(f, "ocsp_%s_bucket{%s%sle=\"", h->name, label, comma);
		if (i == h->n - 1)
			fputs("+Inf", f);
		else
			put_millionths(f, (uint64_t)h->bound(i) * h->scale);
		fprintf(f, "\"} %" PRIu64 "\n", below);
	}
	fprintf(f, "ocsp_%s_count%s%s%s %" PRIu64 "\n", h->name, h->label ? "{" : "", label,
		h->label ? "}" : "", below);
	fprintf(f, "ocsp_%s_sum%s%s%s ", h->name, h->label ? "{" : "", label, h->label ? "}" : "");
	/* seconds by the million would not fit for long */
	if (h->scale == 1)
		put_millionths(f, h->sum);
	else
		fprintf(f, "%" PRIu64 ".0", h->sum);
	fputc('\n', f);
}

static void put_clock(FILE *f, const char *name, const char *source, const struct metrics_times *t)
{
	put_histogram(f, &(struct histogram){
		.name = name, .label = source ? "source" : NULL, .value = source,
		.bucket = t->bucket, .n = METRICS_TIMES, .bound = metrics_time_bound_us,
		.scale = 1, .sum = t->sum_us,
	});
}

static void put_times(FILE *f, const struct metrics *m)
{
	static const char *const names[METRICS_CLOCKS] = {
		[CLOCK_LOOKUP] = "lookup_duration_seconds",
		[CLOCK_SIGN] = "sign_duration_seconds",
	};
	static const char front[] = "request_duration_seconds";

	put_family(f, front, "histogram", "seconds",
		   "Time from a whole request to its answer, from the cache or from ocsp-sign.");
	put_clock(f, front, "cache", &m->time[CLOCK_CACHED]);
	put_clock(f, front, "signer", &m->time[CLOCK_ASKED]);
	put_family(f, names[CLOCK_LOOKUP], "histogram", "seconds",
		   "Time for a question to the database, connection included.");
	put_clock(f, names[CLOCK_LOOKUP], NULL, &m->time[CLOCK_LOOKUP]);
	put_family(f, names[CLOCK_SIGN], "histogram", "seconds",
		   "Time for a signature, loading of the key included.");
	put_clock(f, names[CLOCK_SIGN], NULL, &m->time[CLOCK_SIGN]);
	put_family(f, "answer_age_seconds", "histogram", "seconds",
		   "Age of the answers that were sent, since their thisUpdate.");
	put_histogram(f, &(struct histogram){
		.name = "answer_age_seconds", .bucket = m->age, .n = METRICS_AGES,
		.bound = metrics_age_bound_s, .scale = 1000000, .sum = m->age_sum_s,
	});
}

static void put_sign(FILE *f, const struct metrics *m)
{
	static const char *const signer[METRICS_SIGNER] = {
		[SIGNER_ANSWERED] = "answered", [SIGNER_UNREACHABLE] = "unreachable",
		[SIGNER_TIMEOUT] = "timeout", [SIGNER_DIED] = "died",
		[SIGNER_NONSENSE] = "nonsense",
	};
	static const char *const sources[METRICS_SOURCES] = {
		"none", "cache", "store", "canned", "signed",
	};

	put_family(f, "signer_requests", "counter", NULL,
		   "Questions to ocsp-sign, by how it did.");
	for (unsigned i = 0; i < METRICS_SIGNER; i++)
		put_labelled(f, "signer_requests", "result", signer[i], m->signer[i]);
	put_family(f, "signer_answers", "counter", NULL,
		   "Answers of ocsp-sign, by where they came from; none: an error response.");
	for (unsigned i = 0; i < METRICS_SOURCES; i++)
		put_labelled(f, "signer_answers", "source", sources[i], m->source[i]);
	put_family(f, "signer_failures", "counter", NULL,
		   "Error responses of ocsp-sign, by reason.");
	for (unsigned e = E_OK + 1; e < E_COUNT_; e++)
		if (m->failure[e] || e == E_DB || e == E_SIGNER || e == E_UNAUTHORIZED)
			put_labelled(f, "signer_failures", "reason", err_info((enum err)e)->name,
				     m->failure[e]);
	put_counter(f, "signatures", "Answers signed.", m->signatures);
	put_counter(f, "database_failures",
		    "Questions that the database did not answer; a cached answer may have served.",
		    m->database_failures);
}

void metrics_put_openmetrics(FILE *f, const struct metrics *m, int64_t since)
{
	put_family(f, "counted_since_seconds", "gauge", "seconds",
		   "When the counters began, in seconds since 1970.");
	fprintf(f, "ocsp_counted_since_seconds %" PRId64 "\n", since);
	put_requests(f, m);
	put_family(f, "answers", "counter", NULL,
		   "Answers sent, by the certificate's status or the OCSP error.");
	for (unsigned i = 0; i < METRICS_ANSWERS; i++)
		put_labelled(f, "answers", "status", metrics_answer_name(i), m->answer[i]);
	put_family(f, "cache_lookups", "counter", NULL,
		   "Lookups in the cache by what was found; last: sent because ocsp-sign failed.");
	for (unsigned i = 0; i < METRICS_LOOKUPS; i++)
		put_labelled(f, "cache_lookups", "result", metrics_lookup_name(i), m->lookup[i]);
	put_counter(f, "refused_connections",
		    "Connections that the listener refused: maxpersource, or out of processes.",
		    m->refused);
	put_sign(f, m);
	put_times(f, m);
}
