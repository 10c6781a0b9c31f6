/* What is written is JSON, and CSV, whatever stands in it. */
#include "unit.h"

#include "json.h"

static char *buf;
static size_t buf_len;

static FILE *memory(void)
{
	FILE *f = open_memstream(&buf, &buf_len);

	assert_non_null(f);
	return f;
}

static void expect(FILE *f, const char *text)
{
	fclose(f);
	assert_string_equal(buf, text);
	free(buf);
}

static void an_object_with_everything(void **state)
{
	struct json j = json_to(memory());

	(void)state;
	json_begin(&j, NULL, '{');
	json_text(&j, "a", "b");
	json_text(&j, "n", NULL);
	json_begin(&j, "list", '[');
	json_number(&j, NULL, -1);
	json_bool(&j, NULL, true);
	json_end(&j, ']');
	json_begin(&j, "empty", '{');
	json_end(&j, '}');
	json_end(&j, '}');
	expect(j.f, "{\n  \"a\": \"b\",\n  \"n\": null,\n  \"list\": [\n    -1,\n    true\n  ],\n"
	       "  \"empty\": {}\n}\n");
}

static void odd_text(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\t\x1b[31m\x7f", "\"\\u0009\\u001b[31m\\u007f\"" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		  "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "\xc3", "\"\\ufffd\"" },			/* cut short */
		{ "\xc0\xaf", "\"\\ufffd\\ufffd\"" },		/* too long a form */
		{ "\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },	/* a surrogate */
		{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\xff", "\"\\ufffd\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json j = json_to(memory());

		json_text(&j, NULL, cases[i].in);
		expect(j.f, cases[i].out);
	}
}

static void csv_quotes_what_it_must(void **state)
{
	FILE *f = memory();

	(void)state;
	csv_text(f, "plain text");
	putc(',', f);
	csv_text(f, "a,b");
	putc(',', f);
	csv_text(f, "say \"x\"");
	putc(',', f);
	csv_text(f, "two\nlines");
	expect(f, "plain text,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_with_everything),
		cmocka_unit_test(odd_text),
		cmocka_unit_test(csv_quotes_what_it_must),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
