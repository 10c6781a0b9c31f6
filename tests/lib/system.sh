# system.sh - sourced by the system tests: reports in TAP, a small CA, its table and configuration.

checks=0 failed=0

# check NAME COMMAND...: one line of the report; what a failing command printed follows.
check() {
	local name=$1 out
	shift
	checks=$((checks + 1))
	if out=$("$@" 2>&1); then
		echo "ok $checks - $name"
	else
		echo "not ok $checks - $name"
		tail -20 <<< "$out" | sed 's/^/# /'
		failed=1
	fi
}

# skip NAME REASON
skip() {
	checks=$((checks + 1))
	echo "ok $checks - $1 # SKIP $2"
}

finish() {
	echo "1..$checks"
	exit $failed
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

# until_true SECONDS COMMAND...
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# make_ca FOLDER: ca.pem with ca.key, good.pem, revoked.pem and other.pem (not in the table), and
# good.req, a request.
make_ca() (
	cd "$1" || exit
	set -e
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
		-out ca.pem -days 2 -subj '/CN=System Test CA'
	serial=$((0x1f2e3d4c5b6a7980))
	for name in good revoked other; do
		serial=$((serial + 1))
		openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-keyout "$name.key" -subj "/CN=$name" |
			openssl x509 -req -CA ca.pem -CAkey ca.key -days 2 \
				-set_serial "$serial" -out "$name.pem"
	done
	openssl ocsp -issuer ca.pem -cert good.pem -no_nonce -reqout good.req
) > /dev/null 2>&1

# make_config FOLDER [LINE...]: a config.ini for the CA in this folder; the lines end [ocsp].
make_config() {
	local folder=$1
	shift
	printf '%s\n' '[db]' type=sqlite "file=$folder/db/certs.sqlite" '[ocsp]' \
		"cert=$folder/ca.pem" "pkey=$folder/ca.key" "$@"
}

# ask NAME STATUS PORT: the answer about a certificate of the folder $ca, verified.
ask() {
	local out
	out=$(${inside:-} openssl ocsp -issuer "$ca/ca.pem" -CAfile "$ca/ca.pem" \
		-cert "$ca/$1.pem" -url "http://127.0.0.1:$3/" -timeout 20 2>&1)
	grep -q "$1.pem: $2" <<< "$out" && grep -q 'Response verify OK' <<< "$out" ||
		{ echo "$out"; false; }
}

# ask_unauthorized NAME PORT
ask_unauthorized() {
	${inside:-} openssl ocsp -issuer "$ca/ca.pem" -cert "$ca/$1.pem" \
		-url "http://127.0.0.1:$2/" -timeout 20 2>&1 | grep 'unauthorized (6)'
}

# make_programs FOLDER: copies that any user can reach, whatever folder they were built in.
make_programs() {
	cp "$builddir/ocsp-stdio" "$builddir/ocsp-sign" "$builddir/ocspctl" "$1" || exit 99
}

# make_table OCSPCTL CONFIG FOLDER: good and revoked are in it.
make_table() {
	"$1" -c "$2" init-db && "$1" -c "$2" add "$3/good.pem" "$3/revoked.pem" &&
		"$1" -c "$2" revoke "$3/revoked.pem" --reason key_compromise
}

free_port() {
	PYTHONPATH=$srcdir/tests/lib /usr/bin/python3 -B -c 'import mariadb
print(mariadb.free_port())'
}

answers() {
	/usr/bin/python3 -c 'import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' "$1" 2> /dev/null
}
