#include "index-txt.h"

#include "gtime.h"
#include "store.h"

enum { COL_STATUS, COL_EXPIRES, COL_REVOKED, COL_SERIAL, COL_FILE, COL_SUBJECT, N_COLS };

static const char *const reasons[] = {
	[0] = "unspecified",
	[1] = "keyCompromise",
	[2] = "CACompromise",
	[3] = "affiliationChanged",
	[4] = "superseded",
	[5] = "cessationOfOperation",
	[6] = "certificateHold",
};
#define N_REASONS ((int)(sizeof reasons / sizeof reasons[0]))

const char *index_reason(int reason)
{
	return reason >= 0 && reason < N_REASONS ? reasons[reason] : NULL;
}

static struct bytes take_until(struct bytes *text, char end)
{
	const uint8_t *p = text->len ? memchr(text->p, end, text->len) : NULL;
	size_t len = p ? (size_t)(p - text->p) : text->len;
	struct bytes v = bytes_of(text->p, len);

	*text = bytes_of(text->p + len + (p != NULL), text->len - len - (p != NULL));
	return v;
}

/* UTCTime or GeneralizedTime; two digits of a year mean 1950 … 2049 (RFC 5280 4.1.2.5). */
static bool read_time(struct bytes v, int64_t *out)
{
	uint8_t full[GTIME_LEN];

	if (v.len != GTIME_LEN - 2)
		return gtime_parse(v, out);
	memcpy(full, v.p[0] >= '5' ? "19" : "20", 2);
	memcpy(full + 2, v.p, v.len);
	return gtime_parse(bytes_of(full, sizeof full), out);
}

/* "openssl ca" has words of its own for what stands behind a reason. */
static int read_reason(struct bytes word)
{
	static const struct {
		const char *word;
		int reason;
	} more[] = {
		{ "holdInstruction", 6 }, { "keyTime", 1 }, { "CAkeyTime", 2 },
		/* a revocation that only delta CRLs take back: until then it is one */
		{ "removeFromCRL", ROW_NO_REASON }, { "", ROW_NO_REASON },
	};

	for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
		if (bytes_eq(word, bytes_str(more[i].word)))
			return more[i].reason;
	return reason_of_word(word);
}

static const char *read_revocation(struct bytes v, struct index_entry *e)
{
	struct bytes time = take_until(&v, ',');

	if (time.len == 0)
		return "is revoked, but has no date of that";
	if (!read_time(time, &e->revoked_at))
		return "has a date of revocation that is none";
	e->reason = read_reason(take_until(&v, ','));
	return e->reason == ROW_ODD_REASON ? "has a reason that is no CRLReason" : NULL;
}

static const char *read_columns(const struct bytes col[N_COLS], struct index_entry *e)
{
	struct bytes magnitude;

	if (col[COL_STATUS].len != 1 || !memchr("VRE", col[COL_STATUS].p[0], 3))
		return "has a status other than V, R or E";
	e->status = (char)col[COL_STATUS].p[0];
	if (!read_time(col[COL_EXPIRES], &e->expires))
		return "has an expiry date that is none";
	if (!serial_parse(col[COL_SERIAL], e->buf, &magnitude))
		return "has a serial number that is none, or too long";
	e->serial_len = magnitude.len;
	e->file = col[COL_FILE];
	e->subject = col[COL_SUBJECT];
	if (e->status == 'R')
		return read_revocation(col[COL_REVOKED], e);
	return col[COL_REVOKED].len ? "has a date of revocation, but is not revoked" : NULL;
}

enum err index_parse(struct bytes line, struct index_entry *out, const char **why)
{
	struct index_entry e = { .reason = ROW_NO_REASON };
	struct bytes col[N_COLS];

	if (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0 || line.p[0] == '#')
		return E_NOT_FOUND;
	for (int i = 0; i < N_COLS; i++) {
		if (i < COL_SUBJECT && !memchr(line.p, '\t', line.len)) {
			*why = "has fewer than six columns with tabs between";
			return E_DATA;
		}
		/* a subject may hold anything, or be empty */
		col[i] = i == COL_SUBJECT ? line : take_until(&line, '\t');
	}
	*why = read_columns(col, &e);
	if (*why)
		return E_DATA;
	*out = e;
	return E_OK;
}

static size_t format_time(int64_t t, char out[GTIME_LEN])
{
	char g[GTIME_LEN];
	int year = gtime_to_civil(t).year;
	size_t skip = year >= 1950 && year < 2050 ? 2 : 0;

	gtime_format(t, g);
	memcpy(out, g + skip, GTIME_LEN - skip);
	return GTIME_LEN - skip;
}

static char *put_text(char *p, struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		*p++ = (char)(text.p[i] < 0x20 || text.p[i] == 0x7f ? '?' : text.p[i]);
	return p;
}

size_t index_format(const struct index_entry *e, char *out, size_t cap)
{
	const char *reason = e->status == 'R' ? index_reason(e->reason) : NULL;
	struct bytes serial = bytes_of(e->buf, e->serial_len);
	char *p = out;

	if (cap < INDEX_LINE_LEN + e->file.len + e->subject.len)
		return 0;
	*p++ = e->status;
	*p++ = '\t';
	p += format_time(e->expires, p);
	*p++ = '\t';
	if (e->status == 'R')
		p += format_time(e->revoked_at, p);
	if (reason) {
		*p++ = ',';
		p = stpcpy(p, reason);
	}
	*p++ = '\t';
	for (char *q = p, *end = p = bytes_hex(serial, p); q < end; q++)
		if (*q >= 'a')
			*q = (char)(*q & ~0x20);
	*p++ = '\t';
	p = put_text(p, e->file);
	*p++ = '\t';
	p = put_text(p, e->subject);
	*p++ = '\n';
	*p = '\0';
	return (size_t)(p - out);
}
