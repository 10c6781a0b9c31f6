#include "gtime.h"
#include "metrics-text.h"
#include "progress.h"
#include "report.h"

static void put_tile(FILE *f, const char *kind, const char *value, const char *label)
{
	fprintf(f, "<div class=\"tile\"><b class=\"%s\">", kind);
	html_text(f, value);
	fputs("</b><span>", f);
	html_text(f, label);
	fputs("</span></div>\n", f);
}

static void put_number_tile(FILE *f, const char *kind, int64_t n, const char *label)
{
	char text[PROGRESS_NUMBER_LEN];

	put_tile(f, kind, progress_number(n, text), label);
}

static void put_time_tile(FILE *f, const struct metrics *m)
{
	uint64_t both[METRICS_TIMES];
	char shown[METRICS_SHOWN_LEN], text[METRICS_SHOWN_LEN + 16];

	for (unsigned i = 0; i < METRICS_TIMES; i++)
		both[i] = m->time[CLOCK_CACHED].bucket[i] + m->time[CLOCK_ASKED].bucket[i];
	metrics_show_us(metrics_quantile(both, METRICS_TIMES, 990, metrics_time_bound_us), shown);
	html_bound(shown, text, sizeof text);
	put_tile(f, "", text, "take 99 % of the answers");
}

static uint64_t lookups(const struct metrics *m)
{
	return metrics_sum(m->lookup, METRICS_LOOKUPS) - m->lookup[LOOKUP_LAST];
}

static void put_tiles(FILE *f, const struct report *r)
{
	int64_t valid = 0, revoked = 0;
	char text[32];

	fputs("<div class=\"tiles\">\n", f);
	if (r->n[FOUND_ERROR])
		put_number_tile(f, "bad", r->n[FOUND_ERROR],
				r->n[FOUND_ERROR] == 1 ? "error to be mended" :
							 "errors to be mended");
	else if (r->n[FOUND_WARNING])
		put_number_tile(f, "warn", r->n[FOUND_WARNING],
				r->n[FOUND_WARNING] == 1 ? "warning, no error" :
							   "warnings, no error");
	else if (r->n_found)
		put_tile(f, "good", "all is well", "says the check");
	for (size_t i = 0; i < r->n_tables; i++) {
		valid += r->table[i].valid;
		revoked += r->table[i].revoked;
	}
	if (!r->why_no_table[0]) {
		put_number_tile(f, "", valid, "valid certificates");
		put_number_tile(f, "", revoked, "revoked certificates");
	}
	if (!r->cache.why)
		put_number_tile(f, "", r->cache.answers, "answers in the cache");
	if (r->counted && lookups(&r->metrics)) {
		snprintf(text, sizeof text, "%.1f\u00a0%%",
			 100 * (double)metrics_hits(&r->metrics) / (double)lookups(&r->metrics));
		put_tile(f, "", text, "of lookups are hits");
		put_time_tile(f, &r->metrics);
	}
	fputs("</div>\n", f);
}

static void put_finding(FILE *f, const struct finding *found)
{
	static const char *const kinds[FOUND_LEVELS] = { "good", "warn", "bad" };

	fprintf(f, "<li><b class=\"%s\">%s</b><span>", kinds[found->level],
		found_name(found->level));
	html_text(f, found->text ? found->text : "");
	fputs("</span></li>\n", f);
}

/* What has to be mended first; the rest for who asks for it. */
static void put_findings(FILE *f, const struct report *r)
{
	if (!r->n_found)
		return;
	html_heading(f, "Findings of the check", NULL);
	if (r->n[FOUND_WARNING] + r->n[FOUND_ERROR])
		fputs("<ul>\n", f);
	for (int l = FOUND_ERROR; l > FOUND_OK; l--)
		for (size_t i = 0; i < r->n_found; i++)
			if (r->found[i].level == (enum level_found)l)
				put_finding(f, &r->found[i]);
	if (r->n[FOUND_WARNING] + r->n[FOUND_ERROR])
		fputs("</ul>\n", f);
	fprintf(f, "<details><summary>%u findings that are as they should be</summary>\n<ul>\n",
		r->n[FOUND_OK]);
	for (size_t i = 0; i < r->n_found; i++)
		if (r->found[i].level == FOUND_OK)
			put_finding(f, &r->found[i]);
	fputs("</ul></details>\n</section>\n", f);
}

