/*
 * sha256.h - FIPS 180-4, for the ETag (RFC 9919 7.2) of a program that may link libc only. Pure.
 */
#ifndef OCSP_SHA256_H
#define OCSP_SHA256_H

#include "bytes.h"

void sha256(struct bytes in, uint8_t out[32]);

#endif
