#!/bin/bash
# kill -9 of the daemon at any moment of work on networks: what runs keeps its addresses, ports and
# names, nothing is given out twice, and nothing of what was half done stays. COUNT is how many
# daemons are killed.
. "$(dirname "$0")/netlib.sh"
count=${COUNT:-25}

crash() { stop_daemon KILL; }
start_daemon && import_busybox || { finish; exit 1; }
d network create front >/dev/null
container keeper --network front -p 8080:80 -- tcp:80 || not_ok "the keeper starts"
ip=$(ip_of keeper front)

elements() { nft list "$1" inet docker-docker0 "$2" | grep -cE '[0-9] : [0-9]'; }
# One of these is under way when the daemon is killed; their failures are its end.
work() {
	case $1 in
	0) d run --rm --network front -p 80 -p 53/udp busybox true ;;
	1) d run -d --name t"$2" --network front -p 100-120:100-120 busybox sleep 300 ;;
	2) d network create n"$2" && d network connect n"$2" keeper && d network disconnect n"$2" keeper ;;
	3) d network create --internal n"$2" && d run --rm --network n"$2" busybox true && d network rm n"$2" ;;
	4) d rm -f "$(d ps -q --filter name=^t | head -n 1)" ;;
	esac
}

served=0 named=0 twice=
for i in $(seq "$count"); do
	for w in 0 $((i % 4 + 1)); do
		work "$w" "$i" >/dev/null 2>&1 &
		workers[w]=$!
	done
	sleep "0.0$((RANDOM % 60 + 10))"
	crash
	[ "$(ask host tcp 127.0.0.1 8080)" ] && served=$((served + 1))
	for w in "${workers[@]}"; do wait "$w" 2>/dev/null; done
	workers=()
	start_daemon || break
	if [ "$(ip_of keeper front)" = "$ip" ] && d exec keeper nslookup keeper 2>&1 | grep -q "Address: $ip"; then
		named=$((named + 1))
	else
		echo "# round $i: $(ip_of keeper front); $(d exec keeper nslookup keeper 2>&1 | tr '\n' ' ')"
	fi
	ips=$(d ps -q | xargs -r "$DOCKER" inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' |
		tr ' ' '\n' | grep . | sort)
	[ "$ips" = "$(sort -u <<<"$ips")" ] || twice="$twice$ips;"
done
ok "$count daemons were killed at random moments"
same "its port was served each time, with no daemon there" "$count" "$served"
same "it kept its address and its name each time" "$count" "$named"
same "no address was given out twice" "" "$twice"

eventually sh -c "! '$DOCKER' ps --format '{{.Names}}' | grep -qvE '^(keeper|t[0-9]+)\$'"
d ps -aq --filter name=^t | xargs -r "$DOCKER" rm -f >/dev/null
d ps -aq | grep -v "$(d ps -q --filter name=keeper)" | xargs -r "$DOCKER" rm -f >/dev/null
d network ls -q --filter type=custom | xargs -r "$DOCKER" network disconnect -f >/dev/null 2>&1
for n in $(d network ls --filter type=custom --format '{{.Name}}' | grep -v front); do
	d network disconnect "$n" keeper >/dev/null 2>&1
	d network rm "$n" >/dev/null || not_ok "network $n goes"
done
same "its port is the only one left" 1 "$(elements map any4)"
matches "and it is served" "^keeper " ask host tcp 127.0.0.1 8080
same "its veth is the only one left" 1 "$(ip -o link show type veth | grep -c 'master')"
same "its network is the only one left" "br-$(d network ls --no-trunc -q --filter name=front | cut -c 1-12)" \
	"$(ip -o link show type bridge | grep -oE 'br-[0-9a-f]+')"
d rm -f keeper >/dev/null
d network rm front >/dev/null
same "no file of a network is left" "" "$(find "$T/root/networks" "$T/exec/networks" "$T/exec/resolvers" -type f)"
same "nor a bridge" "" "$(ip -o link show type bridge | grep -oE 'br-[0-9a-f]+')"
same "nor a port" 0 "$(elements map any4)"

# The rules cannot be had at the start: their table is somebody else's, until he goes.
stop_daemon
mkfifo "$T/owner"
nft -i <"$T/owner" >/dev/null 2>&1 &
owner=$!
exec 8>"$T/owner"
nft delete table inet docker-docker0
echo 'add table inet docker-docker0 { flags owner; }' >&8
eventually sh -c 'nft list tables | grep -q docker-docker0'
start_daemon
refute "nobody joins a bridge without rules" d run --rm busybox true
refute "nor is a port published" d run -d --name early -p 8081:80 busybox sleep 1000
kill $owner
wait $owner
exec 8>&-
check "rules that could not be had are there with the next container" d run -d --name late -p 8082:80 busybox sleep 1000
same "with its port" 1 "$(elements map any4)"
d rm -f early late >/dev/null 2>&1
finish
