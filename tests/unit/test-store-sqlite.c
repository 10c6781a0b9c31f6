/* The SQLite backend, on a file of its own. */
#include "unit.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "store.h"

#define TABLE "list_certs"

static char dir[] = "/tmp/test-store-sqlite.XXXXXX";
static char file[64];
static struct conf conf = { .db_type = DB_SQLITE, .db_file = file };

static struct bytes serial_of(const char *text, uint8_t buf[LIM_SERIAL_LEN])
{
	struct bytes m;

	assert_true(serial_parse(bytes_str(text), buf, &m));
	return m;
}

static struct deadline soon(void)
{
	return deadline_in(5000);
}

/* Runs SQL behind the store's back. */
static void sql(const char *text)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", text, why);
	sqlite3_close(db);
}

static struct store *open_store(bool write)
{
	char error[STORE_ERROR_LEN] = "";
	struct store *s = NULL;
	enum err e = write ? store_open_to_write(&conf, soon(), &s, error) :
		store_open(&conf, soon(), &s, error);

	if (e != E_OK)
		fail_msg("%s", error);
	return s;
}

/* A fresh table, and a store on it that only reads. */
static int setup(void **state)
{
	struct store *s;
	bool created;

	unlink(file);
	s = open_store(true);
	assert_int_equal(store_create(s, TABLE, soon(), &created), E_OK);
	assert_true(created);
	store_close(s);
	*state = open_store(false);
	return 0;
}

static int teardown(void **state)
{
	static const char *const more[] = { "-wal", "-shm" };
	char path[sizeof file + 4];

	store_close(*state);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s%s", file, more[i]);
		unlink(path);
	}
	return unlink(file);
}

/* The table without its CHECKs, as an SQLite of another making may be. */
static int setup_loose(void **state)
{
	unlink(file);
	sql("CREATE TABLE list_certs (cert_num TEXT PRIMARY KEY, revocation_time,"
	    "revocation_reason, cert, status)");
	*state = open_store(false);
	return 0;
}

static enum err find(struct store *s, const char *serial, bool want_cert, struct store_row *row)
{
	uint8_t buf[LIM_SERIAL_LEN];

	return store_find(s, TABLE, serial_of(serial, buf), want_cert, soon(), row);
}

static void create_is_repeatable(void **state)
{
	struct store *s = open_store(true);
	bool created = true;

	(void)state;
	assert_int_equal(store_create(s, TABLE, soon(), &created), E_OK);
	assert_false(created);
	assert_int_equal(store_check(s, TABLE, soon()), E_OK);
	store_close(s);
}

static void rows_are_found_in_every_form(void **state)
{
	static const char *const written[] = { "0x1f2e", "0X1F2E", "0x1F2E", "0x01f2e", "0x001f2e",
		"0x0000000000000000000000000000000000001F2E" };
	struct store_row row;

	for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
		char text[256];

		snprintf(text, sizeof text, "DELETE FROM list_certs; INSERT INTO list_certs "
			 "(cert_num, cert) VALUES ('%s', x'3000')", written[i]);
		sql(text);
		assert_int_equal(find(*state, "1f2e", false, &row), E_OK);
		assert_string_equal(row.cert_num, written[i]);
		assert_int_equal(row.status, ROW_VALID);
		assert_null(row.cert);
		assert_int_equal(find(*state, "1f2", false, &row), E_NOT_FOUND);
		assert_int_equal(find(*state, "1f2e00", false, &row), E_NOT_FOUND);
	}
}

static void a_revoked_twin_wins(void **state)
{
	struct store_row row;

	sql("INSERT INTO list_certs (cert_num, cert, status) VALUES ('0xab', x'01', 'Valid');"
	    "INSERT INTO list_certs (cert_num, cert, status, revocation_time, revocation_reason) "
	    "VALUES ('0x00AB', x'02', 'Revoked', '2024-01-02 03:04:05', 'superseded')");
	assert_int_equal(find(*state, "ab", true, &row), E_OK);
	assert_int_equal(row.status, ROW_REVOKED);
	assert_int_equal(row.reason, 4);
	assert_int_equal(row.revoked_at, 1704164645);
	assert_int_equal(row.cert_len, 1);
	assert_int_equal(row.cert[0], 2);
	store_row_free(&row);
}

