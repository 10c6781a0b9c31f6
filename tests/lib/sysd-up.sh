#!/bin/bash
# sysd-up.sh - a system manager to test units with: the machine's own systemd as PID 1 of new pid,
# mount, network, uts, ipc and cgroup namespaces, on a throw-away overlay of "/". Every directive of
# a unit is in force, nothing is downloaded, and nothing on the machine changes.
#
#   sysd-up.sh start DIR FILES...   boots; each folder FILES is copied over the new root before
#   sysd-up.sh exec DIR COMMAND...  runs a command inside
#   sysd-up.sh stop DIR
#
# LOWER=ROOT in the environment: another system's root takes the place of "/".
#
# DIR must not exist. Exit code 77: this machine can't do it (the reason is printed).
# Needs root with CAP_SYS_ADMIN, systemd, overlayfs and cgroup2.
set -u

cannot() { echo "$*"; exit 77; }

# What runs in the new namespaces and becomes PID 1. Arguments: DIR FILES...
become_init() {
	set -e
	local W=$1 R=$1/root f m d name major minor
	shift
	hostname ocsp-test
	mount -t tmpfs -o mode=755 tmpfs "$W/overlay"
	mkdir "$W/overlay/upper" "$W/overlay/work"
	mount -t overlay overlay \
		-o "lowerdir=${LOWER:-/},upperdir=$W/overlay/upper,workdir=$W/overlay/work" "$R"

	# no unit that this machine happens to have enabled, and none that wants hardware
	rm -rf "$R"/etc/systemd/system/*.wants "$R"/etc/systemd/system/*.requires "$R/etc/fstab"
	: > "$R/etc/machine-id"
	for m in apparmor.service console-setup.service dev-hugepages.mount dev-mqueue.mount \
		keyboard-setup.service ldconfig.service proc-sys-fs-binfmt_misc.automount \
		sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount \
		sys-kernel-tracing.mount systemd-binfmt.service systemd-firstboot.service \
		systemd-hwdb-update.service systemd-journal-flush.service \
		systemd-machine-id-commit.service systemd-modules-load.service \
		systemd-pcrphase-sysinit.service systemd-random-seed.service \
		systemd-sysctl.service systemd-timesyncd.service systemd-udev-trigger.service \
		systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd.service \
		systemd-update-utmp.service; do
		ln -sf /dev/null "$R/etc/systemd/system/$m"
	done
	printf '[Unit]\nRequires=basic.target\nAfter=basic.target\n' \
		> "$R/etc/systemd/system/ocsp-test.target"
	for f in "$@"; do cp -a "$f"/. "$R"/; done

	mount -t proc -o nosuid,nodev,noexec proc "$R/proc"
	mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$R/sys"
	mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate cgroup2 "$R/sys/fs/cgroup"
	mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$R/run"
	mount -t tmpfs -o mode=1777 tmpfs "$R/tmp"
	mount -t tmpfs -o mode=755,nosuid tmpfs "$R/dev"
	for d in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
		IFS=: read -r name major minor <<< "$d"
		mknod -m 666 "$R/dev/$name" c "$major" "$minor"
	done
	ln -s /proc/self/fd "$R/dev/fd"
	ln -s fd/0 "$R/dev/stdin"
	ln -s fd/1 "$R/dev/stdout"
	ln -s fd/2 "$R/dev/stderr"
	mkdir "$R/dev/shm" "$R/dev/pts"
	mount -t tmpfs -o mode=1777 tmpfs "$R/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$R/dev/pts"
	ln -s pts/ptmx "$R/dev/ptmx"

	cd "$R"
	mkdir -p .old
	pivot_root . .old
	umount -l /.old
	# or mounts that the manager makes for a service don't reach it
	mount --make-rshared /
	exec env -i container=ocsp-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		/lib/systemd/systemd --system --unit=ocsp-test.target --show-status=0
}

start() {
	local W=$1 cgroup unshare init state
	shift
	[ "$(id -u)" = 0 ] || cannot "not root"
	[ -x /lib/systemd/systemd ] || cannot "systemd is not installed"
	command -v nsenter > /dev/null && command -v unshare > /dev/null ||
		cannot "nsenter and unshare (util-linux) are missing"
	mkdir -p "$W/overlay" "$W/root" || exit 1
	cgroup=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
	[ -n "$cgroup" ] && mkdir "$cgroup/ocsp-test.$$" 2> /dev/null || {
		rmdir "$W/overlay" "$W/root" "$W"
		cannot "no cgroup2 that can be written to"
	}
	echo "$cgroup/ocsp-test.$$" > "$W/cgroup"
	# the shell joins the cgroup first: the cgroup namespace is made of it
	setsid bash -c 'echo $$ > "$(cat "$1/cgroup")/cgroup.procs" || exit 1
		shift
		exec unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup \
			--propagation private "$@"' - "$W" \
		bash "$0" become-init "$W" "$@" < /dev/null > "$W/log" 2>&1 &
	unshare=$!
	echo "$unshare" > "$W/pid"
	for _ in {1..400}; do
		sleep 0.05
		kill -0 "$unshare" 2> /dev/null || break
		# its only child; no procps is needed for that
		read -r init < "/proc/$unshare/task/$unshare/children"
		[ -n "$init" ] || continue
		[ "$(cat "/proc/$init/comm" 2> /dev/null)" = systemd ] || continue
		[ -S "/proc/$init/root/run/systemd/private" ] || continue
		echo "$init" > "$W/init"
		state=$(inside "$W" systemctl is-system-running 2> /dev/null)
		case $state in running | degraded) return 0 ;; esac
	done
	state=$(tail -3 "$W/log")
	stop "$W"
	cannot "no system manager came up here: ${state:-no reason was told}"
}

inside() {
	local W=$1
	shift
	nsenter -t "$(cat "$W/init")" --mount --uts --ipc --pid --net --cgroup --root --wd "$@"
}

stop() {
	local W=$1 unshare init cgroup
	unshare=$(cat "$W/pid")
	init=$(cat "$W/init" 2> /dev/null)
	# an orderly poweroff.target first
	[ -n "$init" ] && kill -s RTMIN+4 "$init" 2> /dev/null
	for _ in {1..50}; do
		[ -n "$init" ] && kill -0 "$unshare" 2> /dev/null || break
		sleep 0.1
	done
	kill -9 ${init:-$unshare} 2> /dev/null
	cgroup=$(cat "$W/cgroup")
	for _ in {1..20}; do
		find "$cgroup" -depth -type d -exec rmdir {} \; 2> /dev/null
		[ -d "$cgroup" ] || break
		sleep 0.1
	done
	rm -f "$W/pid" "$W/init" "$W/cgroup" "$W/log"
	rmdir "$W/root" "$W/overlay" "$W"
}

case $1 in
start) shift; start "$@" ;;
exec) shift; inside "$@" ;;
stop) stop "$2" ;;
become-init) shift; become_init "$@" ;;
*) echo "usage: see the head of $0" >&2; exit 2 ;;
esac
