/* report: when things happened, and what a page may have in it. */
#include "gtime.h"
#include "metrics-text.h"
#include "report.h"
#include "unit.h"

/* A stand-in: what a time looks like is not what is tested here. */
const char *ctl_time(int64_t t, char out[CTL_TIME_LEN])
{
	(void)t;
	return strcpy(out, "2026-01-02T03:04:05Z");
}

static int64_t at(int year, int month, int day, int hour)
{
	int64_t t = 0;

	assert_true(gtime_of_civil(year, month, day, hour, 0, 0, &t));
	return t;
}

static void days_and_months_count_back_from_now(void **state)
{
	const int64_t now = at(2026, 3, 15, 12);
	struct report_history h = { .earlier = 0 };

	(void)state;
	report_history_add(&h, now, now);
	report_history_add(&h, now, at(2026, 3, 15, 0));
	report_history_add(&h, now, at(2026, 3, 14, 23));
	report_history_add(&h, now, at(2026, 2, 13, 0));	/* 30 days before */
	report_history_add(&h, now, at(2026, 2, 12, 23));
	report_history_add(&h, now, at(2024, 4, 1, 0));		/* 23 months before */
	report_history_add(&h, now, at(2024, 3, 31, 23));
	assert_int_equal(h.day[REPORT_DAYS - 1], 2);
	assert_int_equal(h.day[REPORT_DAYS - 2], 1);
	assert_int_equal(h.day[0], 1);
	assert_int_equal(metrics_sum(h.day, REPORT_DAYS), 4);
	assert_int_equal(h.month[REPORT_MONTHS - 1], 3);
	assert_int_equal(h.month[REPORT_MONTHS - 2], 2);
	assert_int_equal(h.month[0], 1);
	assert_int_equal(h.earlier, 1);
}

static void odd_times_are_nowhere_or_earlier(void **state)
{
	const int64_t now = at(2026, 3, 15, 12);
	struct report_history h = { .earlier = 0 };

	(void)state;
	report_history_add(&h, now, now + 1);
	assert_int_equal(metrics_sum(h.day, REPORT_DAYS) + h.earlier, 0);
	report_history_add(&h, now, ROW_NO_TIME);
	report_history_add(&h, now, GTIME_MIN);
	report_history_add(&h, now, -1);
	report_history_add(&h, now, 0);
	assert_int_equal(h.earlier, 4);
	assert_int_equal(metrics_sum(h.month, REPORT_MONTHS), 0);
}

/* What put() writes. */
static char *page_of(const struct report *r)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	report_put(f, r);
	fclose(f);
	assert_non_null(text);
	return text;
}

static void text_is_no_markup(void **state)
{
	char text[] = "<script src=\"http://x\">'&'</script>";
	const struct finding found = { FOUND_ERROR, "config", text };
	struct report r = {
		.now = 1767323045, .host = "<i>host</i>", .config = "/a&b",
		.found = &found, .n_found = 1, .n = { [FOUND_ERROR] = 1 },
		.why_no_table = "<b>no</b>", .cache = { .why = "<u>no</u>" },
	};
	char *page = page_of(&r);

	(void)state;
	assert_non_null(strstr(page, "&lt;script src=&quot;http://x&quot;&gt;&#39;&amp;&#39;"));
	assert_non_null(strstr(page, "&lt;i&gt;host&lt;/i&gt;"));
	assert_non_null(strstr(page, "/a&amp;b"));
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "<i>"));
	assert_null(strstr(page, "<b>no"));
	assert_null(strstr(page, "<u>"));
	free(page);
}

static unsigned occurrences(const char *page, const char *part)
{
	unsigned n = 0;

	for (; (page = strstr(page, part)); page++)
		n++;
	return n;
}

/* With nothing in it, and with as much as can be: no division by zero, and all that is opened is
 * closed. */
static void every_page_is_whole(void **state)
{
	static const char *const tags[] = {
		"html", "head", "body", "main", "section", "div", "table", "tr", "td", "th", "svg",
		"figure", "ul", "li", "p", "b", "span", "rect", "title", "details",
	};
	static struct report none = { .config = "c" }, all;

	(void)state;
	memset(&all.metrics, 1, sizeof all.metrics);
	all.config = "c";
	all.now = 1767323045;
	all.counted = all.has_certs = true;
	all.n_tables = 2;
	all.table[0] = (struct report_table){ .name = "a", .valid = INT64_MAX / 8 };
	all.table[1] = (struct report_table){ .name = "b", .revoked = 5, .odd = 1, .expired = 1 };
	for (unsigned i = 0; i < REPORT_DAYS; i++)
		all.issued.day[i] = i % 3;
	for (unsigned i = 0; i < REPORT_REASONS; i++)
		all.reason[i] = 1;
	for (int n = 0; n < 2; n++) {
		char *page = page_of(n ? &all : &none);

		for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
			char open[16], with[16], close[16];

			snprintf(open, sizeof open, "<%s>", tags[i]);
			snprintf(with, sizeof with, "<%s ", tags[i]);
			snprintf(close, sizeof close, "</%s>", tags[i]);
			if (occurrences(page, open) + occurrences(page, with) !=
			    occurrences(page, close))
				fail_msg("<%s> is not closed as often as it is opened", tags[i]);
		}
		assert_null(strstr(page, "nan"));
		assert_null(strstr(page, "inf%"));
		assert_null(strstr(page, "src="));
		assert_null(strstr(page, "href="));
		free(page);
	}
}

static void bounds_are_shown(void **state)
{
	char out[64], shown[METRICS_SHOWN_LEN];

	(void)state;
	html_bound("250us", out, sizeof out);
	assert_string_equal(out, "\u2264\u00a0250\u00a0\u00b5s");
	html_bound("2.5ms", out, sizeof out);
	assert_string_equal(out, "\u2264\u00a02.5\u00a0ms");
	html_bound(metrics_show_us(INT64_MAX, shown), out, sizeof out);
	assert_string_equal(out, ">5\u00a0s");
	assert_string_equal(metrics_show_s(-1, shown), "-");
	assert_string_equal(metrics_show_s(59, shown), "59s");
	assert_string_equal(metrics_show_s(90, shown), "1.5min");
	assert_string_equal(metrics_show_s(86400 * 7, shown), "7d");
	assert_string_equal(metrics_show_s(INT64_MAX, shown), ">365d");
}

static int64_t bound_of(unsigned bucket)
{
	return bucket < 2 ? 10 * (int64_t)(bucket + 1) : INT64_MAX;
}

static void quantiles(void **state)
{
	const uint64_t none[3] = { 0 }, some[3] = { 50, 49, 1 }, huge[3] = { UINT64_MAX / 2, 1, 0 };

	(void)state;
	assert_true(metrics_quantile(none, 3, 500, bound_of) == -1);
	assert_true(metrics_quantile(some, 3, 500, bound_of) == 10);
	assert_true(metrics_quantile(some, 3, 501, bound_of) == 20);
	assert_true(metrics_quantile(some, 3, 990, bound_of) == 20);
	assert_true(metrics_quantile(some, 3, 991, bound_of) == INT64_MAX);
	assert_true(metrics_quantile(huge, 3, 990, bound_of) == 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_and_months_count_back_from_now),
		cmocka_unit_test(odd_times_are_nowhere_or_earlier),
		cmocka_unit_test(text_is_no_markup),
		cmocka_unit_test(every_page_is_whole),
		cmocka_unit_test(bounds_are_shown),
		cmocka_unit_test(quantiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