static void add_then_revoke(void **state)
{
	static const uint8_t der[] = { 0x30, 0x03, 0x00, 0xff, 0x00 };
	struct store *s = open_store(true);
	uint8_t buf[LIM_SERIAL_LEN];
	struct bytes serial = serial_of("00C0FFEE", buf);
	struct store_count n;
	struct store_row row;

	assert_int_equal(store_revoke(s, TABLE, serial, 0, 1, soon()), E_NOT_FOUND);
	assert_int_equal(store_add(s, TABLE, serial, bytes_of(der, sizeof der), soon()), E_OK);
	assert_int_equal(store_add(s, TABLE, serial, bytes_of(der, sizeof der), soon()), E_DATA);
	assert_non_null(strstr(store_error(s), "0xc0ffee"));
	assert_int_equal(find(*state, "c0ffee", true, &row), E_OK);
	assert_string_equal(row.cert_num, "0xc0ffee");
	assert_memory_equal(row.cert, der, sizeof der);
	assert_int_equal(row.reason, ROW_NO_REASON);
	assert_true(row.revoked_at == ROW_NO_TIME);
	store_row_free(&row);
	assert_null(row.cert);

	assert_int_equal(store_revoke(s, TABLE, serial, 1704164645, 1, soon()), E_OK);
	assert_int_equal(find(*state, "c0ffee", false, &row), E_OK);
	assert_int_equal(row.status, ROW_REVOKED);
	assert_int_equal(row.reason, 1);
	assert_int_equal(row.revoked_at, 1704164645);
	assert_int_equal(store_revoke(s, TABLE, serial, 1704164646, ROW_NO_REASON, soon()), E_OK);
	assert_int_equal(find(*state, "c0ffee", false, &row), E_OK);
	assert_int_equal(row.reason, ROW_NO_REASON);
	assert_int_equal(store_count(s, TABLE, soon(), &n), E_OK);
	assert_int_equal(n.valid, 0);
	assert_int_equal(n.revoked, 1);
	assert_int_equal(n.odd, 0);
	store_close(s);
}

static void add_knows_the_other_forms(void **state)
{
	struct store *s = open_store(true);
	uint8_t buf[LIM_SERIAL_LEN];

	(void)state;
	sql("INSERT INTO list_certs (cert_num, cert) VALUES ('0x00BEEF', x'01')");
	assert_int_equal(store_add(s, TABLE, serial_of("beef", buf), B("x"), soon()), E_DATA);
	store_close(s);
}

static void a_reader_cannot_write(void **state)
{
	uint8_t buf[LIM_SERIAL_LEN];

	assert_int_equal(store_add(*state, TABLE, serial_of("1", buf), B("x"), soon()), E_DB);
	assert_string_not_equal(store_error(*state), "");
}

static void the_enums_are_checked(void **state)
{
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO list_certs (cert_num, cert, status) "
				      "VALUES ('0x1', x'', 'Good')", NULL, NULL, NULL),
			 SQLITE_CONSTRAINT);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO list_certs (cert_num, cert, "
				      "revocation_reason) VALUES ('0x1', x'', 'because')",
				      NULL, NULL, NULL),
			 SQLITE_CONSTRAINT);
	sqlite3_close(db);
}

static void odd_values_have_a_definite_outcome(void **state)
{
	struct store_count n;
	struct store_row row;

	sql("INSERT INTO list_certs VALUES ('0x1', NULL, NULL, NULL, NULL);"
	    "INSERT INTO list_certs VALUES ('0x2', '0000-00-00 00:00:00', '', x'', 'Revoked');"
	    "INSERT INTO list_certs VALUES ('0x3', 1704164645, 255, 'text', 'REVOKED');"
	    "INSERT INTO list_certs VALUES ('0x4', 'noon', 10, x'00', 1)");
	assert_int_equal(find(*state, "1", true, &row), E_OK);
	assert_int_equal(row.status, ROW_ODD);
	assert_int_equal(row.reason, ROW_NO_REASON);
	assert_null(row.cert);
	assert_false(row.cert_too_long);
	assert_int_equal(find(*state, "2", true, &row), E_OK);
	assert_int_equal(row.status, ROW_REVOKED);
	assert_int_equal(row.reason, ROW_ODD_REASON);
	assert_true(row.revoked_at == ROW_NO_TIME);
	assert_int_equal(row.cert_len, 0);
	assert_int_equal(find(*state, "3", true, &row), E_OK);
	assert_int_equal(row.status, ROW_REVOKED);
	assert_int_equal(row.reason, ROW_ODD_REASON);
	assert_int_equal(row.cert_len, 4);
	store_row_free(&row);
	assert_int_equal(find(*state, "4", false, &row), E_OK);
	assert_int_equal(row.status, ROW_ODD);
	assert_int_equal(row.reason, 10);
	assert_int_equal(store_count(*state, TABLE, soon(), &n), E_OK);
	assert_int_equal(n.valid, 0);
	assert_int_equal(n.revoked, 2);
	assert_int_equal(n.odd, 2);
}

