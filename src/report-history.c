#include "gtime.h"
#include "report.h"

#define DAY_S 86400

static int64_t day_of(int64_t t)
{
	return t >= 0 ? t / DAY_S : -1;
}

static int64_t month_of(int64_t t)
{
	struct civil c = gtime_to_civil(t);

	return (int64_t)c.year * 12 + c.month - 1;
}

void report_history_add(struct report_history *h, int64_t now, int64_t t)
{
	int64_t days, months;

	if (t == ROW_NO_TIME || t > now || t < GTIME_MIN) {
		h->earlier += t == ROW_NO_TIME || t < GTIME_MIN;
		return;
	}
	days = day_of(now) - day_of(t);
	months = month_of(now) - month_of(t);
	if (days < REPORT_DAYS)
		h->day[REPORT_DAYS - 1 - days]++;
	if (months < REPORT_MONTHS)
		h->month[REPORT_MONTHS - 1 - months]++;
	else
		h->earlier++;
}
