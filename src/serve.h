/*
 * serve.h - one connection: frame its requests, answer them, close it properly.
 */
#ifndef OCSP_SERVE_H
#define OCSP_SERVE_H

#include "answer.h"

enum serve_mode {
	SERVE_AUTO,	/* the first octet decides: 0x30 DER; a letter, CR or LF HTTP */
	SERVE_HTTP,
	SERVE_DER,
};

/* Serves what comes from "in" and writes to "out" (the same socket, or two pipes). The first
 * request's deadline is d. E_OK: answered, if only with an error; E_GONE: the client said nothing;
 * else the error that kept the answer from the client. Does not close the descriptors. */
enum err serve(const struct front *f, int in, int out, enum serve_mode mode, struct deadline d);

/* Puts the answer to the request in a file into its place: same owner and mode, atomically where
 * the folder can be written to. SIGTERM, SIGINT or the deadline leave tryLater there. E_OK;
 * E_IO: the file can't be read or written (errno). */
enum err serve_file(const struct front *f, const char *path, struct deadline d);

#endif
