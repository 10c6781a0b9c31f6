#!/bin/bash
# system-systemd.sh - the installed units under a real systemd of their own (lib/sysd-up.sh); where
# that can't run, the programs under systemd-socket-activate.
set -u
srcdir=${srcdir:-.} builddir=${builddir:-.}
. "$srcdir/tests/lib/system.sh"

[ "${HAVE_SQLITE:-yes}" = yes ] || skip_all "built without SQLite"
command -v systemd-socket-activate > /dev/null || skip_all "systemd is not installed"

work=$(mktemp -d /tmp/system-systemd.XXXXXX)
chmod 755 "$work"
. "$srcdir/tests/lib/installed.sh"
pid=
clean_up() {
	[ -z "$pid" ] || { kill "$pid"; wait "$pid"; }
	shut_down
	rm -rf "$work"
} 2> /dev/null
trap clean_up EXIT

# ---------------------------------------------------------------- without namespaces

with_socket_activate() {
	local port user=
	[ "$(id -u)" != 0 ] || user=nobody
	ca=$work inside=
	mkdir "$work/db"
	make_programs "$work"
	make_ca "$work"
	make_config "$work" "user=${user:-$(id -un)}" "cache=$work/cache" \
		"signer=$work/ocsp-sign" > "$work/config.ini"
	[ -z "$user" ] || chown -R "$user" "$work"
	make_table "$work/ocspctl" "$work/config.ini" "$work" > /dev/null
	[ -z "$user" ] || chown -R "$user" "$work"

	activate() {
		port=$(free_port)
		systemd-socket-activate -l "127.0.0.1:$port" "$@" -c "$work/config.ini" \
			2> "$work/activate.log" &
		pid=$!
		until_true 10 grep -q Listening "$work/activate.log"
	}
	activate --accept --inetd "$work/ocsp-stdio"
	check "a process for each connection: good" ask good good "$port"
	check "a process for each connection: revoked" ask revoked revoked "$port"
	kill "$pid"; wait "$pid" 2> /dev/null
	activate "$work/ocsp-stdio" --listen
	check "a listener on a socket that was passed: good" ask good good "$port"
	check "a listener on a socket that was passed: revoked" ask revoked revoked "$port"
	finish
}

# ---------------------------------------------------------------- checks

verify() {
	local out unit
	for unit in $(x sh -c "cd $unitdir && ls -d ocsp*"); do
		out=$(x systemd-analyze verify --recursive-errors=no --man=no "$unitdir/$unit" \
			2>&1) && [ -z "$out" ] || { echo "$unit: $out"; return 1; }
	done
}

exposure() { # UNIT TENTHS
	local out rc=0
	out=$(x systemd-analyze security --no-pager --offline=yes ${2:+--threshold=$2} \
		"$unitdir/$1") || rc=$?
	tail -1 <<< "$out"
	return $rc
}

modes_are() { # LINE...: mode, owner, group and path
	local got
	got=$(x stat -c '%a %U %G %n' "${@##* }")
	[ "$got" = "$(printf '%s\n' "$@")" ] || { diff <(printf '%s\n' "$@") <(echo "$got"); false; }
}

made_by_tmpfiles() {
	modes_are "700 pycert pycert $localstatedir/cache/ocsp_py" \
		"640 pycert adm $localstatedir/log/ocsp_py.log"
}

folders_and_modes() {
	made_by_tmpfiles && modes_are "750 root pycert $sysconfdir/ocsp_py" \
		"640 root pycert $sysconfdir/ocsp_py/config.ini"
}

# proc_says PID LINE...: what the kernel says of a process, besides its user.
proc_says() {
	local status line uid pid=$1
	shift
	status=$(x cat "/proc/$pid/status")
	uid=$(x id -u pycert)
	for line in "Uid: $uid $uid $uid $uid" "CapEff: 0000000000000000" "NoNewPrivs: 1" \
		"Seccomp: 2" "$@"; do
		grep -qxF "$line" <<< "${status//	/ }" ||
			{ echo "not '$line' but:"; grep "^${line%%:*}" <<< "$status"; return 1; }
	done
}

# The process that waits for a client which has gone silent, or the listener.
locked_in() { # UNIT-PATTERN
	proc_says "$(systemctl show -P MainPID "$1" | head -1)" "CapBnd: 0000000000000000"
}

