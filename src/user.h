/*
 * user.h - who may run this program. A static program has no NSS, so /etc/passwd is read as it is.
 */
#ifndef OCSP_USER_H
#define OCSP_USER_H

#include <sys/types.h>

#include "bytes.h"
#include "error.h"

/* Pure: finds a name (or a decimal number, whose group is then its own number unless the file
 * knows better) in the text of a passwd file. E_NOT_FOUND. */
MUST_CHECK enum err user_find(struct bytes passwd, const char *name, uid_t *uid, gid_t *gid);

/* The same in a passwd file. E_NOT_FOUND: it does not have the user; E_IO: it can't be read. */
MUST_CHECK enum err user_look_up(const char *path, const char *name, uid_t *uid, gid_t *gid);

/* Pure: the name of a user, or its number in digits if the text doesn't have it. */
#define USER_NAME_LEN 40
void user_name(struct bytes passwd, uid_t uid, char out[USER_NAME_LEN]);

/* Pure: first, and the groups of a group file that list the user; cap at most. Returns how many. */
size_t user_groups(struct bytes group, const char *name, gid_t first, gid_t *out, size_t cap);

/* The name of the user that this process runs as, for a message. */
void user_self(char out[USER_NAME_LEN]);

/* Makes this process run as that user: does nothing if it already does; root drops to it, with its
 * group alone (or its groups of /etc/group where init_groups is set), for good; anyone else is
 * refused. E_USER, or what reading /etc/passwd or /etc/group ended with, and a sentence in error,
 * which has room for 256. */
MUST_CHECK enum err user_become(const char *name, bool init_groups, char error[256]);

#endif
