/*
 * certid.h - CertID (RFC 6960 4.1.1), and the name of the cache file that it leads to. Pure.
 */
#ifndef OCSP_CERTID_H
#define OCSP_CERTID_H

#include "bytes.h"
#include "error.h"
#include "bounds.h"

enum hashalg { HASH_SHA1, HASH_SHA256, HASH_SHA384, HASH_SHA512, HASH_COUNT, HASH_UNKNOWN = HASH_COUNT };

/* "sha1", "sha256", …; "unknown". */
const char *hashalg_name(enum hashalg h);

/* Octets of a digest; 0 for HASH_UNKNOWN. */
size_t hashalg_len(enum hashalg h);

/* The OBJECT IDENTIFIER's value. */
struct bytes hashalg_oid(enum hashalg h);

struct certid {
	struct bytes der;	/* all of it, as sent: what an answer repeats byte for byte */
	enum hashalg alg;	/* HASH_UNKNOWN: well-formed, but nothing we can match */
	bool null_params;	/* the AlgorithmIdentifier spells its NULL out */
	struct bytes name_hash, key_hash;
	struct bytes serial;	/* the INTEGER's value, minimal; may be negative */
};

/* Reads one CertID from a SEQUENCE item (with its header). The octets stay the caller's.
 * E_MALFORMED. */
MUST_CHECK enum err certid_parse(struct bytes item, struct certid *out);

/* The serial as an unsigned number without leading zero octets; false if it is negative, zero
 * octets long or longer than LIM_SERIAL_LEN: no row can hold it. Zero itself is one octet 00. */
MUST_CHECK bool certid_serial(const struct certid *c, struct bytes *magnitude);

/* "0x1f…", lower case, no leading zeros, NUL-terminated: as Python's hex() prints it and the table
 * keeps it. serial is a magnitude of at most LIM_SERIAL_LEN octets. */
#define SERIAL_TEXT_LEN (2 + 2 * LIM_SERIAL_LEN + 1)
void serial_text(struct bytes magnitude, char out[SERIAL_TEXT_LEN]);

/* Reads what a person or a table may write for a serial: "0x" or not, either case, leading zeros,
 * colons between octets. Writes the magnitude into buf. False if it is no hexadecimal number or
 * too long. */
MUST_CHECK bool serial_parse(struct bytes text, uint8_t buf[LIM_SERIAL_LEN], struct bytes *magnitude);

/*
 * Where the answer to this CertID rests, below the cache directory:
 *   folder  <hash>-<issuerNameHash>-<issuerKeyHash>
 *   file    <folder>/<last octet of serial>/<serial>.der
 * all lower-case hex. An AlgorithmIdentifier without parameters is another CertID than one with
 * NULL, and the answer must repeat it: its file is <serial>.np.der. False if there is no such
 * place: unknown hash, a digest of the wrong length, a serial that certid_serial() refuses.
 *
 * A name has room for 255 octets, which two SHA-512 digests in hex exceed: no more than the first
 * 48 octets of a digest stand in it.
 */
#define CERTID_NAME_DIGEST 48
#define CERTID_FOLDER_LEN (6 + 1 + 2 * CERTID_NAME_DIGEST + 1 + 2 * CERTID_NAME_DIGEST + 1)
#define CERTID_PATH_LEN (CERTID_FOLDER_LEN + 1 + 2 + 1 + 2 * LIM_SERIAL_LEN + 8)
struct certid_place {
	char folder[CERTID_FOLDER_LEN];
	char shard[CERTID_FOLDER_LEN + 3];
	char file[CERTID_PATH_LEN];
};
MUST_CHECK bool certid_place(const struct certid *c, struct certid_place *out);

#endif
