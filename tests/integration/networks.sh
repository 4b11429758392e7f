#!/bin/bash
# Networks of the user's own, with both clients and real packets: options, addresses, several networks
# per container, isolation, names, errors, many of them, and what outlives a daemon.
. "$(dirname "$0")/netlib.sh"
make_world && start_daemon && import_busybox || { finish; exit 1; }
docker_cli || CLI=

n() { d network "$@"; }
create() { d network create "$@" >/dev/null; }
net_field() { d network inspect -f "$2" "$1"; }
rm_all() { d rm -f $(d ps -aq) >/dev/null 2>&1; }
fails() { # fails WHAT REGEX COMMAND...
	local what=$1 want=$2 out
	shift 2
	if out=$("$@" 2>&1); then not_ok "$what" "it succeeded: $out"
	elif grep -qE -- "$want" <<<"$out"; then ok "$what"
	else not_ok "$what" "no /$want/ in: $out"; fi
}

# ---- create, list, inspect, remove ----

id=$(n create --label a=b --subnet 10.10.0.0/24 --ip-range 10.10.0.128/25 --gateway 10.10.0.254 \
	--aux-address router=10.10.0.128 one)
same "create answers with an id" 64 ${#id}
same "it is listed" "one bridge local" "$(n ls --filter label=a=b --format '{{.Name}} {{.Driver}} {{.Scope}}')"
expect "with the predefined ones" "bridge host none one" sh -c "'$DOCKER' network ls --format '{{.Name}}' | sort | xargs"
expect "inspect by the id's beginning" one net_field "${id:0:9}" '{{.Name}}'
expect "the configuration is kept" \
	'[{"Subnet":"10.10.0.0/24","IPRange":"10.10.0.128/25","Gateway":"10.10.0.254","AuxiliaryAddresses":{"router":"10.10.0.128"}}]' \
	net_field one '{{json .IPAM.Config}}'
check "its bridge" ip link show "br-${id:0:12}"
matches "with the gateway's address" 'inet 10.10.0.254/24' ip addr show "br-${id:0:12}"
expect "labels filter" one sh -c "'$DOCKER' network ls -f label=a=b --format '{{.Name}}'"
if [ -n "$CLI" ]; then
	same "the docker CLI lists the same" "$(n ls)" "$("$CLI" network ls)"
	normal() { python3 -c 'import json,sys; print(json.dumps(json.load(sys.stdin),sort_keys=True))'; }
	same "and inspects the same" "$(n inspect one | normal)" "$("$CLI" network inspect one | normal)"
	check "and creates" "$CLI" network create --internal --ipv6 --subnet fd00:77::/64 -o com.docker.network.driver.mtu=1400 two
	expect "as asked" "true true 1400" net_field two '{{.Internal}} {{.EnableIPv6}} {{index .Options "com.docker.network.driver.mtu"}}'
	expect "and removes" two "$CLI" network rm two
	"$CLI" network create --label gone three >/dev/null
	matches "and prunes" three "$CLI" network prune -f --filter label=gone
	refute "so that it is gone" n inspect three
else
	skip "the docker CLI" "there is none"
fi

fails "a name twice" 'network with name one already exists' n create one
fails "an overlap" 'Pool overlaps with other one on this address space|overlaps with address' n create --subnet 10.10.0.0/16 over
fails "a subnet in which the host lives" 'overlaps' n create --subnet 203.0.113.0/25 over
fails "a predefined name" 'predefined' n create bridge
fails "another" 'predefined' n create host
fails "removal of a predefined one" 'bridge is a pre-defined network and cannot be removed' n rm bridge
fails "removal of an unknown one" 'network nosuch not found' n rm nosuch
fails "a bad subnet" 'invalid' n create --subnet 10.11.0.0/33 bad
fails "a gateway from elsewhere"  "doesn't contain|no matching subnet" n create --subnet 10.11.0.0/24 --gateway 10.12.0.1 bad
fails "a bad option" 'ParseBool' n create -o com.docker.network.bridge.enable_icc=maybe bad
fails "an unknown driver" 'plugin "nosuch" not found' n create -d nosuch bad
same "what failed left nothing" "bridge host none one" "$(n ls --format '{{.Name}}' | sort | xargs)"
same "no bridge either" 2 "$(ip -o link show type bridge | wc -l)"
expect_status "an unknown network at run" 125 d run --name lost --network nosuch busybox true
matches "says so" 'network nosuch not found' d start lost
d rm lost >/dev/null

# ---- addresses ----

container ana --network one -- tcp:80
expect "the first of the range that is free" 10.10.0.129 ip_of ana one
container bob --network one --ip 10.10.0.200 --mac-address 02:11:22:33:44:55 -- tcp:80
expect "--ip" 10.10.0.200 ip_of bob one
expect "--mac-address" 02:11:22:33:44:55 d exec bob cat /sys/class/net/eth0/address
expect "the gateway leads out" "10.10.0.254 eth0" default_route bob
answers "they reach each other" "bob 10.10.0.129" ana tcp 10.10.0.200 80
fails "an address twice" 'Address already in use' d run --network one --ip 10.10.0.200 busybox true
fails "one from elsewhere" 'does not belong|no configured subnet' d run --network one --ip 10.99.0.1 busybox true
fails "one that was set apart" 'already in use' d run --network one --ip 10.10.0.128 busybox true
fails "the gateway's" 'already in use' d run --network one --ip 10.10.0.254 busybox true
fails "--ip on the default bridge" 'user (specified|configured|defined)' d run --ip 172.17.0.9 busybox true
fails "rm of a network that is in use" 'has active endpoints' n rm one
expect "it knows who" '10.10.0.129/24 10.10.0.200/24' sh -c "'$DOCKER' network inspect -f '{{range .Containers}}{{.IPv4Address}} {{end}}' one | xargs -n 1 | sort | xargs"
expect "prune leaves it alone" "" n prune -f
rm_all
check "an idle one can be removed" n rm one
refute "with its bridge" ip link show "br-${id:0:12}"

# ---- options of the driver ----

create -o com.docker.network.bridge.name=mybridge -o com.docker.network.driver.mtu=1400 named
check "a bridge of that name" ip link show mybridge
for name in mybridge docker0; do
	fails "$name for another" 'networks have same bridge name' \
		n create -o com.docker.network.bridge.name=$name other
done
expect "its MTU in the container" 1400 d run --rm --network named busybox cat /sys/class/net/eth0/mtu
n rm named >/dev/null
refute "it goes with its network" ip link show mybridge
create -o com.docker.network.bridge.enable_icc=false apart
container ana --network apart -p 8080:80 -- tcp:80
container bob --network apart -- tcp:80
a=$(ip_of ana apart) b=$(ip_of bob apart)
serve_in outside tcp:4000
outside=$served
for nf in 0 1; do
	bridge_nf $nf || continue
	silent "icc=false: not the neighbour (bridge-nf $nf)" bob tcp "$a" 80
	silent "nor the other way (bridge-nf $nf)" ana tcp "$b" 80
	answers "icc=false: the outside (bridge-nf $nf)" "outside $HOST4" bob tcp $OUTSIDE 4000
	if [ $nf = 0 ]; then
		answers "and a published port, by the host (bridge-nf $nf)" ana bob tcp $HOST4 8080
	else # translated inside the bridge, which keeps its ports apart
		skip "and a published port, by the host (bridge-nf $nf)" "not with isolated ports"
	fi
done
rm_all; n rm apart >/dev/null
create --subnet 10.20.0.0/24 -o com.docker.network.bridge.enable_ip_masquerade=false plain
create --subnet 10.21.0.0/24 -o com.docker.network.bridge.gateway_mode_ipv4=routed routed
create --subnet 10.22.0.0/24 -o com.docker.network.bridge.gateway_mode_ipv4=nat-unprotected open
create --subnet 10.23.0.0/24 -o com.docker.network.bridge.host_binding_ipv4=127.0.0.1 bound
in_ns outside ip route add 10.20.0.0/14 via $HOST4
container plain --network plain -- tcp:80
container routed --network routed -p 8081:80 -- tcp:80-81
container open --network open -- tcp:80
container bound --network bound -p 8083:80 -- tcp:80
answers "without masquerading its own address is seen" "outside $(ip_of plain plain)" plain tcp $OUTSIDE 4000
answers "routed: its own address is seen" "outside $(ip_of routed routed)" routed tcp $OUTSIDE 4000
answers "routed: a published port, at its own address" "routed $OUTSIDE" ns:outside tcp "$(ip_of routed routed)" 80
silent "routed: not what is not published" ns:outside tcp "$(ip_of routed routed)" 81
silent "routed: nothing at the host" ns:outside tcp $HOST4 8081
answers "nat-unprotected: any port by direct routing" "open $OUTSIDE" ns:outside tcp "$(ip_of open open)" 80
expect "host_binding_ipv4" 127.0.0.1:8083 d port bound 80
silent "which is not for the outside" ns:outside tcp $HOST4 8083
answers "but for the host" bound host tcp 127.0.0.1 8083
silent "masquerading or not, nobody comes in" ns:outside tcp "$(ip_of plain plain)" 80
in_ns outside ip route del 10.20.0.0/14
rm_all; n prune -f >/dev/null
expect "all of them are pruned" "bridge host none" sh -c "'$DOCKER' network ls --format '{{.Name}}' | sort | xargs"

# ---- several networks ----

create --subnet 10.31.0.0/24 alpha
create --subnet 10.32.0.0/24 beta
create --subnet 10.33.0.0/24 --internal closed
container multi --network beta -p 8080:80 -- tcp:80
expect "one network, one route" "10.32.0.1 eth0" default_route multi
answers "its port" "multi $OUTSIDE" ns:outside tcp $HOST4 8080
check "connect while it runs" n connect --ip 10.31.0.77 alpha multi
expect "the address that was asked for" 10.31.0.77 ip_of multi alpha
expect "is on eth1" 1 sh -c "'$DOCKER' exec multi ip -4 addr show eth1 | grep -c 10.31.0.77/24"
expect "the default route goes to the first by name" "10.31.0.1 eth1" default_route multi
answers "the port is served all the same" "multi $OUTSIDE" ns:outside tcp $HOST4 8080
matches "by the new address" '10\.31\.0\.77 \. 80' elements any4
fails "connected twice" 'already exists in network alpha' n connect alpha multi
check "disconnect" n disconnect alpha multi
expect "moves the route back" "10.32.0.1 eth0" default_route multi
answers "and the port" "multi $OUTSIDE" ns:outside tcp $HOST4 8080
refute "eth1 is gone" d exec multi ip link show eth1
fails "disconnected twice" 'is not connected to network alpha' n disconnect alpha multi
n connect --gw-priority -1 alpha multi
expect "a lower gw-priority" "10.32.0.1 eth0" default_route multi
n disconnect alpha multi; n connect --gw-priority 5 alpha multi
expect "a higher one" "10.31.0.1 eth1" default_route multi
n connect closed multi
expect "an internal network has no gateway" "10.31.0.1 eth1" default_route multi
d restart -t 0 multi >/dev/null
check "all are there after a restart" sh -c "'$DOCKER' exec multi ip -4 addr | grep -c -e 10.31.0 -e 10.32.0 -e 10.33.0 | grep 3"
expect "with the route of the priority" 10.31.0.1 sh -c "'$DOCKER' exec multi ip route show default | cut -d ' ' -f 3 | head -n 1"
n disconnect alpha multi; n disconnect beta multi
expect "with the internal one alone there is no route" "" default_route multi
silent "and no port" ns:outside tcp $HOST4 8080
same "nor one in the firewall" "" "$(port_elements)"
n disconnect closed multi
expect "on no network at all there is the loopback interface" 1 sh -c "'$DOCKER' exec multi ip -o link | wc -l"
n connect beta multi
answers "on one again its port is served again" "multi $OUTSIDE" ns:outside tcp $HOST4 8080
d run -d --name own --cap-add NET_ADMIN --network beta busybox sleep 1000 >/dev/null
n connect --ip 10.31.0.78 alpha own
d exec own sh -c 'ip link set eth1 down && ip link set eth1 name mine && ip link set mine up'
check "an interface that the container renamed" d exec own ip link show mine
check "is disconnected" n disconnect alpha own
refute "and gone" d exec own ip link show mine
# A change that fails at its last step, the routes, leaves nothing of the others.
if ip link add link up1 name probe type macvlan 2>/dev/null; then
	ip link del probe
	create -d macvlan -o parent=up1 --subnet 10.35.0.0/24 vlan
	in_container own ip route add unreachable 10.35.0.1 scope host
	fails "a gateway that the container does not reach" 'default route' n connect --gw-priority 9 vlan own
	expect "leaves no interface" 'eth0 lo' sh -c "'$DOCKER' exec own ls /sys/class/net | xargs"
	n rm vlan >/dev/null
else
	skip "a gateway that the container does not reach" "no macvlan here"
fi
create --ipv6 --subnet 10.36.0.0/24 --subnet fd00:36::/64 dual
in_container own ip addr add fd00:36::1/128 dev lo
fails "one of IPv6, when the route of IPv4 is set" 'default route by fd00:36::1' n connect --gw-priority 9 dual own
expect "puts that back" "10.32.0.1 eth0" default_route own
check "nobody is on that network" n rm dual
# One that fails after the interface was made, as its hosts file cannot be written.
container half --network beta -p 8087:80 -- tcp:80
hosts=$T/root/containers/$(field half '{{.Id}}')/hosts
break_hosts() { mv "$hosts" "$hosts.away" && mkdir "$hosts"; }
mend_hosts() { rmdir "$hosts" && mv "$hosts.away" "$hosts"; }
break_hosts
refute "a connect that fails late" n connect --gw-priority 9 --ip 10.31.0.79 alpha half
refute "leaves no interface" d exec half ip link show eth1
expect "but the old default route" "10.32.0.1 eth0" default_route half
answers "and the port" "half $OUTSIDE" ns:outside tcp $HOST4 8087
matches "by the old address" "$(ip_of half beta | sed 's/\./\\./g') \. 80" elements any4
mend_hosts
check "it can be connected then" n connect --gw-priority 9 --ip 10.31.0.79 alpha half
break_hosts
refute "a disconnect that fails late" n disconnect alpha half
fails "keeps the address from others" 'already in use' d run --rm --network alpha --ip 10.31.0.79 busybox true
mend_hosts
check "it can be disconnected then" n disconnect alpha half
refute "with its interface" d exec half ip link show eth1
answers "the port is served by the other" "half $OUTSIDE" ns:outside tcp $HOST4 8087
check "and the address is free" d run --rm --network alpha --ip 10.31.0.79 busybox true
rm_all
mkdir "$T/again"
d run -d --name again --restart always -v "$T/again:/again" --network alpha busybox \
	sh -c '[ ! -e /again/go ] || exec sleep 1000; exit 1' >/dev/null
waits() { [ "$(field again '{{.State.Status}} {{.RestartCount}}')" = "restarting 5" ]; } # for seconds
eventually waits && sleep 0.3 # the count is that of the next run for a moment
check "connect between two runs" n connect beta again
check "and another" n connect closed again
check "and disconnect" n disconnect closed again
expect "they were between two runs" restarting field again '{{.State.Status}}'
touch "$T/again/go"
eventually d exec again true
expect "the next run is on those" "10.31.0 10.32.0" sh -c "'$DOCKER' exec again ip -4 addr | grep -oE '10\.3[123]\.0' | sort -u | xargs"
rm_all
d create --name idle --network alpha busybox sleep 1000 >/dev/null
fails "an address of the default network is not for one that is stopped, either" \
	'on user defined networks only' n connect --ip 172.17.0.50 bridge idle
n connect --alias nick beta idle && d start idle >/dev/null
expect "connect before the start" "10.31.0 10.32.0" sh -c "'$DOCKER' exec idle ip -4 addr | grep -oE '10\.3[123]\.0' | uniq | sort -u | xargs"
fails "a network of host mode" 'host' n connect host idle
container hal --network host -- tcp:7777
fails "a container of the host's network" 'host' n connect alpha hal
rm_all
d run -d --name two --network name=alpha,ip=10.31.0.5 --network name=beta,ip=10.32.0.6,alias=zwei busybox sleep 1000 >/dev/null
expect "several --network at run" "10.31.0.5 10.32.0.6" sh -c "echo $(ip_of two alpha) $(ip_of two beta)"
if [ -n "$CLI" ]; then
	"$CLI" run -d --name three --network name=alpha,ip=10.31.0.15,gw-priority=1 --network beta --network-alias x busybox sleep 1000 >/dev/null
	expect "by the docker CLI" "10.31.0.15" ip_of three alpha
	check "its connect" "$CLI" network connect --ip 10.33.0.9 closed three
	expect "as asked" 10.33.0.9 ip_of three closed
	check "its disconnect" "$CLI" network disconnect closed three
fi
rm_all

# ---- isolation ----

container ana --network alpha -p 8080:80 -- tcp:80
container bob --network beta -- tcp:80
container cyd --network closed -p 8082:80 -- tcp:80
container cyd2 --network closed -- tcp:80
container def -- tcp:80
a=$(ip_of ana alpha) b=$(ip_of bob beta) c=$(ip_of cyd closed) def=$(ip_of def)
serve_in beyond tcp:4000
for nf in 0 1; do
	bridge_nf $nf || continue
	silent "alpha does not reach beta (bridge-nf $nf)" ana tcp "$b" 80
	silent "nor beta alpha (bridge-nf $nf)" bob tcp "$a" 80
	silent "nor the default bridge (bridge-nf $nf)" ana tcp "$def" 80
	silent "nor from there (bridge-nf $nf)" def tcp "$a" 80
	silent "nor an internal one (bridge-nf $nf)" ana tcp "$c" 80
	silent "an internal one reaches no other (bridge-nf $nf)" cyd tcp "$a" 80
	answers "but its own (bridge-nf $nf)" "cyd2 $c" cyd tcp "$(ip_of cyd2 closed)" 80
	answers "by a published port beta reaches alpha (bridge-nf $nf)" ana bob tcp $HOST4 8080
done
silent "a port of an internal network is not published" ns:outside tcp $HOST4 8082
# With ways that it made itself.
in_container cyd ip route add default via 10.33.0.1
in_ns outside ip route add 10.32.0.0/15 via $HOST4 # the way back, and in
silent "an internal network with a route of its own: the outside" cyd tcp $OUTSIDE 4000
silent "beyond" cyd tcp $BEYOND 4000
silent "another bridge" cyd tcp "$a" 80
silent "a published port by the host" cyd tcp $HOST4 8080
answers "(the outside is there for others)" "outside $HOST4" ana tcp $OUTSIDE 4000
silent "from outside with a route: an internal network" ns:outside tcp "$c" 80
silent "nor one that is not" ns:outside tcp "$b" 80
in_ns outside ip route del 10.32.0.0/15
# A container that takes an address of its neighbour's network.
in_container ana ip addr add 10.32.0.99/24 dev eth0
silent "an address of another bridge does not lead there" ana tcp "$b" 80
rm_all

# ---- names ----

name_server host 127.0.0.1 "$T/queries"
host_server=$served
create --ipv6 --subnet 10.34.0.0/24 --subnet fd00:34::/64 names
container web --network names --network-alias site --network-alias shared -- tcp:80 udp:99
container db --network names --network-alias shared -- tcp:80
container cl --network names -- tcp:80
web=$(ip_of web names) web6=$(ip6_of web names) db=$(ip_of db names) db6=$(ip6_of db names)
web_id=$(field web '{{.Id}}')
for name in web WEB site "${web_id:0:12}" web.names site.names web.; do
	expect "A and AAAA of $name" "$web $web6" lookup cl $name
done
expect "an alias of two" "$(printf '%s\n' "$web" "$db" "$web6" "$db6" | LC_ALL=C sort | xargs)" lookup cl shared
first() { for _ in $(seq 24); do d exec cl nslookup -type=a shared | sed -n 's/^Address: //p' | head -n 1; done | sort -u | xargs; }
same "in turns" "$(printf '%s\n' "$web" "$db" | sort | xargs)" "$(first)"
expect "PTR" "web.names" reverse cl "$web"
expect "PTR of IPv6" "web.names" reverse cl "$web6"
expect "resolv.conf names the resolver" "nameserver 127.0.0.11" d exec cl grep nameserver /etc/resolv.conf
matches "one's own name is in hosts" "$(ip_of cl names).*cl" d exec cl cat /etc/hosts
answers "by its address" "web $(ip_of cl names)" cl tcp "$web" 80
expect "a name of nobody's is asked of the host's server" 192.0.2.1 lookup cl elsewhere.test
check "which lives on its loopback interface" grep -q '^elsewhere.test. 1' "$T/queries"
refute "names of ours are not asked there" grep -qE '^(web|shared|site)' "$T/queries"
burst=$(d exec cl nettool resolve 500 50 web db shared web.names)
[ "${burst% *}" = 0 ] && [ "${burst#* }" -lt 1500 ] && ok "500 pairs of A and AAAA at once: none is lost" ||
	not_ok "500 pairs of A and AAAA at once: none is lost" "failed, longest in ms: $burst"
burst=$(d exec cl nettool resolve 500 50 x1.test x2.test x3.test)
[ "${burst% *}" = 0 ] && [ "${burst#* }" -lt 1500 ] && ok "500 that are asked elsewhere: none is lost" ||
	not_ok "500 that are asked elsewhere: none is lost" "failed, longest in ms: $burst"
tcp_query='printf "\\000\\025\\022\\064\\001\\000\\000\\001\\000\\000\\000\\000\\000\\000\\003web\\000\\000\\001\\000\\001" | nc -w 2 127.0.0.11 53 | od -An -tu1 | xargs'
matches "over TCP" "0 1 0 1 .* 0 4 ${web//./ }\$" d exec cl sh -c "$tcp_query"
container ns --network names -- udp:53 tcp:53
expect "one that binds 0.0.0.0:53 itself still resolves" "$web $web6" lookup ns web
answers "and is reached there" ns cl udp "$(ip_of ns names)" 53
answers "over TCP" ns cl tcp "$(ip_of ns names)" 53
d rename web www
expect "a rename counts at once" "$web $web6" lookup cl www
refute "the old name is gone" sh -c "'$DOCKER' exec cl nettool lookup web | grep -F '$web'"
d rename www web
d stop -t 0 web >/dev/null
refute "one that has ended has no address" sh -c "'$DOCKER' exec cl nettool lookup web | grep -F '$web'"
container filler --network names -- tcp:80 # takes its address
d start web >/dev/null
again=$(ip_of web names)
refute "it comes back with another address" test "$again" = "$web"
matches "which is known" "^$again " lookup cl web
web=$again web6=$(ip6_of web names)
n disconnect names filler
same "nobody on it, no name of it" "" "$(lookup cl filler 2>/dev/null | grep -F 10.34)"
n connect --alias late names filler
expect "an alias of connect" "$(ip_of filler names) $(ip6_of filler names)" lookup cl late
cl_pid=$(pid_of cl)
stop_daemon KILL
expect "names while there is no daemon" "$web $web6" inside $cl_pid nettool lookup web
expect "other names, too" 192.0.2.1 inside $cl_pid nettool lookup dead.test
start_daemon
expect "with the next daemon" "$web $web6" lookup cl web
container new --network names -- tcp:80
expect "and its containers" "$(ip_of new names) $(ip6_of new names)" lookup cl new
kill $host_server; wait $host_server 2>/dev/null
own_resolv_conf "nameserver $OUTSIDE"
name_server outside $OUTSIDE "$T/queries.outside"
d run -d --name cl2 --network names busybox sleep 1000 >/dev/null
expect "a server that is not on the loopback interface" 192.0.2.1 lookup cl2 other.test
check "is asked" grep -q '^other.test. 1' "$T/queries.outside"
expect "--dns goes before it" 192.0.2.1 d run --rm --network names --dns $OUTSIDE busybox nettool lookup dns.test
d run --rm busybox nettool lookup bridge.test >/dev/null
check "the default bridge has the host's resolv.conf" grep -q '^bridge.test. 1' "$T/queries.outside"

# An internal network asks nobody.
container in1 --network closed -- tcp:80
container in2 --network closed -- tcp:80
expect "names on an internal network" "$(ip_of in2 closed)" lookup in1 in2
own_resolv_conf "nameserver 127.0.0.1"
name_server host 127.0.0.1 "$T/queries"
container in3 --network closed -- tcp:80
for c in in1 in3; do
	refute "an internal network asks for no other name ($c)" d exec $c nslookup -type=a leak.test
done
refute "not even with --dns" d run --rm --network closed --dns $OUTSIDE busybox nslookup -type=a leak.test
refute "no query has left" grep -q leak "$T/queries" "$T/queries.outside"
rm_all; n prune -f >/dev/null

# ---- what outlives a daemon ----

create --subnet 10.41.0.0/24 kept
container k1 --network kept --ip 10.41.0.9 -p 8080:80 -- tcp:80
container k2 --network kept -- tcp:80
before=$(n inspect kept)
for signal in KILL TERM; do
	stop_daemon $signal
	answers "$signal: the network goes on" "k1 $OUTSIDE" ns:outside tcp $HOST4 8080
	start_daemon
	same "$signal: the network is as it was" "$before" "$(n inspect kept)"
	fails "$signal: its addresses are in use" 'already in use' d run --network kept --ip 10.41.0.9 busybox true
	fails "$signal: as are its endpoints" 'has active endpoints' n rm kept
	answers "$signal: containers reach each other" k1 k2 tcp 10.41.0.9 80
done
d rm -f k1 k2 >/dev/null
bridge=br-$(net_field kept '{{.Id}}' | cut -c 1-12)
stop_daemon KILL
ip link del "$bridge"
start_daemon
check "a bridge that went with a reboot is made again" ip link show "$bridge"
container k1 --network kept -p 8080:80 -- tcp:80
answers "and works" "k1 $OUTSIDE" ns:outside tcp $HOST4 8080
rm_all; n prune -f >/dev/null
for i in $(seq 6); do # killed in the middle of making and removing
	(for j in $(seq 40); do d network create "mid$i$j"; d network rm "mid$i$j"; done) >/dev/null 2>&1 &
	maker=$!
	sleep 0.0$((RANDOM % 60 + 20))
	stop_daemon KILL
	kill $maker
	start_daemon
done
n prune -f >/dev/null
eventually nothing_remains
same "no veth, file or port of a network is left" "" "$(remains_of_networks)"
same "kills in the middle of create and rm leave no bridge" "" "$(ip -o link show type bridge | grep -o 'br-[0-9a-f]*')"
same "and no file" "" "$(ls "$T/root/networks")"

# ---- a host that was no router does not become one ----

in_ns outside ip route add ${BEYOND%.*}.0/24 via $HOST4
in_ns beyond ip route add ${OUTSIDE%.*}.0/24 via $HOST4B
serve_in beyond tcp:4001
stop_daemon
rm -f "$T/exec/forwarding"*
sysctl -qw net.ipv4.ip_forward=0
start_daemon
expect "forwarding is switched on" 1 cat /proc/sys/net/ipv4/ip_forward
container inner -- tcp:80
answers "for containers" "beyond $HOST4B" inner tcp $BEYOND 4001
silent "not for neighbours" ns:outside tcp $BEYOND 4001
stop_daemon KILL; start_daemon
silent "nor after a kill" ns:outside tcp $BEYOND 4001
rm_all
stop_daemon
rm -f "$T/exec/forwarding"*
sysctl -qw net.ipv4.ip_forward=0
start_daemon --ip-forward-no-drop
answers "unless that is wanted" "beyond $OUTSIDE" ns:outside tcp $BEYOND 4001

# ---- another default bridge: what the last one had in force is withdrawn ----

stop_daemon
ip link add other0 type bridge && ip addr add 10.201.0.1/16 dev other0 && ip link set other0 up
start_daemon -b other0
check "the rules of the new bridge are there" nft list table inet docker-other0
refute "those of the last one are gone" nft list table inet docker-docker0
stop_daemon
ip link del other0
start_daemon

# ---- a new default network beside a kept one: after a reboot another has taken its subnet ----

d network create auto >/dev/null
kept=$(d network inspect -f '{{(index .IPAM.Config 0).Subnet}}' auto)
stop_daemon
ip link del docker0
ip link del "$(ip -o link show type bridge | grep -o 'br-[0-9a-f]*' | head -1)"
ip link add vpn0 type bridge && ip addr add 172.17.5.1/16 dev vpn0 && ip link set vpn0 up
start_daemon
container late --network auto -- tcp:80
container new -- tcp:80
same "the kept network keeps its subnet" "$kept" "$(d network inspect -f '{{(index .IPAM.Config 0).Subnet}}' auto)"
refute "the default one chooses another" test "$kept" = "$(d network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge)"
for name in late new; do
	check "$name has its gateway" d exec $name ping -c 1 -W 2 "$(d exec $name ip route | sed -n 's/^default via \([0-9.]*\).*/\1/p')"
done
rm_all
stop_daemon
ip link del docker0; ip link del vpn0
launch_daemon --bip "${kept%.0.0/*}.0.1/16"
check "a default bridge on a kept network is refused" eventually is_dead "$daemon_pid"
matches "with the reason" 'networks have overlapping IPv4' tail -n 3 "$T/daemon.log"
refute "and nothing is made" ip link show docker0
daemon_pid=
start_daemon
n rm auto >/dev/null

# ---- many ----

start=$(date +%s%N)
count=${NETWORKS:-500}
for i in $(seq "$count"); do
	d network create --label ten=$((i % 10)) "many$i"
done >"$T/many" 2>&1
same "$count networks in the default pools" "$count" "$(grep -cE '^[0-9a-f]{64}$' "$T/many")"
echo "# $count networks: $((($(date +%s%N) - start) / 1000000)) ms"
same "each with a subnet of its own" "$count" "$(d network inspect $(sed -n 1,500p "$T/many") -f '{{(index .IPAM.Config 0).Subnet}}' | sort -u | wc -l)"
container last --network "many$count" -p 8080:80 -- tcp:80
container first --network many1 -- tcp:80
answers "the last one works" "last $OUTSIDE" ns:outside tcp $HOST4 8080
silent "and is isolated" first tcp "$(ip_of last "many$count")" 80
start=$(date +%s%N)
stop_daemon KILL; start_daemon
echo "# start with $count networks: $((($(date +%s%N) - start) / 1000000)) ms"
same "they are there after a kill" "$count" "$(n ls -f type=custom -q | wc -l)"
rm_all
start=$(date +%s%N) # the kernel takes 40 ms for each bridge: the others go with this namespace
same "prune removes a tenth" $((count / 10)) "$(n prune -f --filter label=ten=0 | grep -c many)"
echo "# prune of $((count / 10)): $((($(date +%s%N) - start) / 1000000)) ms"
same "with their bridges" $((count - count / 10)) "$(ip -o link show type bridge | grep -c 'br-')"
stop_daemon
rm -rf "$T/root/networks" "$T/exec/networks"
start_daemon
finish_networks except-bridges
