#include "key.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/engineerr.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "io.h"
#include "bounds.h"
#include "pem.h"
#include "sigalg.h"

bool key_is_uri(const char *pkey)
{
	static const char scheme[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789+-.";
	size_t n = strspn(pkey, scheme);

	return n >= 2 && pkey[n] == ':';
}

bool key_is_in_token(const char *pkey)
{
	return key_is_uri(pkey) && strncmp(pkey, "file:", 5) != 0;
}

/* These are looked up by name even without KEY_NAMES, where a certificate is signed in a way that
 * sigalg.c does not know: RSA-PSS, SHA-1, SHA-224, SHA-3. */
static void add_digests(void)
{
	const EVP_MD *const digests[] = {
		EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384(), EVP_sha512(),
		EVP_sha3_224(), EVP_sha3_256(), EVP_sha3_384(), EVP_sha3_512(),
	};

	for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++)
		EVP_add_digest(digests[i]);
}

enum err key_init(unsigned needs)
{
	bool load = (needs & KEY_URI) || getenv("OPENSSL_CONF");
	/* NO_ATEXIT: the process ends with _exit(), and its memory with it */
	uint64_t options = OPENSSL_INIT_NO_ATEXIT;

	options |= load ? OPENSSL_INIT_LOAD_CONFIG : OPENSSL_INIT_NO_LOAD_CONFIG;
	if (!load && !(needs & KEY_NAMES))
		options |= OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
			   OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS;
	/* most of libcrypto goes on without a context, to its end */
	if (!OPENSSL_init_crypto(options, NULL) || !OSSL_LIB_CTX_get0_global_default())
		return E_BUSY;
	if (!load && !(needs & KEY_NAMES))
		add_digests();
	/* The default generator fetches all of libcrypto's ciphers, an eighth of a whole answer; this
	 * one of the same standard (SP 800-90A) and strength needs a hash that is there already. */
	if (!load)
		(void)RAND_set_DRBG_type(NULL, "HASH-DRBG", NULL, NULL, "SHA256");
	return E_OK;
}

/* What libcrypto asks instead of a person at a terminal. */
struct passphrase {
	const char *text;	/* or NULL */
	bool asked;
};

static int give_passphrase(char *buf, int size, int rwflag, void *arg)
{
	struct passphrase *pass = arg;
	size_t len;

	(void)rwflag;
	pass->asked = true;
	len = pass->text ? strlen(pass->text) : 0;
	if (!pass->text || size < 0 || len > (size_t)size)
		return -1;
	memcpy(buf, pass->text, len);
	return (int)len;
}

/* Any format that libcrypto knows. */
static EVP_PKEY *decode(struct bytes in, struct passphrase *pass)
{
	BIO *mem = BIO_new_mem_buf(in.p, (int)in.len);
	EVP_PKEY *key = NULL;
	const uint8_t *p = in.p;

	if (mem)
		key = PEM_read_bio_PrivateKey(mem, NULL, give_passphrase, pass);
	BIO_free(mem);
	if (!key && !pass->asked && in.len && in.p[0] == 0x30) {
		key = d2i_AutoPrivateKey(NULL, &p, (long)in.len);
		mem = key ? NULL : BIO_new_mem_buf(in.p, (int)in.len);
		if (mem)
			key = d2i_PKCS8PrivateKey_bio(mem, NULL, give_passphrase, pass);
		BIO_free(mem);
	}
	return key;
}

/* The everyday case: one unencrypted RSA key. */
static EVP_PKEY *decode_rsa(struct bytes in)
{
	uint8_t *der;
	struct pem pem;
	EVP_PKEY *key;
	size_t len;

	key = rsa_private(in);
	if (key || !pem_next(&in, &pem))
		return key;
	der = malloc(pem.body.len + 1);
	if (!der)
		return NULL;
	if (base64_decode(pem.body, der, &len)) {
		key = rsa_private(bytes_of(der, len));
		OPENSSL_cleanse(der, len);
	}
	free(der);
	return key;
}

static const char *excuse(const struct passphrase *pass)
{
	unsigned long e = ERR_peek_last_error();
	/* its cipher was looked for before its passphrase, without KEY_NAMES in vain */
	bool locked = ERR_GET_LIB(e) == ERR_LIB_PEM &&
		      ERR_GET_REASON(e) == PEM_R_UNSUPPORTED_ENCRYPTION;

	if ((pass->asked || locked) && !pass->text)
		return "it is encrypted: set password= to its passphrase";
	/* RC2, RC4 and DES, as OpenSSL before 1.1.0 took them for PKCS#8: with the right passphrase
	 * as well */
	if (pass->asked && ERR_GET_LIB(e) == ERR_LIB_EVP && ERR_GET_REASON(e) == ERR_R_UNSUPPORTED)
		return "it is encrypted in an old way that libcrypto has given up: encrypt it anew with "
		       "\"openssl pkcs8 -topk8 -provider legacy -provider default\"";
	if (pass->asked)
		return "password= does not open it, or it is damaged";
	return "it holds no private key in PEM or DER";
}

static enum err open_file(const char *path, const char *password, EVP_PKEY **out,
			  char error[KEY_ERROR_LEN])
{
	struct passphrase pass = { password, false };
	uint8_t *buf;
	size_t len;
	enum err e;

	e = io_load_file(path, LIM_CERT_LEN, &buf, &len);
	if (e) {
		snprintf(error, KEY_ERROR_LEN, "private key %s can't be read: %s", path,
			 e == E_DATA ? "it is no regular file, or too long for a key" :
				       strerror(errno));
		return E_SIGNER;
	}
	*out = decode_rsa(bytes_of(buf, len));
	if (!*out)
		*out = decode(bytes_of(buf, len), &pass);
	OPENSSL_cleanse(buf, len);
	free(buf);
	if (*out)
		return E_OK;
	snprintf(error, KEY_ERROR_LEN, "private key %s can't be used: %s", path, excuse(&pass));
	return E_SIGNER;
}

