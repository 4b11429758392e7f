#!/bin/bash
# Published ports with real packets: from outside, the host, containers and their own; what must not
# be reached; ports that are taken; what a dead daemon, a restart and a flushed firewall leave in force.
. "$(dirname "$0")/netlib.sh"
make_world && start_daemon && import_busybox || { finish; exit 1; }

port() { d port "$@" | sort; }
refused() { # refused WHAT REGEX run FLAGS...: exit 125, that text, and nothing left behind
	local what=$1 want=$2 before out rc
	shift 2
	before=$(traces)
	out=$(d "$@" 2>&1); rc=$?
	[ $rc -eq 125 ] && grep -qE -- "$want" <<<"$out" && ok "$what" ||
		not_ok "$what" "status $rc: $out"
	d rm -f refused >/dev/null 2>&1
	same "$what: nothing is left behind" "" "$(gained "$before")"
}

# ---- forms of -p, and how they are shown ----

d run -d --name forms -p 127.0.0.1:7001:80 -p $HOST4:7002:81/tcp -p 7003:82/udp -p 7010-7012:7010-7012 \
	-p 7020-7025:95 -p 83 -p 127.0.0.1::84 -p 0.0.0.0:7004:85 busybox sleep 1000 >/dev/null
expect "the address and port that were asked for" "127.0.0.1:7001" d port forms 80
expect "an address of the host" "$HOST4:7002" d port forms 81/tcp
expect "a port of UDP" "0.0.0.0:7003" d port forms 82/udp
expect "a range" "7010/tcp -> 0.0.0.0:7010 7011/tcp -> 0.0.0.0:7011 7012/tcp -> 0.0.0.0:7012" \
	sh -c "'$DOCKER' port forms | grep -E '^70' | sort | xargs -n 3 | xargs"
expect "the first free of a range" "0.0.0.0:7020" d port forms 95
matches "an ephemeral port" '^0\.0\.0\.0:(3[2-9]|4|5|60)[0-9]{2,3}' d port forms 83
matches "an ephemeral port of an address" '^127\.0\.0\.1:[0-9]{5}$' d port forms 84
expect "0.0.0.0 said aloud" "0.0.0.0:7004" d port forms 85
refute "a port that is not published" d port forms 99
expect "inspect has them" '[{"HostIp":"127.0.0.1","HostPort":"7001"}]' \
	field forms '{{json (index .NetworkSettings.Ports "80/tcp")}}'
expect "and what was asked for" '[{"HostIp":"","HostPort":"7003"}]' \
	field forms '{{json (index .HostConfig.PortBindings "82/udp")}}'
matches "ps shows them" '127\.0\.0\.1:7001->80/tcp' d ps --format '{{.Ports}}'
matches "ps joins a range" '0\.0\.0\.0:7010-7012->7010-7012/tcp' d ps --format '{{.Ports}}'
if docker_cli; then
	expect "the docker CLI shows the same ports" "$(port forms)" sh -c "'$CLI' port forms | sort"
	expect "and the same list" "$(d ps --format '{{.Ports}}')" "$CLI" ps --format '{{.Ports}}'
	check "it publishes as well" "$CLI" run -d --name cli -p 7030:80 -p 7031-7032:81-82/udp busybox sleep 1000
	expect "as asked" "80/tcp -> 0.0.0.0:7030 81/udp -> 0.0.0.0:7031 82/udp -> 0.0.0.0:7032" \
		sh -c "'$CLI' port cli | sort | xargs"
else
	skip "the docker CLI" "there is none"
fi
d import -c 'EXPOSE 80 81/udp' -c 'EXPOSE 90-92' -c 'CMD ["nettool","serve","tcp:80","udp:81","tcp:90-92"]' \
	"$T/busybox.tar" exposing:latest >/dev/null
