/* The predecessor's way to read a line, and what is new: quotes, and errors that can be mended. */
#include "unit.h"

#include "ini.h"

#define MAX 8
#define SECTION(line, name) { INI_SECTION, line, name, NULL }
#define VALUE(line, name, value) { INI_VALUE, line, name, value }
#define BAD(line, error) { INI_ERROR, line, NULL, error }
#define END { INI_END, 0, NULL, NULL }

struct expected {
	enum ini_kind kind;
	unsigned line;
	const char *name, *value;	/* of INI_ERROR, value: a part of the error */
};

static void check(struct bytes text, const struct expected *want)
{
	/* in memory of its own, so that a sanitizer sees a step too far */
	uint8_t *copy = malloc(text.len ? text.len : 1);
	struct ini i;

	assert_non_null(copy);
	memcpy(copy, text.p, text.len);
	i = ini_of(bytes_of(copy, text.len));
	for (;; want++) {
		struct ini_item item = ini_next(&i);
		char value[128];

		if (item.kind != want->kind || (item.kind != INI_END && i.line != want->line))
			fail_msg("\"%.*s\": kind %d in line %u, not %d in line %u (%s)",
				 (int)text.len, text.p, item.kind, i.line, want->kind, want->line,
				 item.error ? item.error : "no error");
		if (item.kind == INI_END)
			break;
		if (item.kind == INI_ERROR) {
			assert_non_null(strstr(item.error, want->value));
			continue;
		}
		assert_true(bytes_eq(item.name, bytes_str(want->name)));
		if (item.kind == INI_SECTION)
			continue;
		assert_true(ini_text(&item, value, sizeof value));
		assert_string_equal(value, want->value);
	}
	free(copy);
}

