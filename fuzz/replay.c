/*
 * Stands in for libFuzzer: gives a target what lies in its corpus, or in the files named. Reports
 * in the Test Anything Protocol; what a target objects to ends the program, and the last name that
 * was printed is that of the input.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

static unsigned long inputs;

static void replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;

	REQUIRE(f && fstat(fileno(f), &st) == 0);
	/* just as long as it is, so that a step too far is seen */
	data = malloc((size_t)st.st_size);
	REQUIRE(data || st.st_size == 0);
	REQUIRE(fread(data, 1, (size_t)st.st_size, f) == (size_t)st.st_size);
	fclose(f);
	printf("# %s\n", path);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
	inputs++;
}

static void replay(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char file[4096];

	if (!dir) {
		REQUIRE(errno == ENOTDIR);
		replay_file(path);
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		replay_file(file);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *slash = strrchr(argv[0], '/');
	const char *name = strrchr(slash ? slash : argv[0], '-');
	char corpus[4096];

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("1..1");
	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			replay(argv[i]);
	} else {
		REQUIRE(name);
		snprintf(corpus, sizeof corpus, "%s/fuzz/corpus/%s", srcdir ? srcdir : ".",
			 name + 1);
		replay(corpus);
	}
	REQUIRE(inputs > 0);
	printf("ok 1 - %lu inputs do what they should\n", inputs);
	return 0;
}
