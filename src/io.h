/*
 * io.h - descriptors and files, under a deadline and with a limit on everything that is read.
 */
#ifndef OCSP_IO_H
#define OCSP_IO_H

#include <sys/stat.h>
#include <sys/types.h>

#include "bytes.h"
#include "deadline.h"
#include "error.h"

/* Opens /dev/null for whichever of the descriptors 0, 1 and 2 is closed, and points 2 there as
 * well if it is the same socket as 0 or 1 (xinetd; systemd's StandardError=inherit): nothing but
 * the answer may ever be written to the client. E_IO if that can't be had. */
MUST_CHECK enum err io_sanitise_stdfds(void);

/* Reads what is there, up to cap octets. *len is 0 at the end of file.
 * E_DEADLINE, E_GONE (connection reset), E_IO. */
MUST_CHECK enum err io_read_some(int fd, struct deadline d, uint8_t *buf, size_t cap, size_t *len);

/* How long io_read_patiently() waits in the socket "fd", in ms > 0. False: it is no socket. */
bool io_set_patience(int fd, int64_t ms);

/* As io_read_some(), where nothing is expected to be there yet: waits in one call for what otherwise
 * takes two, and longer than "d" by as much as the patience of the socket allows. */
MUST_CHECK enum err io_read_patiently(int fd, struct deadline d, uint8_t *buf, size_t cap,
				      size_t *len);

/* Writes all of it. E_DEADLINE, E_GONE (nobody reads), E_IO (a full disk, …). */
MUST_CHECK enum err io_write_all(int fd, struct deadline d, struct bytes b);

/* The same for two pieces, in one system call where the kernel takes them at once. */
MUST_CHECK enum err io_write_two(int fd, struct deadline d, struct bytes a, struct bytes b);

/* Reads one DER item from a stream: it ends at its own length, the end of file isn't waited for.
 * E_OK: *len octets, the item and whatever had already arrived behind it (*item_len < *len then);
 * E_MALFORMED: not DER, cut short or over cap; E_GONE: not one octet came; E_DEADLINE, E_IO. */
MUST_CHECK enum err io_read_der(int fd, struct deadline d, uint8_t *buf, size_t cap, size_t *len,
				size_t *item_len);

/* Reads a whole regular file of at most cap octets into buf; nothing else than a regular file is
 * read, and a link is followed only if follow is set. st may be NULL.
 * E_NOT_FOUND, E_DATA (no regular file, or longer than cap), E_IO (errno says why). */
MUST_CHECK enum err io_read_file(int dirfd, const char *path, bool follow, uint8_t *buf, size_t cap,
				 size_t *len, struct stat *st);

/* The same into memory that the caller frees (a NUL follows it). limit in octets. */
MUST_CHECK enum err io_load_file(const char *path, size_t limit, uint8_t **buf, size_t *len);

/* Puts b in the place of path, so that any reader sees the old octets or the new ones, whole:
 * temporary file beside it (an unguessable name), checked close, rename. mode is the new file's;
 * times may be NULL (see futimens(2)). E_IO: errno says why, and no temporary file stays. */
MUST_CHECK enum err io_replace_file(int dirfd, const char *path, struct bytes b, mode_t mode,
				    const struct timespec times[2]);

/* What such a temporary file is called: "PATH.~" and 16 hex digits. False: out has no room for it,
 * or the kernel has no random octets. And, pure, whether a name is one of these. */
MUST_CHECK bool io_temporary_name(const char *path, char *out, size_t cap);
MUST_CHECK bool io_is_temporary(const char *name);

#endif