static void a_huge_certificate_is_not_read(void **state)
{
	struct store_row row;

	sql("INSERT INTO list_certs VALUES ('0x1', NULL, NULL, zeroblob(65536), 'Valid');"
	    "INSERT INTO list_certs VALUES ('0x2', NULL, NULL, zeroblob(65537), 'Valid');"
	    "INSERT INTO list_certs VALUES ('0x3', NULL, NULL, zeroblob(50000000), 'Valid')");
	assert_int_equal(find(*state, "1", true, &row), E_OK);
	assert_int_equal(row.cert_len, LIM_CERT_LEN);
	assert_false(row.cert_too_long);
	store_row_free(&row);
	for (int i = 2; i <= 3; i++) {
		assert_int_equal(find(*state, i == 2 ? "2" : "3", true, &row), E_OK);
		assert_null(row.cert);
		assert_int_equal(row.cert_len, 0);
		assert_true(row.cert_too_long);
		assert_int_equal(row.status, ROW_VALID);
	}
}

static void a_missing_table_is_no_missing_row(void **state)
{
	uint8_t buf[LIM_SERIAL_LEN];
	struct bytes serial = serial_of("1", buf);
	struct store_row row;

	assert_int_equal(store_find(*state, "other", serial, false, soon(), &row), E_DB);
	assert_non_null(strstr(store_error(*state), "init-db"));
	assert_int_equal(store_check(*state, "other", soon()), E_DB);
}

static void a_table_without_an_index_is_told(void **state)
{
	sql("CREATE TABLE slow (cert_num, revocation_time, revocation_reason, cert, status)");
	assert_int_equal(store_check(*state, "slow", soon()), E_DATA);
	assert_non_null(strstr(store_error(*state), "index"));
	sql("CREATE INDEX i ON slow (cert_num)");
	assert_int_equal(store_check(*state, "slow", soon()), E_OK);
}

static void a_missing_file_is_not_made_by_a_reader(void **state)
{
	char error[STORE_ERROR_LEN] = "";
	struct store *s;

	(void)state;
	unlink(file);
	assert_int_equal(store_open(&conf, soon(), &s, error), E_DB);
	assert_non_null(strstr(error, file));
	assert_int_not_equal(access(file, F_OK), 0);
}

static void a_file_that_is_no_database(void **state)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct store_row row;
	struct store *s;

	(void)state;
	assert_int_equal(write(fd, "this is text, and no database\n", 30), 30);
	close(fd);
	s = open_store(false);
	assert_int_equal(find(s, "1", false, &row), E_DB);
	store_close(s);
}

/* D-12: held up, it says so in time, and never "not found". */
static void a_locked_database_ends_within_the_deadline(void **state)
{
	uint8_t buf[LIM_SERIAL_LEN];
	struct bytes serial = serial_of("1", buf);
	struct store_row row;
	int64_t begin;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	begin = clock_mono_ms();
	assert_int_equal(store_find(*state, TABLE, serial, false, deadline_in(300), &row), E_DB);
	assert_in_range(clock_mono_ms() - begin, 200, 1000);
	assert_non_null(strstr(store_error(*state), "locked"));
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_find(*state, TABLE, serial, false, soon(), &row), E_NOT_FOUND);
	assert_int_equal(store_find(*state, TABLE, serial, false, deadline_in(0), &row), E_DB);
}