d run -d --name all -h all -P --expose 95 -p 7040:90 exposing >/dev/null
expect "-P publishes what is exposed" "80/tcp 81/udp 90/tcp 91/tcp 92/tcp 95/tcp" \
	sh -c "'$DOCKER' port all | cut -d ' ' -f 1 | sort | xargs"
expect "and -p goes before it" 0.0.0.0:7040 d port all 90
d run -d --name unpublished exposing >/dev/null
matches "what is exposed alone is listed without a port of the host" '^80/tcp, 90-92/tcp, 81/udp$' \
	d ps -f name=unpublished --format '{{.Ports}}'
expect "and null in inspect" 'null' field unpublished '{{json (index .NetworkSettings.Ports "80/tcp")}}'
eventually is_ready all
p80=$(d port all 80) p81=$(d port all 81/udp)
answers "an ephemeral port leads there" all ns:outside tcp $HOST4 "${p80##*:}"
answers "one of UDP, too" all ns:outside udp $HOST4 "${p81##*:}"
d rm -f forms cli all unpublished >/dev/null 2>&1
same "no port is left in the firewall" "" "$(port_elements)"
refused "a port out of range" 'Invalid|invalid' run --name refused -p 70000:80 busybox true
refused "ranges of unequal length" 'Invalid|invalid' run --name refused -p 7000-7002:80-81 busybox true
refused "an unknown protocol" 'Invalid|invalid' run --name refused -p 7000:80/foo busybox true
refused "an address that is not the host's" 'cannot assign requested address' \
	run --name refused -p 192.0.2.77:7000:80 busybox true

# ---- who reaches what ----

SPECS="tcp:80-82 udp:80"
[ -e /proc/net/sctp ] && sctp=1 SPECS="$SPECS sctp:80" || sctp=
serve_in outside tcp:4000
serve_in beyond tcp:4000
serve_in host -v tcp:127.0.0.1@9000 tcp:9001 udp:9001
container web -p 8080:80 -p 8080:80/udp -p 127.0.0.1:8081:81 -p $HOST4B:8082:80 ${sctp:+-p 8080:80/sctp} -- $SPECS
container other -- tcp:80
web=$(ip_of web) other=$(ip_of other)
answers "from outside, who is seen as himself" "web $OUTSIDE" ns:outside tcp $HOST4 8080
answers "from outside by another address of the host" "web $OUTSIDE" ns:outside tcp $HOST4 8080
answers "from beyond" "web $BEYOND" ns:beyond tcp $HOST4B 8080
answers "UDP from outside" "web $OUTSIDE" ns:outside udp $HOST4 8080
for address in 127.0.0.1 127.0.0.77 $HOST4 $HOST4B 172.17.0.1; do
	answers "the host by $address" web host tcp $address 8080
	answers "by $address, UDP" web host udp $address 8080
done
if [ -n "$sctp" ]; then
	answers "SCTP from outside" "web $OUTSIDE" ns:outside sctp $HOST4 8080
	answers "SCTP by the host" web host sctp $HOST4 8080
else
	skip "SCTP" "this kernel has none"
fi
answers "a port of one address, at it" web host tcp $HOST4B 8082
answers "from its neighbour" web ns:beyond tcp $HOST4B 8082
silent "not at another" host tcp $HOST4 8082
answers "127.0.0.1 for the host" web host tcp 127.0.0.1 8081
silent "127.0.0.1 is not every address" host tcp $HOST4 8081
answers "what is not published is reached by the host at the container" web host tcp "$web" 82
for nf in 0 1; do
	bridge_nf $nf || { skip "bridge-nf $nf" "no br_netfilter"; continue; }
	d rm -f web >/dev/null
	container web -p 8080:80 -p 8080:80/udp -p 127.0.0.1:8081:81 -- $SPECS
	web=$(ip_of web)
	for address in $HOST4 $HOST4B 172.17.0.1; do
		answers "another container by $address (bridge-nf $nf)" web other tcp $address 8080
		answers "hairpin by $address (bridge-nf $nf)" web web tcp $address 8080
		answers "hairpin by $address, UDP (bridge-nf $nf)" web web udp $address 8080
	done
	answers "another container directly (bridge-nf $nf)" "web $other" other tcp "$web" 82
	silent "127.0.0.1 of a container is its own (bridge-nf $nf)" other tcp 127.0.0.1 8080
