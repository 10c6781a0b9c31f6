# Included by Makefile.am: "make check".
#
# Unit tests are C with cmocka, one for each part; functional tests run the three programs. All
# report in the Test Anything Protocol.

# Of what ocsp-stdio is made of, and of what needs OpenSSL or a database.
FRONT_UNIT_TESTS = \
	tests/unit/test-cache \
	tests/unit/test-certid \
	tests/unit/test-conf \
	tests/unit/test-conf-error \
	tests/unit/test-conf-load \
	tests/unit/test-conf-value \
	tests/unit/test-der \
	tests/unit/test-fresh \
	tests/unit/test-gtime \
	tests/unit/test-http \
	tests/unit/test-http-body \
	tests/unit/test-http-limits \
	tests/unit/test-http-reply \
	tests/unit/test-ini \
	tests/unit/test-io \
	tests/unit/test-keeper \
	tests/unit/test-lease \
	tests/unit/test-json \
	tests/unit/test-log \
	tests/unit/test-log-format \
	tests/unit/test-mycnf \
	tests/unit/test-metrics \
	tests/unit/test-notify \
	tests/unit/test-progress \
	tests/unit/test-request \
	tests/unit/test-response \
	tests/unit/test-sandbox \
	tests/unit/test-sha256 \
	tests/unit/test-unit-file \
	tests/unit/test-user \
	tests/unit/test-walk
BACK_UNIT_TESTS = \
	tests/unit/test-basic \
	tests/unit/test-canned \
	tests/unit/test-cert \
	tests/unit/test-decide \
	tests/unit/test-import \
	tests/unit/test-index-txt \
	tests/unit/test-key \
	tests/unit/test-report \
	tests/unit/test-responder \
	tests/unit/test-secret \
	tests/unit/test-signer \
	tests/unit/test-static \
	tests/unit/test-store \
	tests/unit/test-store-facts
if HAVE_SQLITE
BACK_UNIT_TESTS += tests/unit/test-store-sqlite
endif
UNIT_TESTS = $(FRONT_UNIT_TESTS) $(BACK_UNIT_TESTS)
FUNCTIONAL_TESTS = \
	tests/answers.py \
	tests/http-rules.py \
	tests/cache.py \
	tests/stdio.py \
	tests/listen.py \
	tests/metrics.py \
	tests/check.py \
	tests/report.py \
	tests/corpus.py \
	tests/ctl.py \
	tests/ctl-import.py \
	tests/ctl-query.py \
	tests/presign.py \
	tests/exposure.py \
	tests/no-leaks.py \
	tests/privilege.py \
	tests/export-static.py \
	tests/galera.py \
	tests/freshness.py \
	tests/faults-kill.py \
	tests/faults-cache.py \
	tests/faults-database.py \
	tests/faults-traffic.py \
	tests/faults-clock.py \
	tests/sign-issuer.py \
	tests/store-mariadb.py \
	tests/torture-ctl.py \
	tests/torture-limits.py \
	tests/torture-sign.py \
	tests/torture-stdio.py \
	tests/conformance.py \
	tests/profiles.py \
	tests/several-cas.py \
	tests/hsm.py \
	tests/http-odd.py \
	tests/golden.py \
	tests/clients.py \
	tests/proxy.py \
	tests/diff-nginx.py \
	tests/budget.py \
	tests/docs.py \
	tests/guides.py \
	tests/release.py \
	tests/package.py \
	tests/troubleshooting.py
SYSTEM_TESTS = \
	tests/system-hostile.sh \
	tests/system-systemd.sh \
	tests/system-xinetd.sh

# Looks at what all the others have said.
TRACE_TEST = tests/conformance-trace.py
tests/faults-clock.log: tests/ocsp-stdio-dynamic$(EXEEXT)
tests/conformance-trace.log: $(UNIT_TESTS:=.log) $(FUNCTIONAL_TESTS:.py=.log) $(SYSTEM_TESTS:.sh=.log)

check_PROGRAMS = $(UNIT_TESTS) tests/ocsp-stdio-dynamic tests/lib/fail-alloc.so
TESTS = $(UNIT_TESTS) $(FUNCTIONAL_TESTS) $(SYSTEM_TESTS) $(TRACE_TEST)

# The front as what is loaded before libc can have it, which needs the dynamic linker.
tests_ocsp_stdio_dynamic_SOURCES = $(ocsp_stdio_SOURCES)
tests_ocsp_stdio_dynamic_LDADD = libfront.a
tests_ocsp_stdio_dynamic_LDFLAGS = $(AM_LDFLAGS) -pie
# Of what is loaded there so that memory is short: not the options of the programs.
tests_lib_fail_alloc_so_SOURCES = tests/lib/fail-alloc.c
tests_lib_fail_alloc_so_CFLAGS = -std=c11 -Wall -Wextra -fPIC
tests_lib_fail_alloc_so_LDFLAGS = -shared
tests_lib_fail_alloc_so_LDADD =

