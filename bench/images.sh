#!/bin/bash
# Images side by side in one run: this engine and Debian's docker.io. Needs root.
#	bench/images.sh [BINARY [SECTION...]]	sections: load save pull push
# Our client talks to both daemons, so that only they differ. A section is a function of its name.
# All is done in a mount namespace of its own, without networks: nothing of the host's is touched.
set -u
[ "${BENCH_UNSHARED:-}" ] || BENCH_UNSHARED=1 exec unshare -m "$0" "$@"
cd "$(dirname "$0")/.." || exit 1
docker=$(realpath "${1:-build/docker}")
shift
sections=${*:-load save pull push}
rounds=${ROUNDS:-5} megabytes=${MEGABYTES:-200} layers=${LAYERS:-5}
dir=$(mktemp -d "${BENCH_DIR:-/tmp}/docker-bench-XXXXXX")
# ext4 makes files thirty times as slowly after many were deleted: each run has a fresh one.
truncate -s 12G "$dir.img" && mkfs.ext4 -qF "$dir.img" && mount -o loop "$dir.img" "$dir" || exit 1
declare -A sock=([ours]=$dir/ours.sock [docker]=$dir/docker.sock) pid=()
engines=(ours)
export DOCKER_API_VERSION=1.41 DOCKER_CONFIG=$dir/config

registry_pid=

