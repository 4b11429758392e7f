#!/bin/bash
# The firewall by iptables, with each kind of iptables that the host has: what goes through and what
# does not, and that every rule is there once, whatever happened before.
# iptables.sh CLIENT, where CLIENT is network_client.c, built. Needs root, ip, iptables and busybox.
build=${DOCKER:+$(dirname "$DOCKER")}
client=$(realpath "${1:-${build:-build}/tests/integration/network_client}")
. "$(dirname "$0")/network_lib.sh"
need ip busybox curl unshare iptables ip6tables iptables-save iptables-restore iptables-nft iptables-legacy
enter "$client"

pids=()
cleanup() { [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null; pids=(); }
trap cleanup EXIT
serve() { # serve NETNS PORT: a page that says the namespace's name
	mkdir -p "/run/www/$1" && echo "$1" >"/run/www/$1/index.html"
	# exec, so that the pid is the server's
	(exec ip netns exec "$1" busybox httpd -f -p "$2" -h "/run/www/$1" 2>/dev/null 3>&- 4<&- 5>&- 6<&-) &
	pids+=($!)
}
page() { curl -s -g -m 1 "http://$1/"; }
page_from() { in_ns "$1" curl -s -g -m 1 "http://$2/"; }
says() { # says WHAT COMMAND...: tried again while servers start
	local want=$1
	shift
	for _ in 1 2 3 4 5; do [ "$("$@")" = "$want" ] && return; sleep 0.1; done
	return 1
}
up() { init FirewallBackend=iptables "$@" && ready; }
rules() { iptables-save | grep -v "^#" | sed 's/\[.*//'; ip6tables-save | grep -v "^#" | sed 's/\[.*//'; }
each_once() { # jumps, which are what could come to be there twice; each is in both families but GUARD's
	[ "$(iptables-save | grep -c -- "-j DOCKER-$1-\(IN\|PASS\|PORTS\|POST\|GUARD\)$")" = 6 ] &&
		[ "$(iptables-save | grep -c -- "-A FORWARD -j DOCKER-")" = 2 ] &&
		[ "$(ip6tables-save | grep -c -- "-j DOCKER-$1-\(IN\|PASS\|PORTS\|POST\)$")" = 5 ] &&
		iptables -S FORWARD | sed -n 2p | grep -qx -- "-A FORWARD -j DOCKER-USER"
}
port() { ask job allocate_port "$@" && number=$(get HostPort); }
back() { # back WHAT: the rules are as they were, within a second
	for _ in $(seq 11); do [ "$(rules)" = "$before" ] && break; sleep 0.1; done
	[ "$(rules)" = "$before" ]; ok "$1"
}
wipe() { # as if no daemon had ever been here
	cleanup
	renew c1 c2 c3
	for b in docker0 br6 br7 br-two; do ip link del $b 2>/dev/null; done
	for t in filter nat raw; do
		iptables -t $t -F; iptables -t $t -X; ip6tables -t $t -F; ip6tables -t $t -X
	done
	nft flush ruleset 2>/dev/null
}

through() { # what goes through, and what does not
	up; ok "init"
	each_once docker0; ok "each jump once"
	attach one c1 && attach two c2; ok "two containers"
	reach c1 203.0.113.2; ok "container to outside, masqueraded"
	serve c1 80; serve c2 80
	port one ContainerPort=80; ok "a published port"
	says c1 page_from outside "203.0.113.1:$number"; ok "from outside"
	says c1 page "127.0.0.1:$number"; ok "from 127.0.0.1"
	says c1 page "172.17.0.1:$number"; ok "from the host"
	says c1 page_from c2 "203.0.113.1:$number"; ok "from a neighbour"
	for nf in 0 1; do
		bridge_nf $nf
		says c1 page_from c1 "203.0.113.1:$number"; ok "from itself (bridge-nf $nf)"
		says c2 page_from c1 "$ip_c2"; ok "neighbours directly (bridge-nf $nf)"
		says c1 page_from c2 "172.17.0.1:$number"; ok "by the gateway's address (bridge-nf $nf)"
	done
	in_ns outside ip route add 172.17.0.0/16 via 203.0.113.1
	page_from outside "$ip_c1"; not_ok "from outside to an unpublished port"
	once outside "$ip_c1"; not_ok "nor a ping"
	in_ns outside ip route del 172.17.0.0/16
	# Bound to 127.0.0.1: a neighbour that sends 127/8 to us gets nowhere.
	port two ContainerPort=80 HostIP=127.0.0.1; ok "a port at 127.0.0.1"
	says c2 page "127.0.0.1:$number"; ok "from the host"
	page_from outside "203.0.113.1:$number"; not_ok "not by another address"
	for ns in outside c1; do
		by=203.0.113.1; [ $ns = c1 ] && by=172.17.0.1
		in_ns $ns ip addr del 127.0.0.1/8 dev lo 2>/dev/null
		in_ns $ns ip route add 127.0.0.0/8 via $by 2>/dev/null
		in_ns $ns sysctl -qw net.ipv4.conf.all.route_localnet=1
		in_ns $ns ip route del local 127.0.0.0/8 dev lo table local 2>/dev/null
		page_from $ns "127.0.0.1:$number"; not_ok "nor by 127.0.0.1 from $ns"
	done
	ask job release_port two && page "127.0.0.1:$number"; not_ok "withdrawn"
	ask job release_interface two
	# The admin's chain comes first, and is his.
	iptables -A DOCKER-USER -s 203.0.113.2 -j DROP
	port one ContainerPort=80; ok "another port"
	page_from outside "203.0.113.1:$number"; not_ok "what DOCKER-USER drops is dropped"
	ready && iptables -S DOCKER-USER | grep -q 203.0.113.2; ok "a sync leaves it alone"
	iptables -F DOCKER-USER
	says c1 page_from outside "203.0.113.1:$number"; ok "and then it is not"
	iptables -P FORWARD DROP
	says c1 page_from outside "203.0.113.1:$number" && reach c1 203.0.113.2; ok "a policy of DROP is the host's matter"
	iptables -P FORWARD ACCEPT
	stop
}

networks() { # two bridges, internal ones, open ports, IPv6
	up && attach one c1; ok "the default network"
	ask job network_create Name=two Driver=bridge 'Options={"com.docker.network.bridge.name":"br-two"}' 'IPAM={"Config":[{"Subnet":"10.55.0.0/24"}]}'
	ok "another network"
	attach two c2 Network=two; ok "a container there"
	serve c1 80; serve c2 80
	reach c2 203.0.113.2; ok "it gets out"
	page_from c1 "$ip_c2"; not_ok "not from one to the other"
	page_from c2 "$ip_c1"; not_ok "nor back"
	port two ContainerPort=80 Network=two; says c2 page_from c1 "203.0.113.1:$number"; ok "but by a published port"
	ask job release_port two && ask job release_interface two Network=two && ask job network_rm two; ok "removed"
	! rules | grep -q br-two; ok "without a trace in the rules"
	renew c2
	ask job network_create Name=in Driver=bridge Internal=true 'Options={"com.docker.network.bridge.name":"br-two"}' 'IPAM={"Config":[{"Subnet":"10.55.0.0/24"}]}'
	attach two c2 Network=in; ok "an internal network"
	in_ns c2 ip route add default via 10.55.0.1
	once c2 203.0.113.2; not_ok "reaches nothing"
	ask job release_interface two Network=in && ask job network_rm in
	renew c2
	ask job network_create Name=routed Driver=bridge EnableIPv6=true \
		'Options={"com.docker.network.bridge.name":"br-two","com.docker.network.bridge.gateway_mode_ipv4":"routed"}' \
		'IPAM={"Config":[{"Subnet":"10.55.0.0/24"},{"Subnet":"fd55::/64"}]}'
	ok "a routed network, and IPv6"
	attach two c2 Network=routed && serve c2 80 && serve c2 81
	port two ContainerPort=80 Network=routed; ok "an open port"
	in_ns outside ip route add 10.55.0.0/24 via 203.0.113.1
	says c2 page_from outside "$ip_c2:80"; ok "from outside at its own address"
	page_from outside "$ip_c2:81"; not_ok "and no other"
	number=$(ip6tables-save | sed -n 's/.*--dport \([0-9]*\) .*DNAT.*/\1/p' | head -n 1)
	ip addr add fd77::1/64 dev up0 nodad && in_ns outside ip addr add fd77::2/64 dev eth0 nodad
	says c2 page_from outside "[fd77::1]:$number"; ok "and by IPv6, translated"
	in_ns outside ip -6 route add fd55::/64 via fd77::1
	page_from outside "[fd55::2]:81"; not_ok "what is not published is not there"
	ip addr del fd77::1/64 dev up0 && in_ns outside ip addr del fd77::2/64 dev eth0
	in_ns outside ip route del 10.55.0.0/24
	ask job release_port two && ! rules | grep -q 'DOCKER-docker0-\(PORTS\|OPEN\) -[dp]'; ok "withdrawn"
	ask job release_interface two Network=routed && ask job network_rm routed
	stop
}

links() { # --icc=false
	up InterContainerCommunication=false; ok "icc=false"
	attach one c1 && attach two c2
	serve c1 80; serve c1 81
	for nf in 0 1; do
		bridge_nf $nf
		page_from c2 "$ip_c1:80"; not_ok "no way between containers (bridge-nf $nf)"
		by_gateway add
		page_from c2 "$ip_c1:80"; not_ok "nor by the gateway (bridge-nf $nf)"
		by_gateway del
	done
	ask job link -I ParentIP="$ip_c2" ChildIP="$ip_c1" 'Ports=["80/tcp"]'; ok "a link"
	says c1 page_from c2 "$ip_c1:80"; ok "opens a port"
	page_from c2 "$ip_c1:81"; not_ok "and no other"
	ask job link -I ParentIP="$ip_c2" ChildIP="$ip_c1" 'Ports=["80/tcp"]' && [ "$(iptables -S | grep -c 'dport 80')" = 1 ]; ok "linked again: one rule"
	ask job link -D ParentIP="$ip_c2" ChildIP="$ip_c1" 'Ports=["80/tcp"]'
	page_from c2 "$ip_c1:80"; not_ok "unlinked, once for all"
	stop
}

lives() { # restarts, and what others do
	up && attach one c1 && serve c1 80 && port one ContainerPort=80 HostPort=8080
	says c1 page_from outside 203.0.113.1:8080; ok "a port"
	iptables -A DOCKER-USER -s 198.51.100.1 -j DROP
	before=$(rules)
	crash
	[ "$(rules)" = "$before" ]; ok "rules outlive a killed daemon"
	init FirewallBackend=iptables && adopt one "$ip_c1" "$if_c1" "$mac_c1" &&
		ask job adopt_port one 'Ports=[{"Proto":"tcp","ContainerPort":80,"HostIP":"0.0.0.0","HostPort":8080,"To":"'"$ip_c1"'","Routed":false}]'
	ok "the next one adopts"
	ready && [ "$(rules)" = "$before" ]; ok "and has the same rules, once"
	for i in 1 2 3; do ready; done; [ "$(rules)" = "$before" ]; ok "after any number of syncs"
	iptables -D DOCKER-USER -s 198.51.100.1 -j DROP
	before=$(rules)
	for t in filter nat raw; do iptables -t $t -F; back "back after iptables -t $t -F"; done
	iptables -F && iptables -X 2>/dev/null; back "and when the chains are gone"
	ip6tables -F; back "ip6tables -F"
	iptables -F FORWARD; back "back after iptables -F FORWARD"
	iptables -t nat -D POSTROUTING -j DOCKER-docker0-POST; back "and after one jump"
	iptables -I FORWARD -j DOCKER-DAEMONS; back "a jump too many"
	says c1 page_from outside 203.0.113.1:8080; ok "the port is there"
	iptables -I INPUT -s 198.51.100.1 -j DROP && iptables -I FORWARD -s 198.51.100.1 -j DROP && iptables -D INPUT 1
	before=$(rules)
	sleep 1
	[ "$(rules)" = "$before" ]; ok "others' rules are left alone"
	iptables -D FORWARD -s 198.51.100.1 -j DROP
	iptables -t nat -F DOCKER-docker0-PORTS; ask job release_port one; ok "a port is withdrawn that somebody flushed"
	! rules | grep -q 'j DNAT'; ok "and does not come back"
	port one ContainerPort=80 HostPort=8080 && says c1 page_from outside 203.0.113.1:8080; ok "published again"
	stop
}

beside() { # two daemons
	up DefaultBridge=br6 && attach one c1; ok "one daemon"
	first=$daemon
	exec 5>&3 6<&4
	up DefaultBridge=br7 && attach two c2; ok "another beside it"
	each_once br7 && each_once br6; ok "each jump once, of each"
	serve c1 80; serve c2 80
	reach c1 203.0.113.2 && reach c2 203.0.113.2; ok "both get out"
	page_from c1 "$ip_c2"; not_ok "not from one's to the other's"
	page_from c2 "$ip_c1"; not_ok "nor back"
	port two ContainerPort=80; says c2 page_from c1 "203.0.113.1:$number"; ok "but by a published port"
	before=$(iptables-save | grep br7)
	exec 7>&3 8<&4 3>&5 4<&6
	ready && [ "$(iptables-save | grep br7)" = "$before" ]; ok "one's sync leaves the other's rules alone"
	ask job network_status; exec 3>&- 4<&- 5>&- 6<&-; wait "$first"
	exec 3>&7 4<&8 7>&- 8<&-
	before=$(rules); iptables -F FORWARD; back "the one that is left puts its own back"
	stop
}

changes_sides() {
	init && ready && attach one c1; ok "a daemon with nftables"
	stop
	up; ok "then one with iptables"
	! nft list tables | grep -q docker-docker0; ok "the first one's table is gone"
	stop
}

costs() { # printed, and checked generously
	local v='' start
	up && attach one c1
	for i in $(seq 1000); do v+=",{\"Proto\":\"tcp\",\"ContainerPort\":$i,\"HostPort\":$((20000 + i))}"; done
	start=$(date +%s%N); ask job allocate_port one "Ports=[${v:1}]"; ok "a thousand ports at once"
	echo "# 1,000 ports: $((($(date +%s%N) - start) / 1000)) us"
	start=$(date +%s%N); ask job link -D ParentIP=1.2.3.4 ChildIP=1.2.3.5 'Ports=["1/tcp"]'
	echo "# sync with 1,000 ports: $((took = ($(date +%s%N) - start) / 1000)) us"
	[ $took -lt 500000 ]; ok "a sync with 1,000 ports stays under half a second"
	attach two c2; start=$(date +%s%N); ask job allocate_port two ContainerPort=1
	echo "# a port beside them: $((($(date +%s%N) - start) / 1000)) us"
	start=$(date +%s%N); ask job release_port two
	echo "# and withdrawn: $((($(date +%s%N) - start) / 1000)) us"
	ask job release_port one && ! rules | grep -q 'j DNAT'; ok "all withdrawn"
	stop
}

incapable() { # programs that are not there or cannot: the other kind, or a sentence
	local nft legacy
	nft=$(realpath "$(command -v iptables-nft)") legacy=$(realpath "$(command -v iptables-legacy)")
	wipe
	mount --bind /bin/false "$nft"
	up && ask job network_status && [ "$(get FirewallBackend)" = iptables ]; ok "where iptables-restore fails, the legacy one is tried"
	iptables-legacy -S | grep -q DOCKER-docker0-IN; ok "and used"
	stop
	mount --bind /bin/false "$legacy"
	! init FirewallBackend=iptables && grep -q "iptables cannot be used: the table filter is not there: iptables-restore failed" <<<"$reply"
	ok "neither: a sentence"
	stop
	umount "$legacy"; umount "$nft"
	mkdir -p /run/sbin && mount --bind /run/sbin /usr/sbin
	! init FirewallBackend=iptables && grep -q "there is no program iptables-restore" <<<"$reply"
	ok "no program: a sentence"
	stop
	umount /usr/sbin
	for f in restore save; do ln -s "$nft" /run/sbin/iptables-$f; done
	cp -a "$nft" /run/sbin/ && mount --bind /run/sbin /usr/sbin
	up; ok "no ip6tables, and nothing for it to do"
	! ask job network_create Name=six Driver=bridge EnableIPv6=true && grep -q "no firewall for IPv6: there is no program ip6tables-restore" <<<"$reply"
	ok "something to do: a sentence"
	ask job network_create Name=four Driver=bridge; ok "the rest goes on"
	ask job network_rm four
	stop
	umount /usr/sbin
}

set_up
real=$(realpath "$(command -v iptables-restore)")
for kind in nft legacy; do
	other=$(realpath "$(command -v iptables-$kind-restore)")
	[ "$other" = "$real" ] || mount --bind "$other" "$real" || exit 1
	echo "# $(iptables --version)"
	renew c1 c2 c3
	init EnableIptables=false EnableIpMasq=true && ready
	! rules | grep '^-A\|DOCKER'; ok "--iptables=false touches nothing"
	stop
	wipe; through
	wipe; networks
	wipe; links; bridge_nf 1
	wipe; lives
	wipe; beside
	wipe; changes_sides
	wipe; costs
	wipe
	[ "$other" = "$real" ] || umount "$real"
done
incapable
wipe
summary
