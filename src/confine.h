/*
 * confine.h - what this process, and the ocsp-sign that it may start, still need once it is set up.
 */
#ifndef OCSP_CONFINE_H
#define OCSP_CONFINE_H

#include "conf.h"

/* Enters the sandbox as sandbox= says. file: the one whose request is answered, or NULL. Logs what
 * could not be had; E_INTERNAL if it must be had. */
MUST_CHECK enum err confine(const struct conf *conf, const char *file);

/* The same for an ocsp-sign behind a socket, whose cache is open already. */
MUST_CHECK enum err confine_signer(const struct conf *conf);

#endif
