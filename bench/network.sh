#!/bin/bash
# Networks side by side in one run: this engine and Debian's docker.io. Needs root.
#	bench/network.sh [BINARY [SECTION...]]	sections: paths starts memory resolver networks restart
# Each engine has a network namespace of its own, with the default bridge, its rules, and a second
# namespace as another host, so that neither engine's packets meet the other's rules. All is done
# from within those, and in a mount namespace of its own: nothing of the host's is touched.
set -u
[ "${BENCH_UNSHARED:-}" ] || BENCH_UNSHARED=1 exec unshare -m "$0" "$@"
cd "$(dirname "$0")/.." || exit 1
docker=$(realpath "${1:-build/docker}")
shift
sections=${*:-paths starts memory resolver networks restart}
threads=${THREADS:-8} rounds=${ROUNDS:-5} starts=${STARTS:-15} seconds=${SECONDS_EACH:-2} others=${OTHERS:-200}
dir=$(mktemp -d /tmp/docker-bench-XXXXXX)
bench=$dir/bench net=$dir/root/bin/net
declare -A sock=([ours]=$dir/ours.sock [docker]=$dir/docker.sock [crowded]=$dir/crowded.sock) pid=() ns=() far=() port=([ours]=20000 [docker]=21000)
holders=() engines=(ours)
export DOCKER_API_VERSION=1.41

# The daemons are in sessions of their own: a signal to the script's group must not end them before
# their containers are removed.
cleanup() {
	for e in "${!pid[@]}"; do
		d "$e" ps -aq 2>/dev/null | xargs -r -n 50 "$docker" -H "unix://${sock[$e]}" rm -f >/dev/null 2>&1
	done
	for p in "${pid[@]}"; do kill "$p" 2>/dev/null; done
	for p in "${pid[@]}"; do wait "$p" 2>/dev/null; done
	for p in "${holders[@]}"; do kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done
	sleep 0.5
	grep -o " $dir[^ ]*" /proc/mounts | sort -r | xargs -r -n1 umount -l
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

d() { local e=$1; shift; "$docker" -H "unix://${sock[$e]}" "$@"; }
in_ns() { local p=$1; shift; nsenter --net="/proc/$p/ns/net" "$@"; }
hold() { # VARIABLE: a network namespace, kept by a process
	setsid unshare -n sleep 100000 &
	holders+=($!)
	until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
	printf -v "$1" %s $!
}
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
ratio() { awk -v a="$1" -v b="${2:-0}" 'BEGIN {if (a > 0 && b > 0) printf "%.2f", a / b; else printf "-"}'; }
row() { printf '| %-44s | %10s | %10s | %6s |\n' "$@"; }
head_row() { row "$1" ours docker.io ratio; echo "|---|---|---|---|"; }
pss() { for p in "$@"; do awk '/^Pss:/{print $2}' "/proc/$p/smaps_rollup" 2>/dev/null; done | awk '{s += $1} END {print s + 0}'; }
slab() { awk '/^Slab:/{print $2}' /proc/meminfo; }
has() { [[ " ${engines[*]} " == *" $1 "* ]]; }
on() { [[ " $sections " == *" $1 "* ]]; }

# ---- the two hosts ----

make_host() { # ENGINE
	local near away n
	hold near; hold away
	ns[$1]=$near far[$1]=$away
	in_ns "$near" ip link set lo up
	in_ns "$away" ip link set lo up
	in_ns "$near" ip link add up0 type veth peer name up0 netns "$away"
	in_ns "$near" ip addr add 192.0.2.1/24 dev up0
	in_ns "$away" ip addr add 192.0.2.2/24 dev up0
	in_ns "$near" ip link set up0 up
	in_ns "$away" ip link set up0 up
	in_ns "$near" ip route add default via 192.0.2.2
	for n in "$near" "$away"; do
		in_ns "$n" sh -c 'echo 30000 65000 >/proc/sys/net/ipv4/ip_local_port_range'
		# Or the table of connections is full of ended ones after some rounds.
		in_ns "$n" sh -c 'echo 1 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait' 2>/dev/null
	done
}
wait_for() {
	for _ in $(seq 3000); do
		"$bench" get "${sock[$1]}" /_ping 1 >/dev/null 2>&1 && return 0
		kill -0 "${pid[$1]}" 2>/dev/null || break
		sleep 0.01
	done
	wait "${pid[$1]}" 2>/dev/null
	echo "no answer from $1, status $?: $(tail -3 "$dir/$1.log")" >&2; return 1
}
start_ours() { # ENGINE: ours, or crowded, another daemon of ours
	setsid nsenter --net="/proc/${ns[$1]}/ns/net" "$docker" -d -g "$dir/$1" --exec-root "$dir/$1-run" -p "$dir/$1.pid" \
		-H "unix://${sock[$1]}" >>"$dir/$1.log" 2>&1 &
	pid[$1]=$!
	wait_for "$1"
}
start_docker() {
	setsid nsenter --net="/proc/${ns[docker]}/ns/net" dockerd --data-root "$dir/docker" --exec-root "$dir/docker-run" \
		--pidfile "$dir/docker.pid" -H "unix://${sock[docker]}" >"$dir/docker.log" 2>&1 &
	pid[docker]=$!
	wait_for docker
}

cc -O2 -D_GNU_SOURCE -pthread bench/bench.c -o "$bench" || exit 1
mkdir -p "$dir/root/bin" "$dir/root/etc" "$dir/root/tmp"
cc -O2 -D_GNU_SOURCE -static -pthread bench/net.c -o "$net" || exit 1
cp "$(command -v busybox)" "$dir/root/bin/busybox"
for a in sh sleep true cat; do ln -s busybox "$dir/root/bin/$a"; done
echo root:x:0:0:root:/root:/bin/sh >"$dir/root/etc/passwd"
tar -C "$dir/root" -c . >"$dir/image.tar"

command -v dockerd >/dev/null && engines+=(docker) || echo "dockerd: not installed, left out"
for e in "${engines[@]}"; do
	make_host "$e"
	"start_$e" "$e" || { tail -5 "$dir/$e.log"; exit 1; }
	d "$e" import - bench <"$dir/image.tar" >/dev/null || exit 1
done

# ---- 1. what a published port carries ----

client() { # ENGINE PATH COMMAND...: run the client where that path begins; @ is the address
	local e=$1 path=$2 at; shift 2
	case $path in
	loopback) at=127.0.0.1 ;;
	own | far) at=192.0.2.1 ;;
	bridge) at=${address[$e]} ;;
	esac
	set -- "${@//@/$at}"
	case $path in
	loopback | own) in_ns "${ns[$e]}" "$net" "$@" ;;
	far) in_ns "${far[$e]}" "$net" "$@" ;;
	bridge) d "$e" exec client net "$@" ;;
	esac
}
paths() {
	declare -A address=()
	for e in "${engines[@]}"; do
		d "$e" run -d --name server -p "${port[$e]}:8000" -p "$((${port[$e]} + 1)):8001" bench net serve 8000 >/dev/null
		d "$e" run -d --name client bench sleep 10000 >/dev/null
		address[$e]=$(d "$e" inspect -f '{{.NetworkSettings.IPAddress}}' server)
	done
	sleep 1
	for what in conns stream; do
		echo; head_row "$([ $what = conns ] && echo connections/s || echo MB/s)"
		for path in loopback own far bridge; do
			local -A got=([ours]= [docker]=)
			for _ in $(seq "$rounds"); do
				for e in "${engines[@]}"; do
					local p=${port[$e]}
					[ $path = bridge ] && p=8000
					if [ $what = conns ]; then
						got[$e]+="$(client "$e" $path conns @ "$p" "$threads" "$seconds") "
					else
						got[$e]+="$(client "$e" $path stream @ $((p + 1)) "$seconds") "
					fi
				done
			done
			local a b
			a=$(tr ' ' '\n' <<<"${got[ours]% }" | median) b=$(tr ' ' '\n' <<<"${got[docker]% }" | median)
			row "$path" "$a" "$b" "$(ratio "$a" "$b")"
		done
	done
	for e in "${engines[@]}"; do d "$e" rm -f server client >/dev/null; done
}

