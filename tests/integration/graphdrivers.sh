#!/bin/bash
# All graph drivers pass the same test: layers with every kind of change, write layers, commit, export,
# a deep stack, sizes, a second daemon, kill -9 in the middle of anything. Then how a driver is chosen:
# roots on which overlay cannot work, drivers that are not there, what an earlier daemon left. File
# systems are made in small images in the script's own folder. DRIVERS limits it to some of them (or none),
# ROUNDS is how many daemons are killed.
#
# In namespaces of its own: what is mounted here would be in the copies that others make of theirs,
# keep the loop devices busy, and make their processes look like ours.
OWN_NETWORK=${OWN_NETWORK:-1}
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
command -v python3 >/dev/null || skip_all "no python3 to make layers with"
[ -e /dev/loop-control ] || skip_all "no loop devices here"

# make_filesystem NAME KIND [MKFS-FLAGS...]: mounted at $T/NAME; its loop device goes with the mount.
make_filesystem() {
	local name=$1 kind=$2
	shift 2
	command -v "mkfs.$kind" >/dev/null || { echo "no mkfs.$kind here"; return 1; }
	truncate -s 600M "$T/$name.img" && "mkfs.$kind" -q "$@" "$T/$name.img" >/dev/null 2>&1 && mkdir -p "$T/$name" &&
		mount -o loop "$T/$name.img" "$T/$name" 2>/dev/null || { echo "no $kind $* here"; return 1; }
}
drop_filesystem() { umount "$T/$1" && rm "$T/$1.img"; }

mkbusybox "$T/busybox.tar"
"$here/mkstack.py" changes "$T/busybox.tar" "$T/changes.tar"
"$here/mkstack.py" deep 120 "$T/busybox.tar" "$T/deep.tar"

run() { d run --rm --net none "$@"; }
# What is below /work: kind, name, content.
list='cd /; find work | sort | while read f; do
	if [ -L $f ]; then echo "l $f $(readlink $f)"; elif [ -d $f ]; then echo "d $f"; else echo "f $f $(cat $f)"; fi; done'
three='d work
f work/capped capped
d work/hl
f work/hl/b linked
f work/hl/c linked
f work/keep kept
l work/link keep
d work/opq
f work/opq/new new
f work/swap-dir was a folder
d work/swap-file
f work/swap-file/inside inside
f work/xa attributes'
four='d work
f work/capped capped
d work/hl
f work/hl/b linked
f work/hl/c linked
f work/keep kept
l work/link keep
d work/opq
f work/opq/new new
d work/swap-dir
f work/swap-dir/other other
f work/swap-file a file again
f work/xa attributes'
five='d work
f work/capped capped
d work/hl
f work/hl/b linked
f work/hl/c linked
f work/hl/n1 n
f work/hl/n2 n
l work/link keep
d work/opq
f work/opq/mine x
f work/swap-dir z
d work/swap-file
f work/swap-file/in y
f work/xa attributes'
change='rm /work/keep; rm -r /work/opq; mkdir /work/opq; echo x >/work/opq/mine
rm /work/swap-file; mkdir /work/swap-file; echo y >/work/swap-file/in
rm -r /work/swap-dir; echo z >/work/swap-dir; echo n >/work/hl/n1; ln /work/hl/n1 /work/hl/n2'
# Of a folder that replaced another, overlay does not say what was in the old one; nor does Docker's.
changed='C /work
C /work/hl
A /work/hl/n1
A /work/hl/n2
D /work/keep
C /work/opq
A /work/opq/mine
C /work/swap-dir
C /work/swap-file
A /work/swap-file/in
C /work/xa'
net_raw=0100000200200000000000000000000000000000
net_admin=0100000200100000000000000000000000000000

# In a running container: get_xattr NAME FILE ATTRIBUTE, set_xattr NAME FILE ATTRIBUTE HEX.
root_of() { echo "/proc/$(d inspect -f '{{.State.Pid}}' "$1")/root"; }
get_xattr() { python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], sys.argv[2]).hex())' "$(root_of "$1")$2" "$3"; }
set_xattr() { python3 -c 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]))' "$(root_of "$1")$2" "$3" "$4"; }
links_of() { d exec "$1" stat -c %h "$2"; }
box() { d run -d --net none --name "$1" "$2" sleep 1000 >/dev/null; }

