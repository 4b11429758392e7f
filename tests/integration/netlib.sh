# Sourced by the scripts about networks instead of lib.sh, which it sources: namespaces of their own
# (see OWN_NETWORK there), an image with nettool in it, and hosts around this one:
#
#	outside	203.0.113.2 and 2001:db8:1::2, on our link up0 (203.0.113.1, 2001:db8:1::1)
#	beyond	198.51.100.2, on our link up1 (198.51.100.1)
#
# They know no way to what is behind us: only what comes from our addresses is answered. The host's
# resolv.conf names a server of its own at 127.0.0.1, which is not there unless name_server starts it.
OWN_NETWORK=${OWN_NETWORK:-1}
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for tool in ip nft nsenter busybox musl-gcc tcpdump; do
	command -v $tool >/dev/null || { rm -rf "$T"; skip_all "no $tool"; }
done
NETTOOL=$T/nettool
musl-gcc -static -Os -s -D_GNU_SOURCE -o "$NETTOOL" "$top/tests/integration/nettool.c" ||
	{ echo "Bail out! nettool cannot be built"; exit 1; }
IMAGE_PROGRAMS=$NETTOOL

in_ns() { # in_ns NAME COMMAND...
	local name=$1
	shift
	nsenter --net="/run/netns/$name" "$@"
}
# add_host NAME LINK OUR-ADDRESS/LEN ITS-ADDRESS/LEN [OUR-ADDRESS6/LEN ITS-ADDRESS6/LEN]
add_host() {
	ip netns add "$1" && ip link add "$2" type veth peer name eth0 netns "$1" &&
		ip addr add "$3" dev "$2" && ip link set "$2" up && in_ns "$1" ip link set lo up &&
		in_ns "$1" ip addr add "$4" dev eth0 && in_ns "$1" ip link set eth0 up || return
	[ -z "$5" ] && return
	ip addr add "$5" dev "$2" nodad && in_ns "$1" ip addr add "$6" dev eth0 nodad
}
OUTSIDE=203.0.113.2 OUTSIDE6=2001:db8:1::2 HOST4=203.0.113.1 HOST6=2001:db8:1::1
BEYOND=198.51.100.2 HOST4B=198.51.100.1
make_world() {
	add_host outside up0 $HOST4/24 $OUTSIDE/24 $HOST6/64 $OUTSIDE6/64 &&
		add_host beyond up1 $HOST4B/24 $BEYOND/24 && own_resolv_conf "nameserver 127.0.0.1"
}
all_served=()
# serve_in NAME SPEC...: a server in that namespace ("host": here) that calls itself so and is ready
# when this returns; its pid in $served.
serve_in() {
	local name=$1 enter=()
	shift
	[ "$name" = host ] || enter=(nsenter --net="/run/netns/$name")
	: >"$T/serve.$name"
	"${enter[@]}" unshare --uts sh -c 'hostname "$1"; shift; exec "$@"' sh "$name" \
		"$NETTOOL" serve "$@" >"$T/serve.$name" 2>&1 &
	served=$!
	all_served+=($!)
	eventually grep -q ready "$T/serve.$name"
}
# container NAME [FLAGS...] -- SPEC...: runs in the background and serves SPECs, as host NAME
container() {
	local name=$1 flags=()
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do flags+=("$1"); shift; done
	shift
	d run -d --name "$name" -h "$name" "${flags[@]}" busybox nettool serve "$@" >/dev/null &&
		eventually is_ready "$name"
}
is_ready() { d logs "$1" 2>&1 | grep -q ready; }
field() { d inspect -f "$2" "$1"; } # field CONTAINER TEMPLATE
ip_of() { field "$1" "{{with index .NetworkSettings.Networks \"${2:-bridge}\"}}{{.IPAddress}}{{end}}"; }
ip6_of() { field "$1" "{{with index .NetworkSettings.Networks \"${2:-bridge}\"}}{{.GlobalIPv6Address}}{{end}}"; }
pid_of() { field "$1" '{{.State.Pid}}'; }
in_container() { # in_container NAME COMMAND...: in its network, with our files and tools
	local pid
	pid=$(pid_of "$1") && shift && nsenter --net="/proc/$pid/ns/net" "$@"
}

