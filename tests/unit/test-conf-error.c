/* Whatever is wrong with a configuration file is named with its line and its mend, and nothing
 * secret is said with it. */
#include "unit.h"

#include "conf-impl.h"

#define PATH "/etc/c.ini"
#define DB "[db]\ndb=certs\nusername=u\n"
#define OCSP "[ocsp]\ncert=c.crt\npkey=c.key\n"
#define SECRET "hunter2"

static char error[CONF_ERROR_LEN];

static void refuses(struct bytes text, const char *want)
{
	struct conf c;

	memset(&c, 0x55, sizeof c);
	memset(error, 0, sizeof error);
	if (conf_parse(text, PATH, 0, &c, error) != E_CONFIG)
		fail_msg("read, but should not be:\n%.*s", (int)text.len, text.p);
	assert_string_equal(error, want);
	/* out is written only on success */
	for (size_t i = 0; i < sizeof c; i++)
		assert_int_equal(((const uint8_t *)&c)[i], 0x55);
}

static void sections(void **state)
{
	(void)state;
	refuses(B(""), PATH ": there is no section [db]: add it, with a line db=VALUE");
	refuses(B(DB), PATH ": there is no section [ocsp]: add it, with a line cert=VALUE");
	refuses(B(OCSP), PATH ": there is no section [db]: add it, with a line db=VALUE");
	refuses(B("\n[bd]\n"),
		PATH ":2: unknown section [bd]: there are [db], [ocsp], [admin] and [ca NAME]");
	refuses(B("[oscp]\n"), PATH ":1: unknown section [oscp]: did you mean [ocsp]?");
	refuses(B("[OCPS2]\n"), PATH ":1: unknown section [OCPS2]: did you mean [ocsp]?");
	refuses(B("[dbs]\n"), PATH ":1: unknown section [dbs]: did you mean [db]?");
	refuses(B("[mail]\n"),
		PATH ":1: unknown section [mail]: there are [db], [ocsp], [admin] and [ca NAME]");
	refuses(B("[ca:x]\n"), PATH ":1: unknown section [ca:x]: a CA's section is [ca NAME]");
	refuses(B(DB "[ocsp]\n[Db]\n"), PATH ":5: a second section [db]: move its keys to line 1");
	refuses(B(OCSP OCSP), PATH ":4: a second section [ocsp]: move its keys to line 1");
	refuses(B("host=a\n[db]\n"),
		PATH ":1: key 'host' stands before the first section: put [db] or [ocsp] above it");
	refuses(B("[db\n"), PATH ":1: the line has a '[' and no ']'");
}

static void ca_sections(void **state)
{
	char text[4096] = DB OCSP;
	struct conf c;

	(void)state;
	refuses(B("[ca]\n"), PATH ":1: [ca ] needs a name of letters, digits, '_', '.' and '-', as "
		"in [ca NAME]");
	refuses(B("[ca a/b]\n"), PATH ":1: [ca a/b] needs a name of letters, digits, '_', '.' and "
		"'-', as in [ca NAME]");
	refuses(B("[ca a b]\n"), PATH ":1: [ca a b] needs a name of letters, digits, '_', '.' and "
		"'-', as in [ca NAME]");
	refuses(B("[ca a]\n[CA a]\n"),
		PATH ":2: there is a CA 'a' already: give this another name");
	refuses(B("[ca ocsp]\n"), PATH ":1: there is a CA 'ocsp' already: give this another name");
	refuses(B("[ca a]\nhost=b\n"), PATH ":2: unknown key 'host' in [ca a]: it belongs in [db]");
	refuses(B("[ca a]\nrecheck=1\n"),
		PATH ":2: unknown key 'recheck' in [ca a]: it belongs in [ocsp]");
	refuses(B(DB OCSP "[ca a]\ncert=x\n"),
		PATH ":7: [ca a] has no 'pkey', which is mandatory: add a line pkey=VALUE");
	refuses(B(DB OCSP "[ca a]\npkey=x\n"),
		PATH ":7: [ca a] has no 'cert', which is mandatory: add a line cert=VALUE");
	for (int i = 1; i < LIM_CAS; i++)
		sprintf(text + strlen(text), "[ca %d]\ncert=c\npkey=k\n", i);
	assert_int_equal(conf_parse(bytes_str(text), PATH, 0, &c, error), E_OK);
	conf_free(&c);
	strcat(text, "[ca x]\n");
	refuses(bytes_str(text),
		PATH ":52: more than 15 sections [ca NAME]: serve the others from another file");
}