done
answers "a container gets out, seen as the host" "outside $HOST4" other tcp $OUTSIDE 4000
answers "and beyond" "beyond $HOST4B" other tcp $BEYOND 4000
answers "a container reaches the host's open services" "host $other" other tcp 172.17.0.1 9001

# ---- the neighbour is an attacker ----

in_ns outside sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.eth0.route_localnet=1 \
	net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
in_ns outside ip route add 172.17.0.0/16 via $HOST4
silent "direct routing: a port that is not published" ns:outside tcp "$web" 82
silent "direct routing: nor one of 127.0.0.1" ns:outside tcp "$web" 81
silent "direct routing: nor by UDP" ns:outside udp "$web" 81
silent "direct routing: nor another container" ns:outside tcp "$other" 80
in_ns outside ip addr del 127.0.0.1/8 dev lo # else it hears no answer
in_ns outside ip route add 127.0.0.1/32 via $HOST4 dev eth0 src $OUTSIDE
nsenter --net=/run/netns/outside tcpdump -ni eth0 -c 1 -w "$T/pcap" 'dst host 127.0.0.1' >/dev/null 2>"$T/sniffer" &
sniffer=$!
eventually grep -q listening "$T/sniffer"
silent "routing 127.0.0.1 at us: a port of 127.0.0.1" ns:outside tcp 127.0.0.1 8081
silent "nor one of the host's services there" ns:outside tcp 127.0.0.1 9000
silent "nor a port that is published anywhere" ns:outside tcp 127.0.0.1 8080
sysctl -qw net.ipv4.conf.all.route_localnet=1 # as others have it that want the same
answers "(where the host lets 127.0.0.1 in, all of this leads there)" "host $OUTSIDE" ns:outside tcp 127.0.0.1 9000
silent "but not to a port of 127.0.0.1" ns:outside tcp 127.0.0.1 8081
silent "nor to one that is published anywhere" ns:outside tcp 127.0.0.1 8080
sysctl -qw net.ipv4.conf.all.route_localnet=0
check "such packets were really sent" eventually is_dead $sniffer
kill $sniffer 2>/dev/null
in_ns outside ip route del 127.0.0.1/32
# A container that tries the same by its gateway.
in_container other sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.eth0.route_localnet=1 2>/dev/null
in_container other ip addr del 127.0.0.1/8 dev lo
in_container other ip route add 127.0.0.1/32 via 172.17.0.1 dev eth0 src "$other"
ask_from_other() { in_container other "$NETTOOL" ask tcp "$@" 400; }
tcpdump -lni any -c 1 src host "$other" and dst host 127.0.0.1 >/dev/null 2>"$T/sniffer" &
sniffer=$!
eventually grep -q listening "$T/sniffer"
refute "a container by its gateway: the host's 127.0.0.1" ask_from_other 127.0.0.1 9000
refute "nor ports published there" ask_from_other 127.0.0.1 8081
check "though its packets are sent" eventually is_dead $sniffer
check "while its way is there" ask_from_other 172.17.0.1 9001
# ... and one that claims to be the host's 127.0.0.2, to whoever trusts that.
in_container other ip addr add 127.0.0.2/32 dev eth0
from_other() { in_container other "$NETTOOL" ask udp 172.17.0.1 9001 400 "$@"; }
check "a packet as itself reaches the host" from_other 6000 "$other"
tcpdump -lni any -c 1 src host 127.0.0.2 >"$T/spoofed" 2>"$T/sniffer" &
sniffer=$!
eventually grep -q listening "$T/sniffer"
from_other 6001 127.0.0.2 >/dev/null 2>&1
check "one that claims to come from 127.0.0.2 is sent" eventually is_dead $sniffer
refute "and is dropped" grep -F 'host 127.0.0.2' "$T/serve.host"
d rm -f other >/dev/null

