/* The configuration file: the predecessor's is read unchanged, and the installed one says what
 * holds anyway. */
#include "unit.h"

#include "conf-impl.h"

#define PATH "/etc/ocsp_py/config.ini"
#define DB "[db]\ndb=certs\nusername=u\n"
#define OCSP "[ocsp]\ncert=c.crt\npkey=c.key\n"

static char error[CONF_ERROR_LEN];

static struct conf parsed(struct bytes text, int flags)
{
	struct conf c;
	/* in memory of its own, so that a sanitizer sees a step too far */
	uint8_t *copy = malloc(text.len ? text.len : 1);

	assert_non_null(copy);
	memcpy(copy, text.p, text.len);
	if (conf_parse(bytes_of(copy, text.len), PATH, flags, &c, error) != E_OK)
		fail_msg("%.*s\n%s", (int)text.len, text.p, error);
	/* nothing of the text may be needed any more */
	memset(copy, 'x', text.len);
	free(copy);
	return c;
}

static void the_predecessors_file_works_unchanged(void **state)
{
	struct bytes text = data_file("predecessor-config.ini");
	struct conf c = parsed(text, 0);

	(void)state;
	assert_int_equal(c.db_type, DB_MYSQL);
	assert_string_equal(c.db_host[0], "127.0.0.1");
	assert_null(c.db_host[1]);
	assert_int_equal(c.db_port, 3306);
	assert_null(c.db_socket);
	assert_string_equal(c.db_name, "certs");
	assert_string_equal(c.db_user, "cert");
	assert_string_equal(c.db_password, "pycert");
	assert_int_equal(c.log_level, LEVEL_INFO);
	assert_null(c.log_file);
	assert_int_equal(c.n_ca, 1);
	assert_string_equal(c.ca[0].name, "ocsp");
	assert_int_equal(c.ca[0].line, 8);
	assert_int_equal(c.ca[0].producetime_s, 86400);
	assert_string_equal(c.ca[0].cert, "/etc/ocsp_py/it_cert.crt");
	assert_string_equal(c.ca[0].pkey, "/etc/ocsp_py/it_privkey.pem");
	assert_null(c.ca[0].password);
	assert_string_equal(c.ca[0].ocspresponse[0], "/etc/ocsp_py/it_ocsp.pem");
	assert_null(c.ca[0].ocspresponse[1]);
	assert_string_equal(c.ca[0].table, "list_certs");
	assert_true(c.ca[0].verify);
	assert_string_equal(c.cache, "/etc/ocsp_py/cache");
	assert_string_equal(c.user, "pycert");
	assert_int_equal(c.recheck_s, 60);
	conf_free(&c);
	free((void *)(uintptr_t)text.p);
}

/* The predecessor's later version wrote socket=0 or socket=1. */
static void socket_as_number_or_path(void **state)
{
	struct conf c;

	(void)state;
	c = parsed(B(DB "socket=1\n" OCSP), 0);
	assert_string_equal(c.db_socket, "/run/mysqld/mysqld.sock");
	assert_string_equal(c.db_host[0], "localhost");
	conf_free(&c);
	c = parsed(B(DB "socket=my.sock\n" OCSP), 0);
	assert_string_equal(c.db_socket, "/etc/ocsp_py/my.sock");
	conf_free(&c);
	c = parsed(B(DB "socket=0\nhost=localhost, LocalHost:3307, localhost.example,[::1]\n"
		     OCSP), 0);
	assert_null(c.db_socket);
	assert_string_equal(c.db_host[0], "127.0.0.1");
	assert_string_equal(c.db_host[1], "127.0.0.1:3307");
	assert_string_equal(c.db_host[2], "localhost.example");
	assert_string_equal(c.db_host[3], "[::1]");
	assert_null(c.db_host[4]);
	conf_free(&c);
	c = parsed(B(DB "socket=0\n" OCSP), 0);
	assert_string_equal(c.db_host[0], "127.0.0.1");
	conf_free(&c);
	c = parsed(B(DB OCSP), 0);
	assert_string_equal(c.db_host[0], "localhost");
	conf_free(&c);
}

