#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "der.h"
#include "import.h"
#include "index-txt.h"

/* What is looked at of a file, octets: the longest certificate fits. */
#define HEAD_LEN LIM_CERT_LEN

static bool has(struct bytes head, const char *what)
{
	return memmem(head.p, head.len, what, strlen(what)) != NULL;
}

/* The first line that is no comment. */
static bool is_index(struct bytes head)
{
	struct index_entry entry;
	const char *why;

	while (head.len) {
		const uint8_t *end = memchr(head.p, '\n', head.len);
		size_t len = end ? (size_t)(end - head.p) : head.len;
		enum err e = index_parse(bytes_of(head.p, len), &entry, &why);

		/* the rest of a line that is wrong is for the import to tell */
		if (e != E_NOT_FOUND)
			return e == E_OK || (len > 1 && memchr("VRE", head.p[0], 3) &&
					     head.p[1] == '\t');
		len += end != NULL;
		head = bytes_of(head.p + len, head.len - len);
	}
	return false;
}

static enum import_format format_of(struct bytes head)
{
	struct der d = der_of(head);
	struct der_item item;
	struct cert c;

	if (has(head, "-----BEGIN X509 CRL"))
		return IMPORT_CRL;
	if (has(head, "-----BEGIN "))
		return IMPORT_CERTS;
	if (der_peek(&d) == DER_SEQUENCE) {
		/* a CRL may be longer than what is looked at, a certificate not */
		if (!der_next(&d, &item) || cert_parse(item.all, &c) != E_OK)
			return IMPORT_CRL;
		cert_free(&c);
		return IMPORT_CERTS;
	}
	return is_index(head) ? IMPORT_INDEX : IMPORT_UNKNOWN;
}

enum err import_detect(const char *path, enum import_format *out, char error[IMPORT_WHY_LEN])
{
	static uint8_t head[HEAD_LEN];
	struct stat st;
	ssize_t n = 0;
	int fd;

	if (strncmp(path, "http://", 7) == 0 || strncmp(path, "https://", 8) == 0 ||
	    strcmp(path, "-") == 0) {
		*out = IMPORT_CRL;
		return E_OK;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0 ||
	    (!S_ISDIR(st.st_mode) && (n = read(fd, head, sizeof head)) < 0)) {
		snprintf(error, IMPORT_WHY_LEN, "%s can't be read: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return E_IO;
	}
	close(fd);
	*out = S_ISDIR(st.st_mode) ? IMPORT_CERTS : format_of(bytes_of(head, (size_t)n));
	if (*out != IMPORT_UNKNOWN)
		return E_OK;
	snprintf(error, IMPORT_WHY_LEN, "%s is no index.txt, no certificate and no CRL; --format "
		 "says which it is meant to be", path);
	return E_DATA;
}