# ---- 2. and 4. how long a start takes ----

case_of() { echo "$1=${sock[$2]},$3,25000,$4"; }
start_times() { # CASES...
	"$bench" start "$starts" 50 1.41 bench "$@"
}
crowd() { # ENGINE N PORTS: that many containers
	local first=30000
	for i in $(seq "$2"); do
		local args=()
		for _ in $(seq "$3"); do args+=(-p "$first:$first"); first=$((first + 1)); done
		d "$1" run -d "${args[@]}" bench sleep 10000 >/dev/null || exit 1
	done
}
start_crowded() {
	make_host crowded
	start_ours crowded && d crowded import - bench <"$dir/image.tar" >/dev/null
}
stop_crowded() {
	empty crowded
	kill ${pid[crowded]}; wait ${pid[crowded]} 2>/dev/null
	unset 'pid[crowded]'
}
empty() { d "$1" ps -aq | xargs -r -n 50 "$docker" -H "unix://${sock[$1]}" rm -f >/dev/null; }
starts() {
	local cases=() n
	echo; echo "create+start on the default bridge, by published ports"
	for n in 0 1 32; do
		for e in "${engines[@]}"; do cases+=("$(case_of "$e,$n" "$e" bridge $n)"); done
	done
	cases+=("$(case_of ours,200 ours bridge 200)" "$(case_of ours,1000 ours bridge 1000)")
	start_times "${cases[@]}"
	echo; echo "a daemon with $others containers that have 5 ports each, beside one without any"
	start_crowded; crowd crowded "$others" 5
	cases=()
	for n in 0 1 32 200 1000; do
		cases+=("$(case_of alone,$n ours bridge $n)" "$(case_of crowded,$n crowded bridge $n)")
	done
	start_times "${cases[@]}"
	stop_crowded
	echo; echo "create+start by network"
	cases=()
	for e in "${engines[@]}"; do d "$e" network create own >/dev/null; done
	for n in none bridge own; do
		for e in "${engines[@]}"; do cases+=("$(case_of "$e,$n" "$e" $n 0)"); done
	done
	start_times "${cases[@]}"
	echo; echo "a daemon with $others containers on that network, beside one without any"
	start_crowded; d crowded network create own >/dev/null
	for _ in $(seq "$others"); do d crowded run -d --net own bench sleep 10000 >/dev/null; done
	cases=()
	for n in none bridge own; do
		cases+=("$(case_of alone,$n ours $n 0)" "$(case_of crowded,$n crowded $n 0)")
	done
	start_times "${cases[@]}"
	stop_crowded
	for e in "${engines[@]}"; do empty "$e"; d "$e" network rm own >/dev/null; done
}