static void a_wal_database_is_read(void **state)
{
	struct store_row row;

	sql("PRAGMA journal_mode=WAL;"
	    "INSERT INTO list_certs (cert_num, cert) VALUES ('0x1', x'01')");
	assert_int_equal(find(*state, "1", false, &row), E_OK);
	assert_int_equal(row.status, ROW_VALID);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define LOOSE(f) cmocka_unit_test_setup_teardown(f, setup_loose, teardown)

static struct store_new new_row(const char *key, bool revoked)
{
	struct store_new n = { .revoked = revoked, .revoked_at = revoked ? 1700000000 : ROW_NO_TIME,
			       .reason = revoked ? 6 : ROW_NO_REASON, .cert = B("DER") };

	stpcpy(n.cert_num, key);
	return n;
}

static bool count_one(void *arg, struct store_row *row)
{
	++*(size_t *)arg;
	assert_int_equal(row->cert_len, 3);
	return true;
}

static void many_rows_in_a_transaction(void **state)
{
	const char keys[3][SERIAL_TEXT_LEN] = { "0x1", "0x2", "0x3" };
	struct store_new rows[] = { new_row("0x1", false), new_row("0x2", true) };
	struct store *s = open_store(true);
	struct store_count n;
	size_t found = 0;

	assert_int_equal(store_begin(s, TABLE, soon()), E_OK);
	assert_int_equal(store_add_many(s, TABLE, rows, 2, soon()), E_OK);
	assert_int_equal(store_match(s, TABLE, keys, 3, soon(), count_one, &found), E_OK);
	assert_int_equal(found, 2);
	assert_int_equal(store_count(*state, TABLE, soon(), &n), E_OK);
	assert_int_equal(n.valid + n.revoked, 0);	/* nobody else sees them yet */
	assert_int_equal(store_commit(s, TABLE, soon()), E_OK);
	assert_int_equal(store_count(*state, TABLE, soon(), &n), E_OK);
	assert_int_equal(n.valid, 1);
	assert_int_equal(n.revoked, 1);
	store_close(s);
}

static void what_is_not_committed_is_undone(void **state)
{
	struct store_new rows[] = { new_row("0x1", false), new_row("0x1", false) };
	struct store *s = open_store(true);
	struct store_count n;

	assert_int_equal(store_begin(s, TABLE, soon()), E_OK);
	assert_int_equal(store_add_many(s, TABLE, rows, 2, soon()), E_DATA);
	store_close(s);
	assert_int_equal(store_count(*state, TABLE, soon(), &n), E_OK);
	assert_int_equal(n.valid, 0);
}

static void only_a_hold_is_released(void **state)
{
	struct store *s = open_store(true);
	uint8_t buf[LIM_SERIAL_LEN];
	struct store_row row;

	sql("INSERT INTO " TABLE " VALUES "
	    "('0x0A','2024-01-02 03:04:05','certificate_hold','','Revoked'),"
	    "('0xb','2024-01-02 03:04:05','superseded','','Revoked'),('0xc',NULL,NULL,'','Valid')");
	assert_int_equal(store_release(s, TABLE, serial_of("a", buf), soon()), E_OK);
	assert_int_equal(store_find(*state, TABLE, serial_of("a", buf), false, soon(), &row), E_OK);
	assert_int_equal(row.status, ROW_VALID);
	assert_int_equal(row.revoked_at, ROW_NO_TIME);
	assert_int_equal(row.reason, ROW_NO_REASON);
	assert_int_equal(store_release(s, TABLE, serial_of("b", buf), soon()), E_NOT_FOUND);
	assert_int_equal(store_release(s, TABLE, serial_of("c", buf), soon()), E_NOT_FOUND);
	assert_int_equal(store_release(s, TABLE, serial_of("d", buf), soon()), E_NOT_FOUND);
	store_close(s);
}

static void a_certificate_can_be_set(void **state)
{
	struct store *s = open_store(true);
	uint8_t buf[LIM_SERIAL_LEN];
	struct store_row row;

	sql("INSERT INTO " TABLE " VALUES ('0xA',NULL,NULL,'','Valid')");
	assert_int_equal(store_set_cert(s, TABLE, serial_of("a", buf), B("new"), soon()), E_OK);
	assert_int_equal(store_find(*state, TABLE, serial_of("a", buf), true, soon(), &row), E_OK);
	assert_memory_equal(row.cert, "new", 3);
	store_row_free(&row);
	assert_int_equal(store_set_cert(s, TABLE, serial_of("b", buf), B("new"), soon()),
			 E_NOT_FOUND);
	store_close(s);
}

static bool collect(void *arg, struct store_row *row)
{
	char *p = arg;

	stpcpy(p + strlen(p), row->cert_num);
	return true;
}

static void twins_are_noticed_and_found(void **state)
{
	static const struct {
		const char *key;
		enum store_twins twins;
	} odd[] = {
		{ "0x0a1f", TWINS_ALL }, { "0x00A1F", TWINS_ALL }, { "0X0A1F", TWINS_ALL },
		{ "0XA1F", TWINS_CASE }, { "0xA1F", TWINS_CASE },
	};
	static const char usual[2][SERIAL_TEXT_LEN] = { "0xa1f", "0x1cd" };
	char found[256] = "";
	enum store_twins twins = TWINS_NONE;

	/* where case counts, none can tell whether there are any without reading all keys */
	sql("INSERT INTO " TABLE " (cert_num, cert) VALUES ('0xa1f',''),('0x1cd','')");
	assert_int_equal(store_has_twins(*state, TABLE, soon(), &twins), E_OK);
	assert_int_equal(twins, TWINS_CASE);
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		char text[192];

		snprintf(text, sizeof text, "DELETE FROM " TABLE " WHERE cert_num NOT IN ('0xa1f',"
			 "'0x1cd'); INSERT INTO " TABLE " (cert_num, cert) VALUES ('%s','')",
			 odd[i].key);
		sql(text);
		assert_int_equal(store_has_twins(*state, TABLE, soon(), &twins), E_OK);
		assert_int_equal(twins, odd[i].twins);
		found[0] = '\0';
		assert_int_equal(store_find_many(*state, TABLE, usual, 2, twins, soon(), collect,
						 found), E_OK);
		assert_non_null(strstr(found, "0xa1f"));
		assert_non_null(strstr(found, "0x1cd"));
		assert_non_null(strstr(found, odd[i].key));
		assert_int_equal(strlen(found), 5 + 5 + strlen(odd[i].key));
	}
	/* upper case behind a digit: no range of the index has it */
	sql("DELETE FROM " TABLE "; INSERT INTO " TABLE " (cert_num, cert) VALUES ('0x1CD','')");
	assert_int_equal(store_has_twins(*state, TABLE, soon(), &twins), E_OK);
	found[0] = '\0';
	assert_int_equal(store_find_many(*state, TABLE, usual, 2, twins, soon(), collect, found),
			 E_OK);
	assert_string_equal(found, "0x1CD");
	found[0] = '\0';
	assert_int_equal(store_find_many(*state, TABLE, usual, 2, TWINS_NONE, soon(), collect,
					 found), E_OK);
	assert_string_equal(found, "");
}

