#include "static-path.h"

#include <openssl/evp.h>

#include "http.h"

#define BASE64_LEN (4 * ((VARIANT_REQUEST_LEN + 2) / 3))

/* Base64 with its padding, NUL-terminated. Returns its length; 0: no request is that long. */
static size_t encode(struct bytes request, char out[BASE64_LEN + 1])
{
	if (request.len > VARIANT_REQUEST_LEN)
		return 0;
	return (size_t)EVP_EncodeBlock((unsigned char *)out, request.p, (int)request.len);
}

bool static_path(struct bytes request, char out[STATIC_PATH_LEN])
{
	char name[BASE64_LEN + 1];
	size_t len = encode(request, name);

	while (len && name[len - 1] == '=')
		len--;
	if (len < 4 || len > STATIC_NAME_LEN)
		return false;
	name[len] = '\0';
	for (char *p = name; (p = strchr(p, '/')); )
		*p = '_';
	/* not the last one: half of what it stands for is padding */
	out[0] = name[len - 3];
	out[1] = name[len - 2];
	out[2] = '/';
	memcpy(out + 3, name, len + 1);
	return true;
}

bool static_request(const char *name, uint8_t buf[VARIANT_REQUEST_LEN], struct bytes *request)
{
	char path[1 + STATIC_NAME_LEN + 1] = "/", again[STATIC_PATH_LEN];
	uint8_t octets[sizeof path];
	size_t n = strlen(name), len;

	if (n > STATIC_NAME_LEN || strchr(name, '/'))
		return false;
	memcpy(path + 1, name, n + 1);
	for (char *p = path; (p = strchr(p, '_')); )
		*p = '/';
	if (http_decode_target(bytes_of(path, n + 1), octets, sizeof octets, &len) != E_OK ||
	    len > VARIANT_REQUEST_LEN)
		return false;
	/* nothing was skipped, and nothing is spelled in another way */
	if (!static_path(bytes_of(octets, len), again) || strcmp(again + 3, name) != 0)
		return false;
	memcpy(buf, octets, len);
	*request = bytes_of(buf, len);
	return true;
}

const char *static_url(struct bytes request, bool escaped, char out[STATIC_URL_LEN])
{
	char name[BASE64_LEN + 1], *o = out;
	size_t len = encode(request, name);

	if (len > STATIC_NAME_LEN + 2)
		len = 0;
	if (len)
		*o++ = '/';
	for (size_t i = 0; i < len; i++) {
		const char *escape = name[i] == '+' ? "%2B" : name[i] == '/' ? "%2F" :
				     name[i] == '=' ? "%3D" : NULL;

		if (escaped && escape)
			o = stpcpy(o, escape);
		else
			*o++ = name[i];
	}
	*o = '\0';
	return out;
}