static void every_key_is_read(void **state)
{
	struct conf c = parsed(B("[DB]\nHost=a\nport=1\ndb=d\nusername=u\npassword=p\nlog=debug\n"
				 "type=sqlite\nfile=f\ntable=t\nlogfile=l\ntls=yes\ntls_ca=/ca\n"
				 "tls_cert=/crt\ntls_key=/key\ntls_verify=no\nsocket=/s\n"
				 "[OCSP]\nproducetime=2m\ncert=/c\npkey=pkcs11:a;b\npassword=q\n"
				 "ocspresponse=/r,s\ncache=k\nissuer=/i\nroot=/r\nuser=7\n"
				 "verify=no\nrecheck=5min\ntimeout=500ms\nnonce=echo\n"
				 "unknown=revoked\nmaxage=1h\nbackdate=10\nsandbox=require\n"
				 "signer=unix:/s\nmaxconnections=2\n"
				 "maxpersource=0\nkeepalive=9\nprofile=private\nstatusheader=on\n"
				 "archivecutoff=7y\n"
				 "table=u.v\n"), 0);

	(void)state;
	assert_string_equal(c.path, PATH);
	assert_string_equal(c.dir, "/etc/ocsp_py");
	assert_string_equal(c.db_host[0], "a");
	assert_int_equal(c.db_port, 1);
	assert_string_equal(c.db_name, "d");
	assert_string_equal(c.db_user, "u");
	assert_string_equal(c.db_password, "p");
	assert_int_equal(c.log_level, LEVEL_DEBUG);
	assert_int_equal(c.db_type, DB_SQLITE);
	assert_string_equal(c.db_file, "/etc/ocsp_py/f");
	assert_string_equal(c.db_table, "t");
	assert_string_equal(c.log_file, "/etc/ocsp_py/l");
	assert_true(c.db_tls);
	assert_false(c.db_tls_verify);
	assert_string_equal(c.db_tls_ca, "/ca");
	assert_string_equal(c.db_tls_cert, "/crt");
	assert_string_equal(c.db_tls_key, "/key");
	assert_string_equal(c.db_socket, "/s");
	assert_int_equal(c.ca[0].producetime_s, 5184000);
	assert_string_equal(c.ca[0].cert, "/c");
	assert_string_equal(c.ca[0].pkey, "pkcs11:a;b");
	assert_string_equal(c.ca[0].password, "q");
	assert_string_equal(c.ca[0].ocspresponse[0], "/r");
	assert_string_equal(c.ca[0].ocspresponse[1], "/etc/ocsp_py/s");
	assert_null(c.ca[0].ocspresponse[2]);
	assert_string_equal(c.cache, "/etc/ocsp_py/k");
	assert_string_equal(c.ca[0].issuer, "/i");
	assert_string_equal(c.ca[0].root, "/r");
	assert_string_equal(c.user, "7");
	assert_false(c.ca[0].verify);
	assert_int_equal(c.recheck_s, 300);
	assert_int_equal(c.timeout_ms, 500);
	assert_int_equal(c.nonce, NONCE_ECHO);
	assert_int_equal(c.unknown, UNKNOWN_REVOKED);
	assert_int_equal(c.maxage_s, 3600);
	assert_int_equal(c.backdate_s, 10);
	assert_int_equal(c.sandbox, SANDBOX_REQUIRE);
	assert_string_equal(c.signer, "unix:/s");
	assert_int_equal(c.max_connections, 2);
	assert_int_equal(c.max_per_source, 0);
	assert_int_equal(c.keepalive, 9);
	assert_int_equal(c.profile, PROFILE_PRIVATE);
	assert_true(c.status_header);
	assert_int_equal(c.archive_s, 7 * 365 * 86400);
	assert_string_equal(c.ca[0].table, "u.v");
	conf_free(&c);
	assert_null(c.text);
	conf_free(&c);
}

