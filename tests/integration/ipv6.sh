#!/bin/bash
# IPv6: networks, the default bridge, published ports, what NAT hides and what is routed.
. "$(dirname "$0")/netlib.sh"
[ -e /proc/sys/net/ipv6 ] || skip_all "this kernel has no IPv6"
make_world || { finish; exit 1; }
up0_ra=$(cat /proc/sys/net/ipv6/conf/up0/accept_ra)
start_daemon && import_busybox || { finish; exit 1; }

create() { d network create "$@" >/dev/null; }
net_field() { d network inspect -f "$2" "$1"; }
conf6() { d exec "$1" cat "/proc/sys/net/ipv6/conf/eth0/$2"; }

# ---- a network with both families ----

create --ipv6 --subnet 10.50.0.0/24 --subnet fd00:50::/64 both
bridge=br-$(net_field both '{{.Id}}' | cut -c 1-12)
matches "the bridge has the first address" 'inet6 fd00:50::1/64' ip -6 addr show dev "$bridge"
expect "the host forwards" 1 cat /proc/sys/net/ipv6/conf/all/forwarding
expect "and still hears what its own routers say" 2 sh -c "[ $up0_ra = 0 ] && echo 2 || cat /proc/sys/net/ipv6/conf/up0/accept_ra"
container web --network both -p 8080:80 -p 8080:80/udp -p 127.0.0.1:8082:80 -p "[$HOST6]:8083:80" -- tcp:80-82 udp:80
container cl --network both -- tcp:80
web=$(ip6_of web both) cl=$(ip6_of cl both)
matches "a container has an address" '^fd00:50::[0-9a-f]+$' ip6_of web both
expect "inspect has its gateway" "fd00:50::1 64" field web '{{with index .NetworkSettings.Networks "both"}}{{.IPv6Gateway}} {{.GlobalIPv6PrefixLen}}{{end}}'
expect "a default route" "fd00:50::1 eth0" default_route web -6
expect "a container hears no router" 0 conf6 web accept_ra
expect "nor does the bridge" 0 cat "/proc/sys/net/ipv6/conf/$bridge/accept_ra"
refute "its address is not tentative" sh -c "'$DOCKER' exec web ip -6 addr show dev eth0 scope global | grep tentative"
answers "container to container" "web $cl" cl tcp "$web" 80
matches "ports are published in both families" '0\.0\.0\.0:8080->80/tcp.*\[::\]:8080->80/tcp' d ps -f name=web --format '{{.Ports}}'
! docker_cli || same "the docker CLI shows the same" "$(d ps -f name=web --format '{{.Ports}}')" "$("$CLI" ps -f name=web --format '{{.Ports}}')"
expect "and each on its own" "0.0.0.0:8080 127.0.0.1:8082 [$HOST6]:8083 [::]:8080" sh -c "'$DOCKER' port web 80/tcp | sort | xargs"
took() { # took MS COMMAND...: no longer than that
	local start=$(date +%s%N) ms=$1
	shift
	"$@" && [ $((($(date +%s%N) - start) / 1000000)) -le "$ms" ]
}
check "from outside at once, by the first packet" took 900 ask ns:outside tcp $HOST6 8080
answers "from outside, who is seen as himself" "web $OUTSIDE6" ns:outside tcp $HOST6 8080
answers "by UDP" "web $OUTSIDE6" ns:outside udp $HOST6 8080
answers "the host by its address" web host tcp $HOST6 8080
answers "the host by the bridge's address" web host tcp fd00:50::1 8080
# The kernel takes no answer to ::1 from another interface: clients go on to 127.0.0.1 when they hear so.
matches "::1 is refused, not forgotten" 'refused' took 400 ask host tcp ::1 8080
matches "a port of [::1] alone is an error" 'cannot be published at ::1' \
	sh -c "'$DOCKER' run --rm --network both -p '[::1]:8081:81' busybox true 2>&1"
