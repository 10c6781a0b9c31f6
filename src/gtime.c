#include "gtime.h"

/* Days since 1970-01-01 of a proleptic Gregorian date, by counting years from March. */
static int64_t days_of(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int days_in_month(int y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m == 2 && leap ? 29 : days[m - 1];
}

bool gtime_of_civil(int year, int month, int day, int hour, int min, int sec, int64_t *out)
{
	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
	    day > days_in_month(year, month) || hour < 0 || hour > 23 || min < 0 || min > 59 ||
	    sec < 0 || sec > 59)
		return false;
	*out = days_of(year, month, day) * 86400 + hour * 3600 + min * 60 + sec;
	return true;
}

struct civil gtime_to_civil(int64_t t)
{
	struct civil c;
	int64_t days = t / 86400, rest = t % 86400, era, doe, yoe, doy, mp;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	c.hour = (int)(rest / 3600);
	c.min = (int)(rest / 60 % 60);
	c.sec = (int)(rest % 60);
	c.weekday = (int)(((days + 4) % 7 + 7) % 7);
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
	c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
	c.year = (int)(yoe + era * 400 + (c.month <= 2));
	return c;
}

static void put_digits(char *p, int n, int v)
{
	while (n--) {
		p[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

static int get_digits(const uint8_t *p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

bool gtime_parse(struct bytes b, int64_t *out)
{
	if (b.len != GTIME_LEN || b.p[14] != 'Z')
		return false;
	/* a field that is no number reads as -1, which no date has */
	return gtime_of_civil(get_digits(b.p, 4), get_digits(b.p + 4, 2), get_digits(b.p + 6, 2),
			      get_digits(b.p + 8, 2), get_digits(b.p + 10, 2),
			      get_digits(b.p + 12, 2), out);
}

void gtime_format(int64_t t, char out[GTIME_LEN])
{
	struct civil c = gtime_to_civil(t < GTIME_MIN ? GTIME_MIN : t > GTIME_MAX ? GTIME_MAX : t);

	put_digits(out, 4, c.year);
	put_digits(out + 4, 2, c.month);
	put_digits(out + 6, 2, c.day);
	put_digits(out + 8, 2, c.hour);
	put_digits(out + 10, 2, c.min);
	put_digits(out + 12, 2, c.sec);
	out[14] = 'Z';
}

void http_date_format(int64_t t, char out[HTTP_DATE_LEN])
{
	static const char day[] = "SunMonTueWedThuFriSat";
	static const char month[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil c = gtime_to_civil(t < GTIME_MIN ? GTIME_MIN : t > GTIME_MAX ? GTIME_MAX : t);

	memcpy(out, "Sun, 00 Jan 0000 00:00:00 GMT", HTTP_DATE_LEN);
	memcpy(out, day + 3 * c.weekday, 3);
	put_digits(out + 5, 2, c.day);
	memcpy(out + 8, month + 3 * (c.month - 1), 3);
	put_digits(out + 12, 4, c.year);
	put_digits(out + 17, 2, c.hour);
	put_digits(out + 20, 2, c.min);
	put_digits(out + 23, 2, c.sec);
}
