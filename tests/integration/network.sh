#!/bin/bash
# The network jobs against a real kernel: bridge, addresses, veths, rules, isolation, sweeping.
# network.sh CLIENT, where CLIENT is network_client.c, built. Needs root, ip, nft and busybox.
# The containers are named network namespaces; see network_lib.sh for the rest of the world.
client=$(realpath "${1:-build/tests/integration/network_client}")
. "$(dirname "$0")/network_lib.sh"
need ip nft busybox unshare bridge
enter "$client"
forget() { # forget BRIDGE...: as if no daemon had ever been here
	for b; do
		ip link del "$b" 2>/dev/null
		nft delete table inet "docker-$b" 2>/dev/null
	done
}
set_up

# The default bridge, and a container's way to everywhere.
echo 0 >/proc/sys/net/ipv4/ip_forward
renew c1 c2 c3
mkdir /run/exec
init ExecRoot=/run/exec && ready; ok "init_networkdriver"
ip -4 addr show dev docker0 | grep -q "inet 172.17.0.1/16 brd 172.17.255.255"; ok "docker0 has 172.17.0.1/16"
ip link show docker0 | grep -q ",UP"; ok "docker0 is up"
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]; ok "forwarding is on"
nft list chain inet docker-docker0 forward | grep -q "meta nfproto ipv4 drop"; ok "for nobody else"
bridge_mac=$(ip link show docker0 | sed -n 's/.*ether \([^ ]*\).*/\1/p')
attach one c1; ok "a veth into a namespace"
[ "$ip_c1 $mac_c1" = "172.17.0.2 02:42:ac:11:00:02" ]; ok "first address, MAC of the address"
in_ns c1 ip link show eth0 | grep -q "$mac_c1"; ok "eth0 carries the MAC"
ip link show "$if_c1" | grep -q "master docker0.*state UP"; ok "the host end is up and a port"
attach two c2; ok "a second container"
[ "$(ip link show docker0 | sed -n 's/.*ether \([^ ]*\).*/\1/p')" = "$bridge_mac" ]; ok "the bridge keeps its MAC"
reach c1 172.17.0.1; ok "container to gateway"
busybox ping -c 1 -W 1 "$ip_c1" >/dev/null 2>&1; ok "host to container"
reach c1 203.0.113.2; ok "container to outside, masqueraded"
for nf in 0 1; do
	bridge_nf $nf
	reach c1 "$ip_c2"; ok "icc: container to container (bridge-nf $nf)"
done
ask job network_status; ok "network_status"
[ "$(get Subnet) $(get Gateway) $(get IPv4Forwarding)" = "172.17.0.0/16 172.17.0.1 true" ]; ok "status tells the network"
ask job allocate_interface one; not_ok "a second interface for one container"
ask job release_interface nobody; ok "release of an unknown id"
ask job init_networkdriver; not_ok "init twice in one engine"

# The next daemon finds everything as it is, after a crash too.
rules=$(nft list ruleset)
crash
init ExecRoot=/run/exec; ok "init on what a killed daemon left"
[ "$(ip -4 addr show dev docker0 | grep -c inet)" = 1 ]; ok "one address on the bridge"
reach c1 203.0.113.2; ok "containers go on"
adopt one "$ip_c1" "$if_c1" "$mac_c1"; ok "adopt"
adopt one "$ip_c1" "$if_c1" "$mac_c1"; ok "adopt again"
adopt two "$ip_c2" "$if_c2" "$mac_c2"; ok "adopt the other"
adopt other "$ip_c1" vethfffffff "$mac_c1"; not_ok "adopt an address that is in use"
ask job allocate_interface three; [ "$(get IP)" = 172.17.0.4 ]; ok "adopted addresses are passed over"
[ "$(nft list ruleset)" = "$rules" ]; ok "the last daemon's rules stay until then"
ready && [ "$(nft list ruleset)" = "$rules" ]; ok "and are the same afterwards, once"

# Sweeping.
ask orphan veth0123abc docker0 && ask orphan vethother docker0 && ask orphan veth0123abd docker0
ip link add veth0123abe type veth peer name elsewhere
ask job network_sweep "KnownIfnames=[\"veth0123abd\"]"; ok "network_sweep"
! has_link veth0123abc; ok "an orphan is removed"
has_link vethother && has_link veth0123abe; ok "other names and other interfaces stay"
has_link veth0123abd && has_link "$if_c1" && has_link "$if_c2"; ok "known and adopted ones stay"
ip netns del c1; link_goes "$if_c1"; ok "a veth ends with its namespace"
stop; forget docker0; ip link del vethother; ip link del veth0123abd; ip link del veth0123abe

# --icc=false: at the bridge, and by way of the gateway.
renew c1 c2 c3
init InterContainerCommunication=false && ready; ok "init with icc=false"
attach one c1 && attach two c2; ok "two containers"
bridge -d link show dev "$if_c1" | grep -q "isolated on"; ok "ports are isolated"
for nf in 0 1; do
	bridge_nf $nf
	once c1 "$ip_c2"; not_ok "no way between containers (bridge-nf $nf)"
	by_gateway add
	once c1 "$ip_c2"; not_ok "nor by the gateway (bridge-nf $nf)"
	by_gateway del
