/* Private keys: every form of a file, passphrases, URIs, and pairs. */
#include "unit.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/encoder.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "key.h"
#include "pki.h"

#define PASSWORD "korrekt horse"

static enum err open_key(const char *pkey, const char *password, EVP_PKEY **key, char *error)
{
	error[0] = '\0';
	return key_open(pkey, password, key, error);
}

static void opens(const char *pkey, const char *password, EVP_PKEY *expected)
{
	char error[KEY_ERROR_LEN];
	EVP_PKEY *key = NULL;

	if (open_key(pkey, password, &key, error) != E_OK)
		fail_msg("%s", error);
	assert_int_equal(EVP_PKEY_eq(key, expected), 1);
	EVP_PKEY_free(key);
}

static void refuses(const char *pkey, const char *password, const char *because)
{
	char error[KEY_ERROR_LEN];
	EVP_PKEY *key = NULL;

	assert_int_equal(open_key(pkey, password, &key, error),
			 key_is_in_token(pkey) ? E_TOKEN : E_SIGNER);
	assert_null(key);
	if (!strstr(error, because))
		fail_msg("not \"%s\": %s", because, error);
	if (password)
		assert_null(strstr(error, password));
}

/* In the form that libcrypto knows by these words. */
static const char *encoded(EVP_PKEY *key, const char *format, const char *structure,
			   const char *password)
{
	OSSL_ENCODER_CTX *ctx;
	const char *path;
	uint8_t *p = NULL;
	size_t len = 0;

	ctx = OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_KEYPAIR, format, structure, NULL);
	if (password) {
		assert_true(OSSL_ENCODER_CTX_set_cipher(ctx, "AES-256-CBC", NULL));
		assert_true(OSSL_ENCODER_CTX_set_passphrase(ctx, (const uint8_t *)password,
							    strlen(password)));
	}
	assert_true(OSSL_ENCODER_to_data(ctx, &p, &len));
	path = pki_file("key", bytes_of(p, len));
	OPENSSL_free(p);
	OSSL_ENCODER_CTX_free(ctx);
	return path;
}

static void every_form_of_a_file(void **state)
{
	static const char *const kinds[] = { "RSA", "P-256", "P-384", "P-521", "ED25519", "ED448" };

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		EVP_PKEY *key = pki_key(kinds[i]);

		opens(encoded(key, "PEM", "PrivateKeyInfo", NULL), NULL, key);
		opens(encoded(key, "DER", "PrivateKeyInfo", NULL), NULL, key);
		opens(encoded(key, "PEM", "PrivateKeyInfo", NULL), PASSWORD, key);
		opens(encoded(key, "PEM", "EncryptedPrivateKeyInfo", PASSWORD), PASSWORD, key);
		opens(encoded(key, "DER", "EncryptedPrivateKeyInfo", PASSWORD), PASSWORD, key);
		if (i < 4) {
			opens(encoded(key, "PEM", "type-specific", NULL), NULL, key);
			opens(encoded(key, "DER", "type-specific", NULL), NULL, key);
			opens(encoded(key, "PEM", "type-specific", PASSWORD), PASSWORD, key);
		}
		EVP_PKEY_free(key);
	}
}

/* "openssl ecparam -genkey" puts the curve in front of the key. */
static void parameters_in_front(void **state)
{
	EVP_PKEY *key = pki_key("P-256");
	BIO *mem = BIO_new(BIO_s_mem());
	char *p = NULL;
	long len;

	(void)state;
	assert_true(PEM_write_bio_Parameters(mem, key));
	assert_true(PEM_write_bio_PrivateKey_traditional(mem, key, NULL, NULL, 0, NULL, NULL));
	len = BIO_get_mem_data(mem, &p);
	opens(pki_file("ec", bytes_of(p, (size_t)len)), NULL, key);
	BIO_free(mem);
	EVP_PKEY_free(key);
}