silent "127.0.0.1 alone is not for IPv6" host tcp ::1 8082
answers "one address of IPv6" "web $OUTSIDE6" ns:outside tcp $HOST6 8083
silent "at no other" host tcp ::1 8083
for nf in 0 1; do
	bridge_nf $nf || continue
	d rm -f web >/dev/null
	container web --network both -p 8080:80 -p 8080:80/udp -- tcp:80-82 udp:80
	web=$(ip6_of web both)
	answers "another container by the host's address (bridge-nf $nf)" web cl tcp $HOST6 8080
	answers "hairpin (bridge-nf $nf)" web web tcp $HOST6 8080
	answers "hairpin by the bridge's address (bridge-nf $nf)" web web tcp fd00:50::1 8080
	answers "hairpin by UDP (bridge-nf $nf)" web web udp $HOST6 8080
done
serve_in outside tcp:4000
answers "a container gets out, seen as the host" "outside $HOST6" web tcp $OUTSIDE6 4000

# ---- ports are not touched by another network's default route ----

create --subnet 10.49.0.0/24 aside4
create --ipv6 --subnet fd00:49::/64 aside6
container stay --network aside4 -p 8099:80 -- tcp:80
moved() { grep -c '+job release_port' "$T/daemon.log"; }
before=$(moved)
d network connect aside6 stay && d network disconnect aside6 stay
same "ports stay in force meanwhile" "$before" "$(moved)"
answers "and lead to the container" "stay $OUTSIDE" ns:outside tcp $HOST4 8099
d rm -f stay >/dev/null
d network rm aside4 aside6 >/dev/null

# ---- what must not be reached ----

in_ns outside ip -6 route add fd00:50::/32 via $HOST6
silent "direct routing: a port that is not published" ns:outside tcp "$web" 82
silent "nor the next one" ns:outside tcp "$web" 81
silent "nor another container" ns:outside tcp "$cl" 80
create --ipv6 --subnet fd00:51::/64 --internal closed
create --ipv6 --subnet fd00:52::/64 far
container shut --network closed -p 8090:80 -- tcp:80
container far --network far -- tcp:80
silent "an internal network from outside" ns:outside tcp "$(ip6_of shut closed)" 80
silent "its ports are not published" ns:outside tcp $HOST6 8090
expect "it has no default route" "" default_route shut -6
in_container shut ip -6 route add default via fd00:51::1
silent "with one of its own it does not get out" shut tcp $OUTSIDE6 4000
silent "nor to another bridge" shut tcp "$(ip6_of far far)" 80
silent "bridges are isolated" cl tcp "$(ip6_of far far)" 80
silent "both ways" far tcp "$cl" 80
in_container cl ip -6 route add ::1/128 via fd00:50::1 dev eth0 2>/dev/null
serve_in host tcp:::1@9000
refute "::1 of the host by the gateway" in_container cl "$NETTOOL" ask tcp ::1 9000 400

# A router that is none: its advertisements bring no address and no way.
cat >"$T/ra.py" <<'END'
import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 3600, 3600, 0) + socket.inet_pton(socket.AF_INET6, "fd00:bad::")
ra = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
for _ in range(3):
    s.sendto(ra, ("ff02::1", 0, 0, socket.if_nametoindex("eth0")))
END
if command -v python3 >/dev/null; then
	tcpdump -lni any -c 1 'icmp6 and ip6[40] == 134' >/dev/null 2>"$T/sniffer" &
	sniffer=$!
	eventually grep -q listening "$T/sniffer"
	in_container cl python3 "$T/ra.py"
	check "a container advertises itself as a router" eventually is_dead $sniffer
	sleep 0.2

	same "no address, no route" "" "$(ip -6 addr | grep fd00:bad; ip -6 route | grep -E 'fd00:bad|proto ra')"
	same "nor its neighbour" "" "$(d exec web ip -6 addr | grep fd00:bad; d exec web ip -6 route | grep -E 'fd00:bad|proto ra')"
else
	skip "router advertisements" "no python3"
fi
d rm -f shut far >/dev/null; d network rm closed far >/dev/null

# ---- addresses ----