# What a unit test is linked with that does not say otherwise.
LDADD = libfront.a $(CMOCKA_LIBS)
UNIT_BACK_LIBS = libback.a libfront.a $(CMOCKA_LIBS) $(BACK_LIBS)
tests_unit_test_json_SOURCES = tests/unit/test-json.c src/json.c src/json.h
tests_unit_test_keeper_SOURCES = tests/unit/test-keeper.c src/keeper.c src/keeper.h
tests_unit_test_mycnf_SOURCES = tests/unit/test-mycnf.c src/mycnf.c
tests_unit_test_sandbox_SOURCES = tests/unit/test-sandbox.c src/sandbox.c
tests_unit_test_basic_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_basic_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_canned_SOURCES = tests/unit/test-canned.c tests/unit/pki.c tests/unit/pki.h
tests_unit_test_canned_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_canned_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_cert_SOURCES = tests/unit/test-cert.c tests/unit/pki.c tests/unit/pki.h
tests_unit_test_cert_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_cert_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_decide_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_decide_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_import_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_import_SOURCES = tests/unit/test-import.c tests/unit/pki.c tests/unit/pki.h
tests_unit_test_import_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_index_txt_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_index_txt_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_key_SOURCES = tests/unit/test-key.c tests/unit/pki.c tests/unit/pki.h
tests_unit_test_key_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_key_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_responder_SOURCES = tests/unit/test-responder.c tests/unit/pki.c tests/unit/pki.h
tests_unit_test_responder_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_responder_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_secret_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_secret_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_signer_SOURCES = tests/unit/test-signer.c tests/unit/pki.c tests/unit/pki.h
tests_unit_test_signer_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_signer_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_static_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_static_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_report_SOURCES = tests/unit/test-report.c src/metrics-text.c src/progress.c \
	src/report-history.c src/report-html.c src/report-parts.c src/report-style.c
tests_unit_test_report_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_report_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_store_facts_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_store_facts_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_unit_file_SOURCES = tests/unit/test-unit-file.c src/unit-file.c
tests_unit_test_store_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_store_LDADD = $(UNIT_BACK_LIBS)
tests_unit_test_store_sqlite_CFLAGS = $(BACK_CFLAGS)
tests_unit_test_store_sqlite_LDADD = $(UNIT_BACK_LIBS) $(SQLITE_LIBS)

# These use what "make all" has built.
$(FUNCTIONAL_TESTS:.py=.log) $(SYSTEM_TESTS:.sh=.log): all-am

TEST_EXTENSIONS = .py .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
PY_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_DRIVER = $(LOG_DRIVER)
# Nothing may hang for ever: 600 seconds, and 2,600 where long rounds are asked for.
TEST_LIMIT = timeout -k 10 $${OCSP_TEST_ALL:+2}600
LOG_COMPILER = $(TEST_LIMIT) $(SHELL) $(srcdir)/tests/lib/unit.sh
PY_LOG_COMPILER = $(TEST_LIMIT)
SH_LOG_COMPILER = $(TEST_LIMIT)
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

EXTRA_DIST += $(FUNCTIONAL_TESTS) $(SYSTEM_TESTS) $(TRACE_TEST) \
	tests/clients/asking.py \
	tests/clients/beyond.py \
	tests/clients/Bouncy.java \
	tests/clients/check.erl \
	tests/clients/check.go \
	tests/clients/Check.java \
	tests/clients/check.pl \
	tests/clients/check.rb \
	tests/clients/common.py \
	tests/clients/firefox.py \
	tests/clients/Serve.java \
	tests/clients/serving.py \
	tests/clients/staple.js \
	tests/clients/wolf.c \
	tests/data \
	tests/unit/unit.h \
	tests/lib/hostile.py \
	tests/lib/installed.sh \
	tests/lib/load.py \
	tests/lib/sysd-up.sh \
	tests/lib/system.sh \
	tests/lib/bulk.py \
	tests/lib/cases.py \
	tests/lib/der.py \
	tests/lib/galera.py \
	tests/lib/fakedb.py \
	tests/lib/faults.py \
	tests/lib/host.py \
	tests/lib/launchers.py \
	tests/lib/inject.py \
	tests/lib/mariadb.py \
	tests/lib/ocsp.py \
	tests/lib/pki.py \
	tests/lib/proxies.py \
	tests/lib/relay.py \
	tests/lib/responder.py \
	tests/lib/stolen.py \
	tests/lib/tap.py \
	tests/lib/unit.sh \
	tests/lib/wire.py
