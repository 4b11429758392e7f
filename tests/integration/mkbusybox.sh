#!/bin/sh
# mkbusybox.sh FILE [PROGRAM...]: write a tar of a small root file system, made of Debian's
# busybox-static and the static programs that are named, to the file.
set -eu

out=$(realpath -m "$1")
shift
busybox=${BUSYBOX:-$(command -v busybox)} || { echo "mkbusybox: no busybox here" >&2; exit 1; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/mkbusybox-XXXXXX")
trap 'rm -rf "$dir"' EXIT
chmod 0755 "$dir"
cd "$dir"
mkdir -m 0755 bin dev etc home proc root sbin sys usr usr/bin usr/sbin var var/spool
mkdir -m 1777 tmp
cp "$busybox" bin/busybox
for program; do
	cp "$program" bin/
done
chmod 0755 bin/*
for applet in $("$busybox" --list); do
	[ "$applet" = busybox ] || ln -s busybox "bin/$applet"
done
printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nnobody:x:65534:65534::/home:/bin/false\n' >etc/passwd
printf 'root:x:0:\ndaemon:x:1:\nwheel:x:10:root,daemon\nnogroup:x:65534:\n' >etc/group
chmod 0700 root
tar --numeric-owner --owner=0 --group=0 -cf "$out.new" .
mv "$out.new" "$out"
