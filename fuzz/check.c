/* What several fuzz targets check, or need. */
#include "fuzz.h"

#include "der.h"
#include "io.h"

/* In io.c's place, see --wrap in ld(1). */
enum err __wrap_io_load_file(const char *path, size_t limit, uint8_t **buf, size_t *len);

void check_sentence(const char *text, size_t cap)
{
	size_t len;

	REQUIRE(text);
	len = strnlen(text, cap);
	REQUIRE(len > 0 && len < cap);
	for (size_t i = 0; i < len; i++)
		REQUIRE((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
}

/* The CertID from its parts, where these say all of it. */
static void check_written_again(const struct certid *c)
{
	uint8_t *buf = malloc(c->der.len);
	struct der_out out = der_out_of(buf, c->der.len);
	size_t mark;

	REQUIRE(buf);
	der_put_item(&out, DER_INTEGER, c->serial);
	der_put_item(&out, DER_OCTET_STRING, c->key_hash);
	der_put_item(&out, DER_OCTET_STRING, c->name_hash);
	mark = der_mark(&out);
	if (c->null_params)
		der_put_item(&out, DER_NULL, bytes_of(NULL, 0));
	der_put_item(&out, DER_OID, hashalg_oid(c->alg));
	der_wrap(&out, DER_SEQUENCE, mark);
	der_wrap(&out, DER_SEQUENCE, 0);
	REQUIRE(bytes_eq(der_out_bytes(&out), c->der));
	free(buf);
}

static void check_path(const char *path, const char *parent)
{
	size_t len = strlen(parent);

	REQUIRE(memcmp(path, parent, len) == 0 && path[len] == '/' && path[len + 1]);
	REQUIRE(!strchr(path + len + 1, '/'));
	REQUIRE(strspn(path, "0123456789abcdefghijklmnopqrstuvwxyz-./") == strlen(path));
	REQUIRE(!strstr(path, ".."));
}

static void check_place(const struct certid *c, struct bytes magnitude)
{
	char text[SERIAL_TEXT_LEN], name[2 * LIM_SERIAL_LEN + 8];
	struct certid_place place;
	struct bytes again;
	uint8_t buf[LIM_SERIAL_LEN];

	serial_text(magnitude, text);
	REQUIRE(serial_parse(bytes_str(text), buf, &again) && bytes_eq(again, magnitude));
	if (!certid_place(c, &place)) {
		REQUIRE(c->name_hash.len != hashalg_len(c->alg) ||
			c->key_hash.len != hashalg_len(c->alg));
		return;
	}
	REQUIRE(strlen(place.folder) < sizeof place.folder && !strchr(place.folder, '/'));
	check_path(place.shard, place.folder);
	check_path(place.file, place.shard);
	strcpy(bytes_hex(magnitude, name), c->null_params ? ".der" : ".np.der");
	REQUIRE(strcmp(strrchr(place.file, '/') + 1, name) == 0);
}

void check_certid(const struct certid *c, struct bytes whole)
{
	struct certid again;
	struct bytes magnitude;

	REQUIRE(c->der.len && lies_in(c->der, whole));
	REQUIRE(lies_in(c->name_hash, c->der) && lies_in(c->key_hash, c->der));
	REQUIRE(lies_in(c->serial, c->der) && der_integer_ok(c->serial));
	REQUIRE(certid_parse(c->der, &again) == E_OK && again.alg == c->alg);
	if (c->alg == HASH_UNKNOWN)
		return;
	check_written_again(c);
	if (certid_serial(c, &magnitude))
		check_place(c, magnitude);
}

struct chance chance_of(const uint8_t *data, size_t size)
{
	struct chance c = { 14695981039346656037u };

	for (size_t i = 0; i < size; i++)
		c.state = (c.state ^ data[i]) * 1099511628211u;
	return c;
}

uint32_t chance_below(struct chance *c, uint32_t n)
{
	c->state = c->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(c->state >> 33) % n;
}

/* What file_of() was given. */
static struct bytes the_file;

const char *file_of(const uint8_t *data, size_t size)
{
	the_file = bytes_of(data, size);
	return "file";
}

enum err __wrap_io_load_file(const char *path, size_t limit, uint8_t **buf, size_t *len)
{
	uint8_t *copy;

	REQUIRE(strcmp(path, "file") == 0);
	if (the_file.len > limit)
		return E_DATA;
	copy = malloc(the_file.len + 1);
	REQUIRE(copy);
	if (the_file.len)
		memcpy(copy, the_file.p, the_file.len);
	copy[the_file.len] = 0;
	*buf = copy;
	*len = the_file.len;
	return E_OK;
}
