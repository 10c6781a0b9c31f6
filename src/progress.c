#include "progress.h"

#include <stdio.h>
#include <string.h>

#define BAR 20

void progress_add(struct progress *p, int64_t now_ms, int64_t done)
{
	unsigned i = p->n++ % PROGRESS_SAMPLES;

	p->at_ms[i] = now_ms;
	p->done[i] = done;
}

int64_t progress_rate(const struct progress *p)
{
	unsigned last, first;
	int64_t ms;

	if (p->n < 2)
		return 0;
	last = (p->n - 1) % PROGRESS_SAMPLES;
	first = p->n > PROGRESS_SAMPLES ? p->n % PROGRESS_SAMPLES : 0;
	ms = p->at_ms[last] - p->at_ms[first];
	return ms > 0 ? (p->done[last] - p->done[first]) * 1000 / ms : 0;
}

const char *progress_number(int64_t n, char out[PROGRESS_NUMBER_LEN])
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%lld", (long long)(n < 0 ? 0 : n));
	char *p = out;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = '\0';
	return out;
}

static int put_time_left(int64_t s, char *out, size_t cap)
{
	if (s >= 3600)
		return snprintf(out, cap, "  %lld h %lld min left", (long long)(s / 3600),
				(long long)(s % 3600 / 60));
	if (s >= 60)
		return snprintf(out, cap, "  %lld min %lld s left", (long long)(s / 60),
				(long long)(s % 60));
	return snprintf(out, cap, "  %lld s left", (long long)s);
}

const char *progress_line(const struct progress *p, int64_t total, char out[PROGRESS_LEN])
{
	char done_text[PROGRESS_NUMBER_LEN], other[PROGRESS_NUMBER_LEN], bar[BAR + 1];
	int64_t done = p->n ? p->done[(p->n - 1) % PROGRESS_SAMPLES] : 0;
	int64_t rate = progress_rate(p);
	int len = 0;

	progress_number(done, done_text);
	/* rows may have come since they were counted */
	if (total >= 0 && total < done)
		total = done;
	if (total > 0) {
		int full = (int)(done * BAR / total);

		memset(bar, '-', BAR);
		memset(bar, '#', (size_t)full);
		bar[BAR] = '\0';
		len = snprintf(out, PROGRESS_LEN, "[%s] %3lld %%  %s of %s", bar,
			       (long long)(done * 100 / total), done_text,
			       progress_number(total, other));
	} else {
		len = snprintf(out, PROGRESS_LEN, "%s done", done_text);
	}
	if (rate > 0)
		len += snprintf(out + len, PROGRESS_LEN - (size_t)len, "  %s/s",
				progress_number(rate, other));
	if (rate > 0 && total > done)
		put_time_left((total - done + rate - 1) / rate, out + len,
			      PROGRESS_LEN - (size_t)len);
	return out;
}
