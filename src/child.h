/*
 * child.h - asks ocsp-sign: a process of its own, or a socket that starts one.
 */
#ifndef OCSP_CHILD_H
#define OCSP_CHILD_H

#include "conf.h"
#include "deadline.h"

/* Sends the request and reads one DER item back. conf->signer is a program, or "unix:PATH".
 * E_OK; E_NOT_FOUND: it could not be started or reached; E_BUSY: nor can anything be just now, for
 * want of a process, a descriptor or memory; E_GONE, E_MALFORMED: it ended without a
 * whole answer; E_DEADLINE (it is killed then). */
MUST_CHECK enum err child_ask(const struct conf *conf, const char *client, struct bytes request,
			      struct deadline d, uint8_t *buf, size_t cap, size_t *len);

/* Waits until the one is gone that was killed last: after the answer, and only so that there are no
 * more of them than connections. A disk may hold up its end for long. */
void child_wait(void);

#endif
