/*
 * fill-cache.c - fills a cache directory, to see whether its size matters: copies of one answer,
 * each under a serial of its own and with that serial in it. Their signatures are not good, which
 * only a client would notice.
 *
 *   fill-cache FOLDER FILE COUNT
 *
 * FOLDER: the issuer's folder in the cache; FILE: an answer of it, whose name is its serial in hex.
 * Serials count up in the last four octets but one, and in the last, which names the shard.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LEN 65536

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned octet;

	while (sscanf(hex + 2 * n, "%2x", &octet) == 1 && hex[2 * n] != '.')
		out[n++] = (uint8_t)octet;
	return n;
}

int main(int argc, char **argv)
{
	static uint8_t der[MAX_LEN], serial[64], *at;
	const char *name = argc > 2 ? strrchr(argv[2], '/') : NULL;
	char path[4096], hex[129];
	size_t len, n;
	long count;
	FILE *f;

	if (argc != 4 || !name || (count = atol(argv[3])) < 0)
		return 64;
	n = unhex(name + 1, serial);
	f = fopen(argv[2], "rb");
	len = f ? fread(der, 1, sizeof der, f) : 0;
	at = memmem(der, len, serial, n);
	if (!at || n < 6 || chdir(argv[1]) != 0) {
		fprintf(stderr, "fill-cache: %s is no answer with its serial in it\n", argv[2]);
		return 1;
	}
	umask(077);
	for (unsigned shard = 0; shard < 256; shard++) {
		snprintf(path, sizeof path, "%02x", shard);
		mkdir(path, 0700);
	}
	for (long i = 0; i < count; i++) {
		int fd;

		at[n - 1] = (uint8_t)i;
		for (int k = 0; k < 4; k++)
			at[n - 2 - (size_t)k] = (uint8_t)(i >> (8 + 8 * k));
		for (size_t k = 0; k < n; k++)
			sprintf(hex + 2 * k, "%02x", at[k]);
		snprintf(path, sizeof path, "%02x/%s.der", at[n - 1], hex);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (fd < 0)
			continue;	/* one that was there before */
		if (write(fd, der, len) != (ssize_t)len) {
			perror(path);
			return 1;
		}
		close(fd);
	}
	return 0;
}