# What a server says. FROM: host, ns:NAME for a namespace, or a container's name.
ask() { # ask FROM PROTO ADDRESS PORT [MS [FROM-PORT [FROM-ADDRESS]]]
	local from=$1
	shift
	case $from in
	host) "$NETTOOL" ask "$@" ;;
	ns:*) in_ns "${from#ns:}" "$NETTOOL" ask "$@" ;;
	*) d exec "$from" nettool ask "$@" ;;
	esac
}
# answers WHAT SERVER FROM PROTO ADDRESS PORT: who answers is SERVER (NAME, or "NAME ADDRESS-SEEN").
answers() {
	local what=$1 want=$2 got
	shift 2
	got=$(ask "$@" 2>&1)
	case "$got" in
	"$want "*) ok "$what" ;;
	*) not_ok "$what" "wanted: $want; $* says: $got" ;;
	esac
}
# silent WHAT FROM PROTO ADDRESS PORT: nobody answers.
silent() {
	local what=$1 got
	shift
	if got=$(ask "$@" 400 2>/dev/null); then not_ok "$what" "$* says: $got"; else ok "$what"; fi
}
bridge_nf() { # bridge_nf 0|1: do bridged frames pass the IP rules? Fails where the kernel cannot.
	[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] &&
		echo "$1" >/proc/sys/net/bridge/bridge-nf-call-iptables &&
		echo "$1" >/proc/sys/net/bridge/bridge-nf-call-ip6tables
}
own_resolv_conf() { # own_resolv_conf LINE...: the host's, in this script's mount namespace
	printf '%s\n' "$@" >"$T/resolv.conf"
	mountpoint -q /etc/resolv.conf || mount --bind "$T/resolv.conf" /etc/resolv.conf
}

# What is in the firewall's set, as words; what a network or a container leaves behind.
elements() { # elements SET...
	local set
	for set; do
		nft list set inet "docker-$BRIDGE" "$set" 2>/dev/null || nft list map inet "docker-$BRIDGE" "$set"
	done | tr '\n' ' ' | grep -oE 'elements = \{[^}]*\}' | tr -d '{}\t' | sed 's/elements = //'
}
port_elements() { elements any4 ports4 any6 ports6 open4 open6 links4; }
# What of containers there is besides files: interfaces, elements, mounts, cgroups, namespaces.
traces() {
	ip -o link show type veth | grep -oE 'veth[0-9a-f]+' | sort -u
	port_elements
	grep -F "$T/" /proc/self/mountinfo | cut -d ' ' -f 5 | grep -v resolv.conf | sort
	known_ids >"$T/ids"
	ls -d /sys/fs/cgroup/{,*/}docker*/* 2>/dev/null | grep -F -f "$T/ids"
	find "$T/exec" -mindepth 1 ! -type d 2>/dev/null | sort
	ls "$T/root/networks"
	ip -o link show type bridge | grep -oE '^[0-9]+: [^:]+' | cut -d ' ' -f 2
}
# gained BEFORE: what there is now and was not then, when it does not go within seconds: a veth ends
# with its namespace, which the kernel clears away when it gets to it.
gained() {
	local i new
	for i in $(seq 50); do
		new=$(comm -13 <(sort <<<"$1") <(traces | sort))
		[ -z "$new" ] && return
		sleep 0.1
	done
	echo "$new"
}
remains_of_networks() { # remains_of_networks [except-bridges]
	[ "$1" = except-bridges ] || ip -o link show type bridge | grep -oE 'br-[0-9a-f]+'
	ip -o link show type veth | grep -oE 'veth[0-9a-f]{6,}'
	ls "$T/root/networks" "$T/exec/networks" "$T/exec/resolvers" 2>/dev/null | grep -E '^[0-9a-f]{64}$'
	port_elements
}
nothing_remains() { [ -z "$(remains_of_networks "$1")" ]; }
# The end: nothing of networks may be left, either.
finish_networks() { # finish_networks [except-bridges]
	[ -z "$daemon_pid" ] || { remove_containers; d network prune -f >/dev/null 2>&1; }
	[ ${#all_served[@]} -eq 0 ] || { kill "${all_served[@]}"; wait "${all_served[@]}"; } 2>/dev/null
	eventually nothing_remains "$1"
	same "no bridge, veth, file or port of a network is left" "" "$(remains_of_networks "$1")"
	umount /etc/resolv.conf 2>/dev/null
	finish
}

# ---- names ----

lookup() { d exec "$1" nettool lookup "$2" 2>&1; } # lookup CONTAINER NAME: its addresses, on a line
# inside PID COMMAND...: in that container, when there is no daemon to ask.
inside() {
	local pid=$1
	shift
	nsenter -t "$pid" -m -n -u "$@"
}
reverse() { d exec "$1" nslookup "$2" 2>/dev/null | sed -n 's/.*name = //p'; } # reverse CONTAINER ADDRESS
# name_server HOST ADDRESS LOG: a fake one in a namespace or here ("host"); its pid in $served.
name_server() {
	local enter=()
	[ "$1" = host ] || enter=(nsenter --net="/run/netns/$1")
	: >"$3"
	"${enter[@]}" "$NETTOOL" dns "$2" "$3" &
	served=$!
	all_served+=($!)
	eventually "${enter[@]}" busybox nslookup -type=a ready.test "$2"
}
default_route() { d exec "$1" ip "${2:--4}" route show default | grep -oE 'via [^ ]+ dev [^ ]+' | sed 's/via //; s/dev //'; }
