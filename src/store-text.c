/*
 * The pure parts: how serials, dates and words look in a table.
 */
#include "store-backend.h"

#include <stdio.h>

#include "gtime.h"

const char *store_marks(size_t n, char out[STORE_MARKS_LEN])
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = '?';
		out[2 * i + 1] = i + 1 < n ? ',' : '\0';
	}
	return out;
}

/* As the table's enum spells them; CRLReason has no 7, and 8 (removeFromCRL) is for delta CRLs. */
static const char *const reasons[] = {
	[0] = "unspecified",
	[1] = "key_compromise",
	[2] = "ca_compromise",
	[3] = "affiliation_changed",
	[4] = "superseded",
	[5] = "cessation_of_operation",
	[6] = "certificate_hold",
	[9] = "privilege_withdrawn",
	[10] = "aa_compromise",
};
#define N_REASONS ((int)(sizeof reasons / sizeof reasons[0]))

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool is_word(struct bytes b, const char *word)
{
	size_t i = 0;

	for (; i < b.len && word[i]; i++)
		if (lower(b.p[i]) != lower((uint8_t)word[i]))
			return false;
	return i == b.len && !word[i];
}

/* The same without regard to underscores. */
static bool is_loose_word(struct bytes b, const char *word)
{
	size_t i = 0;

	for (;;) {
		while (i < b.len && b.p[i] == '_')
			i++;
		while (*word == '_')
			word++;
		if (i == b.len || !*word)
			return i == b.len && !*word;
		if (lower(b.p[i++]) != *word++)
			return false;
	}
}

const char *reason_word(int reason)
{
	return reason >= 0 && reason < N_REASONS ? reasons[reason] : NULL;
}

int reason_of_word(struct bytes word)
{
	for (int i = 0; i < N_REASONS; i++) {
		char number[3];

		snprintf(number, sizeof number, "%d", i);
		if (reasons[i] && (is_loose_word(word, reasons[i]) || is_word(word, number)))
			return i;
	}
	return ROW_ODD_REASON;
}

static void add_form(char out[][SERIAL_TEXT_LEN], size_t *n, const char *prefix, size_t zeros,
		     const char *digits, bool upper)
{
	size_t len = strlen(digits);
	char *p = out[*n];

	if (2 + zeros + len >= SERIAL_TEXT_LEN)
		return;		/* varchar(50) can't hold it either */
	p = stpcpy(p, prefix);
	memset(p, '0', zeros);
	p += zeros;
	for (size_t i = 0; i <= len; i++)
		p[i] = upper && digits[i] >= 'a' ? (char)(digits[i] & ~0x20) : digits[i];
	for (size_t i = 0; i < *n; i++)
		if (strcmp(out[i], out[*n]) == 0)
			return;
	++*n;
}

/* In each case. */
static void add_forms(char out[][SERIAL_TEXT_LEN], size_t *n, size_t zeros, const char *digits)
{
	add_form(out, n, "0x", zeros, digits, false);
	add_form(out, n, "0x", zeros, digits, true);
	add_form(out, n, "0X", zeros, digits, true);
}

size_t store_serial_forms(struct bytes serial, char out[STORE_FORMS][SERIAL_TEXT_LEN])
{
	static const struct {
		size_t zeros, width;
	} paddings[] = { { 0, 0 }, { 1, 0 }, { 2, 0 }, { 0, 16 }, { 0, 32 }, { 0, 40 } };
	char text[SERIAL_TEXT_LEN];
	const char *digits = text + 2;
	size_t n = 0, len;

	serial_text(serial, text);
	len = strlen(digits);
	for (size_t i = 0; i < sizeof paddings / sizeof paddings[0]; i++) {
		size_t zeros = paddings[i].zeros;

		if (paddings[i].width > len)
			zeros = paddings[i].width - len;
		add_forms(out, &n, zeros, digits);
	}
	return n;
}