static void passphrases(void **state)
{
	static const char *const forms[][2] = {
		{ "PEM", "EncryptedPrivateKeyInfo" },
		{ "DER", "EncryptedPrivateKeyInfo" },
		{ "PEM", "type-specific" },
	};
	EVP_PKEY *key = pki_key("RSA");

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		refuses(encoded(key, forms[i][0], forms[i][1], PASSWORD), NULL, "password=");
		refuses(encoded(key, forms[i][0], forms[i][1], PASSWORD), "Tr0ub4dor",
			"does not open");
	}
	EVP_PKEY_free(key);
}

/* What "openssl pkcs8 -topk8" of OpenSSL 1.0 made (PBE-MD5-DES): no fault of the passphrase's. */
static void encrypted_in_an_old_way(void **state)
{
	static const char old[] =
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		"MFcwGwYJKoZIhvcNAQUDMA4ECJC9dTSOVH18AgIIAAQ4n6bhd1hMV+8xbcJRj4bt\n"
		"4PCnmo57NljJgWN0EoPqvaqGpQDjYtDodC78G4IUN1SXu8CovG+nvtI=\n"
		"-----END ENCRYPTED PRIVATE KEY-----\n";
	const char *path = pki_file("old", B(old));

	(void)state;
	refuses(path, NULL, "password=");
	refuses(path, PASSWORD, "old way that libcrypto has given up");
}

static void what_is_no_key(void **state)
{
	EVP_PKEY *key = pki_key("ED25519");
	X509 *cert = pki_cert(&(struct pki_issue){ .name = "x", .key = key });

	(void)state;
	refuses("/nonexistent/key", NULL, "/nonexistent/key can't be read: No such file");
	refuses("/dev/null", NULL, "regular file");
	refuses(pki_file("empty", B("")), NULL, "no private key");
	refuses(pki_file("text", B("rubbish\n")), "secret", "no private key");
	refuses(pki_file("der", B("\x30\x03\x02\x01\x00")), NULL, "no private key");
	refuses(pki_cert_file("cert", cert), NULL, "no private key");
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void rsa_that_is_damaged(void **state)
{
	EVP_PKEY *key = pki_key("RSA");
	uint8_t *der = NULL;
	int len = i2d_PrivateKey(key, &der);

	(void)state;
	assert_true(len > 0);
	for (int n = 0; n < len; n++) {
		uint8_t *exact = malloc(n ? (size_t)n : 1);

		memcpy(exact, der, (size_t)n);
		assert_null(rsa_private(bytes_of(exact, (size_t)n)));
		free(exact);
	}
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}

/* Blocks of libcrypto's, whose octets can be looked at when they are freed. */
#define BLOCK_HEAD 16
static struct bytes secret[2];
static size_t blocks_with_secret;

static void *block_new(size_t len, const char *file, int line)
{
	uint8_t *p = calloc(1, BLOCK_HEAD + len);

	(void)file;
	(void)line;
	if (!p)
		return NULL;
	memcpy(p, &len, sizeof len);
	return p + BLOCK_HEAD;
}

static void block_free(void *block, const char *file, int line)
{
	uint8_t *p = block;
	size_t len;

	(void)file;
	(void)line;
	if (!p)
		return;
	memcpy(&len, p - BLOCK_HEAD, sizeof len);
	for (size_t i = 0; i < 2; i++)
		if (secret[i].len && memmem(p, len, secret[i].p, secret[i].len))
			blocks_with_secret++;
	free(p - BLOCK_HEAD);
}

static void *block_resize(void *block, size_t len, const char *file, int line)
{
	uint8_t *p = block_new(len, file, line);
	size_t old;

	if (p && block) {
		memcpy(&old, (uint8_t *)block - BLOCK_HEAD, sizeof old);
		memcpy(p, block, old < len ? old : len);
		block_free(block, file, line);
	}
	return p;
}

/* docs/security.md: what was decoded from a key's file is wiped. */
static void nothing_is_left_in_memory(void **state)
{
	EVP_PKEY *key = pki_key("RSA"), *read;
	uint8_t d[2][256], *der = NULL;
	int len = i2d_PrivateKey(key, &der);
	BIGNUM *bn = NULL;

	(void)state;
	assert_true(len > 0 && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_D, &bn));
	assert_int_equal(BN_bn2binpad(bn, d[0], sizeof d[0]), sizeof d[0]);
	assert_int_equal(BN_bn2lebinpad(bn, d[1], sizeof d[1]), sizeof d[1]);
	for (size_t i = 0; i < 2; i++)
		secret[i] = bytes_of(d[i] + 64, 64);
	read = rsa_private(bytes_of(der, (size_t)len));
	memset(secret, 0, sizeof secret);
	assert_non_null(read);
	assert_int_equal(blocks_with_secret, 0);
	BN_clear_free(bn);
	OPENSSL_free(der);
	EVP_PKEY_free(read);
	EVP_PKEY_free(key);
}