/* Nothing is read from them here, and a credential's folder is not the configuration's. */
static void passwords_in_files_of_their_own(void **state)
{
	struct conf c = parsed(B(DB "passwordfile=p\n" OCSP "passwordfile=$CREDENTIALS_DIRECTORY/q\n"
				 "[ca x]\ncert=c\npkey=k\npasswordfile=/r\n"), 0);

	(void)state;
	assert_null(c.db_password);
	assert_string_equal(c.db_passwordfile, "/etc/ocsp_py/p");
	assert_string_equal(c.ca[0].passwordfile, "$CREDENTIALS_DIRECTORY/q");
	assert_string_equal(c.ca[1].passwordfile, "/r");
	conf_free(&c);
}

static void who_signs(void **state)
{
	struct conf c = parsed(B(DB OCSP "user=a\n"), 0);

	(void)state;
	assert_string_equal(c.sign_user, "a");
	assert_null(conf_signer_socket(&c));
	conf_free(&c);
	c = parsed(B(DB OCSP "signer=unix:/s\nuser=a\n"), 0);
	assert_string_equal(c.sign_user, "a");
	assert_string_equal(conf_signer_socket(&c), c.signer + strlen("unix:"));
	conf_free(&c);
	c = parsed(B(DB OCSP "signer=unix:/s\nuser=a\nsignuser=b\n"), 0);
	assert_string_equal(c.user, "a");
	assert_string_equal(c.sign_user, "b");
	conf_free(&c);
}

/* Absent keys of [ca NAME] are those of [ocsp], wherever that stands; but only four of them. */
static void further_cas_inherit(void **state)
{
	struct conf c = parsed(B("[ca One-1]\ncert=1.crt\npkey=1.key\n"
				 "[ocsp]\ncert=c\npkey=k\npassword=p\nissuer=i\nroot=r\nverify=no\nsendcert=yes\n"
				 "producetime=2d\nocspresponse=o\n"
				 "[db]\ndb=d\nusername=u\ntable=t\n"
				 "[ca two]\ncert=2.crt\npkey=2.key\npassword=p2\nissuer=i2\n"
				 "root=r2\nocspresponse=o2\nproducetime=3d\ntable=t2\n"
				 "verify=yes\nsendcert=no\n"), 0);

	(void)state;
	assert_int_equal(c.n_ca, 3);
	assert_string_equal(c.ca[0].name, "ocsp");
	assert_string_equal(c.ca[0].table, "t");
	assert_string_equal(c.ca[1].name, "One-1");
	assert_int_equal(c.ca[1].line, 1);
	assert_string_equal(c.ca[1].cert, "/etc/ocsp_py/1.crt");
	assert_string_equal(c.ca[1].table, "t");
	assert_int_equal(c.ca[1].producetime_s, 172800);
	assert_false(c.ca[1].verify);
	assert_true(c.ca[1].send_cert);
	assert_null(c.ca[1].password);
	assert_null(c.ca[1].issuer);
	assert_null(c.ca[1].root);
	assert_null(c.ca[1].ocspresponse[0]);
	assert_string_equal(c.ca[2].name, "two");
	assert_string_equal(c.ca[2].password, "p2");
	assert_string_equal(c.ca[2].issuer, "/etc/ocsp_py/i2");
	assert_string_equal(c.ca[2].root, "/etc/ocsp_py/r2");
	assert_string_equal(c.ca[2].ocspresponse[0], "/etc/ocsp_py/o2");
	assert_int_equal(c.ca[2].producetime_s, 259200);
	assert_string_equal(c.ca[2].table, "t2");
	assert_true(c.ca[2].verify);
	assert_false(c.ca[2].send_cert);
	conf_free(&c);
}

struct advised {
	int n;
	const char *last, *section;
};