test_layers() {
	check "load" d load -i "$T/changes.tar"
	expect "whiteouts, opaque folders, files for folders and back: three layers" "$three" run stack:three sh -c "$list"
	expect "and four" "$four" run stack:four sh -c "$list"
	box box stack:four
	expect "file capabilities are kept" $net_raw get_xattr box /work/capped security.capability
	expect "and other attributes" "$(printf value | od -An -tx1 | tr -d ' \n')" get_xattr box /work/xa user.test
	expect "hard links are links" "$(d exec box stat -c %i /work/hl/b)" d exec box stat -c %i /work/hl/c
	check "as many as are left, or more below overlay" test "$(links_of box /work/hl/c)" -ge 2
}
exported() { # what is in an export, when it is unpacked
	rm -rf "$T/x" && mkdir "$T/x" && tar -C "$T/x" --xattrs --xattrs-include='*' -xf "$T/export.tar" work &&
		cd "$T/x" && sh -c "${list#cd /; }"
}
write_layer() {
	check "a container changes files" d exec box sh -c "$change"
	check "and attributes" set_xattr box /work/xa security.capability $net_admin
	expect "it sees that" "$five" d exec box sh -c "$list"
	same "diff" "$changed" "$(d diff box | grep -v '^D /work/opq/')"
	expect "its size is that of what it wrote" 18 sh -c "curl -s --unix-socket '$T/docker.sock' 'http://localhost/containers/box/json?size=1' | grep -oE '\"SizeRw\":[0-9]+' | cut -d : -f 2"
	check "commit" d commit box five
	expect "the image has it all" "$five" run five sh -c "$list"
	box copy five
	expect "with the links" 2 links_of copy /work/hl/n2
	expect "with capabilities of the new layer" $net_admin get_xattr copy /work/xa security.capability
	expect "and of older ones" $net_raw get_xattr copy /work/capped security.capability
	same "nothing else is in the new layer" "" "$(d diff copy)"
	check "export" sh -c "'$DOCKER' export box >'$T/export.tar'"
	same "all of the root is in it" "$five" "$(exported)"
	expect "with capabilities" $net_admin python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "security.capability").hex())' "$T/x/work/xa"
	same "and links" "$(stat -c %i "$T/x/work/hl/n1")" "$(stat -c %i "$T/x/work/hl/n2")"
	check "rm" d rm -f box copy
	same "the older image is as it was" "$four" "$(run stack:four sh -c "$list")"
}
deep_stack() {
	check "120 layers are loaded" d load -i "$T/deep.tar"
	expect "a container sees them all" "120 119" run deep:120 sh -c 'echo $(ls /deep | wc -l) $(cat /deep/last)'
	d run --net none --name on-top deep:120 sh -c 'rm /deep/7; echo top >/deep/last' >/dev/null
	check "commit on top of them" d commit on-top deep:121
	expect "is one more" "119 top" run deep:121 sh -c 'echo $(ls /deep | wc -l) $(cat /deep/last)'
	d rm on-top >/dev/null
	check "and they go" d rmi deep:121 deep:120
}
used() { sync; df --output=used -B1K "$T/root" | tail -n 1; }
sharing() { # sharing DRIVER: 20 containers of an image of 2 MB
	local before after i
	eventually is_trash_empty "$1"
	before=$(used)
	for i in $(seq 20); do d create --net none busybox true; done >"$T/created"
	after=$(used)
	if [ "$1" = vfs ]; then
		check "20 containers are 20 copies" test $((after - before)) -gt 20000
	else
		check "20 containers share what is on the disk ($((after - before)) KiB)" test $((after - before)) -lt 8000
	fi
	check "they go" d rm $(cat "$T/created")
	check "and the space is given back" eventually sh -c "sync; btrfs filesystem sync '$T/root' 2>/dev/null; test \$(df --output=used -B1K '$T/root' | tail -n 1) -lt $((before + 4000))"
}

