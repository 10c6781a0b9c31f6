# Included by Makefile.am: what is fuzzed, and what "make check" replays of it.
#
# Each target is a program. Here it runs what lies in fuzz/corpus under ASan and UBSan, where the
# compiler has them; configured with --enable-fuzzing it is libFuzzer's (fuzz/run does that).
FUZZ_TARGETS = \
	fuzz/fuzz-canned \
	fuzz/fuzz-cert \
	fuzz/fuzz-chunked \
	fuzz/fuzz-config \
	fuzz/fuzz-crl \
	fuzz/fuzz-http \
	fuzz/fuzz-index \
	fuzz/fuzz-ini \
	fuzz/fuzz-json \
	fuzz/fuzz-mycnf \
	fuzz/fuzz-request \
	fuzz/fuzz-response \
	fuzz/fuzz-row \
	fuzz/fuzz-serve \
	fuzz/fuzz-target

# Others' readers of the same octets.
DIFF_TESTS = fuzz/diff-libcrypto

check_PROGRAMS += $(FUZZ_TARGETS) $(DIFF_TESTS) fuzz/framing
TESTS += $(FUZZ_TARGETS) $(DIFF_TESTS)

# What they test, compiled once more.
check_LIBRARIES = fuzz/libfuzzed.a
fuzz_libfuzzed_a_SOURCES = \
	fuzz/check.c fuzz/fuzz.h \
	src/canned.c src/cert.c src/cert-use.c src/certid.c \
	src/conf.c src/conf-advice.c src/conf-finish.c src/conf-hint.c src/conf-keys.c \
	src/conf-profile.c src/conf-rule.c src/conf-value.c \
	src/crl.c src/deadline.c src/decide.c src/der.c src/error.c src/fresh.c src/gtime.c \
	src/http.c src/http-body.c src/http-reply.c src/http-text.c \
	src/index-txt.c src/ini.c src/io.c src/json.c src/key.c src/key-engine.c src/key-rsa.c \
	src/log.c src/metrics.c src/mycnf.c src/pem.c src/request.c src/response.c src/sha256.c \
	src/sigalg.c src/signed.c src/store-text.c src/user.c
if !FUZZING
fuzz_libfuzzed_a_SOURCES += fuzz/replay.c
endif
FUZZ_CFLAGS = $(BACK_CFLAGS) -U_FORTIFY_SOURCE $(FUZZ_SANITIZE)
FUZZ_LINK = $(AM_LDFLAGS) -pie $(FUZZ_SANITIZE) $(FUZZ_ENGINE)
FUZZ_LIBS = fuzz/libfuzzed.a $(CRYPTO_LIBS)
fuzz_libfuzzed_a_CFLAGS = $(FUZZ_CFLAGS)

fuzz_fuzz_canned_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_canned_LDFLAGS = $(FUZZ_LINK) -Wl,--wrap=io_load_file
fuzz_fuzz_canned_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_cert_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_cert_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_cert_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_chunked_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_chunked_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_chunked_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_config_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_config_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_config_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_crl_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_crl_LDFLAGS = $(FUZZ_LINK) \
	-Wl,--wrap=io_load_file,--wrap=X509_CRL_verify,--wrap=X509_NAME_cmp,--wrap=cert_public_key
fuzz_fuzz_crl_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_http_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_http_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_http_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_index_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_index_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_index_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_ini_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_ini_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_ini_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_json_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_json_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_json_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_mycnf_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_mycnf_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_mycnf_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_request_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_request_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_request_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_response_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_response_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_response_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_row_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_row_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_row_LDADD = $(FUZZ_LIBS)
# These calls are answered by fuzz/stand-in.c.
STAND_IN = -Wl,--wrap=http_parse_head,--wrap=io_read_some,--wrap=io_write_all,--wrap=io_write_two
fuzz_fuzz_serve_SOURCES = fuzz/fuzz-serve.c fuzz/stand-in.c fuzz/stand-in.h src/serve.c
fuzz_fuzz_serve_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_serve_LDFLAGS = $(FUZZ_LINK) $(STAND_IN)
fuzz_fuzz_serve_LDADD = $(FUZZ_LIBS)
fuzz_fuzz_target_CFLAGS = $(FUZZ_CFLAGS)
fuzz_fuzz_target_LDFLAGS = $(FUZZ_LINK)
fuzz_fuzz_target_LDADD = $(FUZZ_LIBS)

fuzz_diff_libcrypto_SOURCES = fuzz/diff-libcrypto.c \
	fuzz/compare-request.c fuzz/compare-request.h fuzz/mutate.c fuzz/mutate.h
fuzz_diff_libcrypto_CFLAGS = $(FUZZ_CFLAGS)
fuzz_diff_libcrypto_LDFLAGS = $(AM_LDFLAGS) -pie $(FUZZ_SANITIZE)
fuzz_diff_libcrypto_LDADD = $(FUZZ_LIBS)

# For tests/diff-nginx.py.
fuzz_framing_SOURCES = fuzz/framing.c fuzz/stand-in.c fuzz/stand-in.h src/serve.c
fuzz_framing_CFLAGS = $(FUZZ_CFLAGS)
fuzz_framing_LDFLAGS = $(AM_LDFLAGS) -pie $(FUZZ_SANITIZE) $(STAND_IN)
fuzz_framing_LDADD = $(FUZZ_LIBS)

EXTRA_DIST += fuzz/afl fuzz/corpus fuzz/dict fuzz/run