static void keys(void **state)
{
	(void)state;
	refuses(B("[db]\nprot=1\n"), PATH ":2: unknown key 'prot' in [db]: did you mean 'port'?");
	refuses(B("[db]\nusernam=1\n"), PATH ":2: unknown key 'usernam' in [db]: did you mean "
		"'username'?");
	refuses(B("[db]\nUserNames=1\n"), PATH ":2: unknown key 'UserNames' in [db]: did you mean "
		"'username'?");
	refuses(B("[ocsp]\nproduce_time=1\n"), PATH ":2: unknown key 'produce_time' in [ocsp]: did "
		"you mean 'producetime'?");
	refuses(B("[db]\nxy=1\n"), PATH ":2: unknown key 'xy' in [db]: delete the line, or put '#' "
		"before it");
	refuses(B("[db]\ncert=1\n"), PATH ":2: unknown key 'cert' in [db]: it belongs in [ocsp]");
	refuses(B("[ocsp]\nhost=1\n"), PATH ":2: unknown key 'host' in [ocsp]: it belongs in [db]");
	refuses(B("[ocsp]\na key with a name that is longer than any that there could ever be "
		  "here=1\n"),
		PATH ":2: unknown key 'a key with a name that is longer than any that there could "
		"e...' in [ocsp]: delete the line, or put '#' before it");
	refuses(B("[db]\np\xc3\xb6rt=1\n"), PATH ":2: unknown key 'p??rt' in [db]: did you mean "
		"'port'?");
	refuses(B(DB "DB=2\n"), PATH ":4: key 'db' is in [db] twice: delete one of the two lines");
	refuses(B("[db]\nhost\n"), PATH ":2: the line has no '=': write key=value, or '#' before a "
		"comment");
	refuses(B("[db]\nhost=\"a\n"), PATH ":2: the value of 'host' begins with a quote that "
		"isn't closed: put '\"' at its end");
	refuses(B("[db]\nhost=a\0b\n"), PATH ":2: the value of 'host' has a control character: "
		"retype the line in a text editor");
}

static void missing_keys(void **state)
{
	(void)state;
	refuses(B("[db]\nusername=u\n" OCSP),
		PATH ":1: [db] has no 'db', which is mandatory: add a line db=VALUE");
	refuses(B("\n[db]\ndb=d\n" OCSP),
		PATH ":2: [db] has no 'username', which is mandatory: add a line username=VALUE");
	refuses(B(DB "type=sqlite\n" OCSP),
		PATH ":1: [db] has no 'file', which is mandatory: add a line file=VALUE");
	refuses(B(DB "tls_cert=a\n" OCSP),
		PATH ":1: [db] has no 'tls_key', which is mandatory: add a line tls_key=VALUE");
	refuses(B(DB "[ocsp]\npkey=k\n"),
		PATH ":4: [ocsp] has no 'cert', which is mandatory: add a line cert=VALUE");
	refuses(B(DB "[ocsp]\ncert=c\n"),
		PATH ":4: [ocsp] has no 'pkey', which is mandatory: add a line pkey=VALUE");
}

static void keys_that_exclude_each_other(void **state)
{
	(void)state;
	refuses(B(DB "password=a\npasswordfile=b\n" OCSP),
		PATH ":1: [db] has both 'password' and 'passwordfile': delete one of the two");
	refuses(B(DB OCSP "passwordfile=b\npassword=a\n"),
		PATH ":4: [ocsp] has both 'password' and 'passwordfile': delete one of the two");
	refuses(B(DB OCSP "[ca x]\ncert=c\npkey=k\npasswordfile=b\npassword=a\n"),
		PATH ":7: [ca x] has both 'password' and 'passwordfile': delete one of the two");
	refuses(B(DB OCSP "signuser=x\n"),
		PATH ":4: [ocsp] has 'signuser' without signer=unix:PATH: only a signer behind a "
		"socket can be another user; delete it, or see ocsp-units(7) for "
		"ocsp-sign.socket");
}

