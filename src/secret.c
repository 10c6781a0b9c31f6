#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "io.h"

/* Why a file can't be read. */
static const char *why(const char *path, enum err e)
{
	/* see conf.h: with credentials the path would begin otherwise */
	if (path[0] == '$')
		return "systemd has passed no credentials to this process, so LoadCredential= or "
		       "LoadCredentialEncrypted= is missing in its unit";
	return e == E_DATA ? "it is no regular file, or too long for a password" : strerror(errno);
}

/* Only one line, so that a key's or a certificate's file is noticed; none is a mistake as well. */
static bool take_line(char *text, size_t len)
{
	if (len && text[len - 1] == '\n')
		len--;
	if (len && text[len - 1] == '\r')
		len--;
	if (len == 0 || memchr(text, '\n', len) || memchr(text, '\0', len))
		return false;
	text[len] = '\0';
	return true;
}

enum err secret_read(const char *path, struct secret *out, char error[SECRET_ERROR_LEN])
{
	struct secret s = { .text = "" };
	size_t len;
	enum err e = E_OK;

	if (!path)
		goto out;
	e = io_read_file(AT_FDCWD, path, true, (uint8_t *)s.text, LIM_SECRET_LEN, &len, NULL);
	if (e) {
		snprintf(error, SECRET_ERROR_LEN, "passwordfile %s can't be read: %s", path,
			 why(path, e));
	} else if (!take_line(s.text, len)) {
		snprintf(error, SECRET_ERROR_LEN, "passwordfile %s has to hold a password, one "
			 "line and nothing else", path);
		e = E_IO;
	}
out:
	if (e == E_OK)
		*out = s;
	secret_wipe(&s);
	return e == E_OK ? E_OK : E_IO;
}

void secret_wipe(struct secret *s)
{
	explicit_bzero(s, sizeof *s);
}

void secret_keep(void)
{
	static const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
}
