/*
 * index-txt.h - lines of index.txt, the database of "openssl ca". Pure; octets stay the caller's.
 *
 *   status <TAB> expires <TAB> revoked[,reason[,more]] <TAB> serial <TAB> file <TAB> subject
 *
 * status is V, R or E (valid once, and expired since); dates are YYMMDDhhmmssZ or with four digits
 * of a year; the serial has an even number of hexadecimal digits.
 */
#ifndef OCSP_INDEX_TXT_H
#define OCSP_INDEX_TXT_H

#include "certid.h"

struct index_entry {
	char status;		/* 'V', 'R' or 'E' */
	int64_t expires;
	int64_t revoked_at;	/* of 'R' */
	int reason;		/* of 'R': CRLReason, or ROW_NO_REASON; see store.h */
	uint8_t buf[LIM_SERIAL_LEN];
	size_t serial_len;	/* the magnitude's octets, in buf */
	struct bytes file, subject;
};

/* A line without its newline. E_NOT_FOUND: it is blank, or a comment; E_DATA: *why is a clause. */
MUST_CHECK enum err index_parse(struct bytes line, struct index_entry *out, const char **why);

/* Writes a line with its newline and a NUL; cap has to have room for INDEX_LINE_LEN and the two
 * texts. Returns its length. A reason that "openssl ca" has no word for is left out. Control
 * characters of the texts become '?'. */
#define INDEX_LINE_LEN 128
size_t index_format(const struct index_entry *e, char *out, size_t cap);

/* "CACompromise", as openssl spells it; NULL for a reason without such a word. */
const char *index_reason(int reason);

#endif
