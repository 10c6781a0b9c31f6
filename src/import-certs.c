/*
 * Certificates: every file of a folder, or all in one file; PEM, or DER one behind the other.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "der.h"
#include "import.h"
#include "io.h"
#include "pem.h"

struct certs {
	const char *path;
	DIR *dir;		/* NULL: path is a file */
	char file[IMPORT_PATH_LEN];	/* the one at hand */
	uint8_t *octets;
	struct bytes left;	/* of it */
	unsigned line;		/* where left begins; 0: it is no text */
	bool any;		/* a certificate was found in it */
};

enum err import_take_cert(struct import_source *s, struct bytes octets, struct import_record *r)
{
	enum err e = cert_parse(octets, &r->cert);

	if (e != E_OK) {
		snprintf(s->why, sizeof s->why, e == E_BUSY ? "no memory is left" :
			 "this is no certificate that can be read");
		return e;
	}
	if (s->conf->verify)
		e = cert_issued_by(&r->cert, s->ca);
	else if (!bytes_eq(r->cert.issuer, s->ca->subject))
		e = E_UNAUTHORIZED;
	if (e == E_BUSY) {
		snprintf(s->why, sizeof s->why, "no memory is left to verify it");
		cert_free(&r->cert);
		return e;
	}
	if (e != E_OK) {
		char subject[256];

		snprintf(s->why, sizeof s->why, "%s was not issued by the CA of section [%s]",
			 cert_subject_text(&r->cert, subject, sizeof subject), s->conf->name);
		cert_free(&r->cert);
		return E_DATA;
	}
	if (r->len && !bytes_eq(import_serial(r), r->cert.serial)) {
		snprintf(s->why, sizeof s->why, "its certificate has another serial number");
		cert_free(&r->cert);
		return E_DATA;
	}
	e = cert_to_pem(&r->cert, &r->pem, &r->pem_len);
	if (e != E_OK) {
		snprintf(s->why, sizeof s->why, "no memory is left");
		cert_free(&r->cert);
		return e;
	}
	memcpy(r->buf, r->cert.serial.p, r->cert.serial.len);
	r->len = r->cert.serial.len;
	return E_OK;
}

static unsigned count_lines(struct bytes text, const uint8_t *end)
{
	unsigned n = 0;

	for (const uint8_t *p = text.p; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		n++;
	return n;
}

static enum err read_file(struct import_source *s, struct certs *c)
{
	size_t len;
	enum err e;

	free(c->octets);
	c->octets = NULL;
	c->left = bytes_of(NULL, 0);
	c->any = false;
	e = io_load_file(c->file, IMPORT_LEN, &c->octets, &len);
	if (e == E_OK) {
		c->left = bytes_of(c->octets, len);
		c->line = 1;
		return E_OK;
	}
	snprintf(s->where, sizeof s->where, "%s", c->file);
	snprintf(s->why, sizeof s->why, "it can't be read: %s",
		 e == E_DATA ? "it is no regular file, or too long" : strerror(errno));
	return e;
}

/* The next file of the folder. E_NOT_FOUND: there is no more. */
static enum err next_file(struct import_source *s, struct certs *c)
{
	struct dirent *d;

	if (!c->dir)
		return E_NOT_FOUND;
	do {
		errno = 0;
		d = readdir(c->dir);
		if (!d && errno) {
			snprintf(s->why, sizeof s->why, "%s: %s", c->path, strerror(errno));
			return E_IO;
		}
	} while (d && (d->d_name[0] == '.' || d->d_type == DT_DIR));
	if (!d)
		return E_NOT_FOUND;
	snprintf(c->file, sizeof c->file, "%s/%s", c->path, d->d_name);
	/* one that can't be read is one bad record */
	return read_file(s, c) == E_OK ? E_OK : E_DATA;
}

/* The next certificate of the file at hand, as its DER or its PEM block. */
static enum err next_block(struct import_source *s, struct certs *c, struct bytes *out)
{
	struct der d = der_of(c->left);
	struct der_item item;
	struct bytes text = c->left;
	struct pem pem;

	snprintf(s->where, sizeof s->where, "%s", c->file);
	if (pem_blank(c->left))
		return E_NOT_FOUND;
	if (der_peek(&d) == DER_SEQUENCE && der_next(&d, &item)) {
		*out = item.all;
		c->left = bytes_of(d.p, (size_t)(d.end - d.p));
		return E_OK;
	}
	while (pem_next(&text, &pem)) {
		unsigned line = c->line + count_lines(c->left, pem.body.p);

		snprintf(s->where, sizeof s->where, "%s:%u", c->file, line);
		*out = bytes_of(c->left.p, (size_t)(text.p - c->left.p));
		c->line += count_lines(c->left, text.p);
		c->left = text;
		if (memmem(pem.label.p, pem.label.len, "CERTIFICATE", 11) &&
		    !memmem(pem.label.p, pem.label.len, "REQUEST", 7))
			return E_OK;
	}
	if (c->any && !memmem(text.p, text.len, "-----BEGIN", 10))
		return E_NOT_FOUND;
	c->left = bytes_of(NULL, 0);
	c->any = true;
	snprintf(s->why, sizeof s->why, "there is no certificate in it that ends properly");
	return E_DATA;
}

static enum err next(struct import_source *s, struct import_record *out)
{
	struct certs *c = s->state;
	struct import_record r = { .may_add = true, .revoked_at = ROW_NO_TIME,
				   .reason = ROW_NO_REASON };
	struct bytes block;
	enum err e;

	while ((e = next_block(s, c, &block)) == E_NOT_FOUND) {
		e = next_file(s, c);
		if (e != E_OK)
			return e;
	}
	if (e != E_OK)
		return e;
	c->any = true;
	e = import_take_cert(s, block, &r);
	if (e == E_OK)
		*out = r;
	return e;
}

static void close_certs(struct import_source *s)
{
	struct certs *c = s->state;

	if (!c)
		return;
	if (c->dir)
		closedir(c->dir);
	free(c->octets);
	free(c);
}

static int64_t count_files(DIR *dir)
{
	struct dirent *d;
	int64_t n = 0;

	while ((d = readdir(dir)))
		n += d->d_name[0] != '.' && d->d_type != DT_DIR;
	rewinddir(dir);
	return n;
}

static int64_t count_blocks(struct bytes text)
{
	static const char begin[] = "-----BEGIN CERTIFICATE";
	const uint8_t *end = text.p + text.len, *p = text.p;
	int64_t n = 0;

	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): text was read from a file */
	while ((p = memmem(p, (size_t)(end - p), begin, sizeof begin - 1))) {
		p += sizeof begin - 1;
		n++;
	}
	return n ? n : -1;
}

enum err import_certs(struct import_source *s, const char *path)
{
	struct certs *c = calloc(1, sizeof *c);
	struct stat st;
	enum err e;

	if (!c || strlen(path) >= sizeof c->file) {
		snprintf(s->why, sizeof s->why, "the path is too long, or no memory is left");
		free(c);
		return E_BUSY;
	}
	c->path = path;
	s->state = c;
	s->next = next;
	s->close = close_certs;
	s->what = "certificates";
	s->total = -1;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		c->dir = opendir(path);
		if (c->dir) {
			s->total = count_files(c->dir);
			return E_OK;
		}
		snprintf(s->why, sizeof s->why, "%s: %s", path, strerror(errno));
		return E_IO;
	}
	stpcpy(c->file, path);
	e = read_file(s, c);
	if (e == E_OK)
		s->total = count_blocks(c->left);
	else
		snprintf(s->why, sizeof s->why, "%s can't be read", path);
	return e;
}
