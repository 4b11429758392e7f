# Sourced by the integration scripts (bash). A script works with a daemon of its own: root, socket,
# pid file, bridge and subnet, so that scripts can run side by side with one another and with any
# other engine. It prints TAP; the end checks that nothing is left behind.
#
#	. "$(dirname "$0")/lib.sh"
#	start_daemon && import_busybox
#	check "runs a container" d run --rm busybox true
#	finish
#
# DOCKER is the binary under test (build/docker), CLI the real docker CLI (see docker_cli).
#
# With OWN_NETWORK=1 before that line the script begins anew in namespaces of its own: network (with
# sysctls, nftables and ports), mounts (with /run and what it binds over /etc) and processes. The
# kernel clears them away when the script ends, however it ends. The daemon then makes docker0. A script
# that mounts something in its folder must do so: else every process of the machine has the mount, and
# is taken for one of the script's.
# netlib.sh does that, and brings a world of hosts around it.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DOCKER=$(realpath "${DOCKER:-$top/build/docker}")
script=$(basename "$0" .sh)
tests=0 failures=0 skipped=0
daemon_pid=

skip_all() { echo "1..0 # SKIP $*"; exit 0; }
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -x "$DOCKER" ] || { echo "Bail out! no binary: $DOCKER"; exit 1; }
if [ -n "$OWN_NETWORK" ]; then
	if [ "$OWN_NETWORK" != inside ]; then
		unshare --net true 2>/dev/null || skip_all "no network namespaces here"
		OWN_NETWORK=inside exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
	fi
	mount -t tmpfs none /run && mkdir /run/netns && ip link set lo up ||
		{ echo "Bail out! no namespaces of its own"; exit 1; }
fi

# ---- results ----