static void uris(void **state)
{
	EVP_PKEY *key = pki_key("P-256");
	char uri[256];

	(void)state;
	assert_true(key_is_uri("pkcs11:object=x"));
	assert_true(key_is_uri("file:/etc/key"));
	assert_false(key_is_uri("/etc/pkcs11:x"));
	assert_true(key_is_in_token("pkcs11:object=x"));
	assert_false(key_is_in_token("file:/etc/key"));
	assert_false(key_is_in_token("/etc/key"));
	assert_false(key_is_uri("key.pem"));
	assert_false(key_is_uri("c:key.pem"));
	assert_false(key_is_uri(":x"));
	snprintf(uri, sizeof uri, "file:%s", pki_key_file("plain", key, NULL));
	opens(uri, NULL, key);
	snprintf(uri, sizeof uri, "file:%s", pki_key_file("locked", key, PASSWORD));
	opens(uri, PASSWORD, key);
	refuses(uri, "wrong", "password=");
	refuses(uri, NULL, "password=");
	refuses("file:/nonexistent/key", NULL, "file:");
	/* a PIN in a URI stays out of the message */
	refuses("nosuch:object=x;pin-value=9876", "9876", "nosuch:");
	EVP_PKEY_free(key);
}

/* What key_init() has chosen is a generator of full strength. */
static void random_numbers(void **state)
{
	EVP_RAND_CTX *private = RAND_get0_private(NULL);

	(void)state;
	assert_non_null(private);
	assert_string_equal(EVP_RAND_get0_name(EVP_RAND_CTX_get0_rand(private)), "HASH-DRBG");
	assert_int_equal(EVP_RAND_get_state(private), EVP_RAND_STATE_READY);
	assert_in_range(EVP_RAND_get_strength(private), 256, 1024);
}

static void pairs(void **state)
{
	EVP_PKEY *rsa = pki_key("RSA"), *rsa2 = pki_key("RSA"), *ec = pki_key("P-256");
	uint8_t *spki = NULL;
	int len = i2d_PUBKEY(rsa, &spki);
	EVP_PKEY *public_key = key_public(bytes_of(spki, (size_t)len));

	(void)state;
	assert_non_null(public_key);
	assert_true(key_pair(rsa, public_key));
	assert_false(key_pair(rsa2, public_key));
	assert_false(key_pair(ec, public_key));
	assert_null(key_public(bytes_of(spki, (size_t)len - 1)));
	assert_null(key_public(bytes_of(NULL, 0)));
	OPENSSL_free(spki);
	EVP_PKEY_free(public_key);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(rsa2);
	EVP_PKEY_free(ec);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_numbers),
		cmocka_unit_test(every_form_of_a_file),
		cmocka_unit_test(parameters_in_front),
		cmocka_unit_test(passphrases),
		cmocka_unit_test(encrypted_in_an_old_way),
		cmocka_unit_test(what_is_no_key),
		cmocka_unit_test(rsa_that_is_damaged),
		cmocka_unit_test(nothing_is_left_in_memory),
		cmocka_unit_test(uris),
		cmocka_unit_test(pairs),
	};
	int failed;

	unsetenv("OPENSSL_CONF");
	/* before libcrypto has any */
	assert_true(CRYPTO_set_mem_functions(block_new, block_resize, block_free));
	assert_int_equal(key_init(KEY_NAMES), E_OK);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	/* what lives as long as a process would look like a leak, behind a head of ours */
	OPENSSL_cleanup();
	return failed;
}