static void count(void *context, const struct conf_ca *ca, const char *sentence)
{
	struct advised *a = context;

	a->n++;
	a->last = sentence;
	a->section = ca->name;
}

/* C-1, L-10, L-16: said, and not refused. And what a profile changes where nothing is said. */
static void profiles(void **state)
{
	static const struct {
		const char *lines;
		int unknown, nonce, advices;
		const char *about;
	} t[] = {
		{ "", UNKNOWN_UNAUTHORIZED, NONCE_IGNORE, 0, "" },
		{ "profile=private\n", UNKNOWN_UNAUTHORIZED, NONCE_IGNORE, 0, "" },
		{ "profile=br\n", UNKNOWN_UNAUTHORIZED, NONCE_IGNORE, 0, "" },
		{ "profile=rfc6960\n", UNKNOWN_UNKNOWN, NONCE_ECHO, 0, "" },
		{ "profile=rfc6960\nnonce=ignore\nunknown=unauthorized\n", UNKNOWN_UNAUTHORIZED,
		  NONCE_IGNORE, 0, "" },
		{ "unknown=unknown\n", UNKNOWN_UNKNOWN, NONCE_IGNORE, 1, "RFC 9919 3.2.3" },
		{ "unknown=revoked\nprofile=private\n", UNKNOWN_REVOKED, NONCE_IGNORE, 0, "" },
		{ "backdate=7h\n", UNKNOWN_UNAUTHORIZED, NONCE_IGNORE, 1, "a quarter" },
		{ "backdate=6h\n", UNKNOWN_UNAUTHORIZED, NONCE_IGNORE, 0, "" },
		{ "maxage=13h\n", UNKNOWN_UNAUTHORIZED, NONCE_IGNORE, 1, "RFC 9919 7.1" },
		{ "recheck=301\n", UNKNOWN_UNAUTHORIZED, NONCE_IGNORE, 1, "RFC 9919 7.1" },
		{ "recheck=301\nmaxage=0\n", UNKNOWN_UNAUTHORIZED, NONCE_IGNORE, 0, "" },
		{ "profile=br\nverify=no\n", UNKNOWN_UNAUTHORIZED, NONCE_IGNORE, 1, "7.3" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct advised a = { .n = 0, .last = "" };
		char text[256];
		struct conf c;

		snprintf(text, sizeof text, DB OCSP "%s", t[i].lines);
		c = parsed(bytes_str(text), 0);
		conf_advise(&c, count, &a);
		assert_int_equal(c.unknown, t[i].unknown);
		assert_int_equal(c.nonce, t[i].nonce);
		assert_int_equal(a.n, t[i].advices);
		assert_non_null(strstr(a.last, t[i].about));
		assert_true(a.n == 0 || strcmp(a.section, "ocsp") == 0);
		conf_free(&c);
	}
}

static void tls_is_implied_and_verified(void **state)
{
	static const struct {
		const char *lines;
		bool tls, verify;
	} t[] = {
		{ "", false, false },
		{ "tls=yes\n", true, true },
		{ "tls=no\n", false, false },
		{ "tls_ca=ca\n", true, true },
		{ "tls_verify=yes\n", true, true },
		{ "tls_verify=no\n", false, false },
		{ "tls=yes\ntls_verify=no\n", true, false },
		{ "tls_ca=ca\ntls_verify=no\n", true, false },
		{ "tls_key=k\ntls_cert=c\n", true, true },
		{ "tls=no\ntls_ca=ca\n", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char text[256];
		struct conf c;

		snprintf(text, sizeof text, DB "%s" OCSP, t[i].lines);
		c = parsed(bytes_str(text), 0);
		assert_int_equal(c.db_tls, t[i].tls);
		assert_int_equal(c.db_tls_verify, t[i].verify);
		conf_free(&c);
	}
}

static bool same_member(const struct conf *a, const struct conf *b, const struct conf_rule *r)
{
	const char *const *x = (const void *)((const char *)a + r->offset);
	const char *const *y = (const void *)((const char *)b + r->offset);

	if (r->kind == KIND_HOSTS || r->kind == KIND_PATHS) {
		for (; *x && *y && strcmp(*x, *y) == 0; x++)
			y++;
		return !*x && !*y;
	}
	if (r->kind < KIND_BOOL)
		return *x && *y && strcmp(*x, *y) == 0;
	return memcmp(x, y, r->size) == 0;
}

/* Only who asks for it gets the password of [admin]; everybody's file may have the section. */
static void admin_is_for_who_writes(void **state)
{
	static const char text[] = DB "[Admin]\nusername=boss\npassword=\"s3#cret\"\n"
		"host=db1,db2:3307\n" OCSP;
	static const int flags[] = { 0, CONF_NO_SECRETS, CONF_ADMIN };
	struct conf c;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		c = parsed(B(text), flags[i]);
		assert_string_equal(c.admin_user, "boss");
		assert_string_equal(c.admin_host[1], "db2:3307");
		assert_int_equal(c.admin_port, 0);
		if (flags[i] == CONF_ADMIN)
			assert_string_equal(c.admin_password, "s3#cret");
		else
			assert_null(c.admin_password);
		if (flags[i] != CONF_ADMIN)
			assert_null(memmem(c.text, c.text_cap, "s3#cret", 7));
		conf_free(&c);
	}
	c = parsed(B(DB OCSP), CONF_ADMIN);
	assert_null(c.admin_user);
	conf_free(&c);
	assert_int_equal(conf_parse(B(DB "[admin]\npassword=s3cret\n" OCSP), "f", CONF_ADMIN, &c,
				    error), E_CONFIG);
	assert_non_null(strstr(error, "[admin] has no 'username'"));
	assert_null(strstr(error, "s3cret"));
}

/* The default that documentation names is the one that holds. */
static void defaults_are_as_documented(void **state)
{
	struct conf plain = parsed(B(DB OCSP), 0);
	const struct conf_key *keys;
	size_t n, said = 0;

	(void)state;
	keys = conf_keys(&n);
	for (size_t i = 0; i < n; i++) {
		bool db = strcmp(keys[i].section, "db") == 0;
		char text[1024];
		struct conf c;

		if (!keys[i].fallback)
			continue;
		snprintf(text, sizeof text, DB "%s%s%s\n" OCSP "%s%s%s\n", db ? keys[i].key : "",
			 db ? "=" : "", db ? keys[i].fallback : "", db ? "" : keys[i].key,
			 db ? "" : "=", db ? "" : keys[i].fallback);
		c = parsed(bytes_str(text), 0);
		if (!same_member(&plain, &c, conf_rule_find(db ? SECTION_DB : SECTION_OCSP,
							    bytes_str(keys[i].key))))
			fail_msg("the default of %s is not %s", keys[i].key, keys[i].fallback);
		conf_free(&c);
		said++;
	}
	assert_true(said > 20);
	conf_free(&plain);
}

static void keys_are_described(void **state)
{
	size_t n, rules[4];
	const struct conf_key *k = conf_keys(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		enum conf_section s = k[i].section[0] == 'd' ? SECTION_DB :
				      k[i].section[0] == 'o' ? SECTION_OCSP :
				      k[i].section[0] == 'a' ? SECTION_ADMIN : SECTION_CA;

		assert_non_null(conf_rule_find(s, bytes_str(k[i].key)));
		assert_in_range(strlen(k[i].help), 10, 95);
		assert_null(strchr(k[i].help, '\n'));
	}
	for (enum conf_section s = SECTION_DB; s <= SECTION_CA; s++)
		conf_rules(s, &rules[s]);
	assert_int_equal(n, rules[0] + rules[1] + rules[2] + rules[3]);
}

static char *installed_example(size_t *len)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	char *text;
	FILE *f;

	snprintf(path, sizeof path, "%s/etc/ocsp_py/config.ini", srcdir ? srcdir : ".");
	f = fopen(path, "rb");
	if (!f)
		fail_msg("cannot read %s", path);
	text = calloc(1, LIM_CONFIG_LEN);
	assert_non_null(text);
	*len = fread(text, 1, LIM_CONFIG_LEN - 1, f);
	fclose(f);
	return text;
}

