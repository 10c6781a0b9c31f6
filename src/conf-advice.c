/* Apart from the reader, so that a program that never gives advice doesn't carry the words. */
#include "conf.h"

#include <string.h>

/* Without its certificate a row says nothing about who has issued it. */
static bool has_strangers(const struct conf *c, const struct conf_ca *ca)
{
	for (size_t i = 0; i < c->n_ca && !ca->verify; i++)
		if (&c->ca[i] != ca && strcmp(c->ca[i].table, ca->table) == 0)
			return true;
	return false;
}

static void advise_ca(const struct conf *c, const struct conf_ca *ca, conf_tell *tell,
		      void *context)
{
	if (c->backdate_s > CONF_MOST_BACKDATE(ca))
		tell(context, ca, "backdate is more than a quarter of producetime, which is all that "
		     "is taken: make one longer, or the other shorter");
	if (c->maxage_s > ca->producetime_s / 2)
		tell(context, ca, "maxage is more than half of producetime, and the next answer is "
		     "signed by then: caches would miss it (RFC 9919 7.1)");
	if (c->profile == PROFILE_BR && !ca->verify)
		tell(context, ca, "verify=no hides which revoked certificates are a CA's, and those "
		     "need a reason under profile=br (Baseline Requirements 7.3)");
	if (has_strangers(c, ca))
		tell(context, ca, "verify=no in a table that another CA has as well: each row counts "
		     "as a certificate of both, so what the other has issued is good here, too; give "
		     "each a table= of its own, or leave verify=no out");
}

/* ocsp.py's reader of such files took two for one. */
static void advise_percent(const struct conf *c, conf_tell *tell, void *context)
{
	const char *const values[] = { c->db_password, c->db_user, c->db_name, c->cache,
				       c->ca[0].password, c->ca[0].cert, c->ca[0].pkey };

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (values[i] && strstr(values[i], "%%")) {
			tell(context, &c->ca[0], "a value has %%, which ocsp.py took for one %, and "
			     "which are two here: write one, if that is what is meant");
			return;
		}
}

void conf_advise(const struct conf *c, conf_tell *tell, void *context)
{
	const struct conf_ca *first = &c->ca[0];

	for (size_t i = 0; i < c->n_ca; i++)
		advise_ca(c, &c->ca[i], tell, context);
	advise_percent(c, tell, context);
	if (c->profile == PROFILE_RFC9919 && c->unknown != UNKNOWN_UNAUTHORIZED)
		tell(context, first, "what the table lacks is answered with unauthorized under "
		     "profile=rfc9919 (RFC 9919 3.2.3): leave unknown= out, or say profile=rfc6960");
	if (c->maxage_s > 0 && c->recheck_s > c->maxage_s)
		tell(context, first, "recheck is longer than maxage: caches come back before the "
		     "database is asked again (RFC 9919 7.1)");
}