instance_locked_in() {
	local client rc
	load silent 1 P > /dev/null &
	client=$!
	until_true 5 instance_running && locked_in 'ocsp@*.service'
	rc=$?
	wait $client
	return $rc
}

# An instance, taken over, forks until it can't any more: TasksMax= less itself.
fork_bomb() {
	local client most said
	most=$(systemctl show -P TasksMax 'ocsp@1.service')
	load silent 1 P > /dev/null &
	client=$!
	until_true 5 instance_running &&
		said=$(x "$pki/stolen.py" "$(systemctl show -P MainPID 'ocsp@*.service' | head -1)")
	wait $client
	echo "$said; TasksMax=$most"
	[ "$said" = "$((most - 1)) EAGAIN" ]
}

# xinetd leaves a process the bounding set; with no new privileges that is nothing.
xinetd_locked_in() {
	local client rc
	load silent 1 P > /dev/null &
	client=$!
	sleep 1
	proc_says "$(x pgrep -x ocsp-stdio)"
	rc=$?
	wait $client
	return $rc
}

instance_running() { [ "$(systemctl show -P MainPID 'ocsp@*.service' | head -1)" != "" ]; }
no_instances() { [ -z "$(systemctl list-units --all --plain --no-legend 'ocsp@*')" ]; }

speechless_client() {
	local client rc
	timeout 3 "$manager" exec "$work/up" "$pki/load.py" "$port" silent > /dev/null &
	client=$!
	sleep 2
	no_instances
	rc=$?
	wait $client
	return $rc
}

# It has begun a request, or with Accept=yes nothing would be started for it.
silent_client() {
	local s
	s=$(load silent 1 P)
	echo "ended after $s s"
	awk -v s="$s" 'BEGIN { exit !(s > 3 && s < 7) }'
}

