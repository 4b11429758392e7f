#!/bin/sh
# Install the Debian packages that are missing: deps.sh build|test|vm ...
# One that is not in these sets, being large, is docker-compose: the script that uses it is skipped.
set -eu

build='gcc make libc6-dev git libevent-dev libjansson-dev libseccomp-dev libcap-dev libssl-dev
	libcurl4-openssl-dev zlib1g-dev libisal-dev libzstd-dev musl-tools linux-libc-dev'
test='libcmocka-dev busybox-static iproute2 nftables bind9-dnsutils tcpdump procps curl python3 universal-ctags
	clang-format e2fsprogs btrfs-progs docker-registry openssl'
vm='qemu-system-x86 mmdebstrap e2fsprogs kmod busybox-static'

missing=
for set in "$@"; do
	eval "packages=\$$set"
	for package in $packages; do
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
			missing="$missing $package"
	done
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
if [ "$(id -u)" -ne 0 ]; then
	echo "deps: run this as root, or install them yourself" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
install() {
	# another apt may be at work: wait for its lock
	apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing
}
install || { apt-get update && install; }
