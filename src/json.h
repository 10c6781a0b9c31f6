/*
 * json.h - writes JSON (RFC 8259) to a stream, one value after the other.
 *
 * key is NULL for what stands in an array, or alone. Text is written as UTF-8; octets that are none
 * become U+FFFD, so that whatever a table holds comes out well-formed.
 */
#ifndef OCSP_JSON_H
#define OCSP_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 8
struct json {
	FILE *f;
	unsigned depth;
	bool some[JSON_DEPTH + 1];	/* the object or array at this depth has a member */
};

static inline struct json json_to(FILE *f)
{
	return (struct json){ .f = f };
}

/* '{' or '['. JSON_DEPTH of them at most. */
void json_begin(struct json *j, const char *key, char bracket);
/* '}' or ']'; a newline behind the last one. */
void json_end(struct json *j, char bracket);

void json_text(struct json *j, const char *key, const char *value);	/* NULL: null */
void json_number(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);

/* The same for a field of CSV (RFC 4180): in quotes where it has to be. */
void csv_text(FILE *f, const char *value);

#endif