static void put_status(FILE *f, const struct report *r)
{
	int64_t valid = 0, expired = 0, revoked = 0, odd = 0, all;

	for (size_t i = 0; i < r->n_tables; i++) {
		valid += r->table[i].valid;
		expired += r->table[i].expired;
		revoked += r->table[i].revoked;
		odd += r->table[i].odd;
	}
	all = valid + expired + revoked + odd;
	html_bars_begin(f, "By status");
	html_bar(f, "valid", "good", (uint64_t)valid, (uint64_t)all, (uint64_t)all);
	if (r->has_certs)
		html_bar(f, "expired", "", (uint64_t)expired, (uint64_t)all, (uint64_t)all);
	html_bar(f, "revoked", "bad", (uint64_t)revoked, (uint64_t)all, (uint64_t)all);
	if (odd)
		html_bar(f, "neither", "warn", (uint64_t)odd, (uint64_t)all, (uint64_t)all);
	html_bars_end(f);
}

static void put_reasons(FILE *f, const struct report *r)
{
	uint64_t all = (uint64_t)r->no_reason, longest = all;

	for (int i = 0; i < REPORT_REASONS; i++) {
		uint64_t n = (uint64_t)r->reason[i];

		all += n;
		longest = n > longest ? n : longest;
	}
	html_bars_begin(f, "Revoked, by reason");
	for (int i = 0; i < REPORT_REASONS; i++) {
		char word[32];

		snprintf(word, sizeof word, "%s", reason_word(i) ? reason_word(i) : "?");
		for (char *p = word; *p; p++)
			*p = *p == '_' ? ' ' : *p;
		if (r->reason[i])
			html_bar(f, word, "bad", (uint64_t)r->reason[i], all, longest);
	}
	if (r->no_reason || !all)
		html_bar(f, "no reason", "bad", (uint64_t)r->no_reason, all, longest);
	html_bars_end(f);
}

static void put_tables(FILE *f, const struct report *r)
{
	if (r->n_tables < 2)
		return;
	fputs("<table class=\"plain\"><tr><th>table</th><th>CAs</th><th class=\"n\">valid</th>"
	      "<th class=\"n\">expired</th><th class=\"n\">revoked</th></tr>\n", f);
	for (size_t i = 0; i < r->n_tables; i++) {
		const struct report_table *t = &r->table[i];

		fputs("<tr><td>", f);
		html_text(f, t->name);
		fputs("</td><td>", f);
		html_text(f, t->cas);
		fputs("</td><td class=\"n\">", f);
		html_number(f, t->valid);
		fputs("</td><td class=\"n\">", f);
		html_number(f, t->expired);
		fputs("</td><td class=\"n\">", f);
		html_number(f, t->revoked);
		fputs("</td></tr>\n", f);
	}
	fputs("</table>\n", f);
}

static void put_ending(FILE *f, const struct report *r)
{
	static const char *const labels[] = { "in 7 days", "in 30 days", "in 90 days" };
	uint64_t longest = (uint64_t)r->ending[2];

	if (!r->has_certs)
		return;
	html_bars_begin(f, "Valid ones that end");
	for (size_t i = 0; i < 3; i++)
		html_bar(f, labels[i], "", (uint64_t)r->ending[i], 0, longest);
	html_bars_end(f);
}