# ---- taken ports ----

refused "a port of another container" 'Bind for 0\.0\.0\.0:8080 failed: port is already allocated' \
	run --name refused -p 8080:80 busybox true
refused "the same at one address" 'port is already allocated' \
	run --name refused -p $HOST4:8080:80 busybox true
refused "a port of a program of the host" 'failed to bind host port 0\.0\.0\.0:9001/tcp: address already in use' \
	run --name refused -p 9001:80 busybox true
refused "the first of several is given back" 'address already in use' \
	run --name refused -p 8090:80 -p 9001:81 busybox true
refused "with -d" 'already allocated' run -d --name refused -p 8080:80 busybox sleep 1000
matches "a created one that cannot start stays" 'already allocated' d run --name stays -p 8080:80 busybox true
expect "as created" created field stays '{{.State.Status}}'
expect_status "start says so as well" 1 d start stays
d rm stays >/dev/null
check "what was given back is free" d run --rm -p 8090:80 busybox true
check "another protocol does not collide" d run --rm -p 9001:80/sctp busybox true
check "nor another address" d run --rm -p 127.0.0.5:9000:80 busybox true
check "a range steps over what is taken" d run -d --name range -p 9000-9003:80 busybox sleep 1000
expect "to the first that is free" 0.0.0.0:9002 d port range 80
d run -d --name range2 -p 9000-9003:80 busybox sleep 1000 >/dev/null
expect "and the next" 0.0.0.0:9003 d port range2 80
refused "until there is none" 'all ports are allocated|already allocated' \
	run --name refused -p 9000-9003:80 busybox true
d rm -f range range2 >/dev/null

# ---- the daemon dies ----

answers "a port before" "web $OUTSIDE" ns:outside tcp $HOST4 8080
nsenter --net=/run/netns/outside "$NETTOOL" hold $HOST4 8080 3000 >"$T/held" 2>&1 &
holder=$!
check "a connection is held" eventually grep -q connected "$T/held"
rules=$(nft list table inet docker-docker0)
stop_daemon KILL
answers "served while there is no daemon" "web $OUTSIDE" ns:outside tcp $HOST4 8080
answers "UDP, too" "web $OUTSIDE" ns:outside udp $HOST4 8080
start_daemon
same "the next daemon's rules are the same" "$rules" "$(nft list table inet docker-docker0)"
answers "served by the next" "web $OUTSIDE" ns:outside tcp $HOST4 8080
expect "which knows them" 0.0.0.0:8080 d port web 80/tcp
refused "and gives them to nobody else" 'already allocated' run --name refused -p 8080:80 busybox true
stop_daemon
answers "served after a clean end as well" "web $OUTSIDE" ns:outside tcp $HOST4 8080
start_daemon
expect "and known again" 127.0.0.1:8081 d port web 81/tcp

# ---- the rules are taken away ----

kill -STOP $holder # whoever sends now meets a host without rules, and is refused
nft flush ruleset
served_again() { ask ns:outside tcp $HOST4 8080 150; }
start=$(date +%s%N)
check "after a flush of all rules it is served again" eventually served_again
took=$((($(date +%s%N) - start) / 1000000))
[ $took -le 1000 ] && ok "within a second" || not_ok "within a second" "$took ms"
same "the rules are the same" "$rules" "$(nft list table inet docker-docker0)"
silent "and keep out what they kept out" ns:outside tcp "$web" 82
kill -CONT $holder
sleep 0.2
check "the connection that was held has survived it all" kill -0 $holder
kill $holder
nft delete table inet docker-docker0
check "the same when only our table goes" eventually served_again
nft flush map inet docker-docker0 any4
check "and when one map is emptied" eventually served_again
nft add rule inet docker-docker0 DOCKER-USER ip saddr $OUTSIDE tcp dport 80 drop
silent "a rule of the admin's goes before ours" ns:outside tcp $HOST4 8080
d run --rm -p 8091:80 busybox true
silent "and stays with every change" ns:outside tcp $HOST4 8080
stop_daemon && start_daemon
silent "and a restart" ns:outside tcp $HOST4 8080
nft flush chain inet docker-docker0 DOCKER-USER
answers "until it is gone" "web $OUTSIDE" ns:outside tcp $HOST4 8080

