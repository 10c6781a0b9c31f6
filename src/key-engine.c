/*
 * Keys in a token through an engine. OpenSSL 3 calls engines deprecated, but Debian 12 and its
 * contemporaries have no provider for PKCS#11, only libengine-pkcs11-openssl.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "key.h"

#include <openssl/crypto.h>
#include <openssl/engine.h>

#ifndef OPENSSL_NO_ENGINE
/* Never finished: the keys that it has opened are its own, and live as long as the process. */
static ENGINE *engine;

static bool start(void)
{
	ENGINE *e;

	if (engine)
		return true;
	OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_DYNAMIC, NULL);
	e = ENGINE_by_id("pkcs11");
	if (e && ENGINE_init(e))
		engine = e;
	else
		ENGINE_free(e);
	return engine != NULL;
}

EVP_PKEY *key_of_engine(const char *uri, UI_METHOD *ui, void *asked)
{
	return start() ? ENGINE_load_private_key(engine, uri, ui, asked) : NULL;
}
#else
EVP_PKEY *key_of_engine(const char *uri, UI_METHOD *ui, void *asked)
{
	(void)uri;
	(void)ui;
	(void)asked;
	return NULL;
}
#endif
