/*
 * LD_PRELOAD: one allocation of a program fails, or all from one on.
 *
 *   FAIL_ALLOC_PROGRAM   its name; others that it starts are left alone
 *   FAIL_ALLOC_AT        which one, from 1; 0 for none
 *   FAIL_ALLOC_LASTING   set: and all that follow
 *   FAIL_ALLOC_COUNT     a file of eight octets, in which they are counted: also those of a program
 *                        that ends by _exit() or a signal
 *
 * Only allocations after the loader's are counted; and not the first of libcrypto 3.2 and later,
 * which waits for itself for ever when one of these fails: its error would be kept in what it is
 * just making.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t *count;
static uint64_t at;
static bool lasting;

__attribute__((constructor)) static void begin(void)
{
	const char *program = getenv("FAIL_ALLOC_PROGRAM"), *n = getenv("FAIL_ALLOC_AT");
	const char *path = getenv("FAIL_ALLOC_COUNT");
	void *p;
	int fd;

	if (!program || strcmp(program, program_invocation_short_name) != 0 || !n || !path)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	p = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return;
	at = strtoull(n, NULL, 10);
	lasting = getenv("FAIL_ALLOC_LASTING") != NULL;
	count = p;
}

static bool fails(void)
{
	uint64_t n;

	if (!count)
		return false;
	n = atomic_fetch_add(count, 1) + 1;
	if (!at || n < at || (n > at && !lasting))
		return false;
	errno = ENOMEM;
	return true;
}

#define LIBCRYPTO_3_2 0x30200000UL
#define OPENSSL_INIT_NO_ATEXIT 0x00080000UL

/* Makes what the first call makes, uncounted. */
static void begin_libcrypto(int (*init)(uint64_t, const void *))
{
	unsigned long (*version)(void);
	_Atomic uint64_t *kept = count;

	*(void **)&version = dlsym(RTLD_NEXT, "OpenSSL_version_num");
	if (!version || version() < LIBCRYPTO_3_2)
		return;
	count = NULL;
	init(OPENSSL_INIT_NO_ATEXIT, NULL);
	count = kept;
}

int OPENSSL_init_crypto(uint64_t options, const void *settings)
{
	static int (*next)(uint64_t, const void *);

	if (!next) {
		*(void **)&next = dlsym(RTLD_NEXT, "OPENSSL_init_crypto");
		begin_libcrypto(next);
	}
	return next(options, settings);
}

/* Who would be asked without us: libc, or a sanitizer. */
#define NEXT(name) \
	static __typeof__(name) *next; \
	if (!next) \
		*(void **)&next = dlsym(RTLD_NEXT, #name)

void *malloc(size_t size)
{
	NEXT(malloc);
	return fails() ? NULL : next(size);
}

void *calloc(size_t n, size_t size)
{
	NEXT(calloc);
	return fails() ? NULL : next(n, size);
}

void *realloc(void *p, size_t size)
{
	NEXT(realloc);
	return fails() ? NULL : next(p, size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	NEXT(reallocarray);
	return fails() ? NULL : next(p, n, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	NEXT(aligned_alloc);
	return fails() ? NULL : next(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	NEXT(posix_memalign);
	return fails() ? ENOMEM : next(out, alignment, size);
}