structured_line() {
	local serial
	serial=$(x openssl x509 -in "$pki/good.pem" -noout -serial)
	journal -o json OCSP_SERIAL="0x$(tr 'A-F' 'a-f' <<< "${serial#*=}")" |
		grep '"OCSP_STATUS":"good"'
}

cached() { x find "$localstatedir/cache/ocsp_py" -name '*.der' | grep -q .; }
from_either_to_the_other() {
	systemctl start ocsp-listen.socket &&
		active ocsp-listen.socket && active ocsp.socket inactive &&
		systemctl start ocsp.socket &&
		active ocsp.socket && active ocsp-listen.socket inactive
}

ready() {
	active ocsp-listen.service &&
		systemctl show -P StatusText ocsp-listen.service | grep 'accepted'
}

# under_load LOST COMMAND...: again and again during four seconds of load, in which no more than
# LOST requests may be lost.
under_load() {
	local client times=0 lost=$1
	shift
	load 4s 8 "$pki/good.req" "$lost" &
	client=$!
	while sleep 0.3 && kill -0 $client 2> /dev/null; do
		"$@" || return
		times=$((times + 1))
	done
	echo "$times times"
	wait $client && [ $times -ge 2 ]
}

# A client that has gone silent has its instance killed; the others must not notice.
kill_instance() { # WHICH, from the oldest
	local client
	load silent 1 P > /dev/null &
	client=$!
	until_true 5 x bash -c 'kill -9 $(pgrep -xO 1 ocsp-stdio | sed -n "$1p")' - "$1" 2> /dev/null &&
		wait $client
}

begin_anew() { systemctl reload ocsp-listen.service && systemctl daemon-reexec; }

kill_listener() {
	until_true 10 active ocsp-listen.service &&
		systemctl kill -s KILL --kill-who=main ocsp-listen.service
}

reload() {
	systemctl reload ocsp-listen.service && sleep 0.3 && ask good good $port &&
		journal -u ocsp-listen.service | grep -q 'was read again'
}

is_another() { # MAINPID
	active ocsp-listen.service &&
		[ "$(systemctl show -P MainPID ocsp-listen.service)" != "$1" ]
}

# What it may write to was settled at its start: it ends, and the next one fills the new directory.
new_cache() {
	local client pid cache=$localstatedir/cache
	pid=$(systemctl show -P MainPID ocsp-listen.service)
	load 8s 4 "$pki/good.req" 0 &
	client=$!
	x mv "$cache/ocsp_py" "$cache/before" && x mkdir -m 700 "$cache/ocsp_py" &&
		x chown pycert "$cache/ocsp_py" && until_true 15 is_another "$pid"
	wait $client && ask good good $port && cached
}

stop_drains() {
	local client
	load halting "$pki/good.req" 2 &
	client=$!
	sleep 0.7
	systemctl stop ocsp-listen.socket ocsp-listen.service && wait $client &&
		active ocsp-listen.service inactive
}

# ---------------------------------------------------------------- two users

drop_in() { # UNIT LINE...
	local dir="/etc/systemd/system/$1.d"
	shift
	x mkdir -p "$dir" && printf '%s\n' '[Service]' "$@" | x tee "$dir/test.conf" > /dev/null
}

# The key is a credential, encrypted for this host; ocsp-units(7) has the steps.
two_users() {
	local creds=/etc/credstore.encrypted
	x systemctl stop ocsp.socket ocsp-listen.socket ocsp-listen.service
	printf '%s\n' 'pkey=$CREDENTIALS_DIRECTORY/ocsp.key' 'signer=unix:/run/ocsp/sign.sock' \
		'signuser=pycert-sign' > "$work/keys"
	x sed -i -e '/^pkey=/d' -e '/^\[ocsp\]/r /dev/stdin' "$sysconfdir/ocsp_py/config.ini" \
		< "$work/keys"
	x mkdir -p "$creds" && x chmod 700 "$creds" &&
		x systemd-creds encrypt --with-key=host --name=ocsp.key "$pki/ca.key" \
			"$creds/ocsp.key" &&
		x mv "$pki/ca.key" /root/offline.key &&
		x chown -R pycert-sign "$pki/db" && x chmod 700 "$pki/db" &&
		drop_in ocsp-sign@.service "LoadCredentialEncrypted=ocsp.key:$creds/ocsp.key" &&
		drop_in ocsp-watch.service User=pycert-sign \
			"LoadCredentialEncrypted=ocsp.key:$creds/ocsp.key" &&
		x rm -rf "$localstatedir/cache/ocsp_py" && systemctl daemon-reload &&
		systemctl enable --now ocsp-sign.socket
}

two_users_modes() {
	local want="2750 pycert-sign pycert $localstatedir/cache/ocsp_py
600 pycert pycert $localstatedir/cache/ocsp_py/.metrics
660 root pycert /run/ocsp/sign.sock" got
	got=$(x stat -c '%a %U %G %n' "$localstatedir/cache/ocsp_py" \
		"$localstatedir/cache/ocsp_py/.metrics" /run/ocsp/sign.sock)
	[ "$got" = "$want" ] || { diff <(echo "$want") <(echo "$got"); return 1; }
}

published() { # by whom, and for whom
	[ "$(x find "$localstatedir/cache/ocsp_py" -name '*.der' -printf '%u %g %m\n' | sort -u)" = \
		"pycert-sign pycert 640" ]
}

# As the user that parses: nothing of the other's. What it finds is told by its exit code.
parser_reads_nothing() {
	x setpriv --reuid=pycert --regid=pycert --init-groups bash -c '
		cat "$1/db/certs.sqlite" /etc/credstore.encrypted/ocsp.key && exit 1
		ls -R /run/credentials | grep ocsp.key && exit 2
		touch "$2/cache/ocsp_py/new" && exit 3
		find "$2/cache/ocsp_py" -name "*.der" -delete -print | grep . && exit 4
		mysql -u root -e "" && exit 5
		exit 0' - "$pki" "$localstatedir" 2> /dev/null
}

# As in a unit that has the key. A systemd-run of today needs D-Bus for that, which isn't here.
check_is_content() {
	printf '%s\n' '[Service]' Type=oneshot User=pycert-sign StandardOutput=file:/run/check.out \
		LoadCredentialEncrypted=ocsp.key:/etc/credstore.encrypted/ocsp.key \
		"ExecStart=$bindir/ocspctl check" |
		x tee /run/systemd/system/ocsp-check.service > /dev/null
	systemctl daemon-reload
	systemctl start ocsp-check.service 2> /dev/null	# a warning is a failure, too
	x cat /run/check.out > "$work/check.out"
	grep -v '^ok' "$work/check.out"
	grep -q ' 0 errors' "$work/check.out" &&
		x "$bindir/ocspctl" check | grep 'pycert parses requests, and can read neither'
}

# ---------------------------------------------------------------- the run

boot "sandbox=$sandbox"
if [ -z "$booted" ]; then
	echo "# $why: under systemd-socket-activate instead"
	with_socket_activate
fi

check "systemd-analyze finds no fault in the units" verify
check "sysusers.d makes the user" x id pycert
for unit in ocsp@.service ocsp-listen.service; do
	echo "# $(exposure $unit)"
done
check "exposure of ocsp-listen.service at most 2.0" exposure ocsp-listen.service 20
check "ocspctl makes the table" table

check "tmpfiles.d makes cache and log file" made_by_tmpfiles
x rm -r "$localstatedir/cache/ocsp_py" "$localstatedir/log/ocsp_py.log"
check "systemctl enable --now ocsp.socket" systemctl enable --now ocsp.socket
check "and they are there again: ocspctl setup" folders_and_modes
check "Accept=yes: good" ask good good $port
check "Accept=yes: revoked" ask revoked revoked $port
check "Accept=yes: a certificate that the table doesn't hold" ask_unauthorized other $port
check "the answer is cached" cached
check "the journal has the serial as a field" until_true 5 structured_line
check "an instance has a user, no capabilities, no new privileges and a filter" instance_locked_in
name="an instance that was taken over forks no more than TasksMax= allows"
if [ "$(uname -m)" != x86_64 ]; then
	skip "$name" "processes are taken over on x86-64 only"
elif ! x grep -qw pids /sys/fs/cgroup/cgroup.controllers; then
	skip "$name" "no controller of processes in this machine's cgroup2"
else
	check "$name" fork_bomb
fi
check "a client that says nothing costs no instance" speechless_client
check "one that goes silent is ended by timeout=" silent_client
check "300 quick requests are all answered" load 300 10 "$pki/good.req"
check "and the socket stays active" active ocsp.socket
check "daemon-reexec loses no answer" under_load 0 systemctl daemon-reexec
check "SIGKILL of an instance loses no other answer" under_load 0 kill_instance 1
check "no instance stays loaded" until_true 10 no_instances

check "only one of the two sockets is active" from_either_to_the_other
check "systemctl disable --now ocsp.socket" systemctl disable --now ocsp.socket
check "systemctl enable --now ocsp-listen.service" systemctl enable --now ocsp-listen.service
check "it is READY, and tells its status" ready
check "Accept=no: good" ask good good $port
check "Accept=no: revoked" ask revoked revoked $port
check "a listener has a user, no capabilities, no new privileges and a filter" \
	locked_in ocsp-listen.service
check "reload" reload
check "another cache directory is used by the next listener; no answer is lost" new_cache
check "restarts lose no answer" under_load 0 systemctl restart ocsp-listen.service
check "SIGKILLs of the listener lose no answer" under_load 0 kill_listener
check "reload and daemon-reexec lose no answer" under_load 0 begin_anew
check "SIGKILL of an instance loses no other answer" under_load 0 kill_instance 3
check "stop serves to its end what has begun" stop_drains
check "the socket alone starts the listener" systemctl start ocsp-listen.socket
check "at the first request" ask good good $port

systemctl stop ocsp-listen.socket ocsp-listen.service
if x test -x /usr/sbin/xinetd; then
	check "xinetd, started by systemd" systemctl start xinetd.service
	check "xinetd: good" until_true 10 ask good good $port
	check "xinetd: revoked" ask revoked revoked $port
	check "an instance has a user, no new privileges and a filter" xinetd_locked_in
	check "one that goes silent is ended by timeout=" silent_client
	check "reloads lose no answer" under_load 0 systemctl reload xinetd.service
	check "SIGKILL of an instance loses no other answer" under_load 0 kill_instance 1
	systemctl stop xinetd.service
else
	check "xinetd # SKIP it is not installed" true
fi

check "two users: ocsp-sign.socket, the key an encrypted credential" two_users
check "the cache and the socket are whose they have to be" two_users_modes
check "systemctl start ocsp.socket" systemctl start ocsp.socket
check "Accept=yes: good" ask good good $port
check "Accept=yes: revoked" ask revoked revoked $port
check "answers are published by the one, for the other" published
check "the one that parses reads and writes nothing of the other's" parser_reads_nothing
check "ocspctl check has no error" check_is_content
check "ocsp-watch.service as the one that signs" systemctl start ocsp-watch.service
check "systemctl start ocsp-listen.socket" systemctl start ocsp-listen.socket
check "Accept=no: good" ask good good $port
check "Accept=no: a certificate that the table doesn't hold" ask_unauthorized other $port
finish
