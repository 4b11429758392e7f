#!/bin/bash
# A short session with an engine of its own: a daemon on a private root under /tmp, with its own
# socket, bridge and pid file. Nothing of it is left at the end.
#
#	demo.sh DOCKER-BINARY
docker=$(realpath "$1")
top=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d /tmp/docker-demo-XXXXXX)
bridge=demo$(($$ % 100000))
subnet=10.$((200 + $$ % 50)).$(($$ / 50 % 250))
daemon=
export DOCKER_HOST=unix://$dir/docker.sock

end() {
	trap - EXIT
	local ids
	ids=$("$docker" ps -aq 2>/dev/null)
	[ -z "$ids" ] || "$docker" rm -f $ids >/dev/null 2>&1
	"$docker" network rm demo >/dev/null 2>&1
	[ -z "$daemon" ] || { kill "$daemon" && wait "$daemon"; } 2>/dev/null
	ip link del "$bridge" 2>/dev/null
	nft delete table inet "docker-$bridge" 2>/dev/null
	rm -rf "$dir"
}
trap end EXIT
trap 'exit 130' INT TERM

fail() {
	echo "demo: $*" >&2
	tail -n 20 "$dir/log" >&2
	exit 1
}
show() { # print a command as it would be typed, then run it
	local arg line='$ docker'
	for arg; do
		case $arg in
		*[!a-zA-Z0-9_./:=,-]*) line="$line '$arg'" ;;
		*) line="$line $arg" ;;
		esac
	done
	printf '\n%s\n' "$line"
	"$docker" "$@" || fail "that failed"
}

[ "$(id -u)" = 0 ] || { echo "demo: containers need root: sudo make demo" >&2; exit 1; }
ip link add "$bridge" type bridge && ip addr add "$subnet.1/24" dev "$bridge" &&
	ip link set "$bridge" up || fail "cannot make a bridge"
"$docker" -d -g "$dir/root" --exec-root "$dir/exec" -p "$dir/pid" -H "$DOCKER_HOST" -b "$bridge" \
	>"$dir/log" 2>&1 &
daemon=$!
for _ in $(seq 100); do
	"$docker" version >/dev/null 2>&1 && break
	kill -0 "$daemon" 2>/dev/null || fail "the daemon did not start"
	sleep 0.1
done
"$top/tests/integration/mkbusybox.sh" "$dir/busybox.tar" || fail "no busybox"

cd "$dir" || exit 1
show import -c 'CMD ["sh"]' busybox.tar busybox:latest
show images
show run --rm busybox echo "hello from a container"
show run --rm busybox sh -c 'hostname; id; ip addr show eth0 | grep inet; ps'
show network create demo
show run -d --name web --network demo -p 80 busybox sh -c 'while :; do echo "hello from port 80" | nc -l -p 80; done'
show run --rm --network demo busybox nslookup web
port=$("$docker" port web 80) port=${port##*:}
printf '\n$ nc 127.0.0.1 %s\n' "$port"
busybox nc -w 2 127.0.0.1 "$port" </dev/null || fail "nobody answers on port $port"
show rm -f web
show run -d --name clock busybox sh -c 'while :; do date; sleep 1; done'
sleep 2
show ps
show logs clock
show exec clock sh -c 'echo from inside; cat /proc/1/comm'
kill -9 "$daemon"; wait "$daemon" 2>/dev/null
printf '\n(the daemon is killed, and another one starts)\n'
"$docker" -d -g "$dir/root" --exec-root "$dir/exec" -p "$dir/pid" -H "$DOCKER_HOST" -b "$bridge" \
	>>"$dir/log" 2>&1 &
daemon=$!
sleep 1
show logs --tail 2 clock
show ps
show stop -t 1 clock
show ps -a
printf '\nTime of "docker run --rm busybox true": '
begin=$(date +%s%N)
"$docker" run --rm busybox true
echo "$((($(date +%s%N) - begin) / 1000000)) ms"
end
echo "All is gone again: $dir, $bridge."
