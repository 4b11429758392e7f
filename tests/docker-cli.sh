#!/bin/sh
# Print the path of an unmodified docker CLI: the one that is installed, else the one of Debian's
# docker.io, unpacked (not installed: no second daemon starts) into a cache.
set -eu
cache=${CLI_CACHE:-${XDG_CACHE_HOME:-/var/cache}/docker-test-cli}

is_real() { # ours has no plugins and no contexts
	[ -x "$1" ] && "$1" --help 2>/dev/null | grep -q 'Management Commands'
}
for cli in /usr/local/bin/docker /usr/bin/docker "$cache/usr/bin/docker"; do
	if is_real "$cli"; then
		echo "$cli"
		exit 0
	fi
done
mkdir -p "$cache"
cd "$cache"
for package in docker-cli docker.io; do
	apt-get download -q "$package" >/dev/null 2>&1 || continue
	dpkg-deb -x "$package"_*.deb .
	rm -f "$package"_*.deb
	is_real "$cache/usr/bin/docker" && echo "$cache/usr/bin/docker" && exit 0
done
echo "docker-cli: none here, and none from apt" >&2
exit 1
