/*
 * fuzz.h - what every fuzz target includes.
 *
 * A target is one function: it takes octets from anywhere and checks what has to hold for whatever
 * was made of them. libFuzzer calls it with what it makes up, replay.c with what lies in corpus/.
 */
#ifndef OCSP_FUZZ_H
#define OCSP_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "certid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Like assert(), and never compiled away. */
#define REQUIRE(condition)                                                                        \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

/* Is every octet of part one of whole's? Nothing at all lies anywhere. */
static inline bool lies_in(struct bytes part, struct bytes whole)
{
	return part.len == 0 || (part.p >= whole.p && part.len <= whole.len &&
				 (size_t)(part.p - whole.p) <= whole.len - part.len);
}

/* What a part gave as its reason is one line of printable characters, shorter than cap. */
void check_sentence(const char *text, size_t cap);

/* What has to hold for a CertID that was read from whole: it can be written again from its parts,
 * and its place in the cache is inside of it. */
void check_certid(const struct certid *c, struct bytes whole);

/* A small generator of numbers that are the same for the same input. */
struct chance {
	uint64_t state;
};
struct chance chance_of(const uint8_t *data, size_t size);
uint32_t chance_below(struct chance *c, uint32_t n);

/* A path for what reads a file by io_load_file(): it gets these octets, until the next call. Linked
 * with --wrap=io_load_file; the calls of a file system would take most of the time. */
const char *file_of(const uint8_t *data, size_t size);

#endif
