/*
 * static-folder.h - the folder of answers that a web server sends by itself:
 *
 *   FOLDER/answers/<xx>/<name>		see static-path.h
 *   FOLDER/now/<slot> -> ../answers	for every hundred seconds in which they may be sent
 *
 * A web server can't look into an answer to see when it ends. So it comes by the slot of its clock:
 * when nobody has looked after the folder for too long there is no such link, and no file is found.
 */
#ifndef OCSP_STATIC_FOLDER_H
#define OCSP_STATIC_FOLDER_H

#include "static-path.h"

#define STATIC_SLOT_S 100

/* What fails is E_IO, and errno says why. */
struct static_folder {
	int fd;			/* -1: not open */
};

/* For one writer at a time. E_BUSY: there is another one. */
MUST_CHECK enum err static_open(struct static_folder *f, const char *path);
void static_close(struct static_folder *f);

/* The answer that lies there, in buf (LIM_RESPONSE_LEN octets); empty if there is none. */
struct bytes static_get(const struct static_folder *f, const char *path, uint8_t *buf);

/* Puts an answer there; a reader sees the old one or the new one. date: the file's mtime. */
MUST_CHECK enum err static_put(const struct static_folder *f, const char *path, struct bytes der,
			       int64_t date);

/* E_NOT_FOUND: there is none. */
MUST_CHECK enum err static_drop(const struct static_folder *f, const char *path);

/* Calls each() for every file among the answers, which may drop it. False ends the walk. */
typedef bool static_each(void *arg, const char *path);
MUST_CHECK enum err static_walk(const struct static_folder *f, static_each *each, void *arg);

/* From now on they may be sent up to the second "until", and no longer. */
MUST_CHECK enum err static_allow(const struct static_folder *f, int64_t now, int64_t until);

#endif
