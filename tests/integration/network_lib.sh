# What network.sh and iptables.sh share; they source it with $client set. Everything happens in network
# and mount namespaces of the script's own, whose /run is its own too: the kernel cleans up when the
# script ends, however it ends. "outside" is a host that knows no way to the containers' subnets, so
# that only masqueraded packets return.

skip() { echo "1..0 # SKIP $*"; exit 0; }
need() { # need TOOL...
	[ "$(id -u)" = 0 ] || skip "needs root"
	for tool; do
		command -v "$tool" >/dev/null || skip "no $tool"
	done
	[ -x "$client" ] || { echo "no client: $client"; exit 1; }
}
enter() { # enter ARG...: run this script again, in namespaces of its own
	[ -n "$NETWORK_SH_INSIDE" ] || NETWORK_SH_INSIDE=1 exec unshare -nm "$0" "$@"
}

n=0 failed=0
ok() { # ok WHAT: the last command's status says whether
	local rc=$?
	n=$((n + 1))
	[ $rc -eq 0 ] && echo "ok $n - $1" && return
	failed=$((failed + 1))
	echo "not ok $n - $1"
	echo "# last reply: $reply"
}
not_ok() { ! [ $? -eq 0 ]; ok "$1"; } # the last command must have failed

# One daemon: its engine answers on descriptor 4 what is asked on 3.
start() {
	rm -f /run/in /run/out && mkfifo /run/in /run/out
	"$client" </run/in >/run/out 3>&- 4<&- 5>&- 6<&- & # what is said to others is not its business
	daemon=$!
	exec 3>/run/in 4</run/out
}
stop() { exec 3>&- 4<&-; wait "$daemon"; }
crash() { kill -9 "$daemon"; exec 3>&- 4<&-; wait "$daemon" 2>/dev/null; }
ask() { # ask COMMAND...: the answer is in $reply; fails when that is an error
	echo "$*" >&3
	read -r reply <&4 || reply="error: it died"
	[ "${reply#error}" = "$reply" ]
}
init() { start; ask job init_networkdriver "$@"; }
ready() { ask job network_sweep "$@"; } # what runs has been adopted: the rules are put in force
get() { sed -E "s/.*\"$1\":\"?([^\",}]*).*/\1/" <<<"$reply"; }
attach() { # attach CONTAINER NETNS [KEY=VALUE...]: what is given is in ip_NETNS, if_NETNS, mac_NETNS
	ask attach "$@" || return
	eval "ip_$2=$(get IP) if_$2=$(get HostIfname) mac_$2=$(get MacAddress)"
}
adopt() { ask job adopt_interface "$1" IP="$2" HostIfname="$3" MacAddress="$4"; }
in_ns() { ip netns exec "$@"; }
by_gateway() { # by_gateway add|del: c1 and c2 send to each other by way of the host
	in_ns c1 ip route "$1" "$ip_c2" via 172.17.0.1 && in_ns c2 ip route "$1" "$ip_c1" via 172.17.0.1
}
once() { in_ns "$1" busybox ping -c 1 -W 1 "$2" >/dev/null 2>&1; }
reach() { once "$@" || once "$@" || once "$@"; } # a neighbour that failed just now is asked again late
has_link() { ip link show "$1" >/dev/null 2>&1; }
link_goes() { # a veth ends with its namespace, a little later
	for _ in $(seq 50); do has_link "$1" || return 0; sleep 0.1; done
	return 1
}
renew() { for ns; do ip netns del "$ns" 2>/dev/null; ip netns add "$ns"; done; }
bridge_nf() { # bridge_nf 0|1: do bridged frames pass the IP rules? As the kernel offers it.
	[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] ||
		echo "$1" >/proc/sys/net/bridge/bridge-nf-call-iptables
}

summary() {
	echo "1..$n"
	echo "# $((n - failed)) passed, $failed failed"
	[ $failed -eq 0 ]
}

set_up() {
	mount -t tmpfs none /run && mkdir /run/netns || exit 1
	ip link set lo up
	ip netns add outside
	ip link add up0 type veth peer name eth0 netns outside
	ip addr add 203.0.113.1/24 dev up0 && ip link set up0 up
	in_ns outside ip addr add 203.0.113.2/24 dev eth0
	in_ns outside ip link set eth0 up
}
