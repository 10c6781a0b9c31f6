#include "unit.h"

#include <ftw.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "pki.h"

EVP_PKEY *pki_key(const char *kind)
{
	EVP_PKEY *key;

	if (strcmp(kind, "RSA") == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	else if (strncmp(kind, "P-", 2) == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
	assert_non_null(key);
	return key;
}

static void extend(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext;

	if (!value)
		return;
	ext = X509V3_EXT_nconf_nid(NULL, NULL, nid, value);
	assert_non_null(ext);
	assert_true(X509_add_ext(cert, ext, -1));
	X509_EXTENSION_free(ext);
}

static void sign(X509 *cert, EVP_PKEY *key, bool pss)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	const char *md =
	    EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : "SHA256";

	assert_true(EVP_DigestSignInit_ex(ctx, &how, md, NULL, NULL, key, NULL) == 1);
	if (pss)
		assert_true(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) > 0);
	assert_true(X509_sign_ctx(cert, ctx) > 0);
	EVP_MD_CTX_free(ctx);
}

X509 *pki_cert(const struct pki_issue *w)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();
	bool dated = w->from_s || w->to_s;

	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)"Unit test", -1, -1,
				   0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)w->name, -1, -1, 0);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), w->serial ? w->serial : 0x1234);
	X509_gmtime_adj(X509_getm_notBefore(cert), dated ? w->from_s : -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), dated ? w->to_s : 30 * 86400);
	X509_set_subject_name(cert, name);
	X509_set_issuer_name(cert, w->issuer ? X509_get_subject_name(w->issuer) : name);
	X509_set_pubkey(cert, w->key);
	extend(cert, NID_basic_constraints, w->basic);
	extend(cert, NID_key_usage, w->ku);
	extend(cert, NID_ext_key_usage, w->eku);
	extend(cert, NID_id_pkix_OCSP_noCheck, w->nocheck ? "ignored" : NULL);
	sign(cert, w->issuer_key ? w->issuer_key : w->key, w->pss);
	X509_NAME_free(name);
	return cert;
}

struct bytes pki_der(X509 *cert)
{
	uint8_t *p = NULL;
	int len = i2d_X509(cert, &p);

	assert_true(len > 0);
	return bytes_of(p, (size_t)len);
}

static char folder[] = "/tmp/ocsp-unit-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void remove_folder(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *pki_folder(void)
{
	static bool made;

	if (!made) {
		assert_non_null(mkdtemp(folder));
		atexit(remove_folder);
		made = true;
	}
	return folder;
}

const char *pki_file(const char *name, struct bytes b)
{
	static char paths[64][128];
	static size_t n;
	char *path = paths[n++ % 64];
	FILE *f;

	snprintf(path, sizeof paths[0], "%s/%s", pki_folder(), name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(b.p, 1, b.len, f), b.len);
	assert_int_equal(fclose(f), 0);
	return path;
}

static const char *write_bio(const char *name, BIO *mem)
{
	const char *path;
	char *p = NULL;
	long len = BIO_get_mem_data(mem, &p);

	path = pki_file(name, bytes_of(p, (size_t)len));
	BIO_free(mem);
	return path;
}

const char *pki_cert_file(const char *name, X509 *cert)
{
	BIO *mem = BIO_new(BIO_s_mem());

	assert_true(PEM_write_bio_X509(mem, cert));
	return write_bio(name, mem);
}

const char *pki_key_file(const char *name, EVP_PKEY *key, const char *password)
{
	BIO *mem = BIO_new(BIO_s_mem());
	size_t len = password ? strlen(password) : 0;

	assert_true(PEM_write_bio_PKCS8PrivateKey(mem, key, password ? EVP_aes_128_cbc() : NULL,
						  password, (int)len, NULL, NULL));
	return write_bio(name, mem);
}