# ---- 3. what a port costs ----

all_of() { echo "$1"; for c in $(pgrep -P "$1"); do all_of "$c"; done; }
memory() { # of a daemon that has done nothing else: a heap that has grown before hides what is added
	local before after slab0 slab1 n=10 each=1000 args i k
	echo; echo "memory of a published port"
	start_crowded
	for i in $(seq $n); do d crowded run -d --name "m$i" bench sleep 10000 >/dev/null; done
	sleep 1
	before=$(pss ${pid[crowded]}) slab0=$(slab)
	local idle; idle=$(pss $(all_of ${pid[crowded]}))
	for i in $(seq $n); do
		d crowded rm -f "m$i" >/dev/null; args=()
		for k in $(seq $each); do args+=(-p "$((30000 + i * each + k)):$k"); done
		d crowded run -d --name "m$i" "${args[@]}" bench sleep 10000 >/dev/null
	done
	sleep 1
	after=$(pss ${pid[crowded]}) slab1=$(slab)
	echo "ours, $((n * each)) ports: daemon $before -> $after KB PSS, with all its processes $idle -> $(pss $(all_of ${pid[crowded]})), Slab $slab0 -> $slab1 KB"
	awk -v p=$(((after - before) * 1024)) -v s=$(((slab1 - slab0) * 1024)) -v n=$((n * each)) \
		'BEGIN {printf "ours, per port: daemon %.0f bytes, Slab %.0f bytes\n", p / n, s / n}'
	stop_crowded
	has docker || return
	args=()
	for k in $(seq 32); do args+=(-p "$((30000 + k)):$k"); done
	d docker run -d "${args[@]}" bench sleep 10000 >/dev/null
	sleep 1
	local proxies; proxies=$(pgrep -P ${pid[docker]} docker-proxy)
	echo "docker.io, 32 ports: $(wc -w <<<"$proxies") proxies, $(pss $proxies) KB PSS: $(($(pss $proxies) / 32)) KB per port"
	empty docker
}

# ---- 5. the resolver ----

resolver() {
	local got r threads e
	for e in "${engines[@]}"; do
		d "$e" network create names >/dev/null
		d "$e" run -d --net names --name web bench sleep 10000 >/dev/null
		d "$e" run -d --net names --name client bench sleep 10000 >/dev/null
	done
	echo; echo "resolver: A of a container's name; queries/s, p50 and p99 in microseconds (medians of $rounds)"
	for threads in 1 8; do
		local -A all=([ours]= [docker]=)
		for r in $(seq "$rounds"); do
			for e in "${engines[@]}"; do
				got=$(d "$e" exec client net dns 127.0.0.11 web $threads "$seconds")
				all[$e]+="$got"$'\n'
			done
		done
		for e in "${engines[@]}"; do
			printf '%-10s %d at once  ' "$e" $threads
			for k in 1 2 3; do printf ' %s' "$(cut -d' ' -f$k <<<"${all[$e]%$'\n'}" | median)"; done
			echo
		done
	done
	for e in "${engines[@]}"; do empty "$e"; d "$e" network rm names >/dev/null; done
}

# ---- 6. networks as such, and a daemon that died ----

networks() {
	local cases=() e
	echo; echo "network create, network rm (with our client)"
	for e in "${engines[@]}"; do
		cases+=("$e,create=$docker -H unix://${sock[$e]} network create x" "$e,rm=$docker -H unix://${sock[$e]} network rm x")
	done
	"$bench" cmd "$starts" 20 "${cases[@]}"
}
restart() {
	local begin end i
	echo; echo "start of the daemon until it answers, after kill -9"
	for i in $(seq "$others"); do
		d ours network create "n$i" >/dev/null || exit 1
		d ours run -d --net "n$i" bench sleep 10000 >/dev/null || exit 1
	done
	for i in 1 2 3; do
		kill -9 ${pid[ours]}; wait ${pid[ours]} 2>/dev/null
		begin=$(date +%s%N); start_ours ours; end=$(date +%s%N)
		echo "ours, $others networks, $(d ours ps -q | wc -l) containers: $(((end - begin) / 1000000)) ms"
	done
	"$bench" cmd 5 20 "create,$others=$docker -H unix://${sock[ours]} network create x" "rm,$others=$docker -H unix://${sock[ours]} network rm x"
	empty ours
	d ours network prune -f >/dev/null
}

for s in $sections; do "$s"; done