size_t store_case_forms(struct bytes serial, char out[STORE_FORMS][SERIAL_TEXT_LEN])
{
	char text[SERIAL_TEXT_LEN];
	size_t n = 0;

	serial_text(serial, text);
	add_forms(out, &n, 0, text + 2);
	return n;
}

/* n digits, or -1: which no date has. */
static int digits_of(const uint8_t *p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

int64_t store_parse_time(struct bytes b)
{
	int hour = 0, min = 0, sec = 0;
	int64_t t;

	if (b.len < 10 || b.p[4] != '-' || b.p[7] != '-')
		return ROW_NO_TIME;
	if (b.len > 10) {
		size_t i = 19;

		if (b.len < 19 || (b.p[10] != ' ' && b.p[10] != 'T') || b.p[13] != ':' ||
		    b.p[16] != ':')
			return ROW_NO_TIME;
		hour = digits_of(b.p + 11, 2);
		min = digits_of(b.p + 14, 2);
		sec = digits_of(b.p + 17, 2);
		if (i < b.len && b.p[i] == '.')
			for (i++; i < b.len && b.p[i] >= '0' && b.p[i] <= '9';)
				i++;
		if (i < b.len && b.p[i] == 'Z')
			i++;
		if (i != b.len)
			return ROW_NO_TIME;
	}
	if (!gtime_of_civil(digits_of(b.p, 4), digits_of(b.p + 5, 2), digits_of(b.p + 8, 2), hour,
			    min, sec, &t))
		return ROW_NO_TIME;
	return t;
}

void store_format_time(int64_t t, char out[STORE_TIME_LEN])
{
	char g[GTIME_LEN];

	gtime_format(t, g);
	snprintf(out, STORE_TIME_LEN, "%.4s-%.2s-%.2s %.2s:%.2s:%.2s", g, g + 4, g + 6, g + 8,
		 g + 10, g + 12);
}

void store_read_row(const struct store_text *t, struct store_row *out)
{
	struct store_row r = { .status = ROW_ODD };
	size_t len = t->cert_num.len < sizeof r.cert_num ? t->cert_num.len : sizeof r.cert_num - 1;

	if (len)
		memcpy(r.cert_num, t->cert_num.p, len);
	if (is_word(t->status, "valid"))
		r.status = ROW_VALID;
	else if (is_word(t->status, "revoked"))
		r.status = ROW_REVOKED;
	r.revoked_at = store_parse_time(t->time);
	r.reason = t->reason.p ? reason_of_word(t->reason) : ROW_NO_REASON;
	*out = r;
}

bool store_row_beats(const struct store_row *a, const struct store_row *b)
{
	static const int rank[] = { [ROW_VALID] = 0, [ROW_ODD] = 1, [ROW_REVOKED] = 2 };

	return rank[a->status] > rank[b->status];
}

bool store_row_serial(const struct store_row *row, char out[SERIAL_TEXT_LEN])
{
	uint8_t buf[LIM_SERIAL_LEN];
	struct bytes serial;

	if (!serial_parse(bytes_str(row->cert_num), buf, &serial))
		return false;
	serial_text(serial, out);
	return true;
}

/* As most collations compare: without regard to case and to spaces at the end. */
static bool same_key(const char *a, const char *b)
{
	while (*a && lower((uint8_t)*a) == lower((uint8_t)*b)) {
		a++;
		b++;
	}
	return !a[strspn(a, " ")] && !b[strspn(b, " ")];
}

size_t store_page_end(const struct store_row *rows, size_t n)
{
	size_t end = n;

	while (end > 0 && same_key(rows[end - 1].cert_num, rows[n - 1].cert_num))
		end--;
	return end;
}

bool store_quote(const char *name, char quote, char out[STORE_NAME_LEN])
{
	size_t n = 0;

	out[n++] = quote;
	for (; *name; name++) {
		if (n + 5 > STORE_NAME_LEN)
			return false;
		if (*name == '.' || *name == quote)
			out[n++] = quote;
		out[n++] = *name;
		if (*name == '.')
			out[n++] = quote;
	}
	out[n++] = quote;
	out[n] = '\0';
	return true;
}
