/* SHA-256 (FIPS 180-4): what the ETag of an answer is made of (L-17). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "sha256.h"

static void expect_digest(struct bytes in, const char *hex)
{
	uint8_t digest[32];
	char text[65] = "";

	sha256(in, digest);
	*bytes_hex(bytes_of(digest, sizeof digest), text) = '\0';
	assert_string_equal(text, hex);
}

/* The examples that NIST publishes for FIPS 180-4. */
static void test_published(void **state)
{
	(void)state;
	expect_digest(bytes_str(""),
		      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect_digest(bytes_of(NULL, 0),
		      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect_digest(bytes_str("abc"),
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect_digest(bytes_str("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	expect_digest(bytes_str("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
				"ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
		      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
	expect_digest(bytes_of("\xbd", 1),
		      "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
	expect_digest(bytes_of("\xc9\x8c\x8e\x55", 4),
		      "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504");
}

/* Of n octets 0, 1, 2, … : every place where the padding takes another shape. */
static void test_lengths(void **state)
{
	static const struct {
		size_t len;
		const char *hex;
	} row[] = {
		{ 1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
		{ 54, "675f28acc0b90a72d1c3a570fe83ac565555db358cf01826dc8eefb2bf7ca0f3" },
		{ 55, "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59" },
		{ 56, "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562" },
		{ 57, "2fe741af801cc238602ac0ec6a7b0c3a8a87c7fc7d7f02a3fe03d1c12eac4d8f" },
		{ 63, "29af2686fd53374a36b0846694cc342177e428d1647515f078784d69cdb9e488" },
		{ 64, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108" },
		{ 65, "4bfd2c8b6f1eec7a2afeb48b934ee4b2694182027e6d0fc075074f2fabb31781" },
		{ 119, "da18797ed7c3a777f0847f429724a2d8cd5138e6ed2895c3fa1a6d39d18f7ec6" },
		{ 120, "f52b23db1fbb6ded89ef42a23ce0c8922c45f25c50b568a93bf1c075420bbb7c" },
		{ 127, "92ca0fa6651ee2f97b884b7246a562fa71250fedefe5ebf270d31c546bfea976" },
		{ 128, "471fb943aa23c511f6f72f8d1652d9c880cfa392ad80503120547703e56a2be5" },
		{ 129, "5099c6a56203f9687f7d33f4bfdf576d31dc91f6b695ecea38b2770c87631135" },
		{ 471, "59cf45bae6c280ef94bc7e0ebd20dce194a1df903aa95193dc82af7db1a0682f" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		uint8_t *in = malloc(row[i].len);	/* that long exactly, for the sanitizer */

		assert_non_null(in);
		for (size_t k = 0; k < row[i].len; k++)
			in[k] = (uint8_t)k;
		expect_digest(bytes_of(in, row[i].len), row[i].hex);
		free(in);
	}
}

static void test_zeros(void **state)
{
	static const uint8_t zero[1000];

	(void)state;
	expect_digest(bytes_of(zero, 55),
		      "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7");
	expect_digest(bytes_of(zero, 56),
		      "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb");
	expect_digest(bytes_of(zero, 57),
		      "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785");
	expect_digest(bytes_of(zero, 64),
		      "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b");
	expect_digest(bytes_of(zero, 1000),
		      "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53");
}

static void test_million(void **state)
{
	size_t len = 1000000;
	uint8_t *a = malloc(len);

	(void)state;
	assert_non_null(a);
	memset(a, 'a', len);
	expect_digest(bytes_of(a, len),
		      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_million),
	};

	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