/* Does a line of this section say key=, commented out or not? value: what it says. */
static bool example_has(const char *text, const struct conf_key *k, char value[256])
{
	const char *section = k->section[0] == 'd' ? "\n[db]" :
			      k->section[0] == 'o' ? "\n[ocsp]" :
			      k->section[0] == 'a' ? "\n#[admin]" : "\n#[ca ";
	const char *p = strstr(text, section), *end;
	size_t len = strlen(k->key), n;

	assert_non_null(p);
	for (p = strchr(p + 1, '\n'); p; p = strchr(p, '\n')) {
		p++;
		if (*p == '[' || strncmp(p, "#[", 2) == 0)
			return false;
		p += *p == '#';
		if (strncmp(p, k->key, len) != 0 || p[len] != '=')
			continue;
		p += len + 1;
		end = strpbrk(p, " #\n");
		n = end ? (size_t)(end - p) : strlen(p);
		assert_in_range(n, 1, 255);
		memcpy(value, p, n);
		value[n] = '\0';
		return true;
	}
	return false;
}

static void the_example_has_every_key(void **state)
{
	size_t len, n;
	char *text = installed_example(&len), value[256];
	const struct conf_key *k = conf_keys(&n);
	struct conf c = parsed(bytes_of(text, len), 0);

	(void)state;
	assert_string_equal(c.db_password, "pycert");
	assert_int_equal(c.n_ca, 1);
	conf_free(&c);
	for (size_t i = 0; i < n; i++) {
		if (!example_has(text, &k[i], value))
			fail_msg("the example has no %s in [%s]", k[i].key, k[i].section);
		/* places depend on how it was built */
		if (!k[i].fallback || k[i].fallback[0] == '/' || strcmp(k[i].key, "host") == 0)
			continue;
		if (strcmp(value, k[i].fallback) != 0)
			fail_msg("the example has %s=%s, the default is %s", k[i].key, value,
				 k[i].fallback);
	}
	free(text);
}

