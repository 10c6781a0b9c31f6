#!/bin/bash
# system-hostile.sh - clients that are slow, broken or hostile, under each of the three launchers
# and a real systemd, while a well-behaved client goes on asking (lib/hostile.py). Nothing may be
# wrong, and nothing lost but where a launcher's own speed is the limit.
#
# By default all behaviours at once in small; with OCSP_TEST_ALL=yes one after the other in large,
# and what came of it as a table.
set -u
srcdir=${srcdir:-.} builddir=${builddir:-.}
. "$srcdir/tests/lib/system.sh"

[ "${HAVE_SQLITE:-yes}" = yes ] || skip_all "built without SQLite"

work=$(mktemp -d /tmp/system-hostile.XXXXXX)
chmod 755 "$work"
. "$srcdir/tests/lib/installed.sh"
trap 'shut_down; rm -rf "$work"' EXIT

# ---------------------------------------------------------------- one attack

# field NAME: of the last result.
field() { sed -n "s/.*\"$1\": \([-0-9.]*\|NaN\).*/\1/p" "$work/result"; }
is() { awk -v a="$(field "$1")" -v b="$3" "BEGIN { exit !(a $2 b) }"; }

no_instance() { # what is left of an attack ends by the time limit
	local resident=0
	# the listener and its keeper
	[ "$launcher" != --listen ] || resident=2
	! x pgrep -x ocsp-sign > /dev/null && [ "$(x pgrep -cx ocsp-stdio)" -le "$resident" ]
}

attack() { # BEHAVIOUR OPTION...
	x "$pki/hostile.py" "$port" "$1" "$pki" "${@:2}" > "$work/result"
}

# attacked LOST BEHAVIOUR OPTION...: no more than LOST are lost ("some": how many depends on the
# machine), none is wrong, and it is soon over.
attacked() {
	local may_be_lost=$1
	shift
	attack "$@" || { cat "$work/result"; return 1; }
	cat "$work/result"
	is tried '>' 0 && is wrong == 0 && is asked '>' 20 && until_true 40 no_instance ||
		return
	[ "$may_be_lost" = some ] || is lost '<=' "$may_be_lost"
}

row() {
	local name=$1
	set -- $(for f in tried held refused longest asked answered later lost wrong p50 p99 max; do
		field $f; done)
	printf '# | %s | %s | %d | %d | %d | %.1f | %d | %d | %d | %d | %d | %.0f | %.0f | %.0f |\n' \
		"$launcher" "$name" "$@"
}

serve() {
	systemctl stop ocsp.socket ocsp-listen.socket ocsp-listen.service xinetd.service
	case $launcher in
	Accept=yes) systemctl start ocsp.socket ;;
	--listen) systemctl start ocsp-listen.service ;;
	xinetd) systemctl start xinetd.service ;;
	esac
	until_true 20 ask good good "$port" && ask revoked revoked "$port"
} 2> /dev/null

# ---------------------------------------------------------------- small and large

everything='silent,one octet a second,head without end,body without end,half closed,reset'
everything+=',vanishing,never reading,asking,asking anew'

# One source has 64 places; more of it are refused, and another one is served.
limited() {
	attacked 0 halting --at-once 90 --sources 1 --anew 10 --seconds 3 --rate 10 &&
		is refused '>' 0
}

small() {
	check "$launcher: all of them at once, and nothing is lost" attacked 0 \
		"$everything" --at-once 6 --sources 6 --anew 5 --seconds 4 --rate 10
	row "all at once"
	check "$launcher: one source has no more than its share" limited
}

# one NAME LOST BEHAVIOUR OPTION...
one() {
	check "$launcher: $1" attacked "$2" "$3" --seconds 6 --rate 10 "${@:4}"
	row "$1"
}

keep_connections() { # YES-OR-NO: keepalive=
	x sed -i '/^keepalive=/d' "$config"
	[ "$1" = no ] || echo keepalive=1000 | x sed -i '/^\[ocsp\]/r /dev/stdin' "$config"
	[ "$launcher" != --listen ] || systemctl reload ocsp-listen.service
}

thousand() { # NAME LOST BEHAVIOUR SOURCES
	one "1,000 $1" "$2" "$3" --at-once 1000 --anew 300 --sources "$4"
}

large() {
	# how many instances systemd can start in a second depends on the machine: some 150
	local slow=0 name
	[ "$launcher" != Accept=yes ] || slow=some
	one silent 0 silent
	one "one octet a second" 0 "one octet a second"
	for name in "head without end" "body without end" "half closed" reset vanishing \
		"never reading"; do
		one "$name" $slow "$name"
	done
	keep_connections yes
	one "never reading, keepalive=1000" $slow "never reading"
	keep_connections no
	thousand "silent, 250 sources" 0 silent 250
	thousand "halting, one source" $slow halting 1
	thousand "halting, 250 sources" $slow halting 250
	thousand "asking, one source" $slow asking 1
	thousand "asking, 250 sources" $slow asking 250
	one "asking for signatures" $slow "asking anew"
}

# ---------------------------------------------------------------- the run

boot "sandbox=$sandbox" nonce=echo
[ -n "$booted" ] || skip_all "$why"
check "ocspctl makes the table" table
echo '# | launcher | clients | tried | held | refused | longest s |' \
	'asked | answered | later | lost | wrong | p50 ms | p99 ms | max ms |'
launchers='Accept=yes --listen'
if x test -x /usr/sbin/xinetd; then
	launchers+=' xinetd'
else
	echo "# xinetd is not installed"
fi
for launcher in $launchers; do
	check "$launcher serves" serve
	if [ "${OCSP_TEST_ALL-}" = yes ]; then large; else small; fi
	check "$launcher: and it serves as before" ask good good "$port"
done
finish
