#!/bin/bash
# The resolver at 127.0.0.11 in a real monitor, without a daemon: names, other servers, limits.
# resolver.sh CLIENT, where CLIENT is resolver_client.c, built. Needs root, dig, python3, busybox.
#
# All happens in network and mount namespaces of its own: the "host" of the containers is one that
# has name servers at 127.0.0.53 (for hostserver), and at addresses of the bridge br0 (for server).
client=$(realpath "${1:-build/tests/integration/resolver_client}")
here=$(realpath "$(dirname "$0")")
dockerinit=$(realpath "${DOCKERINIT:-$(dirname "$client")/../../dockerinit.bin}")

skip() { echo "1..0 # SKIP $*"; exit 0; }
[ "$(id -u)" = 0 ] || skip "needs root"
for tool in ip nft nsenter busybox unshare dig python3 ss; do
	command -v $tool >/dev/null || skip "no $tool"
done
[ -x "$client" ] && [ -x "$dockerinit" ] || { echo "no client or no dockerinit"; exit 1; }
if [ -z "$RESOLVER_SH_INSIDE" ]; then
	RESOLVER_SH_INSIDE=1 exec unshare -nm "$0" "$client"
fi

n=0 failed=0 last=
ok() { # ok WHAT: the last command's status says whether
	local rc=$?
	n=$((n + 1))
	[ $rc -eq 0 ] && echo "ok $n - $1" && return
	failed=$((failed + 1))
	echo "not ok $n - $1"
	echo "# last: $last"
}
is() { [ "$last" = "$1" ]; ok "$2${3:+ ($3)}"; } # is WANTED WHAT, of $last
not_ok() { ! [ $? -eq 0 ]; ok "$1"; }