static void put_certificates(FILE *f, const struct report *r)
{
	html_heading(f, "Certificates", r->why_no_table[0] ? r->why_no_table : NULL);
	if (r->n_tables) {
		fputs("<div class=\"pair\">\n<div class=\"stack\">\n", f);
		put_status(f, r);
		put_ending(f, r);
		fputs("</div>\n", f);
		put_reasons(f, r);
		fputs("</div>\n", f);
		put_tables(f, r);
	}
	fputs("</section>\n", f);
}

static void put_history(FILE *f, const struct report *r)
{
	char day[CTL_TIME_LEN], first[CTL_TIME_LEN], month[CTL_TIME_LEN], today[CTL_TIME_LEN];
	struct civil c = gtime_to_civil(r->now);
	int back = c.year * 12 + c.month - 1 - (REPORT_MONTHS - 1);

	if (!r->n_tables)
		return;
	ctl_time(r->now, today);
	snprintf(day, sizeof day, "%.10s", ctl_time(r->now - (REPORT_DAYS - 1) * 86400, first));
	snprintf(month, sizeof month, "%04d-%02d", back / 12 % 10000, back % 12 + 1);
	today[10] = '\0';
	html_heading(f, "Issued and revoked over time",
		     r->has_certs ? "Issued: notBefore of each certificate in the table. "
				    "Revoked: the time that the table has." :
				    "The table has no certificates, so when they were issued is "
				    "not known.");
	fputs("<div class=\"pair\">\n", f);
	if (r->has_certs) {
		html_columns(f, "Issued, by day", "", r->issued.day, REPORT_DAYS, day, today);
		html_columns(f, "Issued, by month", "", r->issued.month, REPORT_MONTHS, month,
			     "this month");
	}
	html_columns(f, "Revoked, by day", "bad", r->revoked.day, REPORT_DAYS, day, today);
	html_columns(f, "Revoked, by month", "bad", r->revoked.month, REPORT_MONTHS, month,
		     "this month");
	fputs("</div>\n<p class=\"dim note\">Before that: ", f);
	html_number(f, (int64_t)r->issued.earlier);
	fputs(" issued, ", f);
	html_number(f, (int64_t)r->revoked.earlier);
	fputs(" revoked or at a time that is not known.</p>\n</section>\n", f);
}

static void put_cache(FILE *f, const struct report *r)
{
	const struct report_cache *c = &r->cache;
	const int64_t counts[] = {
		c->status[CERT_GOOD], c->status[CERT_REVOKED], c->status[CERT_UNKNOWN], c->ended,
		c->unreadable,
	};
	char number[5][PROGRESS_NUMBER_LEN], sub[256];

	if (c->why) {
		html_heading(f, "Answers in the cache", c->why);
		fputs("</section>\n", f);
		return;
	}
	for (size_t i = 0; i < 5; i++)
		progress_number(counts[i], number[i]);
	snprintf(sub, sizeof sub, "%s good, %s revoked, %s unknown; %.1f MiB; %s have ended; %s "
		 "files can't be read.", number[0], number[1], number[2],
		 (double)c->octets / (1 << 20), number[3], number[4]);
	html_heading(f, "Answers in the cache", sub);
	fputs("<div class=\"pair\">\n", f);
	html_histogram(f, "By age", c->age, METRICS_AGES, metrics_age_bound_s, metrics_show_s);
	html_histogram(f, "By the time until they end", c->left, METRICS_AGES,
		       metrics_age_bound_s, metrics_show_s);
	fputs("</div>\n</section>\n", f);
}

