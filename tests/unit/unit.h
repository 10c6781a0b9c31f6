/* unit.h - what every unit test includes. */
#ifndef OCSP_UNIT_H
#define OCSP_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"

/* Octets written as a string literal; NULs inside count. */
#define B(s) bytes_of(s, sizeof(s) - 1)

/* A file below tests/data, read whole; the caller frees .p. */
static inline struct bytes data_file(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	long len = 0;
	uint8_t *p;
	FILE *f;

	snprintf(path, sizeof path, "%s/tests/data/%s", srcdir ? srcdir : ".", name);
	f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END) != 0 || (len = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0)
		fail_msg("cannot read %s", path);
	p = malloc((size_t)len + 1);
	if (!p || fread(p, 1, (size_t)len, f) != (size_t)len)
		fail_msg("cannot read %s", path);
	fclose(f);
	return bytes_of(p, (size_t)len);
}

#endif
