# installed.sh - sourced after system.sh, with $work a folder: what "make install" puts into place,
# under a systemd of its own (sysd-up.sh).

manager=$srcdir/tests/lib/sysd-up.sh
booted= why=

# The directories of this configuration, from its Makefile.
eval "$(sed -n 's/^\(prefix\|exec_prefix\) = \(.*\)/\1="\2"/p' "$builddir/Makefile" | sort -r)"
eval "$(sed -n 's/^\(bindir\|sysconfdir\|localstatedir\|unitdir\) = \(.*\)/\1="\2"/p' \
	"$builddir/Makefile")"
pki=/srv/system-test port=2560
ca=$pki
config=$sysconfdir/ocsp_py/config.ini

# Where the kernel has Landlock the sandbox has to be whole.
sandbox=require
/usr/bin/python3 -c 'import ctypes, sys
sys.exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 1)' || sandbox=auto

# lay_out LINE...: into the folder $files. The lines end the configuration.
lay_out() {
	mkdir -p "$files$pki/db"
	env -u MAKEFLAGS -u MFLAGS make -s -C "$builddir" install DESTDIR="$files" \
		> "$work/install.log" 2>&1 && make_ca "$files$pki" || return
	make_config "$pki" "$@" > "$files$config"
	cp "$srcdir"/tests/lib/{load,hostile,ocsp,der,stolen,wire}.py "$files$pki"
	# a folder that systemd looks into by itself needs nothing; any other is an administrator's
	mkdir -p "$files/etc/systemd/system" "$files/usr/lib/sysusers.d" "$files/etc/xinetd.d"
	case $unitdir in
	/usr/lib/systemd/system | /usr/local/lib/systemd/system | /lib/systemd/system) ;;
	*) cp "$files$unitdir"/* "$files/etc/systemd/system" ;;
	esac
	cp "$files$prefix/lib/sysusers.d/ocsp_py.conf" "$files/usr/lib/sysusers.d/ocsp-test.conf"
	sed 's/^\(\s*disable\s*=\).*/\1 no/' "$builddir/units-built/xinetd.d/ocsp" \
		> "$files/etc/xinetd.d/ocsp"
}

# boot LINE...: sets $booted, or $why it can't be. The lines end the configuration.
boot() {
	files=$work/files
	case $bindir in
	/home/* | /root/* | /run/* | /tmp/* | /var/tmp/* | /dev/*)
		why="configured for $prefix, which the units hide from the service"
		return ;;
	esac
	if ! lay_out "$@"; then
		check "make install DESTDIR=" bash -c 'cat "$1"; false' - "$work/install.log"
		finish
	fi
	why=$("$manager" start "$work/up" "$files") && booted=yes
}

shut_down() { [ -z "$booted" ] || "$manager" stop "$work/up"; }

x() { "$manager" exec "$work/up" "$@"; }
inside="$manager exec $work/up"
systemctl() { x systemctl "$@"; }
load() { x "$pki/load.py" "$port" "$@"; }
active() { [ "$(systemctl is-active "$1")" = "${2:-active}" ]; }
journal() { x journalctl -q --no-pager "$@"; }

table() {
	x "$bindir/ocspctl" init-db && x "$bindir/ocspctl" add "$pki/good.pem" "$pki/revoked.pem" &&
		x "$bindir/ocspctl" revoke "$pki/revoked.pem" --reason key_compromise &&
		x chown -R pycert "$pki"
}