done
reach c1 172.17.0.1; ok "the gateway is there"
reach c1 203.0.113.2; ok "and the outside"
stop
known="KnownIfnames=[\"$if_c1\",\"$if_c2\"]"
init; ask job network_sweep "$known"; ok "next daemon, icc=true"
reach c1 "$ip_c2"; ok "running containers now reach each other"
bridge_nf 0
by_gateway add
reach c1 "$ip_c2"; ok "by the gateway too"
by_gateway del
stop
init InterContainerCommunication=false; ask job network_sweep "$known"; ok "and icc=false again"
once c1 "$ip_c2"; not_ok "running containers are kept apart"
stop; renew c1 c2 c3; forget docker0; bridge_nf 1

echo 0 >/proc/sys/net/ipv4/ip_forward
init EnableIpForward=false; [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ]; ok "--ip-forward=false"
stop
init Mtu=1300; ip link show docker0 | grep -q "mtu 1300"; ok "another MTU at the next start"
stop; forget docker0

# Choice of the subnet, --bip, --fixed-cidr, MTU.
ip route add 172.17.128.0/17 via 203.0.113.2
init Mtu=1400; attach one c1; ok "init beside a route to 172.17.128.0/17"
[ "$ip_c1" = 172.18.0.2 ]; ok "the next pool is taken"
in_ns c1 ip link show eth0 | grep -q "mtu 1400" && ip link show docker0 | grep -q "mtu 1400"; ok "MTU"
stop
ip route del 172.17.128.0/17
init BridgeIP=10.77.0.1/24; not_ok "--bip cannot change under a container"
stop; if=$if_c1; renew c1; link_goes "$if"
init BridgeIP=10.77.0.1/24 FixedCIDR=10.77.0.64/29 && ready; ok "--bip changes an idle bridge"
[ "$(ip -4 addr show dev docker0 | grep -o 'inet [^ ]*')" = "inet 10.77.0.1/24" ]; ok "one address, the new one"
attach one c1; [ "$ip_c1" = 10.77.0.64 ]; ok "--fixed-cidr"
reach c1 203.0.113.2; ok "masqueraded from there"
ask job allocate_interface two RequestedIP=10.77.0.200 RequestedMac=02:00:00:00:00:09
[ "$(get IP) $(get MacAddress)" = "10.77.0.200 02:00:00:00:00:09" ]; ok "requested address and MAC"
ask job allocate_interface x RequestedIP=10.77.0.200; not_ok "an address twice"
ask job allocate_interface x RequestedIP=10.77.0.1; not_ok "the gateway's address"
ask job allocate_interface x RequestedIP=10.78.0.1; not_ok "an address from elsewhere"
ask job allocate_interface x RequestedMac=01:00:00:00:00:09; not_ok "a group MAC"
for i in 2 3 4 5 6 7 8; do ask job allocate_interface n$i; done; ok "the rest of the range"
ask job allocate_interface n9
grep -q "no available IPv4 addresses on this network's address pools: bridge (docker0)" <<<"$reply"; ok "exhausted"
stop; renew c1; forget docker0

# -b.
ip link add br5 type bridge && ip addr add 10.99.0.254/24 dev br5 && ip addr add 10.98.0.1/24 dev br5
init BridgeIface=br5 && ready; ok "-b"
attach one c1; [ "$ip_c1" = 10.99.0.1 ]; ok "the bridge's first address is the gateway"
reach c1 10.99.0.254 && reach c1 203.0.113.2; ok "and leads out"
[ "$(ip -4 addr show dev br5 | grep -c inet)" = 2 ]; ok "its addresses are kept"
! has_link docker0; ok "docker0 is not made"
stop; renew c1; forget br5

# Two daemons side by side.
init DefaultBridge=br6 && ready && stop && init DefaultBridge=br7 && ready && attach one c1; ok "a second bridge"
[ "$ip_c1" = 172.18.0.2 ] && nft list table inet docker-br6 >/dev/null; ok "own subnet, own table"
stop; renew c1; forget br6 br7

# What is refused leaves nothing behind.
refused() { # refused TEXT KEY=VALUE...
	local text=$1
	shift
	! init "$@" && grep -qF -- "$text" <<<"$reply"; ok "refused: $*"
	stop
	! has_link docker0 && [ -z "$(nft list ruleset)" ]; ok "and nothing is left"
}
ip link add br8 type bridge
refused "br9 must be created manually" BridgeIface=br9
refused "Interface br8 has no IP addresses" BridgeIface=br8
refused '"up0" is not a bridge' BridgeIface=up0
refused "You specified -b & --bip, mutually exclusive options" BridgeIface=br8 BridgeIP=10.0.0.1/24
refused "You specified --iptables=false with --icc=false" EnableIptables=false InterContainerCommunication=false
refused 'firewall backend "pf"' FirewallBackend=pf
refused "invalid CIDR address" BridgeIP=10.0.0.1
refused "not an address of a host" BridgeIP=10.0.0.0/24
refused "does not contain specified subnet" FixedCIDR=10.0.0.0/24
refused "Invalid MTU" Mtu=20
refused "invalid argument" BridgeIP=10.0.0.1/24 DefaultBridge=..

# Switched off.
init BridgeIface=none; ok "-b none"
! has_link docker0; ok "makes no bridge"
ask job allocate_interface one; not_ok "gives no interface"
ask job release_interface one && ask job network_sweep; ok "the other jobs do nothing"
ask job network_status; [ "$(get Enabled)" = false ]; ok "status says so"
stop; nft flush ruleset
init EnableIptables=false EnableIpMasq=true && ready; ok "--iptables=false"
[ -z "$(nft list ruleset)" ]; ok "touches no rules"
stop; forget docker0
init EnableIpMasq=false && ready; ok "--ip-masq=false"
! nft list set inet docker-docker0 masquerade4 | grep -q elements; ok "does not masquerade"
stop

summary