static void put_lookups(FILE *f, const struct metrics *m)
{
	static const struct {
		enum metrics_lookup what;
		const char *label, *kind;
	} rows[] = {
		{ LOOKUP_HIT, "hit", "good" },
		{ LOOKUP_RECHECK, "asked again", "" },
		{ LOOKUP_RENEW, "signed ahead", "" },
		{ LOOKUP_MISS, "miss", "" },
		{ LOOKUP_BYPASS, "not for it", "" },
		{ LOOKUP_BACKOFF, "database down", "warn" },
		{ LOOKUP_LAST, "ocsp-sign failed", "bad" },
	};
	uint64_t all = lookups(m);

	html_bars_begin(f, "Found in the cache");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (i == 0 || m->lookup[rows[i].what])
			html_bar(f, rows[i].label, rows[i].kind, m->lookup[rows[i].what], all, all);
	html_bars_end(f);
}

static void put_answers(FILE *f, const struct metrics *m)
{
	uint64_t all = metrics_sum(m->answer, METRICS_ANSWERS);

	html_bars_begin(f, "Answers");
	for (unsigned i = 0; i < METRICS_ANSWERS; i++) {
		const char *name = metrics_answer_name(i);
		bool ours = i == ANSWER_ERROR + OCSP_INTERNAL_ERROR ||
			    i == ANSWER_ERROR + OCSP_TRY_LATER;

		if (name && (m->answer[i] || i <= CERT_REVOKED))
			html_bar(f, name, ours ? "bad" : i == CERT_GOOD ? "good" : "", m->answer[i],
				 all, all);
	}
	html_bars_end(f);
}

static void put_requests(FILE *f, const struct report *r)
{
	const struct metrics *m = &r->metrics;
	const uint64_t counts[] = {
		metrics_sum(m->request[0], METRICS_WAYS * METRICS_CODES), m->signatures,
		m->database_failures, m->refused,
	};
	char when[CTL_TIME_LEN], number[4][PROGRESS_NUMBER_LEN], sub[256];

	if (!r->counted) {
		html_heading(f, "Requests",
			     "Nothing was counted yet, or the counters can't be read.");
		fputs("</section>\n", f);
		return;
	}
	for (size_t i = 0; i < 4; i++)
		progress_number((int64_t)counts[i], number[i]);
	snprintf(sub, sizeof sub, "%s requests since %s; %s signatures, %s database failures, %s "
		 "connections refused.", number[0], ctl_time(r->since, when), number[1], number[2],
		 number[3]);
	html_heading(f, "Requests", sub);
	fputs("<div class=\"pair\">\n", f);
	put_lookups(f, m);
	put_answers(f, m);
	html_histogram(f, "Time of answers out of the cache", m->time[CLOCK_CACHED].bucket,
		       METRICS_TIMES, metrics_time_bound_us, metrics_show_us);
	html_histogram(f, "Time of answers by ocsp-sign", m->time[CLOCK_ASKED].bucket,
		       METRICS_TIMES, metrics_time_bound_us, metrics_show_us);
	html_histogram(f, "Time of lookups in the database", m->time[CLOCK_LOOKUP].bucket,
		       METRICS_TIMES, metrics_time_bound_us, metrics_show_us);
	html_histogram(f, "Time of signatures", m->time[CLOCK_SIGN].bucket, METRICS_TIMES,
		       metrics_time_bound_us, metrics_show_us);
	fputs("</div>\n</section>\n", f);
}

void report_put(FILE *f, const struct report *r)
{
	char when[CTL_TIME_LEN];

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'\">\n<meta name=\"robots\" content=\"noindex\">\n"
	      "<title>OCSP on ", f);
	html_text(f, r->host);
	fprintf(f, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>OCSP responder on ",
		html_style);
	html_text(f, r->host);
	fprintf(f, "</h1>\n<p class=\"dim\">%s, ", ctl_time(r->now, when));
	html_text(f, r->config);
	fputs("</p>\n", f);
	put_tiles(f, r);
	put_findings(f, r);
	put_certificates(f, r);
	put_history(f, r);
	put_cache(f, r);
	put_requests(f, r);
	fputs("<footer>Made by ocspctl report, version " PACKAGE_VERSION
	      ". Times are UTC.</footer>\n</main>\n</body>\n</html>\n", f);
}
