/* index.txt of "openssl ca", a line at a time. */
#include "unit.h"

#include "index-txt.h"
#include "store.h"

static const char *why;
static struct index_entry e;

static enum err parse(const char *text)
{
	size_t len = strlen(text);
	/* in memory of its own, so that a sanitizer sees a step too far */
	static uint8_t *copy;

	free(copy);
	copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	why = NULL;
	return index_parse(bytes_of(copy, len), &e, &why);
}

static void valid_revoked_and_expired(void **state)
{
	char serial[SERIAL_TEXT_LEN];

	(void)state;
	assert_int_equal(parse("V\t350101000000Z\t\t01AB\tunknown\t/C=XX/CN=a b"), E_OK);
	assert_int_equal(e.status, 'V');
	assert_int_equal(e.expires, 2051222400);
	serial_text(bytes_of(e.buf, e.serial_len), serial);
	assert_string_equal(serial, "0x1ab");
	assert_int_equal(e.subject.len, 12);
	assert_int_equal(parse("R\t20601231235959Z\t240102030405Z,keyCompromise\t0F\t"
			       "certs/0F.pem\t/CN=x\r"), E_OK);
	assert_int_equal(e.revoked_at, 1704164645);
	assert_int_equal(e.reason, 1);
	assert_int_equal(e.file.len, 12);
	assert_int_equal(e.subject.len, 5);
	assert_int_equal(parse("E\t991231235959Z\t\t00\tunknown\t"), E_OK);
	assert_int_equal(e.subject.len, 0);
	assert_int_equal(parse("E\t491231235959Z\t\t00\tunknown\t/"), E_OK);
	assert_int_equal(e.reason, ROW_NO_REASON);
}

static void reasons(void **state)
{
	static const struct {
		const char *word;
		int reason;
	} cases[] = {
		{ "", ROW_NO_REASON }, { ",", ROW_NO_REASON }, { ",unspecified", 0 },
		{ ",CACompromise", 2 }, { ",affiliationChanged", 3 }, { ",superseded", 4 },
		{ ",cessationOfOperation", 5 }, { ",certificateHold", 6 },
		{ ",holdInstruction,holdInstructionReject", 6 }, { ",keyTime,20240101000000Z", 1 },
		{ ",CAkeyTime,20240101000000Z", 2 }, { ",removeFromCRL", ROW_NO_REASON },
		{ ",privilegeWithdrawn", 9 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char line[128];

		snprintf(line, sizeof line, "R\t350101000000Z\t240102030405Z%s\t01\tunknown\t/",
			 cases[i].word);
		assert_int_equal(parse(line), E_OK);
		assert_int_equal(e.reason, cases[i].reason);
	}
}

static void what_is_wrong_is_told(void **state)
{
	static const char *const cases[] = {
		"V", "V\t", "V\t350101000000Z\t\t01\tunknown", "X\t350101000000Z\t\t01\tunknown\t/",
		"VV\t350101000000Z\t\t01\tunknown\t/", "\t350101000000Z\t\t01\tunknown\t/",
		"V\t350101\t\t01\tunknown\t/", "V\t351301000000Z\t\t01\tunknown\t/",
		"V\t\t\t01\tunknown\t/", "V\t350101000000Z\t\t\tunknown\t/",
		"V\t350101000000Z\t\t0G\tunknown\t/", "V\t350101000000Z\t\t-1\tunknown\t/",
		"V\t350101000000Z\t240102030405Z\t01\tunknown\t/",
		"R\t350101000000Z\t\t01\tunknown\t/", "R\t350101000000Z\tyesterday\t01\tunknown\t/",
		"R\t350101000000Z\t240102030405Z,because\t01\tunknown\t/",
		"V\t350101000000Z\t\t0102030405060708090A0B0C0D0E0F101112131415161718191A\tf\t/",
		" V\t350101000000Z\t\t01\tunknown\t/",
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(parse(cases[i]), E_DATA);
		assert_non_null(why);
	}
	assert_int_equal(parse(""), E_NOT_FOUND);
	assert_int_equal(parse("\r"), E_NOT_FOUND);
	assert_int_equal(parse("# text"), E_NOT_FOUND);
}

/* Every cut of a line is read without a step too far. */
static void cut_anywhere(void **state)
{
	static const char line[] = "R\t20601231235959Z\t240102030405Z,keyCompromise\t0F\t"
		"unknown\t/CN=x";

	(void)state;
	for (size_t n = 0; n < sizeof line - 6; n++) {
		char cut[sizeof line];

		memcpy(cut, line, n);
		cut[n] = '\0';
		assert_int_equal(parse(cut), n == 0 ? E_NOT_FOUND : E_DATA);
	}
}

static void what_is_written_is_read_again(void **state)
{
	static const char *const lines[] = {
		"V\t350101000000Z\t\t01AB\tunknown\t/C=XX/CN=a b\n",
		"R\t20601231235959Z\t240102030405Z,CACompromise\t0F\tunknown\t/CN=x\n",
		"R\t20501231235959Z\t240102030405Z\t00\tunknown\t/\n",
		"V\t491231235959Z\t\tDEADBEEF00\tunknown\t/CN=\xc3\xa4\n",
	};
	char out[INDEX_LINE_LEN + 64], line[128];

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		stpcpy(line, lines[i])[-1] = '\0';
		assert_int_equal(parse(line), E_OK);
		assert_int_equal(index_format(&e, out, sizeof out), strlen(lines[i]));
		assert_string_equal(out, lines[i]);
	}
	assert_int_equal(index_format(&e, out, INDEX_LINE_LEN), 0);
	e.subject = B("/CN=\t\n\x1b");
	e.reason = 10;
	e.status = 'R';
	e.revoked_at = 0;
	index_format(&e, out, sizeof out);
	assert_string_equal(out, "R\t491231235959Z\t700101000000Z\tDEADBEEF00\tunknown\t/CN=???\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_revoked_and_expired),
		cmocka_unit_test(reasons),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(what_is_written_is_read_again),
	};

	return cmocka_run_group_tests_name("index-txt", tests, NULL, NULL);
}