second() { "$DOCKER" -H "unix://$T/second.sock" "$@"; }
two_daemons() { # two_daemons DRIVER
	"$DOCKER" -d -g "$T/root/second" --exec-root "$T/exec-second" -p "$T/second.pid" -H "unix://$T/second.sock" \
		--bridge none --iptables=false -s "$1" >>"$T/second.log" 2>&1 &
	local pid=$!
	check "a second daemon on the same file system" eventually second version
	check "has images of its own" second import "$T/busybox.tar" own
	for i in 1 2 3; do
		second run --rm --net none own true & run busybox true &
		wait $! || not_ok "both run containers"
	done
	expect "that the first one does not see" "" d images -q own
	crash
	expect "it goes on when the first is killed" hello second run --rm --net none own echo hello
	start_daemon -s "$1" || return
	kill $pid && wait $pid
	check "it ends well" test ! -e "$T/second.pid"
	rm -rf "$T/root/second" "$T/exec-second" 2>/dev/null
}

crash() { stop_daemon KILL; }
churn() { # what is interrupted
	local id
	while :; do
		id=$(d create --net none busybox sh -c 'echo x >/x') || return
		d start "$id" && d commit "$id" "churn:$RANDOM" && d import "$T/busybox.tar" "other:$RANDOM" &&
			d rmi $(d images -q churn | sort -u | head -n 1) $(d images -q other | sort -u | head -n 1)
		d rm -f "$id"
	done >/dev/null 2>&1
}
plant() { # plant DRIVER NAME: what a daemon was making when it was killed
	if [ "$1" = btrfs ]; then
		btrfs -q subvolume create "$T/root/$1/$2" && btrfs -q subvolume create "$T/root/$1/$2/inner"
	else
		mkdir -p "$T/root/$1/$2/diff"
	fi
}
interrupted() { # interrupted DRIVER
	local i worker
	crash
	plant "$1" .new-0123456789abcdef && plant "$1" l0123456789 || not_ok "half made layers"
	start_daemon -s "$1" || return
	refute "a half made layer goes at the next start" test -e "$T/root/$1/.new-0123456789abcdef"
	refute "and one that nobody knows" test -e "$T/root/$1/l0123456789"
	for i in $(seq "${ROUNDS:-6}"); do
		churn & worker=$!
		churn & worker="$worker $!"
		sleep "0.$((RANDOM % 8 + 1))"
		crash
		wait $worker 2>/dev/null
		start_daemon -s "$1" || return
		same "round $i: nothing half made is left" "" "$(find "$T/root/$1" -mindepth 1 -maxdepth 1 \( -name '.new-*' -o -name '.probe-*' \))"
		expect "round $i: the engine works" hello run busybox echo hello
	done
}
# Subvolumes in a container's own, nested, deep and read-only, as a container can make them.
nested_subvolumes() {
	local id
	id=$(d create --net none busybox true) && cd "$T/root/btrfs/$id" || return
	btrfs -q subvolume create one && btrfs -q subvolume create one/two && btrfs -q subvolume create one/two/three &&
		touch one/two/three/file && btrfs property set one/two ro true &&
		mkdir home/box && btrfs -q subvolume snapshot -r one home/box/copy || not_ok "subvolumes in a container"
	python3 - <<-'END'
		import os, subprocess
		for i in range(200):
		    os.mkdir("d" * 40)
		    os.chdir("d" * 40)
		subprocess.run(["btrfs", "-q", "subvolume", "create", "deep"], check=True)
	END
	cd "$top"
	check "a container with subvolumes of its own goes" d rm "$id"
	check "with all of them" eventually is_trash_empty btrfs
}

