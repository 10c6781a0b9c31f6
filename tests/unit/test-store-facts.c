/* store-facts: what an account may do, as SHOW GRANTS of MySQL and MariaDB tell it. */
#include "store-backend.h"
#include "unit.h"

static void rights_beyond_select(void **state)
{
	static const struct {
		const char *line, *more;
	} table[] = {
		{ "GRANT USAGE ON *.* TO `cert`@`%` IDENTIFIED BY PASSWORD '*0'", "" },
		{ "GRANT SELECT ON `certs`.* TO `cert`@`%`", "" },
		{ "GRANT SELECT (`cert_num`, `status`) ON `certs`.`t` TO `cert`@`%`", "" },
		{ "GRANT SELECT, INSERT, UPDATE ON `certs`.* TO `cert`@`%`", "INSERT, UPDATE" },
		{ "GRANT INSERT (`a`, `b`), SELECT ON `c`.`t` TO `x`@`y`", "INSERT" },
		{ "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION",
		  "ALL PRIVILEGES, GRANT OPTION" },
		{ "GRANT `reader`@`%` TO `cert`@`%`", "" },
		{ "GRANT PROXY ON ''@'%' TO 'root'@'localhost'", "PROXY" },
		{ "", "" },
		{ "something else ON", "" },
		{ "GRANT ", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char out[64] = "";

		store_read_grant(table[i].line, out, sizeof out);
		assert_string_equal(out, table[i].more);
	}
}

static void lines_are_added_up_while_there_is_room(void **state)
{
	char out[20] = "";

	(void)state;
	store_read_grant("GRANT INSERT ON `a`.* TO `x`@`y`", out, sizeof out);
	store_read_grant("GRANT DELETE ON `b`.* TO `x`@`y`", out, sizeof out);
	assert_string_equal(out, "INSERT, DELETE");
	store_read_grant("GRANT CREATE TEMPORARY TABLES ON `b`.* TO `x`@`y`", out, sizeof out);
	assert_string_equal(out, "INSERT, DELETE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rights_beyond_select),
		cmocka_unit_test(lines_are_added_up_while_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
