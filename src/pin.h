/*
 * pin.h - the key of a CA, and a token's PIN that is not tried again when it was refused.
 *
 * Tokens lock themselves after a few wrong PINs, and each request that needs a signature may be a
 * process of its own. So what became of a PIN is noted in the cache, under the state of the file
 * that it stands in: one that is new is tried by one process while others wait, one that was refused
 * by nobody until its file has changed, a person asks for it, or the note is removed. No note has
 * anything of the PIN. Without a cache that can be written there is no such memory.
 */
#ifndef OCSP_PIN_H
#define OCSP_PIN_H

#include "cache.h"
#include "signer.h"

/* As signer_load_key(), for a responder or, with by_hand, for a person whose word counts for more
 * than the note. Others are waited for as long as d lets it. E_SIGNER, E_TOKEN, E_PIN, E_DEADLINE
 * with a sentence in error. */
MUST_CHECK enum err pin_load_key(const struct cache *c, const struct conf *conf, struct signer *s,
				 bool by_hand, struct deadline d, char error[SIGNER_ERROR_LEN]);

#endif
