/*
 * A row of the table: number, time, reason, status and notBefore, a line each; the word NULL is
 * SQL's. Whatever else is odd, what is revoked must not look better, and only what says so is valid.
 */
#include "fuzz.h"

#include "decide.h"
#include "gtime.h"
#include "store-backend.h"

#define NOW 1800000000		/* some day of 2027 */

static struct bytes take_column(struct bytes *in)
{
	const uint8_t *end = in->len ? memchr(in->p, '\n', in->len) : NULL;
	struct bytes column = bytes_of(in->p, end ? (size_t)(end - in->p) : in->len);

	in->p += column.len + (end != NULL);
	in->len -= column.len + (end != NULL);
	return bytes_eq(column, bytes_str("NULL")) ? bytes_of(NULL, 0) : column;
}

static bool says(struct bytes column, const char *word)
{
	return column.len == strlen(word) &&
	       strncasecmp((const char *)column.p, word, column.len) == 0;
}

static void check_times(const struct decision *d, int64_t not_after, enum conf_profile profile)
{
	struct conf conf = { .backdate_s = 86400, .profile = profile };
	struct conf_ca ca = { .producetime_s = 4 * 86400 };
	struct validity v = decide_validity(&conf, &ca, not_after, d, NOW);
	struct single answer = { .status = d->status, .reason = d->reason,
				 .revoked_at = decide_revoked_at(d, NOW) };

	REQUIRE(v.this_update <= NOW && v.this_update >= NOW - 86400);
	REQUIRE(v.next_update <= not_after && v.next_update < v.this_update + ca.producetime_s);
	REQUIRE(decide_same(d, &answer, NOW));
	answer.status = d->status == CERT_GOOD ? CERT_REVOKED : CERT_GOOD;
	REQUIRE(!decide_same(d, &answer, NOW));
}

static void check_decision(const struct store_row *row, int64_t not_before,
			   enum conf_profile profile)
{
	struct decision d;
	enum err e = decide_row(row, not_before, NOW, profile, &d);

	REQUIRE((e == E_DATA) == (row->status == ROW_ODD));
	if (e != E_OK)
		return;
	REQUIRE(d.status == (row->status == ROW_VALID ? CERT_GOOD : CERT_REVOKED));
	REQUIRE(d.reason >= REASON_ABSENT && d.reason <= 10 && d.reason != 0 && d.reason != 7 &&
		d.reason != 8);
	REQUIRE(profile != PROFILE_BR || d.reason != 6);
	REQUIRE(d.revoked_at >= GTIME_MIN && d.revoked_at <= GTIME_MAX);
	REQUIRE(decide_revoked_at(&d, NOW) <= NOW);
	check_times(&d, GTIME_MAX, profile);
	check_times(&d, NOW + 1, profile);
}

static void check_row(const struct store_text *text, const struct store_row *row)
{
	char time[STORE_TIME_LEN];

	REQUIRE(memchr(row->cert_num, '\0', sizeof row->cert_num));
	REQUIRE((row->status == ROW_VALID) == says(text->status, "valid"));
	REQUIRE((row->status == ROW_REVOKED) == says(text->status, "revoked"));
	REQUIRE(row->reason >= ROW_ODD_REASON && row->reason <= 10);
	REQUIRE(row->reason < 0 ||
		reason_of_word(bytes_str(reason_word(row->reason))) == row->reason);
	if (row->revoked_at != ROW_NO_TIME) {
		store_format_time(row->revoked_at, time);
		REQUIRE(store_parse_time(bytes_str(time)) == row->revoked_at);
	}
}

/* Every form that a number is looked up in is that number. */
static void check_forms(struct bytes number)
{
	uint8_t buf[LIM_SERIAL_LEN], other[LIM_SERIAL_LEN];
	char form[STORE_FORMS][SERIAL_TEXT_LEN];
	struct bytes serial, again;
	size_t n;

	if (!serial_parse(number, buf, &serial))
		return;
	n = store_serial_forms(serial, form);
	REQUIRE(n >= 1 && n <= STORE_FORMS);
	for (size_t i = 0; i < n; i++)
		REQUIRE(serial_parse(bytes_str(form[i]), other, &again) && bytes_eq(again, serial));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), before;
	struct store_text text;
	struct store_row row;
	int64_t not_before;

	text.cert_num = take_column(&in);
	text.time = take_column(&in);
	text.reason = take_column(&in);
	text.status = take_column(&in);
	before = take_column(&in);
	not_before = before.p ? store_parse_time(before) : ROW_NO_TIME;
	store_read_row(&text, &row);
	check_row(&text, &row);
	check_forms(text.cert_num);
	for (enum conf_profile p = PROFILE_RFC9919; p <= PROFILE_PRIVATE; p++)
		check_decision(&row, not_before, p);
	return 0;
}
