#!/bin/sh
# Brings up a responder for a CA with a million certificates, and says what took how long.
#
#   bench/million.sh BUILDDIR [ROWS [mysql|sqlite [CERTIFICATES]]]
#
# An index.txt is made up and imported into a private MariaDB (or SQLite), twice; then one
# certificate is asked about, revoked and asked about again, and the table is written out.
# CERTIFICATES of them get a certificate that verifies, from a bundle. All of it in a folder below
# /tmp that is gone at the end, programs as user nobody where root starts this.
set -eu

build=$(cd "${1:?which folder have the programs been built in?}" && pwd)
rows=${2:-1000000} kind=${3:-mysql} certs=${4:-20000}
top=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d /tmp/ocsp-million.XXXXXX)
server=

cleanup()
{
	[ -z "$server" ] || "$top/tests/lib/mariadb.py" stop "$dir/db"
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

user=$(id -un)
[ "$user" != root ] || user=nobody
chmod 755 "$dir"
mkdir "$dir/cache" "$dir/sqlite"
cp "$build/ocspctl" "$build/ocsp-sign" "$build/ocsp-stdio" "$dir"

# run NAME COMMAND...: the command and what it says, then the seconds that it took
run()
{
	echo
	echo "\$ $*"
	start=$(date +%s.%N)
	"$@" || echo "(exit code $?)"
	echo "$start $(date +%s.%N)" | awk '{ printf "# %.1f s\n", $2 - $1 }'
}

ctl()
{
	"$dir/ocspctl" -c "$dir/config.ini" "$@"
}

# Ended after ten seconds: what is signed by then stays, and the next run goes on from there.
part()
{
	timeout -s INT 10 "$dir/ocspctl" -c "$dir/config.ini" "$@"
}

ask()
{
	"$dir/ocsp-stdio" -c "$dir/config.ini" < "$dir/one.der" > "$dir/answer.der"
	openssl ocsp -CAfile "$dir/ca.pem" -issuer "$dir/ca.pem" -serial "$one" \
		-respin "$dir/answer.der" 2>&1
}

openssl ecparam -name prime256v1 -genkey -noout -out "$dir/ca.key"
openssl req -x509 -new -key "$dir/ca.key" -subj '/C=XX/O=Bench/CN=Million CA' -days 3650 \
	-out "$dir/ca.pem"
{
	echo '[db]'
	echo "logfile=$dir/log"
	if [ "$kind" = sqlite ]; then
		printf 'type=sqlite\nfile=%s/sqlite/certs.db\n' "$dir"
	else
		server=$("$top/tests/lib/mariadb.py" start "$dir/db" --innodb-buffer-pool-size=256M \
			--innodb-log-file-size=256M --innodb-flush-log-at-trx-commit=1)
		# shellcheck disable=SC2086
		set -- $server
		mariadb --no-defaults -uroot -S "$3" -e "CREATE DATABASE certs;
			CREATE USER reader@localhost; GRANT SELECT ON certs.* TO reader@localhost;
			CREATE USER writer@localhost; GRANT ALL ON certs.* TO writer@localhost"
		printf 'socket=%s\ndb=certs\nusername=reader\n[admin]\nusername=writer\n' "$3"
	fi
	printf '[ocsp]\ncert=ca.pem\npkey=ca.key\ncache=cache\nuser=%s\nsigner=%s/ocsp-sign\n' \
		"$user" "$dir"
} > "$dir/config.ini"

# A tenth are revoked. The serials are as random as a multiplication makes them.
awk -v n="$rows" 'BEGIN {
	split("keyCompromise superseded cessationOfOperation", word, " ")
	for (i = 1; i <= n; i++) {
		serial = sprintf("%08X%08X%08X", i * 2654435761 % 4294967296,
				 i * 40503 % 4294967296, i)
		if (i % 10 == 0)
			printf "R\t351231235959Z\t260102030405Z,%s\t40%s\tunknown\t/CN=host%d\n",
				word[i / 10 % 3 + 1], serial, i
		else
			printf "V\t351231235959Z\t\t40%s\tunknown\t/CN=host%d\n", serial, i
	}
}' > "$dir/index.txt"
PYTHONPATH="$top/tests/lib" /usr/bin/python3 - "$dir" "$certs" << 'END'
import base64
import sys

from cryptography import x509

import bulk
import pki

folder, n = sys.argv[1], int(sys.argv[2])
with open(folder + '/ca.pem', 'rb') as f:
    ca = pki.Entity(x509.load_pem_x509_certificate(f.read()), pki.load_key(folder + '/ca.key'))
with open(folder + '/bundle.pem', 'w') as f:
    for number, octets in bulk.rows(ca, n):
        f.write('-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n'
                % base64.encodebytes(octets).decode())
with open(folder + '/one', 'w') as f:
    f.write(hex(number))
END
if [ "$user" = nobody ]; then
	chown -R nobody "$dir/cache" "$dir/sqlite" "$dir/ca.key" "$dir/config.ini"
fi
one=$(cat "$dir/one")
echo "$(nproc) cores, $kind, $(du -h "$dir/index.txt" | cut -f 1) of index.txt"

run ctl init-db
run ctl import --dry-run --lines 3 "$dir/index.txt"
run ctl import "$dir/index.txt"
run ctl import "$dir/index.txt"
run ctl import "$dir/bundle.pem"
run ctl import "$dir/bundle.pem"
[ "$user" != nobody ] || chown -R nobody "$dir/sqlite"
run part presign --all
run ctl list --status revoked --serial 4000000 --csv
run ctl explain "$one"
openssl ocsp -issuer "$dir/ca.pem" -serial "$one" -no_nonce -reqout "$dir/one.der"
run ask
run ctl revoke --reason key_compromise "$one"
run ask
run ctl status "$one"
run ctl export "$dir/out.txt"
wc -l "$dir/out.txt"
run ctl verify-cache
run ctl report --output "$dir/cache/report.html"
run ctl check
