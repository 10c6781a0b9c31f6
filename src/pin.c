#include "pin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key.h"
#include "sha256.h"

#define LOCK ".pin-lock"
#define TAKEN "taken "
#define REFUSED "refused "

struct pin {
	const char *file;		/* where it stands */
	char note[CACHE_NOTE_LEN];	/* the note's name */
	char state[96];			/* of the file, before it is read */
};

enum past { PIN_NEW, PIN_TAKEN, PIN_REFUSED };

/* A file by its place, so that CAs that share a token are refused once; what is in config.ini by its
 * section. False: there is no PIN, or nothing that it could be told by. */
static bool find(const struct conf *conf, const struct conf_ca *ca, struct pin *out)
{
	const char *file = ca->passwordfile ? ca->passwordfile : conf->path, *place = file;
	size_t len = conf->credentials ? strlen(conf->credentials) : 0;
	bool credential = len && strncmp(file, conf->credentials, len) == 0;
	uint8_t digest[32];
	struct stat st;

	if (!key_is_in_token(ca->pkey) || !(ca->passwordfile || ca->password) ||
	    stat(file, &st) != 0)
		return false;
	/* systemd makes credentials anew for each process: that is no other PIN */
	if (credential) {
		place = file + len;
		st = (struct stat){ .st_dev = 0 };
	} else if (!ca->passwordfile) {
		place = ca->name;
	}
	sha256(bytes_str(place), digest);
	out->file = file;
	*bytes_hex(bytes_of(digest, 8), stpcpy(out->note, ".pin-")) = '\0';
	snprintf(out->state, sizeof out->state, "%" PRIuMAX "-%" PRIuMAX "-%" PRIdMAX ".%09ld\n",
		 (uintmax_t)st.st_dev, (uintmax_t)st.st_ino, (intmax_t)st.st_ctim.tv_sec,
		 st.st_ctim.tv_nsec);
	return true;
}

static bool says(struct bytes text, const char *word, const char *state)
{
	size_t len = strlen(word);

	return text.len > len && memcmp(text.p, word, len) == 0 &&
	       bytes_eq(bytes_of(text.p + len, text.len - len), bytes_str(state));
}

static enum past look(const struct cache *c, const struct pin *p)
{
	uint8_t buf[128];
	struct bytes text = bytes_of(buf, cache_get_note(c, p->note, buf, sizeof buf));

	return says(text, REFUSED, p->state) ? PIN_REFUSED :
	       says(text, TAKEN, p->state)   ? PIN_TAKEN :
					       PIN_NEW;
}

/* A note that can't be written costs the memory of this PIN, and no answer. */
static void note(const struct cache *c, const struct pin *p, const char *word)
{
	char text[sizeof REFUSED + sizeof p->state];

	stpcpy(stpcpy(text, word), p->state);
	(void)!cache_put_note(c, p->note, bytes_str(text));
}

static enum err refuse(const struct cache *c, const struct conf_ca *ca, const struct pin *p,
		       char error[SIGNER_ERROR_LEN])
{
	snprintf(error, SIGNER_ERROR_LEN,
		 "the token of pkey=%.*s:… has refused the PIN in %s, which is not tried again, since "
		 "tokens lock themselves: mend it, or run \"ocspctl check\", which tries it once, or "
		 "remove %s/%s", (int)strcspn(ca->pkey, ":"), ca->pkey, p->file, c->path, p->note);
	return E_PIN;
}

enum err pin_load_key(const struct cache *c, const struct conf *conf, struct signer *s,
		      bool by_hand, struct deadline d, char error[SIGNER_ERROR_LEN])
{
	struct pin p;
	enum past past;
	int lock = -1;
	enum err e;

	if (s->key || c->fd < 0 || !find(conf, s->conf, &p))
		return signer_load_key(s, error);
	past = look(c, &p);
	if (past == PIN_NEW) {
		lock = cache_lock_file(c, LOCK, 0, d);
		if (lock < 0 && deadline_left_ms(d) == 0) {
			snprintf(error, SIGNER_ERROR_LEN, "no time was left: another process tries "
				 "the token's PIN");
			return E_DEADLINE;
		}
		past = look(c, &p);
	}
	if (past == PIN_REFUSED && !by_hand) {
		e = refuse(c, s->conf, &p, error);
	} else {
		e = signer_load_key(s, error);
		if (e == E_PIN)
			note(c, &p, REFUSED);
		else if (e == E_OK && past != PIN_TAKEN)
			note(c, &p, TAKEN);
	}
	if (lock >= 0)
		close(lock);
	return e;
}