# ---- flows of UDP ----

udp() { ask ns:outside udp $HOST4 8080 "${1:-2500}" 5555; } # always the same flow
matches "a flow of UDP" '^web' udp
d rm -f web >/dev/null
refute "a port is free after rm" udp 400
same "nothing of it is in the firewall" "" "$(port_elements)"
d run -d --name filler busybox sleep 1000 >/dev/null # takes the address
container web2 -p 8080:80/udp -- udp:80
refute "the address is another" test "$(ip_of web2)" = "$web"
matches "the flow follows to the new container" '^web2' udp
d restart -t 0 web2 >/dev/null
check "and to a restarted one" eventually udp 400
serve_in host udp:8070
kill $served
container late -- udp:80
ask ns:outside udp $HOST4 8070 300 5556 >/dev/null 2>&1 # a flow that nobody answers
d rm -f late >/dev/null
container late -p 8070:80/udp -- udp:80
matches "a flow that began before the port was published" '^late' ask ns:outside udp $HOST4 8070 2500 5556
d rm -f web2 filler late >/dev/null

# ---- many ----

start=$(date +%s%N)
container many -p 20000-20999:1000-1999 -- tcp:1000-1999
same "a thousand ports on one container" 1000 "$(d port many | grep -c '0.0.0.0')"
echo "# 1000 ports: $((($(date +%s%N) - start) / 1000000)) ms"
answers "the first" "many $OUTSIDE" ns:outside tcp $HOST4 20000
answers "the last" "many $OUTSIDE" ns:outside tcp $HOST4 20999
start=$(date +%s%N)
expect "ten thousand connections, none is lost" 0 in_ns outside "$NETTOOL" load $HOST4 20500 10000 32
echo "# 10000 connections: $((($(date +%s%N) - start) / 1000000)) ms"
expect "by the host's 127.0.0.1" 0 "$NETTOOL" load 127.0.0.1 20501 1000 32
stop_daemon KILL && true
start_daemon
same "a thousand ports over a kill" 1000 "$(d port many | grep -c '0.0.0.0')"
answers "they are served" "many $OUTSIDE" ns:outside tcp $HOST4 20999
d rm -f many >/dev/null
same "and all go" "" "$(port_elements)"
check "so that they can be had again" d run --rm -p 20000-20999:1000-1999 busybox true

container many -p 21000-21299:1000-1299/udp -- udp:1000-1299
many=$(ip_of many)
udp() { ask ns:outside udp $HOST4 21150 "${1:-2500}" 5557; }
matches "a flow to one of many ports of UDP" '^many' udp
d rm -f many >/dev/null
d run -d --name filler busybox sleep 1000 >/dev/null
container many2 -p 21000-21299:1000-1299/udp -- udp:1000-1299
refute "their address is another" test "$(ip_of many2)" = "$many"
matches "the flow follows" '^many2' udp
d rm -f many2 filler >/dev/null

# ---- other defaults ----

stop_daemon
start_daemon --ip 127.0.0.1
container local -p 8080:80 -p $HOST4:8081:80 -- tcp:80
expect "--ip is the address of ports that name none" "127.0.0.1:8080 $HOST4:8081" \
	sh -c "'$DOCKER' port local 80 | sort | xargs"
silent "so it is not reached from outside" ns:outside tcp $HOST4 8080
answers "but from here" local host tcp 127.0.0.1 8080
answers "others are where they were asked for" local ns:outside tcp $HOST4 8081
d rm -f local >/dev/null
finish_networks
