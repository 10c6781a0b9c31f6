# Included by Makefile.am: "make check".
#
# Unit tests are C with cmocka, one for each part; functional tests run the three programs. All
# report in the Test Anything Protocol.

UNIT_TESTS = \
	tests/unit/test-cache \
	tests/unit/test-certid \
	tests/unit/test-der \
	tests/unit/test-fresh \
	tests/unit/test-gtime \
	tests/unit/test-http \
	tests/unit/test-io \
	tests/unit/test-request \
	tests/unit/test-response \
	tests/unit/test-sandbox \
	tests/unit/test-sha256
FUNCTIONAL_TESTS = \
	tests/answers.py \
	tests/http-rules.py \
	tests/cache.py \
	tests/stdio.py \
	tests/listen.py \
	tests/corpus.py

check_PROGRAMS = $(UNIT_TESTS)
TESTS = $(UNIT_TESTS) $(FUNCTIONAL_TESTS)

# What every unit test is linked with that does not say otherwise.
LDADD = libfront.a $(CMOCKA_LIBS)
tests_unit_test_sandbox_SOURCES = tests/unit/test-sandbox.c src/sandbox.c

# Functional tests use what "make all" has built.
$(FUNCTIONAL_TESTS:.py=.log): ocsp-stdio ocsp-sign ocspctl

TEST_EXTENSIONS = .py .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
PY_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_DRIVER = $(LOG_DRIVER)
if STATIC_FRONT
TEST_STATIC_FRONT = yes
else
TEST_STATIC_FRONT = no
endif
if HAVE_SQLITE
TEST_SQLITE = yes
else
TEST_SQLITE = no
endif
AM_TESTS_ENVIRONMENT = \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE; \
	srcdir='$(abs_srcdir)'; export srcdir; \
	builddir='$(abs_builddir)'; export builddir; \
	STATIC_FRONT=$(TEST_STATIC_FRONT); export STATIC_FRONT; \
	HAVE_SQLITE=$(TEST_SQLITE); export HAVE_SQLITE;

EXTRA_DIST += $(FUNCTIONAL_TESTS) \
	tests/data \
	tests/unit/unit.h \
	tests/lib/cases.py \
	tests/lib/der.py \
	tests/lib/mariadb.py \
	tests/lib/ocsp.py \
	tests/lib/pki.py \
	tests/lib/responder.py \
	tests/lib/tap.py \
	tests/lib/wire.py