static void odd_keys_are_noticed(void **state)
{
	static const char *const keys[] = { "0xAB", "0Xab", "0x0ab", "ab", "" };
	bool odd = true;

	sql("INSERT INTO " TABLE " VALUES ('0xab',NULL,NULL,'','Valid')");
	assert_int_equal(store_odd_keys(*state, TABLE, soon(), &odd), E_OK);
	assert_false(odd);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		char text[128];

		snprintf(text, sizeof text, "UPDATE " TABLE " SET cert_num='%s'", keys[i]);
		sql(text);
		assert_int_equal(store_odd_keys(*state, TABLE, soon(), &odd), E_OK);
		assert_true(odd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(create_is_repeatable),
		TEST(rows_are_found_in_every_form),
		TEST(a_revoked_twin_wins),
		TEST(add_then_revoke),
		TEST(add_knows_the_other_forms),
		TEST(a_reader_cannot_write),
		TEST(the_enums_are_checked),
		LOOSE(odd_values_have_a_definite_outcome),
		LOOSE(a_huge_certificate_is_not_read),
		TEST(a_missing_table_is_no_missing_row),
		TEST(a_table_without_an_index_is_told),
		cmocka_unit_test(a_missing_file_is_not_made_by_a_reader),
		cmocka_unit_test(a_file_that_is_no_database),
		TEST(a_locked_database_ends_within_the_deadline),
		TEST(a_wal_database_is_read),
		TEST(many_rows_in_a_transaction),
		TEST(what_is_not_committed_is_undone),
		TEST(only_a_hold_is_released),
		TEST(a_certificate_can_be_set),
		TEST(twins_are_noticed_and_found),
		TEST(odd_keys_are_noticed),
	};
	int failed;

	if (!mkdtemp(dir))
		return 99;
	snprintf(file, sizeof file, "%s/db", dir);
	failed = cmocka_run_group_tests_name("store-sqlite", tests, NULL, NULL);
	unlink(file);
	rmdir(dir);
	return failed;
}
