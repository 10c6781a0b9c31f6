#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "canned.h"
#include "explain.h"
#include "io.h"
#include "pem.h"

enum err explain_request(struct explain *x, const char *arg, uint8_t **octets)
{
	uint8_t buf[VARIANT_REQUEST_LEN];
	struct ctl_certids ids;
	struct ctl_target t;
	struct bytes der;
	struct cert *ca;
	size_t len;
	enum err e;

	if (access(arg, F_OK) == 0 &&
	    io_load_file(arg, 2 * LIM_REQUEST_LEN, octets, &len) == E_OK) {
		if (request_parse(bytes_of(*octets, len), &x->request, NULL) == E_OK ||
		    (base64_decode(bytes_of(*octets, len), *octets, &len) &&
		     request_parse(bytes_of(*octets, len), &x->request, NULL) == E_OK)) {
			explain_say("request", "RFC 6960 4.1.1", "%s: %zu octets about %zu "
				    "certificate%s", arg, x->request.der.len, x->request.n,
				    x->request.n == 1 ? "" : "s");
			return E_OK;
		}
		free(*octets);
		*octets = NULL;
	}
	e = ctl_target(x->c, arg, &t);
	if (e == E_OK)
		e = ctl_ca_cert(x->c, t.ca, &ca);
	if (e == E_OK)
		e = ctl_certids(ca, ctl_serial(&t), &ids);
	if (e != E_OK)
		return e;
	der = variants_request(&ids.id[0], buf);
	*octets = malloc(der.len);
	if (!*octets)
		return E_BUSY;
	memcpy(*octets, der.p, der.len);
	explain_say("request", "RFC 9919 3.1.1", "as most clients would ask: one CertID with "
		    "SHA-1, no nonce");
	return request_parse(bytes_of(*octets, der.len), &x->request, NULL);
}

void explain_extensions(struct explain *x)
{
	const struct conf *conf = &x->c->conf;

	if (x->request.is_signed)
		explain_say("signature", "RFC 9919 3.1.2", "the request is signed, which is not "
			    "looked at");
	if (!x->request.has_nonce)
		return;
	x->echo = conf->nonce == NONCE_ECHO &&
		(conf->profile != PROFILE_BR || x->request.nonce.len <= 32);
	explain_say("nonce", x->echo ? "RFC 9654 2.1" : "RFC 9919 4", x->echo ?
		    "is echoed (nonce=echo): this answer is signed for this client alone" :
		    "is left out (nonce=ignore), so that one answer serves everybody");
}

/* Returns true if this file answers. *ours: the question is for such a file, and for nothing else. */
static bool try_canned(struct explain *x, size_t i, const char *path, bool *ours)
{
	const struct certid *id = &x->request.id[0];
	char error[CANNED_ERROR_LEN], until[CTL_TIME_LEN];
	bool found = false;
	struct single s;
	struct canned c;
	struct cert *ca;

	if (canned_load(path, &x->c->conf.ca[i], &c, error) != E_OK) {
		explain_say("canned", "ocspresponse=", "%s", error);
		*ours |= ctl_ca_cert(x->c, i, &ca) == E_OK && cert_is_meant_by(ca, id);
		return false;
	}
	if (response_find(&c.response, id->der, &s) != E_OK) {
		canned_free(&c);
		return false;
	}
	*ours = true;
	found = canned_check(&c, x->now_ms / 1000, error) == E_OK;
	if (found)
		explain_say("canned", "RFC 6960 2.7", "%s answers it: %s until %s", path,
			    cert_status_name(s.status), s.next_update == INT64_MIN ?
			    "it is replaced" : ctl_time(s.next_update, until));
	else
		explain_say("canned", "RFC 6960 2.7", "%s", error);
	canned_free(&c);
	return found;
}

bool explain_canned(struct explain *x)
{
	const struct conf *conf = &x->c->conf;
	size_t files = 0;
	bool ours = false;

	for (size_t i = 0; i < conf->n_ca; i++)
		for (size_t k = 0; conf->ca[i].ocspresponse[k]; k++, files++)
			if (try_canned(x, i, conf->ca[i].ocspresponse[k], &ours))
				return true;
	if (ours)
		x->error = "tryLater";
	else if (files)
		explain_say("canned", "ocspresponse=", "none of %zu files is about it", files);
	return ours;
}