static void no_pin_in_a_uri(void **state)
{
	(void)state;
	refuses(B(DB "[ocsp]\ncert=c\npkey=pkcs11:object=o?pin-value=" SECRET "\n"),
		PATH ":4: [ocsp] has a PIN in 'pkey', where libraries show it: put it into a file, "
		"with passwordfile=PATH");
}

/* C-2 */
static void extended_revoke_is_not_for_br(void **state)
{
	(void)state;
	refuses(B(DB OCSP "unknown=revoked\nprofile=br\n"),
		PATH ":4: [ocsp] unknown=revoked means certificateHold, which profile=br forbids "
		"(Baseline Requirements 4.9.13, 7.2.2): say unknown=unauthorized");
}

/* B-2, B-4, C-4 */
static void times_that_br_forbids(void **state)
{
	static const char hours[] =
		PATH ":4: [ocsp] producetime is less than the 8 hours that profile=br asks for "
		"(Baseline Requirements 4.9.9): say producetime=8h or more";
	static const char days[] =
		PATH ":8: [ca x] producetime is more than the 7 days that profile=br allows "
		"(Microsoft 3.2.2; 10 days by Baseline Requirements 4.9.9, with a new answer "
		"after 4): say producetime=7d or less";
	static const char back[] =
		PATH ":4: [ocsp] backdate is more than a quarter of producetime, so that "
		"profile=br has no time left to sign the next answer in (Baseline Requirements "
		"4.9.9): make one longer, or the other shorter";

	(void)state;
	refuses(B(DB OCSP "producetime=7h\nprofile=br\n"), hours);
	refuses(B(DB OCSP "profile=br\n[ca x]\ncert=c\npkey=k\nproducetime=8d\n"), days);
	refuses(B(DB OCSP "backdate=7h\nprofile=br\n"), back);
}

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void values(void **state)
{
	static const char port[] = "must be a number from 1 to 65535";
	static const char hosts[] = "must be host, host:port or [IPv6]:port, or 8 of them at most "
				    "with commas between";
	static const char period[] = "must be a number and h, d, m (30 days) or y (365 days), such "
				     "as 1d, up to 3650d";
	static const char seconds[] = "must be seconds from 0 to 86400, or a number with s, min, h "
				      "or d";
	static const char timeout[] = "must be seconds from 0.1 to 60, such as 5, 2.5 or 500ms";
	static const char signer[] = "must be the path of ocsp-sign, or unix: and the absolute "
				     "path of a socket (107 octets at most)";
	static const struct {
		const char *section, *line, *mend;
	} t[] = {
		{ "db", "port=33o6", port },
		{ "db", "port=0", port },
		{ "db", "port=65536", port },
		{ "db", "log=LOUD", "must be one of debug|info|warning|error|critical" },
		{ "db", "type=oracle", "must be one of mysql|sqlite" },
		{ "db", "db=", "is empty: give it a value, or put '#' before the line" },
		{ "db", "file=", "must be the name of a file or folder" },
		{ "db", "table=a;drop", "must be TABLE or SCHEMA.TABLE of letters, digits, '_' and "
		  "'$', each 64 at most" },
		{ "db", "tls=maybe", "must be yes or no" },
		{ "db", "host=a,,b", hosts },
		{ "db", "host=1,2,3,4,5,6,7,8,9", hosts },
		{ "db", "host=::1", hosts },
		{ "db", "socket=", "must be a path, 1 for /run/mysqld/mysqld.sock, or 0 for TCP" },
		{ "ocsp", "producetime=1", period },
		{ "ocsp", "producetime=0d", period },
		{ "ocsp", "producetime=11y", period },
		{ "ocsp", "recheck=5m", seconds },
		{ "ocsp", "recheck=2d", seconds },
		{ "ocsp", "timeout=61", timeout },
		{ "ocsp", "timeout=99ms", timeout },
		{ "ocsp", "sandbox=on", "must be one of auto|off|require" },
		{ "ocsp", "unknown=good", "must be one of unauthorized|unknown|revoked" },
		{ "ocsp", "user=a b", "must be the name or number of a user" },
		{ "ocsp", "pkey=", "must be the name of a file or a URI" },
		{ "ocsp", "ocspresponse=a,", "must be names of files with commas between, 8 at "
		  "most" },
		{ "ocsp", "signer=unix:a", signer },
		{ "ocsp", "signer=unix:/" X64 X64, signer },
		{ "ocsp", "keepalive=0", "must be a number from 1 to 100000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char text[512], want[CONF_ERROR_LEN];
		size_t equals = strcspn(t[i].line, "=") + 1, len = strlen(t[i].line + equals);
		bool cut = len >= CONF_SHOWN_LEN;

		snprintf(text, sizeof text, "[%s]\n\n%s # c\n", t[i].section, t[i].line);
		snprintf(want, sizeof want, PATH ":3: %.*s%.*s%s %s", (int)equals, t[i].line,
			 cut ? CONF_SHOWN_LEN - 4 : (int)len, t[i].line + equals, cut ? "..." : "",
			 t[i].mend);
		refuses(bytes_str(text), want);
	}
}

static void bounds_are_allowed(void **state)
{
	static const char *const good[] = {
		"recheck=0", "recheck=86400", "recheck=1d", "timeout=0.1", "timeout=60", "maxage=0",
		"maxage=3650d", "backdate=1d", "producetime=1h", "producetime=10y",
		"keepalive=100000", "maxpersource=0", "ocspresponse=1,2,3,4,5,6,7,8",
		"password=", "signer=/bin/x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		char text[256];
		struct conf c;

		snprintf(text, sizeof text, DB OCSP "%s\n", good[i]);
		if (conf_parse(bytes_str(text), PATH, 0, &c, error) != E_OK)
			fail_msg("%s", error);
		assert_null(c.ca[0].password);
		conf_free(&c);
	}
}

static void a_path_has_a_limit(void **state)
{
	char text[6000], name[4096];
	struct conf c;

	(void)state;
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	snprintf(text, sizeof text, DB OCSP "cache=%s\n", name);
	assert_int_equal(conf_parse(bytes_str(text), PATH, 0, &c, error), E_CONFIG);
	assert_non_null(strstr(error, "c.ini:7: cache=xxx"));
	assert_true(strlen(error) < 200);
}

/* No message has a password in it, whatever is wrong with the line. */
static void secrets_are_not_told(void **state)
{
	static const char *const lines[] = {
		"password=\"" SECRET, "password=\"" SECRET "\" x", "password=\"\\" SECRET "\"",
		"password=" SECRET "\x01", "pasword=" SECRET, "password=a\npassword=" SECRET,
		"password " SECRET, "password=" SECRET "\nprot=1",
	};
	static const char *const section[] = { "db", "ocsp" };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof lines / sizeof *lines; i++) {
		char text[256];
		struct conf c;

		snprintf(text, sizeof text, "[%s]\n%s\n", section[i % 2], lines[i / 2]);
		assert_int_equal(conf_parse(bytes_str(text), PATH, 0, &c, error), E_CONFIG);
		assert_null(strstr(error, SECRET));
	}
}

