/*
 * index.txt of "openssl ca", with the folder of its certificates or without.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "import.h"
#include "index-txt.h"
#include "io.h"

struct index {
	const char *path, *certs;	/* certs: NULL without */
	uint8_t *octets;
	struct bytes left;
	unsigned line;
};

static struct bytes take_line(struct bytes *text)
{
	const uint8_t *end = memchr(text->p, '\n', text->len);
	size_t len = end ? (size_t)(end - text->p) : text->len;
	struct bytes line = bytes_of(text->p, len);

	*text = bytes_of(text->p + len + (end != NULL), text->len - len - (end != NULL));
	return line;
}

/* Where "openssl ca" puts a copy of what it signs: SERIAL.pem, in pairs of upper-case digits. */
static void cert_path(const struct index *x, struct bytes serial, char out[IMPORT_PATH_LEN])
{
	char hex[2 * LIM_SERIAL_LEN + 1];

	*bytes_hex(serial, hex) = '\0';
	for (char *p = hex; *p; p++)
		if (*p >= 'a')
			*p = (char)(*p & ~0x20);
	snprintf(out, IMPORT_PATH_LEN, "%s/%s.pem", x->certs, hex);
}

static bool is_cert(struct bytes octets)
{
	struct cert c;
	enum err e = cert_parse(octets, &c);

	if (e == E_OK)
		cert_free(&c);
	return e != E_DATA;
}

/* A revocation counts with its certificate or without; but not one of another CA's. */
static enum err take_cert(struct import_source *s, const struct index *x, struct import_record *r)
{
	size_t len;
	char path[IMPORT_PATH_LEN];
	uint8_t *octets;
	enum err e;

	cert_path(x, import_serial(r), path);
	e = io_load_file(path, LIM_CERT_LEN, &octets, &len);
	if (e != E_OK) {
		snprintf(s->why, sizeof s->why, "its certificate %s can't be read: %s", path,
			 e == E_DATA ? "it is no regular file, or too long" : strerror(errno));
		return r->revoked ? E_OK : E_DATA;
	}
	e = import_take_cert(s, bytes_of(octets, len), r);
	if (e == E_DATA && r->revoked && !is_cert(bytes_of(octets, len)))
		e = E_OK;
	free(octets);
	return e;
}

static enum err next(struct import_source *s, struct import_record *out)
{
	struct import_record r = { .has_status = true, .may_add = true };
	struct index *x = s->state;
	struct index_entry entry;
	const char *why;
	enum err e;

	do {
		if (x->left.len == 0)
			return E_NOT_FOUND;
		x->line++;
		e = index_parse(take_line(&x->left), &entry, &why);
	} while (e == E_NOT_FOUND);
	snprintf(s->where, sizeof s->where, "%s:%u", x->path, x->line);
	if (e != E_OK) {
		snprintf(s->why, sizeof s->why, "the line %s", why);
		return e;
	}
	memcpy(r.buf, entry.buf, entry.serial_len);
	r.len = entry.serial_len;
	r.revoked = entry.status == 'R';
	r.revoked_at = r.revoked ? entry.revoked_at : ROW_NO_TIME;
	r.reason = entry.reason;
	if (x->certs)
		e = take_cert(s, x, &r);
	if (e == E_OK)
		*out = r;
	return e;
}

static void close_index(struct import_source *s)
{
	struct index *x = s->state;

	if (x)
		free(x->octets);
	free(x);
}

enum err import_index(struct import_source *s, const char *path, const char *certs)
{
	struct index *x = calloc(1, sizeof *x);
	size_t len;
	enum err e;

	if (!x) {
		snprintf(s->why, sizeof s->why, "no memory is left");
		return E_BUSY;
	}
	*x = (struct index){ .path = path, .certs = certs };
	s->state = x;
	s->next = next;
	s->close = close_index;
	s->what = "index.txt";
	e = io_load_file(path, IMPORT_LEN, &x->octets, &len);
	if (e != E_OK) {
		snprintf(s->why, sizeof s->why, "%s can't be read: %s", path,
			 e == E_DATA ? "it is no regular file, or too long" : strerror(errno));
		return e == E_DATA ? E_DATA : E_IO;
	}
	x->left = bytes_of(x->octets, len);
	s->total = 0;
	for (struct bytes text = x->left; text.len; s->total++)
		take_line(&text);
	return E_OK;
}
