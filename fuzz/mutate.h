/*
 * mutate.h - DER that has been tampered with. As often as not its lengths are mended afterwards, so
 * that what is wrong lies deeper than its first octets.
 */
#ifndef OCSP_MUTATE_H
#define OCSP_MUTATE_H

#include "fuzz.h"

/* Changes len octets in buf, which has room for cap. Returns how many there are now: one at
 * least. The same numbers make the same change. */
size_t mutate_der(struct chance *c, uint8_t *buf, size_t len, size_t cap);

#endif