static void the_front_keeps_no_secret(void **state)
{
	struct bytes text = B(DB "password=" SECRET "1\n" OCSP "password=\"" SECRET "2\"\n"
			      "[ca x]\ncert=c\npkey=k\npassword=" SECRET "3\n");
	struct conf c;

	(void)state;
	assert_int_equal(conf_parse(text, PATH, CONF_NO_SECRETS, &c, error), E_OK);
	assert_null(c.db_password);
	assert_null(c.ca[0].password);
	assert_null(c.ca[1].password);
	assert_null(memmem(c.text, c.text_len, SECRET, strlen(SECRET)));
	conf_free(&c);
	/* it must be right all the same */
	assert_int_equal(conf_parse(B("[db]\npassword=\"x\n"), PATH, CONF_NO_SECRETS, &c, error),
			 E_CONFIG);
	assert_int_equal(conf_parse(text, PATH, 0, &c, error), E_OK);
	assert_string_equal(c.db_password, SECRET "1");
	assert_string_equal(c.ca[0].password, SECRET "2");
	assert_string_equal(c.ca[1].password, SECRET "3");
	conf_free(&c);
}

/* Every octet in every place, and every length: it ends, with a configuration or a sentence. */
/* Of any length, and cut where it is too long; nothing is written beyond its room. */
static void what_is_shown_has_its_room(void **state)
{
	static const char text[] = X64 X64;
	char out[CONF_SHOWN_LEN + 4];

	(void)state;
	for (size_t len = 0; len < sizeof text; len++) {
		bool fits = len < CONF_SHOWN_LEN;

		memset(out, '#', sizeof out);
		conf_show(bytes_of(text, len), out);
		assert_memory_equal(out + CONF_SHOWN_LEN, "####", 4);
		assert_int_equal(strlen(out), fits ? len : CONF_SHOWN_LEN - 1);
		assert_true(fits || strcmp(out + CONF_SHOWN_LEN - 4, "...") == 0);
	}
}

