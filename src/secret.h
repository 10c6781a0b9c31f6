/*
 * secret.h - a password, passphrase or PIN that stands in a file of its own.
 *
 * It is read when it is needed, and wiped right after. What has to stay in memory longer, such as a
 * key, stays there alone.
 */
#ifndef OCSP_SECRET_H
#define OCSP_SECRET_H

#include "bounds.h"
#include "error.h"

struct secret {
	char text[LIM_SECRET_LEN + 1];
};

#define SECRET_ERROR_LEN 512

/* Reads the one line of a file, its end left out, or with NULL nothing: *out is an empty text then.
 * E_IO with a sentence that names the file, and nothing of what is in it. */
MUST_CHECK enum err secret_read(const char *path, struct secret *out, char error[SECRET_ERROR_LEN]);

void secret_wipe(struct secret *s);

/* From now on this process leaves no core file, and no other of the same user can look into its
 * memory. A change of user undoes it. */
void secret_keep(void);

#endif
