/*
 * ini.h - reads the lines of an INI file as the predecessor did. Pure.
 *
 * A line is blank, a comment ('#' or ';' first), [section], or key = value (':' as well). '#'
 * begins a comment anywhere: a value ends before it, and blanks around it are cut. New: a value in
 * double quotes may hold anything but a newline, \" and \\ stand for " and \. Keys and sections
 * are matched without regard to case. An UTF-8 byte order mark at the start is skipped, CR before
 * LF is cut; a NUL or another control character (but tab) is an error, outside of comments.
 */
#ifndef OCSP_INI_H
#define OCSP_INI_H

#include "bytes.h"
#include "error.h"

enum ini_kind { INI_SECTION, INI_VALUE, INI_END, INI_ERROR };

struct ini {
	const char *p, *end;
	unsigned line;		/* of the item last returned, from 1 */
};

struct ini_item {
	enum ini_kind kind;
	struct bytes name;	/* section or key, as written */
	struct bytes value;	/* of INI_VALUE; still escaped if quoted is set */
	bool quoted;
	const char *error;	/* of INI_ERROR: a clause such as "has no '='" */
};

struct ini ini_of(struct bytes text);

/* Reads up to the next section or value. After an INI_ERROR it may go on with the next line. */
struct ini_item ini_next(struct ini *i);

/* Writes the value with its escapes resolved and a NUL; false if it doesn't fit in cap. */
MUST_CHECK bool ini_text(const struct ini_item *item, char *out, size_t cap);

#endif
