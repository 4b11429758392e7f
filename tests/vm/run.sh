#!/bin/sh
# Boot Debian's cloud kernel under qemu with systemd and cgroup v2 alone, run guest.sh in there, and
# exit as its last line ("N passed, N failed") says. Nothing is mounted on the host, and what is
# costly (kernel, root file system) is made once and kept in a cache.
#
#	run.sh DOCKER-BINARY      TIMEOUT=900 (seconds), ACCEL=tcg, VM_CACHE=folder
set -eu

binary=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cache=${VM_CACHE:-${XDG_CACHE_HOME:-/var/cache}/docker-test-vm}
suite=bookworm
packages=systemd,systemd-sysv,dbus,udev,kmod,busybox-static,iproute2,nftables,procps
work=

machine=

cleanup() {
	[ -z "$machine" ] || kill "$machine" 2>/dev/null || true
	[ -z "$work" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
	echo "test-vm: $*" >&2
	exit 1
}

need() {
	for tool in "$@"; do
		command -v "$tool" >/dev/null || missing="${missing:-} $tool"
	done
	[ -z "${missing:-}" ] || fail "missing:$missing (make deps-vm installs them)"
}

# The kernel package is unpacked, never installed.
get_kernel() {
	[ ! -e "$cache/vmlinuz" ] || return 0
	package=$(apt-cache depends linux-image-cloud-amd64 |
		sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
	[ -n "$package" ] || fail "apt knows no linux-image-cloud-amd64; run apt-get update"
	(cd "$work" && apt-get download -q "$package" >&2)
	dpkg-deb -x "$work/$package"_*.deb "$work/kernel"
	rm -rf "$cache/modules"
	mv "$work/kernel/lib/modules" "$cache/modules"
	mv "$work/kernel/boot/"vmlinuz-* "$cache/vmlinuz.new"
	mv "$cache/vmlinuz.new" "$cache/vmlinuz"
}

# A root file system is good for one recipe: this file, the unit and the kernel.
recipe() {
	cat "$here/vmtest.service" "$cache/vmlinuz" | sha256sum | cut -c 1-16
	echo "$suite $packages"
}

make_root() {
	recipe >"$work/recipe"
	! cmp -s "$work/recipe" "$cache/recipe" || return 0
	echo "test-vm: building the root file system, once" >&2
	root=$work/root
	mmdebstrap --quiet --variant=minbase --include="$packages" "$suite" "$work/root.tar" >&2
	mkdir "$root"
	tar -C "$root" --xattrs --numeric-owner -xf "$work/root.tar"
	cp -a "$cache/modules" "$root/lib/"
	depmod -b "$root" "$(ls "$root/lib/modules")"
	mkdir "$root/payload"
	cp "$here/vmtest.service" "$root/etc/systemd/system/"
	ln -s ../vmtest.service "$root/etc/systemd/system/multi-user.target.wants/vmtest.service"
	# The console is for the tests' output alone.
	ln -s /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"
	ln -s /dev/null "$root/etc/systemd/system/getty@tty1.service"
	# A start-up program of the package would wait for a network that is not there.
	ln -s /dev/null "$root/etc/systemd/system/systemd-networkd-wait-online.service"
	echo vm >"$root/etc/hostname"
	: >"$root/etc/fstab"
	mke2fs -q -t ext4 -E lazy_itable_init=1,root_owner=0:0 -d "$root" "$cache/root.new" 2G
	mv "$cache/root.new" "$cache/root.ext4"
	mv "$work/recipe" "$cache/recipe"
}

# A small second disk brings what is under test.
make_payload() {
	dir=$work/payload
	mkdir -p "$dir/install"
	make -s -C "$top" O="$(dirname "$binary")" install DESTDIR="$dir/install" PREFIX=/usr >&2
	"$top/tests/integration/mkbusybox.sh" "$dir/busybox.tar"
	cp "$here/guest.sh" "$dir/"
	mke2fs -q -t ext4 -E root_owner=0:0 -d "$dir" "$work/payload.ext4" 64M
}

boot() {
	exec timeout "${TIMEOUT:-900}" qemu-system-x86_64 -accel "${ACCEL:-tcg}" -cpu max -m 1024 -smp 2 \
		-nographic -no-reboot -nodefaults -serial stdio \
		-kernel "$cache/vmlinuz" -append "$1" \
		-drive "file=$cache/root.ext4,format=raw,if=none,id=root,snapshot=on" \
		-device nvme,drive=root,serial=root \
		-drive "file=$work/payload.ext4,format=raw,if=none,id=payload,readonly=on" \
		-device nvme,drive=payload,serial=payload \
		-nic none </dev/null
}

need qemu-system-x86_64 mmdebstrap mke2fs dpkg-deb depmod
[ "$(uname -m)" = x86_64 ] || fail "written for x86_64"
mkdir -p "$cache"
work=$(mktemp -d "${TMPDIR:-/tmp}/docker-vm-XXXXXX")
get_kernel
make_root
make_payload
boot "console=ttyS0 root=/dev/nvme0n1 rw quiet loglevel=3 systemd.show_status=0 \
systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all mitigations=off random.trust_cpu=on" >"$work/console" 2>&1 &
machine=$!
tail --pid="$machine" -n +1 -f "$work/console" | tr -d '\r' &
wait "$machine" || true # what the console says counts
machine=
wait
last=$(tr -d '\r' <"$work/console" | grep -E '^[0-9]+ passed, [0-9]+ failed$' | tail -n 1)
[ -n "$last" ] || fail "the machine did not finish"
case $last in
"0 passed"*) exit 1 ;;
*" 0 failed") exit 0 ;;
*) exit 1 ;;
esac
