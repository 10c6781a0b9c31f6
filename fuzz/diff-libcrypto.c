/*
 * diff-libcrypto [NUMBER] - requests that were tampered with, read by us and by libcrypto; see
 * compare-request.h. The first difference that isn't listed there ends the program.
 *
 * The same number of requests, from the same files, are the same requests.
 */
#include "mutate.h"

#include <dirent.h>

#include "compare-request.h"
#include "der.h"
#include "request.h"

#define CAP COMPARE_MAX
#define SEEDS_MAX 256

static struct seed {
	uint8_t octets[CAP];
	size_t len;
} seed[SEEDS_MAX];
static size_t seeds;

static int is_request(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 4 && strcmp(e->d_name + len - 4, ".der") == 0;
}

/* Those that are short enough, in the order of their names. */
static void load_seeds(const char *folder)
{
	struct dirent **entry;
	int n = scandir(folder, &entry, is_request, alphasort);
	char path[4096 + 256];

	REQUIRE(n > 0);
	for (int i = 0; i < n; i++) {
		FILE *f;

		snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
		f = fopen(path, "rb");
		REQUIRE(f && seeds < SEEDS_MAX - 1);
		seed[seeds].len = fread(seed[seeds].octets, 1, CAP, f);
		if (seed[seeds].len > 0 && seed[seeds].len < CAP)
			seeds++;
		fclose(f);
		free(entry[i]);
	}
	free(entry);
}

/* As many certificates as are taken: any more are too many. */
static void add_longest_request(void)
{
	struct der_out o = der_out_of(seed[seeds].octets, CAP);
	static struct request r;
	size_t i = 0;

	while (request_parse(bytes_of(seed[i].octets, seed[i].len), &r, NULL) != E_OK)
		REQUIRE(++i < seeds);
	for (i = 0; i < LIM_CERTIDS; i++) {
		size_t mark = der_mark(&o);

		der_put(&o, r.id[0].der);
		der_wrap(&o, DER_SEQUENCE, mark);
	}
	for (i = 0; i < 3; i++)
		der_wrap(&o, DER_SEQUENCE, 0);
	seed[seeds].len = der_out_bytes(&o).len;
	memmove(seed[seeds].octets, o.p, seed[seeds].len);
	REQUIRE(seed[seeds++].len);
}

static void tell_difference(struct bytes der, unsigned long n)
{
	printf("not ok 1 - request %lu is not the same to both\n# ", n);
	for (size_t i = 0; i < der.len; i++)
		printf("%02x", der.p[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *all = getenv("OCSP_TEST_ALL");
	unsigned long number = all && strcmp(all, "yes") == 0 ? 1000000 : 20000;
	unsigned long count[OUTCOMES] = { 0 };
	struct chance chance = chance_of((const uint8_t *)"libcrypto", 9);
	char folder[4096];
	uint8_t buf[CAP];

	if (argc > 1)
		number = strtoul(argv[1], NULL, 10);
	snprintf(folder, sizeof folder, "%s/tests/data/corpus", srcdir ? srcdir : ".");
	load_seeds(folder);
	add_longest_request();
	puts("1..1");
	for (unsigned long n = 0; n < number; n++) {
		const struct seed *s = &seed[chance_below(&chance, (uint32_t)seeds)];
		size_t len;
		enum outcome o;

		/* the first are as they were recorded */
		if (n < seeds)
			s = &seed[n];
		memcpy(buf, s->octets, s->len);
		len = n < seeds ? s->len : mutate_der(&chance, buf, s->len, CAP);
		o = compare_request(bytes_of(buf, len));
		if (o == OUTCOMES) {
			tell_difference(bytes_of(buf, len), n);
			return 1;
		}
		count[o]++;
	}
	printf("ok 1 - %lu requests are the same to libcrypto, but for what is listed\n", number);
	for (int i = 0; i < OUTCOMES; i++)
		printf("# %8lu %s\n", count[i], outcome_text((enum outcome)i));
	return 0;
}
