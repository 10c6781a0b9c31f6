/* What changes the table. */
#include "store-backend.h"

enum err store_add(struct store *s, const char *table, struct bytes serial, struct bytes cert,
		   struct deadline d)
{
	char cert_num[SERIAL_TEXT_LEN];
	struct store_row row;
	enum err e = store_find(s, table, serial, false, d, &row);

	serial_text(serial, cert_num);
	if (e == E_NOT_FOUND)
		return s->ops->add(s, cert_num, cert);
	if (e == E_OK) {
		store_fail(s, "%s is already in table %s as %s", cert_num, table, row.cert_num);
		store_row_free(&row);
		e = E_DATA;
	}
	return e;
}

enum err store_revoke(struct store *s, const char *table, struct bytes serial, int64_t revoked_at,
		      int reason, struct deadline d)
{
	char time[STORE_TIME_LEN];
	struct store_forms forms;
	enum err e = store_start(s, table, d);

	if (e != E_OK)
		return e;
	store_make_forms(serial, &forms);
	if (revoked_at != ROW_NO_TIME)
		store_format_time(revoked_at, time);
	return s->ops->revoke(s, &forms.params, revoked_at != ROW_NO_TIME ? time : NULL,
			      reason_word(reason));
}

enum err store_release(struct store *s, const char *table, struct bytes serial, struct deadline d)
{
	struct store_forms forms;
	enum err e = store_start(s, table, d);

	if (e != E_OK)
		return e;
	store_make_forms(serial, &forms);
	return s->ops->release(s, &forms.params);
}

enum err store_set_cert(struct store *s, const char *table, struct bytes serial, struct bytes cert,
			struct deadline d)
{
	struct store_forms forms;
	enum err e = store_start(s, table, d);

	if (e != E_OK)
		return e;
	store_make_forms(serial, &forms);
	return s->ops->set_cert(s, &forms.params, cert);
}

enum err store_begin(struct store *s, const char *table, struct deadline d)
{
	enum err e = store_start(s, table, d);

	if (e == E_OK)
		e = s->ops->begin(s);
	if (e == E_OK)
		s->in_transaction = true;
	return e;
}

enum err store_commit(struct store *s, const char *table, struct deadline d)
{
	enum err e = store_start(s, table, d);

	if (e == E_OK)
		e = s->ops->commit(s);
	if (e == E_OK)
		s->in_transaction = false;
	return e;
}

enum err store_has_cert(struct store *s, const char *table, struct deadline d, bool *out)
{
	enum err e = store_start(s, table, d);

	return e == E_OK ? s->ops->has_cert(s, out) : e;
}

enum err store_odd_keys(struct store *s, const char *table, struct deadline d, bool *out)
{
	enum err e = store_start(s, table, d);

	return e == E_OK ? s->ops->odd_keys(s, out) : e;
}

enum err store_add_many(struct store *s, const char *table, const struct store_new *rows, size_t n,
			struct deadline d)
{
	enum err e = store_start(s, table, d);

	return e == E_OK && n > 0 ? s->ops->add_many(s, rows, n) : e;
}
