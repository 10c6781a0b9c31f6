/* The configuration file. */
#include "fuzz.h"

#include "conf.h"
#include "ini.h"

#define PATH "/etc/ocsp_py/config.ini"
#define SECRET "Geheim%17xyz"

static size_t count(struct bytes in, const char *word)
{
	size_t n = 0, len = strlen(word);
	const uint8_t *p = in.p;

	while (p && (p = memmem(p, in.len - (size_t)(p - in.p), word, len))) {
		p += len;
		n++;
	}
	return n;
}

/* Does the word stand in passwords alone? */
static bool is_secret(struct bytes text)
{
	struct ini ini = ini_of(text);
	struct ini_item item;
	size_t n = 0;

	while ((item = ini_next(&ini)).kind != INI_END)
		if (item.kind == INI_VALUE && item.name.len == 8 &&
		    strncasecmp((const char *)item.name.p, "password", 8) == 0)
			n += count(item.value, SECRET);
	return n > 0 && n == count(text, SECRET);
}

static void check_string(const struct conf *c, const char *s)
{
	REQUIRE(s && s >= c->text && s < c->text + c->text_len);
	REQUIRE(memchr(s, '\0', (size_t)(c->text + c->text_len - s)));
}

/* Absolute; or of a service's credentials, which nobody has passed here. */
static bool is_path(const char *s)
{
	static const char credentials[] = "$CREDENTIALS_DIRECTORY/";

	return s[0] == '/' || strncmp(s, credentials, sizeof credentials - 1) == 0;
}

static void check_ca(const struct conf *c, const struct conf_ca *ca)
{
	REQUIRE(ca->name && ca->name[0] && ca->table && ca->table[0]);
	check_string(c, ca->cert);
	check_string(c, ca->pkey);
	REQUIRE(is_path(ca->cert));
	REQUIRE(ca->producetime_s >= 60 && ca->producetime_s <= 3650LL * 86400);
	REQUIRE(!ca->issuer || is_path(ca->issuer));
	REQUIRE(!ca->root || is_path(ca->root));
	for (size_t i = 0; ca->ocspresponse[i]; i++) {
		REQUIRE(i < LIM_HOSTS && is_path(ca->ocspresponse[i]));
		check_string(c, ca->ocspresponse[i]);
	}
}

static void check_conf(const struct conf *c)
{
	size_t i;

	REQUIRE(c->text_len <= c->text_cap && strcmp(c->path, PATH) == 0);
	REQUIRE(c->n_ca >= 1 && c->n_ca <= LIM_CAS);
	for (i = 0; i < c->n_ca; i++)
		check_ca(c, &c->ca[i]);
	for (i = 0; c->db_host[i]; i++)
		REQUIRE(i < LIM_HOSTS);
	REQUIRE(c->db_type == DB_SQLITE ? c->db_file != NULL : c->db_name && c->db_user);
	REQUIRE(c->recheck_s >= 0 && c->recheck_s <= 86400);
	REQUIRE(c->timeout_ms >= 100 && c->timeout_ms <= 60000);
	REQUIRE(c->maxage_s >= 0 && c->backdate_s >= 0 && c->backdate_s <= 86400);
	REQUIRE(c->keepalive >= 1 && c->keepalive <= 100000 && c->max_connections >= 1);
	REQUIRE(c->log_level <= LEVEL_CRITICAL && c->profile <= PROFILE_PRIVATE);
	REQUIRE(c->user && c->cache && is_path(c->cache) && c->signer && c->signer[0]);
}

static void check_no_secrets(const struct conf *c)
{
	REQUIRE(!c->db_password && !c->admin_password);
	for (size_t i = 0; i < c->n_ca; i++)
		REQUIRE(!c->ca[i].password);
	REQUIRE(count(bytes_of(c->text, c->text_len), SECRET) == 0);
}

static void check_advice(void *context, const struct conf_ca *ca, const char *sentence)
{
	(void)context;
	REQUIRE(ca);
	check_sentence(sentence, CONF_ERROR_LEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char error[CONF_ERROR_LEN];
	struct bytes text = bytes_of(data, size);
	bool secret = is_secret(text);
	uint8_t *copy = malloc(size);
	struct conf c, front;
	enum err e, ef;

	REQUIRE(copy || size == 0);
	if (size)
		memcpy(copy, data, size);
	e = conf_parse(bytes_of(copy, size), PATH, CONF_ADMIN, &c, error);
	/* nothing of the text may be needed any more */
	free(copy);
	REQUIRE(e == E_OK || e == E_CONFIG);
	if (e != E_OK) {
		check_sentence(error, sizeof error);
		REQUIRE(strncmp(error, PATH ":", sizeof PATH) == 0);
		REQUIRE(!secret || !strstr(error, SECRET));
	}
	/* who gets no secrets reads the same file */
	ef = conf_parse(text, PATH, CONF_NO_SECRETS, &front, error);
	REQUIRE(ef == E_OK || e != E_OK);
	if (ef == E_OK) {
		if (secret)
			check_no_secrets(&front);
		conf_free(&front);
	}
	if (e == E_OK) {
		check_conf(&c);
		conf_advise(&c, check_advice, NULL);
		conf_free(&c);
	}
	return 0;
}