T=$(mktemp -d /tmp/resolver-XXXXXX)
pids=
cleanup() {
	[ -z "$monitor" ] || kill "$monitor" 2>/dev/null
	[ -z "$pids" ] || kill $pids 2>/dev/null
	wait 2>/dev/null
	[ -n "$KEEP" ] || rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

serve() { exec python3 "$here/resolver_peer.py" serve "$@"; } # for the background: $! is its own
from_inside() { inside python3 "$here/resolver_peer.py" "$@"; }
inside() { nsenter -t "$container" -n "$@"; }
dig() { last=$(inside dig +time=8 +tries=1 @127.0.0.11 "$@" 2>&1 | grep -v '^;; communications'); }
ask() { dig +short "$@"; last=$(sort <<<"$last" | xargs); }                # the answers, in one line
code() { dig "$@"; last=$(sed -n 's/.*status: \([A-Z]*\),.*/\1/p' <<<"$last"); } # NOERROR...
flags() { dig "$@"; last=$(sed -n 's/^;; flags: \([a-z ]*\);.*/\1/p' <<<"$last"); }
eventually() {
	local i
	for i in $(seq 50); do "$@" && return 0; sleep 0.1; done
	return 1
}

# start [no-nftables]: a container whose monitor is up; what the monitor said is $last.
start() {
	rm -f "$T/in" && mkfifo "$T/in"
	"$client" "$dockerinit" "$T/rootfs" "$T" bridge "$bridge" "$@" <"$T/in" >"$T/out" 2>"$T/err" &
	launcher=$!
	exec 9>"$T/in"
	eventually test -s "$T/out"
	last=$(cat "$T/out" "$T/err")
	monitor= container=
	[ "${last#container}" = "$last" ] && return 1
	set -- $last
	container=$2 monitor=$4
}
daemon_dies() { kill -9 $launcher; exec 9>&-; wait $launcher 2>/dev/null; }
stop() { kill -9 "$container"; eventually is_gone "$monitor"; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
replace() { cat >"$T/new" && mv "$T/new" "$1"; } # replace FILE: as the daemon does
config() { { echo "network $T/front front"; echo "network $T/back back.lan"; cat; } | replace "$T/resolver"; }

mkdir -p "$T/root" "$T/rootfs/bin" "$T/rootfs/dev"
cp "$(command -v busybox)" "$T/rootfs/bin/busybox"
mknod -m 666 "$T/rootfs/dev/null" c 1 3
ip link set lo up
ip link add br0 type bridge && ip addr add 10.9.0.1/24 dev br0 && ip addr add 10.9.0.11/24 dev br0 && ip link set br0 up
bridge=$(ip -o link show br0 | cut -d: -f1)
serve 10.9.0.1 1 & pids="$pids $!"
serve 10.9.0.11 2 & pids="$pids $!"
serve 127.0.0.53 3 & pids="$pids $!"
serves() { ss -lnu | grep -q "10.9.0.1:53 " && ss -lnu | grep -q 10.9.0.11:53 && ss -lnu | grep -q 127.0.0.53:53; }
eventually serves; ok "the servers of this test are there"

replace "$T/front" <<X
10.9.0.2 fd00:9::2 self 0123456789ab
10.9.0.3 fd00:9::3 web www 1123456789ab Host3
10.9.0.4 - web2 www
- fd00:9::5 six
10.9.0.6 - dotted.name
X
replace "$T/back" <<X
10.8.0.3 - web www
10.8.0.9 - db store
X
config <<X
alias database db
alias far db.back.lan
alias gone nobody.example
alias web2 db
server 10.9.0.1
server 10.9.0.11
something new
X

start; ok "a container with a resolver"
last=$(inside nft list table ip docker-dns)
[ "$(grep -c 'daddr 127.0.0.11 .* dport 53 dnat to 127.0.0.11:' <<<"$last")" = 2 ]; ok "rules lead to it"
last=$(from_inside bind 2>&1); is free "port 53 is left to the container's programs"
daemon_dies

# Names.
ask self; is 10.9.0.2 "a name, when nobody but the monitor is left"
ask web; is 10.9.0.3 "the first network that has a name answers"
ask WEB; is 10.9.0.3 "in any case of letters"; ask host3; is 10.9.0.3 "on both sides"
ask web.; is 10.9.0.3 "with a dot at its end"
ask web.front; is 10.9.0.3 "with its network's name"
ask web.back.lan; is 10.8.0.3 "with another network's name, which has a dot"
ask dotted.name; is 10.9.0.6 "a name with a dot"; ask dotted.name.front; is 10.9.0.6 "and the network's"
ask 1123456789ab; is 10.9.0.3 "a short id"
ask www; is "10.9.0.3 10.9.0.4" "two endpoints with one name"
for i in $(seq 20); do dig +short www; head -n 1 <<<"$last"; done | sort -u >"$T/first"
[ "$(wc -l <"$T/first")" = 2 ]; ok "each of them comes first at times"
ask AAAA web; is fd00:9::3 "AAAA"; ask AAAA six; is fd00:9::5 "of an endpoint without IPv4"
code AAAA db; is NOERROR "a name without an address of that family exists"; ask AAAA db; is "" "with no answer"
code A six; is NOERROR "the same for A"; code MX web; is NOERROR "a type that we do not have"; ask TXT web; is "" "has no answers"
ask -x 10.9.0.3; is web.front. "PTR"; ask -x fd00:9::3; is web.front. "PTR of IPv6"; ask -x 10.8.0.9; is db.back.lan. "PTR on another network"
ask database; is 10.8.0.9 "an alias"; ask far; is 10.8.0.9 "an alias of a name with its network"
ask web2; is 10.8.0.9 "an alias hides a name"
ask database.back.lan; is 10.8.0.9 "an alias with the network's name"; ask gone; is 192.0.2.1 "an alias of what is not there is forwarded"
dig web; [[ "$last" =~ web\.[[:space:]]+600[[:space:]]+IN ]]; ok "TTL 600"
flags web; is "qr rd ra" "flags"; flags +norecurse web; is "qr ra" "flags without recursion"
ask +tcp web; is 10.9.0.3 "over TCP"; last=$(from_inside pipeline web db AAAA.example self)
is "1 0 10.9.0.3; 1 0 10.8.0.9; 1 0 192.0.2.1; 1 0 10.9.0.2; end" "several queries on a connection, one of them forwarded"

# Names files and the configuration are replaced.
replace "$T/back" <<X
10.8.0.10 - db
X
ask db; is 10.8.0.10 "a replaced names file"
for i in $(seq 40); do echo "10.7.0.$i - many"; done | replace "$T/back"
ask +ignore +noedns many; [ "$(wc -w <<<"$last")" = 30 ]; ok "as many addresses as fit into 512 bytes"
flags +ignore +noedns many; is "qr tc rd ra" "and it is marked as truncated"
ask +noedns many; [ "$(wc -w <<<"$last")" = 40 ]; ok "the rest over TCP"
ask +ignore +bufsize=1232 many; [ "$(wc -w <<<"$last")" = 40 ]; ok "or in a larger datagram, where the client takes it"
for i in $(seq 2000); do echo "10.$((i / 250)).1.$((i % 250)) - c$i big"; done | replace "$T/back"
ask c2000; is 10.8.1.0 "the last of 2000 endpoints"
ask +tcp big; [ "$(wc -w <<<"$last")" = 2000 ]; ok "2000 addresses of one name over TCP"
rm "$T/back"; ask c1; is 10.0.1.1 "a file that is gone is remembered"
replace "$T/back" </dev/null; ask c1; [ "$last" != 10.0.1.1 ]; ok "and an empty one is not"
config </dev/null; code web2; is NOERROR "the configuration is replaced"; ask web2; is 10.9.0.4 "an alias is gone"

# Other servers.
config <<<"server 10.9.0.1"
ask a.example; is 192.0.2.1 "forwarded"; ask +tcp a.example; is 192.0.2.1 "forwarded over TCP"
ask single; is 192.0.2.1 "a single label too"
code nx.example; is NXDOMAIN "an upstream NXDOMAIN"; ask opt.example; is 192.0.2.41 "OPT is passed on"; ask +noedns opt.example; is 192.0.2.40 "and none is made up"
flags +ignore cut.example; is "qr tc rd ra" "a truncated answer is passed on"; ask cut.example; [ "$(wc -w <<<"$last")" = 60 ]; ok "and whole over TCP"
flags +ignore +noedns long.example; is "qr tc rd ra" "an answer that is too long for the client"; ask +noedns long.example; [ "$(wc -w <<<"$last")" = 60 ]; ok "comes over TCP"
ask +tcp huge.example; [ "$(wc -w <<<"$last")" = 3000 ]; ok "an answer of 48 KB"
ask forged.example; is 192.0.2.1 "answers with another id, question or no QR are none"
code fail.example; is SERVFAIL "an upstream SERVFAIL"; code refuse.example; is REFUSED "an upstream REFUSED"
before=$SECONDS; code drop.example; is SERVFAIL "no answer at all"; [ $((SECONDS - before)) -le 4 ]; ok "after its time"
code +tcp close.example; is SERVFAIL "a server that closes"
config <<X
server 10.9.0.1
server 10.9.0.11
X
ask drop1.example; is 192.0.2.2 "the second server, when the first is silent"; ask +tcp drop1.example; is 192.0.2.2 "over TCP too"
ask fail1.example; is 192.0.2.2 "when it fails"; ask refuse1.example; is 192.0.2.2 "when it refuses"
ask bare1.example; is 192.0.2.2 "when it fails without a word of the question"
code bare.example; is FORMERR "when both do so"
code fail.example; is SERVFAIL "when both fail"; code refuse.example; is REFUSED "when both refuse"
config <<X
server 10.9.0.77
server 127.0.0.11
server 127.0.0.12
server 198.51.100.1.2
hostserver 127.0.0.53
X
ask b.example; is 192.0.2.3 "a server of the host's loopback, after some that are not there"; ask +tcp b.example; is 192.0.2.3 "over TCP"
printf 'internal\nhostserver 127.0.0.53\n' | config; code b.example; is SERVFAIL "internal: the host's servers are not asked"; code b; is SERVFAIL "nor for a single label"; ask web; is 10.9.0.3 "names are there"
printf 'internal\nserver 10.9.0.1\n' | config; ask b.example; is 192.0.2.1 "internal: a server in reach of the container is asked"
config </dev/null; code b.example; is SERVFAIL "no servers"
printf 'ndots\nserver 10.9.0.1\n' | config; code single; is NOERROR "ndots: a single label exists"; ask single; is "" "without addresses"; ask b.example; is 192.0.2.1 "others are forwarded"

# Many at once.
config <<<"server 10.9.0.1"
last=$(from_inside burst web 2000); is 2000 "a burst of 2000 queries"
last=$(from_inside forwarded 2000); is 2000 "a burst of 2000 that are forwarded"
last=$(from_inside hanging web 1000); is "10.9.0.3 first 1000" "a name of ours while 1000 others hang, which fail in the end"
last=$(ls "/proc/$monitor/fd" | wc -l); [ "$last" -lt 25 ]; ok "sockets are closed again"
last=$(from_inside garbage 2>&1); is "" "garbage"
ask web; is 10.9.0.3 "which does no harm"
last=$(from_inside connections 40); is 10.9.0.3 "a client behind 40 that are idle"
last=$(from_inside idle); [ "$last" -ge 9 ] && [ "$last" -le 12 ]; ok "an idle client is let go after 10 s"

# The end.
stop; ok "the monitor ends with its container"
# Without nftables, and without a configuration.
start no-nftables; ok "a container on a kernel without nftables"
ask web; is 10.9.0.3 "has a resolver"; ask +tcp web; is 10.9.0.3 "over TCP"
last=$(inside ss -lnut); grep -q '127.0.0.11:53 ' <<<"$last"; ok "which has port 53"
daemon_dies; stop
rules=$(nft list ruleset)
start no-network; not_ok "no resolver in the host's own network"
[[ "$last" =~ "has no network of its own" ]] && [ "$(nft list ruleset)" = "$rules" ]; ok "and no rules there"
daemon_dies
rm "$T/resolver"; start; not_ok "no configuration, no start"
[[ "$last" =~ "failed the resolver's configuration $T/resolver: no such file" ]]; ok "and it says why"
daemon_dies

echo "1..$n"
echo "# $((n - failed)) passed, $failed failed"
[ $failed -eq 0 ]