/* A line that stands for another one: with both of them the file would be wrong. */
static bool is_alternative(const char *line)
{
	return strncmp(line, "#passwordfile=", 14) == 0 || strncmp(line, "#signuser=", 10) == 0;
}

/* Whoever takes the '#' away from a line of the example gets a file that is read. */
static void the_example_works_with_every_line_in_force(void **state)
{
	size_t len, n_keys, n = 0;
	char *text = installed_example(&len);
	struct conf c;

	(void)state;
	conf_keys(&n_keys);
	for (char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (p[0] == '#' && p[1] != ' ' && p[1] != '\n' && p[1] != '\0' &&
		    !is_alternative(p)) {
			*p = ' ';
			n++;
		}
	}
	assert_true(n > 30 && n < n_keys);
	c = parsed(bytes_of(text, len), 0);
	assert_int_equal(c.n_ca, 2);
	conf_free(&c);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_predecessors_file_works_unchanged),
		cmocka_unit_test(socket_as_number_or_path),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(passwords_in_files_of_their_own),
		cmocka_unit_test(who_signs),
		cmocka_unit_test(further_cas_inherit),
		cmocka_unit_test(profiles),
		cmocka_unit_test(tls_is_implied_and_verified),
		cmocka_unit_test(admin_is_for_who_writes),
		cmocka_unit_test(defaults_are_as_documented),
		cmocka_unit_test(keys_are_described),
		cmocka_unit_test(the_example_has_every_key),
		cmocka_unit_test(the_example_works_with_every_line_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
