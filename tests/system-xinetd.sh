#!/bin/bash
# system-xinetd.sh - the xinetd stanza that is installed, under xinetd itself.
set -u
srcdir=${srcdir:-.} builddir=${builddir:-.}
. "$srcdir/tests/lib/system.sh"

PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || skip_all "not root: xinetd starts its servers as another user"
command -v xinetd > /dev/null || skip_all "xinetd is not installed"
[ "${HAVE_SQLITE:-yes}" = yes ] || skip_all "built without SQLite"

work=$(mktemp -d /tmp/system-xinetd.XXXXXX)
ca=$work pid=
clean_up() {
	[ -z "$pid" ] || { kill "$pid"; wait "$pid" 2> /dev/null; }
	rm -rf "$work"
}
trap clean_up EXIT

port=$(free_port)
mkdir "$work/db"
make_programs "$work"
make_ca "$work"
make_config "$work" user=nobody timeout=2 "cache=$work/cache" "signer=$work/ocsp-sign" \
	> "$work/config.ini"
sed -i "1a logfile=$work/log" "$work/config.ini"
: > "$work/log"
chown -R nobody "$work"
make_table "$work/ocspctl" "$work/config.ini" "$work" > /dev/null
chown -R nobody "$work"

# everything stays as it is installed but for what belongs to this test
sed -e "s|^\(\s*port\s*=\).*|\1 $port|; s|^\(\s*disable\s*=\).*|\1 no|" \
	-e "s|^\(\s*user\s*=\).*|\1 nobody|" \
	-e "s|^\(\s*server\s*=\).*|\1 $work/ocsp-stdio\n\tserver_args\t= -c $work/config.ini|" \
	-e "s|^\(\s*port\s*=.*\)|\1\n\tbind\t= 127.0.0.1|" \
	"$srcdir/etc/xinetd.d/ocsp" > "$work/xinetd.conf"
xinetd -dontfork -f "$work/xinetd.conf" -pidfile "$work/pid" -filelog "$work/xinetd.log" \
	> "$work/xinetd.out" 2>&1 &
pid=$!

load() { "$srcdir/tests/lib/load.py" "$port" "$@"; }
no_complaint() {
	# what is wrong with a configuration is told on standard error: xinetd makes that the socket
	sed -i 's/^timeout=2/timeout=x/' "$work/config.ini"
	load 1 1 "$work/good.req" > "$work/broken"
	sed -i 's/^timeout=x/timeout=2/' "$work/config.ini"
	cat "$work/broken"
	! grep -E 'answered|config.ini' "$work/broken"
}
silent_client() {
	local s
	s=$(load silent)
	echo "ended after $s s"
	awk -v s="$s" 'BEGIN { exit !(s > 0.5 && s < 5) }'
}
per_source() {
	# 64 silent ones; the next is refused until they have gone
	local client
	load silent 64 > /dev/null &
	client=$!
	sleep 1
	! load 1 1 "$work/good.req" && wait $client && load 1 1 "$work/good.req"
}
logged() {
	grep "in process .*serial=0x" "$work/log" && grep -q 'client=127.0.0.1' "$work/log"
}

check "xinetd takes the stanza and listens" until_true 10 answers "$port"
check "no line of the stanza is complained about" \
	bash -c '! grep -iE "error|warning|unknown|bad" "$@"' - "$work"/xinetd.{log,out}
check "good" ask good good "$port"
check "revoked" ask revoked revoked "$port"
check "a certificate that the table doesn't hold" ask_unauthorized other "$port"
check "good again, from the cache" ask good good "$port"
check "300 quick requests close no port" load 300 8 "$work/good.req"
check "a silent client is ended by timeout=" silent_client
check "per_source refuses, and frees again" per_source
check "what goes to standard error does not reach the client" no_complaint
check "the log file names serial and client" logged
finish
