/* What profile= stands for: other defaults, and what can't be said beside it. */
#include "conf-impl.h"

#define HOUR_S 3600

static bool ocsp_has(const struct conf_reader *r, unsigned key)
{
	return r->seen_ca[0] >> key & 1;
}

void conf_profile_defaults(struct conf_reader *r)
{
	struct conf *c = r->c;

	if (c->profile != PROFILE_RFC6960)
		return;
	if (!ocsp_has(r, CONF_OCSP_unknown))
		c->unknown = UNKNOWN_UNKNOWN;
	if (!ocsp_has(r, CONF_OCSP_nonce))
		c->nonce = NONCE_ECHO;
}

static enum err refuse(const struct conf_reader *r, const struct conf_ca *ca, const char *sentence)
{
	return conf_fail(r->c->path, ca->line, r->error, "[%s%s] %s",
			 ca == &r->c->ca[0] ? "" : "ca ", ca->name, sentence);
}

/* Answers are valid for thisUpdate … nextUpdate, both included, which is producetime; a new one is
 * there before half of it is over (see fresh.h). So seven days keep to each of the rules about the
 * next answer as well. */
static enum err check_br(const struct conf_reader *r, const struct conf_ca *ca)
{
	if (ca->producetime_s < 8 * HOUR_S)
		return refuse(r, ca, "producetime is less than the 8 hours that profile=br asks for "
			      "(Baseline Requirements 4.9.9): say producetime=8h or more");
	if (ca->producetime_s > 7 * DAY_S)
		return refuse(r, ca, "producetime is more than the 7 days that profile=br allows "
			      "(Microsoft 3.2.2; 10 days by Baseline Requirements 4.9.9, with a "
			      "new answer after 4): say producetime=7d or less");
	if (r->c->backdate_s > CONF_MOST_BACKDATE(ca))
		return refuse(r, ca, "backdate is more than a quarter of producetime, so that "
			      "profile=br has no time left to sign the next answer in (Baseline "
			      "Requirements 4.9.9): make one longer, or the other shorter");
	return E_OK;
}

enum err conf_profile_check(const struct conf_reader *r)
{
	const struct conf *c = r->c;
	enum err e = E_OK;

	if (c->profile != PROFILE_BR)
		return E_OK;
	for (size_t i = 0; i < c->n_ca && e == E_OK; i++)
		e = check_br(r, &c->ca[i]);
	if (e == E_OK && c->unknown == UNKNOWN_REVOKED)
		e = refuse(r, &c->ca[0], "unknown=revoked means certificateHold, which profile=br "
			   "forbids (Baseline Requirements 4.9.13, 7.2.2): say "
			   "unknown=unauthorized");
	return e;
}