static const char *excuse_of_store(const struct passphrase *pass)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());

	return pass->asked ? excuse(pass) : why ? why : "nothing there is a private key";
}

/* The codes of PKCS #11 from CKR_PIN_INCORRECT to CKR_PIN_LOCKED: engine and provider pass them on as
 * reasons of an error of their own. */
static bool is_about_pin(unsigned long e)
{
	return ERR_GET_LIB(e) >= ERR_LIB_USER && ERR_GET_REASON(e) >= 0xa0 &&
	       ERR_GET_REASON(e) <= 0xa4;
}

/* What libcrypto's stores have at a URI, or NULL; *known: one of them knows its scheme. */
static EVP_PKEY *load_uri(const char *uri, UI_METHOD *ui, struct passphrase *pass, bool *known)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open(uri, ui, pass, NULL, NULL);
	OSSL_STORE_INFO *info;
	EVP_PKEY *key = NULL;

	*known = store != NULL;
	if (store)
		(void)OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
	while (store && !key && !OSSL_STORE_eof(store)) {
		info = OSSL_STORE_load(store);
		if (!info)
			break;
		key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return key;
}

/* Does a token still ask for a PIN, though it was given one? The provider says of a refused one as
 * little as of a key that isn't there; but who was let in isn't asked again. No PIN is tried here. */
static bool asks_again(const char *uri, UI_METHOD *ui)
{
	struct passphrase none = { NULL, false };
	bool known;

	EVP_PKEY_free(load_uri(uri, ui, &none, &known));
	return none.asked;
}

/* Libcrypto's first error says that there is no provider, its last what became of the engine. known:
 * there is one. */
static const char *excuse_of_token(const char *uri, UI_METHOD *ui, bool known,
				   const struct passphrase *pass, enum err *out)
{
	bool refused = false;
	unsigned long e = ERR_get_error(), last = e;

	*out = E_TOKEN;
	if (pass->asked && !pass->text)
		return "it asks for a PIN: set passwordfile= to a file with it";
	for (; e; e = ERR_get_error()) {
		refused |= is_about_pin(e);
		last = e;
	}
	if (pass->asked && (refused || (known && asks_again(uri, ui)))) {
		*out = E_PIN;
		return "the token refuses the PIN";
	}
	if (pass->asked)
		return "the token has no such key, or can't be used";
	if (ERR_GET_LIB(last) == ERR_LIB_ENGINE && ERR_GET_REASON(last) == ENGINE_R_NO_SUCH_ENGINE)
		return "neither a provider of libcrypto nor an engine knows it: install "
		       "pkcs11-provider, or libengine-pkcs11-openssl";
	return "there is no such token, or no such key in it, or its library can't be used";
}

static enum err open_uri(const char *uri, const char *password, EVP_PKEY **out,
			 char error[KEY_ERROR_LEN])
{
	struct passphrase pass = { password, false };
	UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_passphrase, 0);
	enum err e = E_SIGNER;
	EVP_PKEY *key = NULL;
	bool known = false;
	const char *why;

	/* or else the provider, without an answer, asks a person at a terminal, or standard input */
	UI_set_default_method(UI_null());
	if (ui)
		key = load_uri(uri, ui, &pass, &known);
	if (!known && ui && strncmp(uri, "pkcs11:", 7) == 0)
		key = key_of_engine(uri, ui, &pass);
	if (key) {
		*out = key;
	} else {
		why = key_is_in_token(uri) ? excuse_of_token(uri, ui, known, &pass, &e) :
					     excuse_of_store(&pass);
		/* a PKCS#11 URI may carry its PIN: what is behind the scheme is not logged */
		snprintf(error, KEY_ERROR_LEN, "the key of pkey=%.*s:… can't be had: %s",
			 (int)strcspn(uri, ":"), uri, why);
	}
	UI_destroy_method(ui);
	return key ? E_OK : e;
}

enum err key_open(const char *pkey, const char *password, EVP_PKEY **out, char error[KEY_ERROR_LEN])
{
	enum err e;

	e = key_is_uri(pkey) ? open_uri(pkey, password, out, error) :
			       open_file(pkey, password, out, error);
	ERR_clear_error();
	return e;
}

EVP_PKEY *key_public(struct bytes spki)
{
	EVP_PKEY *key = rsa_public(spki);
	const uint8_t *p = spki.p;

	return key ? key : d2i_PUBKEY(NULL, &p, (long)spki.len);
}

bool key_pair(EVP_PKEY *private_key, EVP_PKEY *public_key)
{
	static const char probe[] = "do these two belong together?";
	const struct sigalg *alg = sigalg_default(public_key);
	uint8_t signature[SIGALG_MAX_LEN];
	size_t len;
	int same = EVP_PKEY_eq(private_key, public_key);

	if (same >= 0)
		return same == 1;
	return alg &&
	       sigalg_sign(alg, private_key, NULL, bytes_str(probe), signature, sizeof signature,
			   &len) &&
	       sigalg_verify(alg, public_key, NULL, bytes_str(probe),
			     bytes_of(signature, len)) == E_OK;
}
