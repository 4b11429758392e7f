#!/bin/bash
# Side by side in one run: this engine, Debian's docker.io, podman with crun. Needs root.
#   bench/run.sh [build/docker]
# Peers that are not installed are left out, and said so. Everything lives under one folder of /tmp.
set -u
cd "$(dirname "$0")/.." || exit 1
docker=$(realpath "${1:-build/docker}")
rounds=${ROUNDS:-20} pause=${PAUSE:-200} total=${TOTAL:-100}
dir=$(mktemp -d /tmp/docker-bench-XXXXXX)
bench=$dir/bench
ours=$dir/ours.sock theirs=$dir/theirs.sock
pids=()

cleanup() {
	for s in "$ours" "$theirs"; do
		[ -S "$s" ] && "$docker" -H "unix://$s" ps -aq 2>/dev/null |
			xargs -r "$docker" -H "unix://$s" rm -f >/dev/null 2>&1
	done
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	for p in "${pids[@]}"; do wait "$p" 2>/dev/null; done
	[ -f "$dir/containerd.pid" ] && kill "$(cat "$dir/containerd.pid")" 2>/dev/null
	ip link del bbench0 2>/dev/null
	ip link del bbench1 2>/dev/null
	nft delete table ip docker-bbench0 2>/dev/null
	podman --root "$dir/podman" --runroot "$dir/podman-run" rm -fa >/dev/null 2>&1
	sleep 0.5
	grep -o " $dir[^ ]*" /proc/mounts | sort -r | xargs -r -n1 umount -l
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

cc -O2 -D_GNU_SOURCE -pthread bench/bench.c -o "$bench" || exit 1

mkdir -p "$dir/root/bin" "$dir/root/etc" "$dir/root/tmp"
cp "$(command -v busybox)" "$dir/root/bin/busybox"
for a in $("$dir/root/bin/busybox" --list); do
	[ "$a" = busybox ] || ln -s busybox "$dir/root/bin/$a"
done
echo root:x:0:0:root:/root:/bin/sh >"$dir/root/etc/passwd"
tar -C "$dir/root" -c . >"$dir/busybox.tar"

wait_for() { # SOCKET
	for _ in $(seq 500); do
		"$bench" get "$1" /_ping 1 >/dev/null 2>&1 && return 0
		sleep 0.02
	done
	echo "no answer on $1" >&2
	return 1
}

start_ours() {
	ip link show bbench0 >/dev/null 2>&1 ||
		{ ip link add bbench0 type bridge && ip addr add 10.213.0.1/16 dev bbench0 && ip link set bbench0 up; }
	"$docker" -d -g "$dir/ours" --exec-root "$dir/ours-run" -p "$dir/ours.pid" \
		-H "unix://$ours" -b bbench0 >"$dir/ours.log" 2>&1 &
	ours_pid=$!
	pids+=($ours_pid)
	wait_for "$ours"
}

start_theirs() {
	command -v dockerd >/dev/null || { echo "dockerd: not installed, left out"; return 1; }
	ip link add bbench1 type bridge && ip addr add 10.214.0.1/16 dev bbench1 && ip link set bbench1 up
	dockerd --data-root "$dir/theirs" --exec-root "$dir/theirs-run" --pidfile "$dir/theirs.pid" \
		-H "unix://$theirs" --bridge bbench1 >"$dir/theirs.log" 2>&1 &
	theirs_pid=$!
	pids+=($theirs_pid)
	wait_for "$theirs" || return 1
	"$docker" -H "unix://$theirs" import - busybox <"$dir/busybox.tar" >/dev/null 2>&1 ||
		/usr/bin/docker -H "unix://$theirs" import - busybox <"$dir/busybox.tar" >/dev/null
}

start_podman() {
	command -v podman >/dev/null || { echo "podman: not installed, left out"; return 1; }
	podman="podman --root $dir/podman --runroot $dir/podman-run --cgroup-manager=cgroupfs --runtime crun"
	$podman import "$dir/busybox.tar" busybox >/dev/null 2>&1
}

pss() { # PID...: the sum of their proportional set sizes in KB
	for p in "$@"; do awk '/^Pss:/{print $2}' "/proc/$p/smaps_rollup" 2>/dev/null; done |
		awk '{s += $1} END {print s + 0}'
}
children() { # PID: it and all below it
	echo "$1"
	for c in $(pgrep -P "$1"); do children "$c"; done
}

start_ours || { cat "$dir/ours.log"; exit 1; }
"$docker" -H "unix://$ours" import - busybox <"$dir/busybox.tar" >/dev/null || exit 1
have_theirs=; start_theirs && have_theirs=1
have_podman=; start_podman && have_podman=1
real=$(command -v docker || true)

echo "== binary, bytes"
strip -o "$dir/stripped" "$docker" && stat -c %s "$dir/stripped" # as make install puts it
echo "== idle daemon, PSS KB"
echo "ours $(pss $(children $ours_pid))"
[ $have_theirs ] && echo "docker.io $(pss $(children $theirs_pid))"

cmds=("ours=$docker -H unix://$ours run --rm busybox true")
[ "$real" ] && cmds+=("ours,cli28=$real -H unix://$ours run --rm busybox true")
[ $have_theirs ] && cmds+=("docker.io=$docker -H unix://$theirs run --rm busybox true")
[ $have_podman ] && cmds+=("podman=$podman run --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --rm busybox true")
echo "== run --rm busybox true, bridge"
DOCKER_API_VERSION=1.41 "$bench" cmd "$rounds" "$pause" "${cmds[@]}"
echo "== run --rm --net none busybox true"
DOCKER_API_VERSION=1.41 "$bench" cmd "$rounds" "$pause" "${cmds[@]/--rm/--rm --net none}"

for threads in 1 8; do
	echo "== API create+start+wait+delete, $threads at once"
	echo ours; "$bench" api "$ours" 1.41 busybox bridge $threads "$total"
	[ $have_theirs ] && { echo docker.io; "$bench" api "$theirs" 1.41 busybox bridge $threads 16; }
done

echo "== exec"
"$docker" -H "unix://$ours" run -d --name xx busybox sleep 1000 >/dev/null
cmds=("ours=$docker -H unix://$ours exec xx true")
if [ $have_theirs ]; then
	DOCKER_API_VERSION=1.41 "$docker" -H "unix://$theirs" run -d --name xx busybox sleep 1000 >/dev/null
	cmds+=("docker.io=$docker -H unix://$theirs exec xx true")
fi
DOCKER_API_VERSION=1.41 "$bench" cmd "$rounds" "$pause" "${cmds[@]}"

echo "== 50 containers: PSS KB of all but their own programs"
for i in $(seq 50); do "$docker" -H "unix://$ours" run -d busybox sleep 1000 >/dev/null; done
echo "ours, daemon $(pss $ours_pid)"
monitors=$(pgrep -f docker-monitor)
echo "ours, all monitors together $(pss $monitors)  ($(echo "$monitors" | wc -w) processes)"
echo "== ps -a / GET containers/json with 50 running"
"$bench" get "$ours" /v1.41/containers/json 50
"$bench" cmd "$rounds" 10 "ours=$docker -H unix://$ours ps"

echo "== cold start of the daemon until it answers, with 50 running containers"
kill -9 $ours_pid; wait $ours_pid 2>/dev/null
begin=$(date +%s%N); start_ours; end=$(date +%s%N)
echo "ours $(((end - begin) / 1000000)) ms"