cleanup() {
	[ -z "$registry_pid" ] || { kill "$registry_pid"; wait "$registry_pid"; } 2>/dev/null
	for p in "${pid[@]}"; do kill "$p" 2>/dev/null; done
	for p in "${pid[@]}"; do wait "$p" 2>/dev/null; done
	[ ! -f "$dir/ours-run/firewall" ] || nft delete table inet "$(cat "$dir/ours-run/firewall")"
	grep -o " $dir[^ ]*" /proc/mounts | sort -r | xargs -r -n1 umount -l
	rm -rf "$dir" "$dir.img"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

d() { local e=$1; shift; "$docker" -H "unix://${sock[$e]}" "$@"; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
ratio() { awk -v a="$1" -v b="${2:-0}" 'BEGIN {if (a > 0 && b > 0) printf "%.2f", a / b; else printf "-"}'; }
row() { printf '| %-44s | %10s | %10s | %6s |\n' "$@"; }
head_row() { row "$1" ours docker.io ratio; echo "|---|---|---|---|"; }
wait_for() {
	for _ in $(seq 300); do
		curl -s --unix-socket "${sock[$1]}" http://x/_ping >/dev/null && return
		kill -0 "${pid[$1]}" 2>/dev/null || break
		sleep 0.05
	done
	echo "no answer from $1: $(tail -3 "$dir/$1.log")" >&2
	return 1
}
start_ours() {
	setsid "$docker" -d -g "$dir/ours" --exec-root "$dir/ours-run" -p "$dir/ours.pid" -b none \
		-H "unix://${sock[ours]}" >>"$dir/ours.log" 2>&1 &
	pid[ours]=$!
	wait_for ours
}
start_docker() {
	setsid dockerd --data-root "$dir/docker" --exec-root "$dir/docker-run" --pidfile "$dir/docker.pid" \
		--bridge none --iptables=false --ip-forward=false -H "unix://${sock[docker]}" >"$dir/docker.log" 2>&1 &
	pid[docker]=$!
	wait_for docker
}

# ---- the image ----

# A layer's tar: half of it in files of about 8 KB, as programs and their libraries have many, half in
# four large ones. What is in them can be compressed to about a half.
make_layer() { # FILE NUMBER MEGABYTES
	python3 - "$@" <<'PYTHON'
import io, random, sys, tarfile

out, number, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) << 20
r = random.Random(number)
tar = tarfile.open(out, "w", format=tarfile.PAX_FORMAT)

def content(n):
    return r.randbytes(n // 2) + (b"%d the same again " % number) * (n // 2 // 16 + 1)

def put(name, n):
    info = tarfile.TarInfo(name)
    info.size, info.mtime = n, 1600000000
    tar.addfile(info, io.BytesIO(content(n)[:n]))

left = size // 2
for k in range(1 << 30):
    if left <= 0:
        break
    n = r.randrange(200, 16000)
    put("layer%d/dir%d/file%d" % (number, k // 100, k), n)
    left -= n
for k in range(4):
    put("layer%d/large%d" % (number, k), size // 8)
tar.close()
PYTHON
}
# The image as an archive that every version reads: $dir/image.tar, named bench:latest.
make_image() {
	local i diffs= paths= id
	mkdir "$dir/archive"
	for i in $(seq $layers); do
		make_layer "$dir/archive/$i.tar" "$i" $((megabytes / layers)) || exit 1
		diffs+=",\"sha256:$(sha256sum <"$dir/archive/$i.tar" | cut -d ' ' -f 1)\""
		paths+=",\"$i.tar\""
	done
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
		"${diffs#,}" >"$dir/config"
	id=$(sha256sum <"$dir/config" | cut -d ' ' -f 1)
	mv "$dir/config" "$dir/archive/$id.json"
	printf '[{"Config":"%s.json","RepoTags":["bench:latest"],"Layers":[%s]}]' "$id" "${paths#,}" >"$dir/archive/manifest.json"
	tar -C "$dir/archive" -cf "$dir/image.tar" . && rm -rf "$dir/archive"
}

# ---- what is measured ----

# Milliseconds of a command. The disk is at rest before it.
timed() {
	local begin end
	sync
	begin=$(date +%s%N)
	"$@" >/dev/null || { echo "failed: $*" >&2; exit 1; }
	end=$(date +%s%N)
	echo $(((end - begin) / 1000000))
}
has_image() { d "$1" image inspect bench >/dev/null 2>&1; }
ensure_image() { has_image "$1" || d "$1" load -q -i "$dir/image.tar" >/dev/null || exit 1; }
# compare WHAT FUNCTION [PREPARE]: in turns, so that what else the machine does meets both.
compare() {
	local -A took=()
	local e ours theirs
	for _ in $(seq "$rounds"); do
		for e in "${engines[@]}"; do
			[ $# -lt 3 ] || "$3" "$e"
			took[$e]+="$(timed "$2" "$e") " || exit 1
		done
	done
	ours=$(xargs -n 1 <<<"${took[ours]}" | median) theirs=$(xargs -n 1 <<<"${took[docker]:-}" | median)
	row "$1" "$ours" "$theirs" "$(ratio "$ours" "$theirs")"
}

drop_image() { if has_image "$1"; then d "$1" rmi -f bench >/dev/null; fi; }
do_load() { d "$1" load -q -i "$dir/image.tar"; }
load() { compare "load, $megabytes MB, $layers layers, ms" do_load drop_image; }

do_save() { d "$1" save -o "$dir/$1.tar" bench; }
do_save_away() { d "$1" save bench >/dev/null; }
save() {
	compare "save to a file, ms" do_save ensure_image
	compare "save to /dev/null, ms" do_save_away ensure_image
	rm -f "$dir"/ours.tar "$dir"/docker.tar
}

# ---- a registry on loopback ----

name=127.0.0.1:5999/bench
start_registry() { # with nothing in it
	[ -z "$registry_pid" ] || { kill "$registry_pid"; wait "$registry_pid"; } 2>/dev/null
	rm -rf "$dir/registry"
	cat >"$dir/registry.yml" <<-EOF
		version: 0.1
		log: { level: error }
		storage: { filesystem: { rootdirectory: $dir/registry } }
		http: { addr: "127.0.0.1:5999" }
	EOF
	setsid docker-registry serve "$dir/registry.yml" >/dev/null 2>&1 &
	registry_pid=$!
	for _ in $(seq 100); do curl -s http://127.0.0.1:5999/v2/ >/dev/null && return; sleep 0.05; done
	echo "no registry" >&2; exit 1
}
# The most that a daemon has resident while it pulls, above what it has before, in KB.
peak() { awk '/^VmHWM/{print $2}' "/proc/${pid[$1]}/status"; }
forget_peak() { echo 5 >"/proc/${pid[$1]}/clear_refs"; }

drop_pulled() { d "$1" rmi -f $name bench >/dev/null 2>&1; }
do_pull() { d "$1" pull -q $name; }
pull() {
	local e before
	start_registry
	ensure_image docker
	d docker tag bench $name && d docker push -q $name >/dev/null || exit 1 # gzip as Docker makes it
	for e in "${engines[@]}"; do drop_pulled "$e"; done
	compare "pull, $megabytes MB, $layers layers, ms" do_pull drop_pulled
	drop_pulled ours
	forget_peak ours
	before=$(peak ours)
	do_pull ours >/dev/null
	row "peak of the daemon above before, KB" $(($(peak ours) - before)) - -
	drop_pulled ours
}

do_push() { d "$1" push -q $name; }
prepare_push() { ensure_image "$1"; d "$1" tag bench $name; start_registry; }
push() { compare "push to an empty registry, ms" do_push prepare_push; }

command -v dockerd >/dev/null && engines+=(docker) || echo "dockerd: not installed, left out"
make_image
for e in "${engines[@]}"; do "start_$e" || exit 1; done
head_row "image of $(($(stat -c %s "$dir/image.tar") / 1000000)) MB, medians of $rounds"
for s in $sections; do "$s"; done
