/*
 * gtime.h - the two ways time is written here. Pure; times are seconds since 1970 (UTC).
 */
#ifndef OCSP_GTIME_H
#define OCSP_GTIME_H

#include "bytes.h"
#include "error.h"

#define GTIME_LEN 15		/* YYYYMMDDHHMMSSZ */
#define HTTP_DATE_LEN 29	/* Sun, 06 Nov 1994 08:49:37 GMT */

/* The earliest and the last second that GeneralizedTime can say here: years 0001 … 9999. */
#define GTIME_MIN (-62135596800LL)
#define GTIME_MAX 253402300799LL

/* Reads YYYYMMDDHHMMSSZ: seconds present, no fraction, Zulu (RFC 9919 3.2.4). */
MUST_CHECK bool gtime_parse(struct bytes value, int64_t *out);

/* Writes GTIME_LEN characters and no NUL; t is brought into GTIME_MIN … GTIME_MAX. */
void gtime_format(int64_t t, char out[GTIME_LEN]);

/* Writes an IMF-fixdate (RFC 9110 5.6.7), HTTP_DATE_LEN characters and no NUL. */
void http_date_format(int64_t t, char out[HTTP_DATE_LEN]);

/* Seconds since 1970 of a civil date; false if there is no such date (a day 0, a 31 April, a
 * leap second). month and day count from 1. */
MUST_CHECK bool gtime_of_civil(int year, int month, int day, int hour, int min, int sec, int64_t *out);

struct civil {
	int year, month, day, hour, min, sec;
	int weekday;	/* 0 is Sunday */
};

struct civil gtime_to_civil(int64_t t);

#endif