static void reads_lines(void **state)
{
	const struct {
		struct bytes text;
		struct expected want[MAX];
	} t[] = {
		{ B(""), { END } },
		{ B("\n\n  \n\t\n"), { END } },
		{ B("# c\n; c\n  # c\n\t; c"), { END } },
		{ B("[db]"), { SECTION(1, "db"), END } },
		{ B("[db]\nhost=127.0.0.1 #Define the host\nport=3306 #Define the port\n"),
		  { SECTION(1, "db"), VALUE(2, "host", "127.0.0.1"),
		    VALUE(3, "port", "3306"), END } },
		{ B(" [ db ] # a comment\n"), { SECTION(1, "db"), END } },
		{ B("[db];c\n"), { SECTION(1, "db"), END } },
		{ B("[ca one.two]\n"), { SECTION(1, "ca one.two"), END } },
		{ B("a=1"), { VALUE(1, "a", "1"), END } },
		{ B("a=1\r\nb=2\r\n\r\n[x]\r\n"),
		  { VALUE(1, "a", "1"), VALUE(2, "b", "2"),
		    SECTION(4, "x"), END } },
		{ B("\xef\xbb\xbf[db]\n"), { SECTION(1, "db"), END } },
		{ B("  key \t=\t value  \n"), { VALUE(1, "key", "value"), END } },
		{ B("key: value"), { VALUE(1, "key", "value"), END } },
		{ B("key: a=b"), { VALUE(1, "key", "a=b"), END } },
		{ B("key=a:b;c=d"), { VALUE(1, "key", "a:b;c=d"), END } },
		{ B("key=a#b"), { VALUE(1, "key", "a"), END } },
		{ B("key=#b"), { VALUE(1, "key", ""), END } },
		{ B("key="), { VALUE(1, "key", ""), END } },
		{ B("key=a b  c # d"), { VALUE(1, "key", "a b  c"), END } },
		{ B("key=a\"b\""), { VALUE(1, "key", "a\"b\""), END } },
		{ B("key=a\\b"), { VALUE(1, "key", "a\\b"), END } },
		{ B("key=p\xc3\xa4ss"), { VALUE(1, "key", "p\xc3\xa4ss"), END } },
		{ B("key=\"a#b\""), { VALUE(1, "key", "a#b"), END } },
		{ B("key = \" a \" # c"), { VALUE(1, "key", " a "), END } },
		{ B("key=\"\""), { VALUE(1, "key", ""), END } },
		{ B("key=\"a\\\"b\\\\\""), { VALUE(1, "key", "a\"b\\"), END } },
		{ B("key=\"a=[b];\""), { VALUE(1, "key", "a=[b];"), END } },
		{ B("# a\0b\x01\nkey=1"), { VALUE(2, "key", "1"), END } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		check(t[i].text, t[i].want);
}

static void names_what_is_wrong(void **state)
{
	const struct {
		struct bytes text;
		const char *error;
	} t[] = {
		{ B("word"), "no '='" },
		{ B("word # a=b"), "no '='" },
		{ B("=value"), "no key" },
		{ B(" : value"), "no key" },
		{ B("[db"), "no ']'" },
		{ B("[db # ]x"), "behind the ']'" },
		{ B("[]"), "nothing between" },
		{ B("[  ]"), "nothing between" },
		{ B("[db] host=1"), "behind the ']'" },
		{ B("[d\x01" "b]"), "control" },
		{ B("ke\0y=1"), "control" },
		{ B("ke\x1fy=1"), "control" },
		{ B("key=a\0b"), "control" },
		{ B("key=a\x7f" "b"), "control" },
		{ B("key=a\rb"), "control" },
		{ B("key=\"a\x1b[0m\""), "control" },
		{ B("\xff\xfe[\0d\0b\0]\0"), "control" },
		{ B("key=\"abc"), "isn't closed" },
		{ B("key=\""), "isn't closed" },
		{ B("key=\"abc\\\""), "isn't closed" },
		{ B("key=\"abc\\"), "single '\\'" },
		{ B("key=\"a\\b\""), "single '\\'" },
		{ B("key=\"a\" b"), "behind the closing quote" },
		{ B("key=\"a\"b\""), "behind the closing quote" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const struct expected want[] = { BAD(1, t[i].error), END };

		check(t[i].text, want);
	}
}

static void counts_lines_behind_an_error(void **state)
{
	static const struct expected want[] = {
		BAD(2, "no '='"), VALUE(4, "a", "1"), END,
	};

	(void)state;
	check(B("\nword\n#\na=1\n"), want);
}

static void the_key_of_a_bad_value_is_known(void **state)
{
	struct ini i = ini_of(B("password=\"secret"));
	struct ini_item item = ini_next(&i);

	(void)state;
	assert_int_equal(item.kind, INI_ERROR);
	assert_true(bytes_eq(item.name, B("password")));
	assert_null(strstr(item.error, "secret"));
}

static void text_has_to_fit(void **state)
{
	const struct {
		struct bytes line;
		const char *text;
	} t[] = {
		{ B("a=1234"), "1234" }, { B("a=\"1\\\"3\\\\\""), "1\"3\\" }, { B("a="), "" },
		{ B("a=\"\""), "" },
	};

	(void)state;
	for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
		struct ini i = ini_of(t[k].line);
		struct ini_item item = ini_next(&i);
		size_t len = strlen(t[k].text);
		char *out = malloc(len + 1);

		assert_non_null(out);
		assert_true(ini_text(&item, out, len + 1));
		assert_string_equal(out, t[k].text);
		assert_false(ini_text(&item, out, len));
		assert_false(ini_text(&item, out, 0));
		free(out);
	}
}

static void nothing_is_no_text(void **state)
{
	struct ini i = ini_of(bytes_of(NULL, 0));

	(void)state;
	assert_int_equal(ini_next(&i).kind, INI_END);
	assert_int_equal(ini_next(&i).kind, INI_END);
}

/* Every octet in every place: it ends, and what it returns lies within the text. */
static void any_octets(void **state)
{
	static const char base[] = "[db]\nkey = \"v\\\"w\" # c\nother: x\n";
	uint8_t text[sizeof base - 1];

	(void)state;
	for (size_t at = 0; at < sizeof text; at++) {
		for (unsigned ch = 0; ch < 256; ch++) {
			struct ini i;
			struct ini_item item;
			size_t n = 0;

			memcpy(text, base, sizeof text);
			text[at] = (uint8_t)ch;
			i = ini_of(bytes_of(text, sizeof text));
			while ((item = ini_next(&i)).kind != INI_END) {
				assert_true(++n <= 4);
				if (item.value.len == 0)
					continue;
				assert_true(item.value.p >= text);
				assert_true(item.value.p + item.value.len <= text + sizeof text);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lines),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(counts_lines_behind_an_error),
		cmocka_unit_test(the_key_of_a_bad_value_is_known),
		cmocka_unit_test(text_has_to_fit),
		cmocka_unit_test(nothing_is_no_text),
		cmocka_unit_test(any_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