no_images() { # a parent goes after its children
	d images -q | sort -u | xargs -r "$DOCKER" rmi -f
	[ -z "$(d images -aq)" ]
}
is_trash_empty() { [ -z "$(ls -A "$T/root/$1/.trash" "$T/root/graph/_trash" | grep -v ':$')" ]; }
nothing_left() { # nothing_left DRIVER
	d ps -aq | xargs -r "$DOCKER" rm -f >/dev/null
	check "all images can be removed" eventually no_images
	stop_daemon
	start_daemon -s "$1" || return
	check "the trash is emptied" eventually is_trash_empty "$1"
	same "no layer is left" "" "$(ls "$T/root/$1" | grep -v '^base-init$')"
	same "nor a record of one" "" "$(find "$T"/root/graph/{layers,images,mounts,inits,_tmp} -mindepth 1 ! -name base-init)"
	if [ "$1" = btrfs ]; then
		same "nor a subvolume" "" "$(btrfs subvolume list "$T/root" | grep -v /base-init$)"
	fi
}

test_driver() { # test_driver DRIVER FILESYSTEM
	local why
	echo "# $1 on $2"
	why=$(make_filesystem root "$2") || { skip "$1 on $2" "$why"; return; }
	if start_daemon -s "$1"; then
		expect "info names $1" "$1" d info -f '{{.Driver}}'
		check "import" import_busybox
		test_layers
		write_layer
		deep_stack
		sharing "$1"
		[ "$1" != btrfs ] || nested_subvolumes
		two_daemons "$1"
		interrupted "$1"
		nothing_left "$1"
		stop_daemon
	fi
	check "the file system can be unmounted" eventually drop_filesystem root
}
for driver in ${DRIVERS-overlay vfs btrfs}; do
	case $driver in
	btrfs) test_driver btrfs btrfs ;;
	*) test_driver "$driver" ext4 ;;
	esac
done

# ---- the choice of a driver ----

# attempt ROOT [FLAGS...]: start a daemon for a moment. What info says of its driver, and with which
# warnings; or the error that it ended with.
attempt() {
	local root=$1 pid
	shift
	"$DOCKER" -d -g "$root" --exec-root "$T/exec-third" -p "$T/third.pid" -H "unix://$T/third.sock" \
		--bridge none --iptables=false "$@" >"$T/third.log" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		"$DOCKER" -H "unix://$T/third.sock" info -f '{{.Driver}} {{json .DriverStatus}} {{json .Warnings}}' 2>/dev/null && break
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	kill $pid 2>/dev/null
	wait $pid 2>/dev/null
	cat "$T/third.log" >>"$T/daemon.log"
	grep -E '\[(fatal|warn)\]' "$T/third.log"
}
not_supported="error initializing graphdriver: driver not supported"
reason='overlay is not supported over overlayfs: cannot mount a writable layer on it'

matches "an unknown driver" "$not_supported: foo$" attempt "$T/plain" -s foo
matches "zfs is not ours" "$not_supported: zfs \(there is no zfs driver" attempt "$T/plain" -s zfs
if grep -q 'aufs$' /proc/filesystems; then
	skip "aufs is refused where the kernel has none" "this one has it"
else
	matches "aufs is refused" "$not_supported: aufs \(AUFS was not found in /proc/filesystems\)$" attempt "$T/plain" -s aufs
fi
matches "btrfs on another file system" 'prerequisites for driver not satisfied \(wrong filesystem\?\): btrfs is not supported over [a-z]+$' \
	attempt "$T/plain" -s btrfs
same "none of them left a folder behind" "" "$(cd "$T/plain" && ls -d aufs btrfs foo overlay zfs 2>/dev/null)"

mkdir -p "$T/aufs/aufs/diff/x"
matches "a root of an early Docker with aufs" 'prior storage driver aufs failed: driver not supported' attempt "$T/aufs"
matches "can begin anew with another" '^vfs ' attempt "$T/aufs" -s vfs
matches "which is kept" '^vfs ' attempt "$T/aufs"
check "and the old layers are untouched" test -d "$T/aufs/aufs/diff/x"
mkdir -p "$T/several/overlay/x/diff" "$T/several/btrfs/x"
matches "layers of several drivers" 'contains several valid graphdrivers: overlay, btrfs; Please cleanup or explicitly choose storage driver \(-s <DRIVER>\)' \
	attempt "$T/several"
mkdir -p "$T/foreign/vfs/dir/x"
matches "layers of Docker's own vfs are not swept" 'holds the layers of another engine' attempt "$T/foreign" -s vfs
check "they are there" test -d "$T/foreign/vfs/dir/x"