static void any_octets(void **state)
{
	static const char base[] =
		"[db]\ndb=d\nusername=u\nhost=a,b\n[ocsp]\ncert=c\npkey=k\nocspresponse=\"r\",s\n"
		"[ca x]\ncert=c\npkey=k\n";
	struct bytes text;
	uint8_t octets[sizeof base - 1];
	size_t good = 0, bad = 0;

	(void)state;
	for (size_t at = 0; at < sizeof octets; at++) {
		for (unsigned ch = 0; ch < 256; ch++) {
			struct conf c;

			memcpy(octets, base, sizeof octets);
			octets[at] = (uint8_t)ch;
			error[0] = '\0';
			text = bytes_of(octets, sizeof octets);
			if (conf_parse(text, "c.ini", 0, &c, error) == E_OK) {
				conf_free(&c);
				good++;
			} else {
				assert_memory_equal(error, "c.ini:", 6);
				bad++;
			}
			text.len = at;
			if (conf_parse(text, "c.ini", 0, &c, error) == E_OK)
				conf_free(&c);
		}
	}
	assert_true(good > 0 && bad > 0);
}

/* The room that is set aside suffices for a file that needs as much as it can. */
static void the_largest_file_fits(void **state)
{
	char *text = malloc(LIM_CONFIG_LEN), *p = text;
	const char *path = "/" X64 "/" X64 "/" X64 "/c.ini";
	struct conf c;

	(void)state;
	assert_non_null(text);
	p += sprintf(p, DB "host=1,2,3,4,5,6,7,8\nfile=f\nsocket=s\nlogfile=l\ntls_ca=a\n"
		     "tls_cert=b\ntls_key=c\n[ocsp]\ncache=c\nsigner=s\n");
	for (int i = 0; i < LIM_CAS; i++) {
		if (i)
			p += sprintf(p, "[ca %x]\n", i);
		p += sprintf(p, "cert=c\npkey=k\nissuer=i\nroot=r\ntable=t\n"
			     "ocspresponse=1,2,3,4,5,6,7,8\n");
	}
	if (conf_parse(bytes_of(text, (size_t)(p - text)), path, 0, &c, error) != E_OK)
		fail_msg("%s", error);
	assert_int_equal(c.n_ca, LIM_CAS);
	assert_string_equal(c.ca[LIM_CAS - 1].ocspresponse[7], "/" X64 "/" X64 "/" X64 "/8");
	conf_free(&c);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections),
		cmocka_unit_test(ca_sections),
		cmocka_unit_test(keys),
		cmocka_unit_test(missing_keys),
		cmocka_unit_test(keys_that_exclude_each_other),
		cmocka_unit_test(no_pin_in_a_uri),
		cmocka_unit_test(extended_revoke_is_not_for_br),
		cmocka_unit_test(times_that_br_forbids),
		cmocka_unit_test(values),
		cmocka_unit_test(bounds_are_allowed),
		cmocka_unit_test(a_path_has_a_limit),
		cmocka_unit_test(secrets_are_not_told),
		cmocka_unit_test(the_front_keeps_no_secret),
		cmocka_unit_test(what_is_shown_has_its_room),
		cmocka_unit_test(any_octets),
		cmocka_unit_test(the_largest_file_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
