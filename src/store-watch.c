/* What a process that watches the table asks. */
#include "store-backend.h"

#include <stdio.h>

enum err store_hint(struct store *s, const char *table, struct deadline d,
		    char out[STORE_SIGN_LEN])
{
	enum err e = store_start(s, table, d);

	return e == E_OK ? s->ops->hint(s, out) : e;
}

enum err store_digest(struct store *s, const char *table, struct deadline d,
		      char out[STORE_SIGN_LEN])
{
	enum err e = store_start(s, table, d);

	return e == E_OK ? s->ops->digest(s, out) : e;
}

enum err store_stamped(struct store *s, const char *table, struct deadline d)
{
	enum err e = store_start(s, table, d);

	return e == E_OK ? s->ops->stamped(s) : e;
}

enum err store_changed(struct store *s, const char *table, int seconds, struct deadline d,
		       store_each *each, void *arg)
{
	char text[16];
	struct store_params params = { .text = { text }, .n = 1 };
	enum err e = store_start(s, table, d);

	snprintf(text, sizeof text, "%d", seconds);
	return e == E_OK ? s->ops->select(s, s->ops->recent, &params, false, each, arg) : e;
}

enum err store_has_twins(struct store *s, const char *table, struct deadline d,
			 enum store_twins *out)
{
	enum err e = store_start(s, table, d);

	return e == E_OK ? s->ops->twins(s, out) : e;
}

enum err store_rows(struct store *s, const char *table, struct deadline d, int64_t *out)
{
	enum err e = store_start(s, table, d);

	return e == E_OK ? s->ops->rows(s, out) : e;
}

enum err store_upgrade(struct store *s, const char *table, struct deadline d, bool *changed)
{
	enum err e = store_stamped(s, table, d);

	*changed = e == E_NOT_FOUND;
	return e == E_NOT_FOUND ? s->ops->upgrade(s) : e;
}
