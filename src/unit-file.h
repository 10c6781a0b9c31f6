/*
 * unit-file.h - what stands in a unit of systemd or a service of xinetd. Pure.
 */
#ifndef OCSP_UNIT_FILE_H
#define OCSP_UNIT_FILE_H

#include <stdint.h>

#include "bytes.h"
#include "error.h"

/* The last value of a key in a section of a unit (systemd.syntax(7)), without blanks around it; cut
 * to cap. False, and out is left as it is, if there is none: so that a drop-in's text, read later,
 * overrides. */
bool unit_find(struct bytes text, const char *section, const char *key, char *out, size_t cap);

/* "key = value" within the braces of an xinetd service; likewise. */
bool unit_find_xinetd(struct bytes text, const char *key, char *out, size_t cap);

/* A time span (systemd.time(7)) in milliseconds: "10", "1min 30s", "500ms"; INT64_MAX for
 * "infinity". False if it is none. */
MUST_CHECK bool unit_span(const char *text, int64_t *ms);

#endif
