/* Apart from the reader, so that a program that never explains a key doesn't carry the words. */
#include "conf.h"

const struct conf_key *conf_keys(size_t *n)
{
	static const struct conf_key keys[] = {
#define KEY_DB(key, kind, member, low, high, fallback, help) { "db", #key, fallback, help },
#define KEY_OCSP(key, kind, member, low, high, fallback, help) { "ocsp", #key, fallback, help },
#define KEY_ADMIN(key, kind, member, low, high, fallback, help) { "admin", #key, fallback, help },
#define KEY_CA(key, kind, member, low, high, fallback, help) { "ca NAME", #key, fallback, help },
#include "conf-keys.def"
	};

	*n = sizeof keys / sizeof keys[0];
	return keys;
}