out=$(attempt "$T/asked" -s vfs)
grep -q '^vfs ' <<<"$out" && ! grep -q 'Reason\|WARNING\|warn' <<<"$out" && ok "whoever asks for vfs is not told why" ||
	not_ok "whoever asks for vfs is not told why" "$out"
matches "later it is the one in use already" '^vfs .*"Reason","[^"]*was in use already' attempt "$T/asked"

mkdir -p "$T/over"/{lower,fs,root}
mount -t tmpfs -o size=300m none "$T/over/fs" && mkdir "$T/over/fs/upper" "$T/over/fs/work"
if mount -t overlay -o "lowerdir=$T/over/lower,upperdir=$T/over/fs/upper,workdir=$T/over/fs/work" none "$T/over/root" 2>/dev/null; then
	out=$(attempt "$T/over/root/docker")
	matches "overlay on overlay: vfs, and info says why" "^vfs .*\"Reason\",\"$reason" cat <<<"$out"
	matches "with a warning" "WARNING: the vfs storage driver copies every layer: $reason" cat <<<"$out"
	matches "the log has it, too" "warn\] storage driver vfs, which copies every layer: $reason" cat <<<"$out"
	same "in one line" 1 "$(grep -c '\[warn\]' <<<"$out")"
	matches "the next daemon keeps vfs and says why" "^vfs .*\"Reason\",\"$reason" attempt "$T/over/root/docker"
	matches "-s overlay is an error" "fatal\].*error initializing graphdriver: $reason: invalid argument$" attempt "$T/over/root/docker" -s overlay
	matches "and -s overlay2 the same" "fatal\].*$reason" attempt "$T/over/root/docker" -s overlay2
	matches "which does not change the choice" '^vfs ' attempt "$T/over/root/docker"
	umount "$T/over/root"
else
	skip "overlay on overlay" "no overlay over tmpfs here"
fi
matches "overlay on tmpfs" '^overlay .*"Backing Filesystem","tmpfs"' attempt "$T/over/fs/docker"
umount "$T/over/fs"

mkdir "$T/ram" && mount -t ramfs none "$T/ram"
matches "a file system without attributes" '^vfs .*"Reason","overlay is not supported over ramfs: cannot ' attempt "$T/ram/docker"
mkdir -p "$T/ram/docker/overlay/.probe-0123456789abcdef/upper/x" # a crash left it
matches "what a trial left is not taken for layers" '^vfs ' attempt "$T/ram/docker"
check "and is gone" test ! -e "$T/ram/docker/overlay"
umount "$T/ram"

no_types='its folders do not tell the types of files'
for kind in "ext4 -O ^filetype" "xfs -m crc=0 -n ftype=0"; do
	if why=$(make_filesystem untyped $kind); then
		matches "$kind: vfs" "^vfs .*\"Reason\",\"overlay is not supported over [a-z]+: $no_types" attempt "$T/untyped/docker"
		matches "$kind: -s overlay is an error" "fatal\].*$no_types" attempt "$T/untyped/docker" -s overlay
		eventually drop_filesystem untyped
	else
		skip "overlay on $kind" "$why"
	fi
done
if why=$(make_filesystem other btrfs); then
	matches "overlay comes first, on btrfs as well" '^overlay .*"Backing Filesystem","btrfs"' attempt "$T/other/default"
	matches "btrfs in use is kept" '^btrfs ' attempt "$T/other/docker" -s btrfs
	matches "by the next daemon" '^btrfs ' attempt "$T/other/docker"

	# Another driver has other images; those of the first one wait.
	start_daemon && import_busybox
	eventually drop_filesystem other
else
	skip "btrfs as the root" "$why"
fi
stop_daemon
start_daemon -s vfs
expect "another driver has no images yet" "" d images -q
stop_daemon
start_daemon -s overlay
expect "the first one has its own still" "busybox:latest" d images --format '{{.Repository}}:{{.Tag}}'
stop_daemon
rm -rf "$T"/exec-*
finish