d run -d --name fixed --network both --ip6 fd00:50::77 busybox sleep 1000 >/dev/null
expect "--ip6" fd00:50::77 ip6_of fixed both
matches "an address twice" 'already in use' d run --rm --network both --ip6 fd00:50::77 busybox true
matches "one from elsewhere" 'does not belong|no configured subnet' d run --rm --network both --ip6 fd00:99::1 busybox true
auto=$(d network create --ipv6 auto)
matches "without a subnet one of our own prefix" '^fd[0-9a-f]{2}:' net_field auto '{{(index .IPAM.Config 1).Subnet}}'
create --ipv6 auto2
refute "each its own" test "$(net_field auto '{{(index .IPAM.Config 1).Subnet}}')" = "$(net_field auto2 '{{(index .IPAM.Config 1).Subnet}}')"
matches "an overlap" 'overlaps' d network create --ipv6 --subnet fd00:50::/48 over
if create --ipv4=false --ipv6 --subnet fd00:53::/64 six 2>"$T/stderr"; then
	container six --network six -p 8091:80 -- tcp:80
	expect "IPv6 alone: no address of IPv4" "" ip_of six six
	answers "but of IPv6" "six $OUTSIDE6" ns:outside tcp $HOST6 8091
	expect "its only default route" "fd00:53::1 eth0" default_route six -6
	expect "AAAA alone" "$(ip6_of six six)" lookup six six
	d rm -f six >/dev/null
else
	not_ok "IPv6 alone" "$(cat "$T/stderr")"
fi
d rm -f fixed >/dev/null; d network rm auto auto2 six >/dev/null

# ---- NAT, and routing instead ----

create --ipv6 --subnet 10.54.0.0/24 --subnet fd00:54::/64 -o com.docker.network.bridge.gateway_mode_ipv6=routed routed
create --ipv6 --subnet fd00:50:1::/64 -o com.docker.network.bridge.gateway_mode_ipv6=nat-unprotected open
in_ns outside ip -6 route add fd00:54::/64 via $HOST6
container routed --network routed -p 8092:80 -- tcp:80-81
container open --network open -- tcp:80
routed=$(ip6_of routed routed)
answers "routed: its own address is seen outside" "outside $routed" routed tcp $OUTSIDE6 4000
answers "a published port is open at its own address" "routed $OUTSIDE6" ns:outside tcp "$routed" 80
silent "not one that is not published" ns:outside tcp "$routed" 81
silent "and nothing is translated" ns:outside tcp $HOST6 8092
answers "IPv4 is translated all the same" "routed $OUTSIDE" ns:outside tcp $HOST4 8092
answers "nat-unprotected: any port by direct routing" "open $OUTSIDE6" ns:outside tcp "$(ip6_of open open)" 80
answers "while it leaves with the host's address" "outside $HOST6" open tcp $OUTSIDE6 4000
nft flush ruleset
again() { ask ns:outside tcp "$routed" 80 150 && ask ns:outside tcp $HOST6 8080 150; }
check "after a flush of all rules it is all served again" eventually again
silent "and closed again" ns:outside tcp "$routed" 81
stop_daemon KILL
answers "served while there is no daemon" "web $OUTSIDE6" ns:outside tcp $HOST6 8080
start_daemon
answers "and by the next" "web $OUTSIDE6" ns:outside tcp $HOST6 8080
expect "which knows the address" "$web" ip6_of web both
matches "and gives it to nobody else" 'already in use' d run --rm --network both --ip6 "$web" busybox true
serve_in host tcp:::@9100
expect_status "a port that the host has in IPv6 alone" 125 d run --rm --network both -p 9100:80 busybox true
d rm -f $(d ps -aq) >/dev/null; d network prune -f >/dev/null

# ---- the default bridge ----

container four -p 8080:80 -- tcp:80
expect "without --ipv6 there is none" "" ip6_of four
expect "and ports are of IPv4" "0.0.0.0:8080" d port four 80
d rm -f four >/dev/null
stop_daemon
start_daemon --ipv6 --fixed-cidr-v6 fd00:17::/64
container def -p 8080:80 -- tcp:80
matches "--fixed-cidr-v6" '^fd00:17::[0-9a-f]+$' ip6_of def
expect "a route" "fd00:17::1 eth0" default_route def -6
answers "a published port" "def $OUTSIDE6" ns:outside tcp $HOST6 8080
answers "out, as the host" "outside $HOST6" def tcp $OUTSIDE6 4000
expect "hosts has both addresses" 2 sh -c "'$DOCKER' exec def grep -cw def /etc/hosts"
d rm -f def >/dev/null
stop_daemon
start_daemon --ipv6
container def -- tcp:80
matches "without a subnet one of our own prefix" '^fd[0-9a-f]{2}:' ip6_of def
finish_networks
