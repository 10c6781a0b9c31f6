/*
 * static-path.h - where an answer lies for a web server that sends it without asking anybody, and
 * which URLs lead there. Pure.
 *
 * A file has the name of the request, in base64: without its padding, and with '_' where base64 has
 * '/', which no name can hold. It lies in a folder of two of its last characters, so that a folder
 * holds a 4096th of all: "<xx>/<name>". A web server makes this of a GET's path by rules that never
 * change, whatever CAs and serials there are.
 */
#ifndef OCSP_STATIC_PATH_H
#define OCSP_STATIC_PATH_H

#include "variants.h"

/* A file system's limit for a name; a request with a SHA-512 CertID takes 254 at most. */
#define STATIC_NAME_LEN 255
#define STATIC_PATH_LEN (3 + STATIC_NAME_LEN + 1)

/* The path of the answer to this request; false if its name is too long, or too short to be one. */
MUST_CHECK bool static_path(struct bytes request, char out[STATIC_PATH_LEN]);

/* The other way round: which request has this name? It lies in buf. False if it is no such name. */
MUST_CHECK bool static_request(const char *name, uint8_t buf[VARIANT_REQUEST_LEN],
			       struct bytes *request);

/* The path of a GET's URL, as clients spell it: '+', '/' and '=' of base64 as they are, or escaped.
 * Returns out; "" if it does not fit, which no request does that static_path() takes. */
#define STATIC_URL_LEN (1 + 3 * (STATIC_NAME_LEN + 2) + 1)
const char *static_url(struct bytes request, bool escaped, char out[STATIC_URL_LEN]);

#endif