ok() { tests=$((tests + 1)); echo "ok $tests - $1"; }
not_ok() {
	tests=$((tests + 1)) failures=$((failures + 1))
	echo "not ok $tests - $1"
	[ $# -lt 2 ] || printf '%s\n' "$2" | sed 's/^/# /'
}
skip() { tests=$((tests + 1)) skipped=$((skipped + 1)); echo "ok $tests - $1 # SKIP ${2:-}"; }

# check WHAT COMMAND...: it must succeed; its output is shown when it does not.
check() {
	local what=$1 out rc
	shift
	out=$("$@" 2>&1); rc=$?
	if [ $rc -eq 0 ]; then ok "$what"; else not_ok "$what" "status $rc: $out"; fi
}
# refute WHAT COMMAND...: it must fail.
refute() {
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then not_ok "$what" "it succeeded: $out"; else ok "$what"; fi
}
# expect WHAT WANTED COMMAND...: its standard output must be exactly that.
expect() {
	local what=$1 want=$2 got rc
	shift 2
	got=$("$@" 2>"$T/stderr"); rc=$?
	if [ "$got" = "$want" ]; then ok "$what"; else
		not_ok "$what" "wanted: $want
got: $got (status $rc)
$(cat "$T/stderr")"
	fi
}
# expect_status WHAT STATUS COMMAND...
expect_status() {
	local what=$1 want=$2 out rc
	shift 2
	out=$("$@" 2>&1); rc=$?
	if [ $rc -eq "$want" ]; then ok "$what"; else not_ok "$what" "status $rc, not $want: $out"; fi
}
# same WHAT WANTED GOT: two texts, or numbers.
same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted: $2
got: $3"; fi; }
# matches WHAT REGEX COMMAND...: its output (both) must contain the extended regular expression.
matches() {
	local what=$1 want=$2 out
	shift 2
	out=$("$@" 2>&1)
	if grep -qE -- "$want" <<<"$out"; then ok "$what"; else not_ok "$what" "no /$want/ in: $out"; fi
}
# eventually COMMAND...: until it succeeds, for 10 seconds.
eventually() {
	local i
	for i in $(seq 100); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}

# ---- the daemon ----

T=$(mktemp -d "/tmp/dt-$script-XXXXXX")
BRIDGE=dt$(printf '%06x' $(($$ % 16777216)))
SUBNET=10.$((64 + $$ / 250 % 128)).$(($$ % 250))
BRIDGE_FLAGS=(-b "$BRIDGE")
[ -z "$OWN_NETWORK" ] || { BRIDGE=docker0 SUBNET=172.17.0 BRIDGE_FLAGS=(); }
HOST=unix://$T/docker.sock
export DOCKER_HOST=$HOST DOCKER_CONFIG=$T/config

d() { "$DOCKER" "$@"; }
api() { # api METHOD PATH [JSON]: the reply's body
	if [ $# -gt 2 ]; then set -- "$1" "$2" -H "Content-Type: application/json" -d "$3"; fi
	local method=$1 path=$2
	shift 2
	curl -s -X "$method" --unix-socket "$T/docker.sock" "$@" "http://localhost$path"
}

make_bridge() {
	[ -z "$OWN_NETWORK" ] || return 0
	ip link show "$BRIDGE" >/dev/null 2>&1 && return
	ip link add "$BRIDGE" type bridge && ip addr add "$SUBNET.1/24" dev "$BRIDGE" &&
		ip link set "$BRIDGE" up
}

# launch_daemon [FLAGS...]: start it and do not wait. -D, so that the log names every job.
launch_daemon() {
	make_bridge
	"$DOCKER" -d -D -g "$T/root" --exec-root "$T/exec" -p "$T/docker.pid" -H "$HOST" \
		"${BRIDGE_FLAGS[@]}" "$@" >>"$T/daemon.log" 2>&1 &
	daemon_pid=$!
}
start_daemon() {
	launch_daemon "$@"
	eventually d version && return
	not_ok "the daemon starts" "$(tail -n 20 "$T/daemon.log")"
	return 1
}
# stop_daemon [SIGNAL]: its exit status.
stop_daemon() {
	local rc
	[ -n "$daemon_pid" ] || return 0
	kill -"${1:-TERM}" "$daemon_pid" 2>/dev/null
	wait "$daemon_pid" 2>/dev/null
	rc=$?
	daemon_pid=
	return $rc
}

# ---- images and tools ----

mkbusybox() { # mkbusybox FILE [PROGRAM...]: a tar of a root file system
	"$top/tests/integration/mkbusybox.sh" "$@"
}
import_busybox() { # as busybox:latest
	[ -e "$T/busybox.tar" ] || mkbusybox "$T/busybox.tar" $IMAGE_PROGRAMS || return 1
	d import -c 'CMD ["sh"]' "$T/busybox.tar" busybox:latest >/dev/null
}
# docker_cli: the path of an unmodified docker CLI, or failure.
docker_cli() {
	CLI=${CLI:-$("$top/tests/docker-cli.sh" 2>/dev/null)} && [ -x "$CLI" ]
}
is_dead() { ! kill -0 "$1" 2>/dev/null; }

# ---- the end ----

remove_containers() {
	local ids
	ids=$(d ps -aq 2>/dev/null)
	[ -z "$ids" ] || d rm -f $ids >/dev/null 2>&1
}

# All ids that were ever in the daemon's log.
known_ids() { grep -oE '\b[0-9a-f]{64}\b' "$T/daemon.log" 2>/dev/null | sort -u; }

# Processes that have a mount of ours, or that name our folder.
our_processes() {
	local p
	for p in /proc/[0-9]*; do
		[ "${p#/proc/}" = $$ ] && continue
		if grep -qsF "$T/" "$p/mountinfo" || tr '\0' ' ' 2>/dev/null <"$p/cmdline" | grep -qF "$T/"; then
			echo "${p#/proc/} $(tr '\0' ' ' 2>/dev/null <"$p/cmdline")"
		fi
	done
}
leaked_cgroups() {
	known_ids >"$T/ids"
	[ -s "$T/ids" ] && find /sys/fs/cgroup -type d 2>/dev/null | grep -F -f "$T/ids"
}
leaked_files() { # besides what a daemon keeps for the next one
	find "$T/exec" -mindepth 1 ! -type d ! -path "$T/exec/firewall" ! -path "$T/exec/forwarding[46]" 2>/dev/null
	find "$T/root/containers" -mindepth 1 -maxdepth 1 2>/dev/null
}

veths() { ip -o link show master "$BRIDGE" 2>/dev/null; }
no_veths() { [ -z "$(veths)" ]; }

# With no container and no daemon left, nothing else may be.
check_leaks() {
	local left
	left=$(grep -F "$T/" /proc/self/mountinfo); [ -z "$left" ] && ok "no mount is left" || not_ok "no mount is left" "$left"
	left=$(our_processes); [ -z "$left" ] && ok "no process is left" || not_ok "no process is left" "$left"
	eventually no_veths # the kernel takes a namespace away, and its veth, a moment after its last process
	left=$(veths); [ -z "$left" ] && ok "no veth is left" || not_ok "no veth is left" "$left"
	left=$(leaked_cgroups); [ -z "$left" ] && ok "no cgroup is left" || not_ok "no cgroup is left" "$left"
	left=$(leaked_files); [ -z "$left" ] && ok "no file of a container is left" || not_ok "no file of a container is left" "$left"
}

cleanup() {
	local pids m
	trap - EXIT
	[ -z "$daemon_pid" ] || { remove_containers; stop_daemon; }
	pids=$(our_processes | cut -d ' ' -f 1)
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null
	for m in $(grep -oE " $T/[^ ]+" /proc/self/mountinfo | sort -r); do umount -l "$m"; done
	ip link del "$BRIDGE" 2>/dev/null
	nft delete table inet "docker-$BRIDGE" 2>/dev/null
	for m in "$T"/*/firewall; do # of daemons without a default bridge
		[ ! -f "$m" ] || nft delete table inet "$(cat "$m")" 2>/dev/null
	done
	[ -n "$KEEP" ] && echo "# kept: $T" || rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# The last line of a script.
finish() {
	if [ -n "$daemon_pid" ]; then
		remove_containers
		stop_daemon || not_ok "the daemon ends well" "$(tail -n 5 "$T/daemon.log")"
	fi
	check_leaks
	if grep -qE 'AddressSanitizer|ThreadSanitizer|runtime error:' "$T/daemon.log" 2>/dev/null; then
		not_ok "the sanitizers are silent" "$(grep -E -A 20 'Sanitizer|runtime error:' "$T/daemon.log" | head -n 60)"
	fi
	[ $failures -eq 0 ] || [ -z "$VERBOSE" ] || sed 's/^/# /' "$T/daemon.log"
	echo "1..$tests"
	echo "$((tests - failures)) passed, $failures failed"
	[ $failures -eq 0 ]
}
