#!/bin/bash
# kill -9 of the daemon at any moment: containers, their output, exit codes and `wait` survive, and
# the next daemon leaves nothing of what was half done. COUNT is how many runs are interrupted.
. "$(dirname "$0")/lib.sh"
count=${COUNT:-25}

crash() { stop_daemon KILL; }
start_daemon && import_busybox || { finish; exit 1; }

# ---- a container goes on without its daemon ----

d run -d --name clock busybox sh -c 'i=0; while [ $i -lt 30 ]; do i=$((i + 1)); echo tick $i; sleep 0.1; done; exit 7' >/dev/null
d run -d --name quiet busybox sleep 1000 >/dev/null
pid=$(d inspect -f '{{.State.Pid}}' quiet)
ip_before=$(d inspect -f '{{.NetworkSettings.IPAddress}}' quiet)
sleep 0.5
crash
sleep 1
check "its process lives on" kill -0 "$pid"
start_daemon
expect "it is adopted" running d inspect -f '{{.State.Status}}' quiet
expect "with the same process" "$pid" d inspect -f '{{.State.Pid}}' quiet
expect "and address" "$ip_before" d inspect -f '{{.NetworkSettings.IPAddress}}' quiet
expect "exec works in it" hello d exec quiet echo hello
new_ip=$(d run --rm busybox ip -4 -o addr show eth0 | grep -oE '[0-9.]+/24')
refute "its address is not given to another" test "$new_ip" = "$ip_before/24"
expect "wait answers after the adoption" 7 d wait clock
expect "no line of its log was lost" 30 sh -c "'$DOCKER' logs clock | sort -u | wc -l"
expect "the exit code is kept" 7 d inspect -f '{{.State.ExitCode}}' clock

# ---- it starts while no daemon is there: its log is a pipe, and until we read the start waits ----

id=$(d create --name slow --uts host busybox sleep 1000) # as no prepared child is
mkfifo "$T/root/containers/$id/$id-json.log"
d start slow >/dev/null 2>&1 &
starter=$!
check "a start is under way" eventually test -S "$T/exec/execdriver/native/$id/monitor.sock"
crash
wait $starter
launch_daemon
sleep 0.3 # by now it asks the monitor, which has no answer yet
cat "$T/root/containers/$id/$id-json.log" >/dev/null &
reader=$!
eventually d version
expect "a container that starts without its daemon is adopted" running \
	d inspect -f '{{.State.Status}}' slow
expect "and can be used" hello d exec slow echo hello
d rm -f slow >/dev/null
kill $reader 2>/dev/null

# ---- it ends while no daemon is there ----

d run -d --name brief busybox sh -c 'sleep 0.5; echo last words; exit 3' >/dev/null
crash
sleep 1.2
start_daemon
expect "an exit without daemon is found" 3 d inspect -f '{{.State.ExitCode}}' brief
expect "and its last line" "last words" d logs brief
expect "wait answers at once" 3 d wait brief

# ---- policies ----

d run -d --name again --restart=always busybox sh -c 'sleep 0.4; exit 1' >/dev/null
crash
sleep 1
start_daemon
check "a policy is honoured by the next daemon" eventually \
	sh -c "test \$('$DOCKER' inspect -f '{{.RestartCount}}' again) -gt 0 -o \$('$DOCKER' inspect -f '{{.State.Running}}' again) = true"
d rm -f again >/dev/null

# ---- --rm without a daemon to remove it ----

d run -d --rm --name gone busybox sleep 0.3 >/dev/null
crash
sleep 0.8
start_daemon
check "a container with --rm that ended meanwhile is removed" eventually sh -c "! '$DOCKER' inspect gone"

# ---- clean shutdown leaves containers alone too ----

stop_daemon
check "SIGTERM ends the daemon, not the container" kill -0 "$pid"
start_daemon
expect "and the next one has it" running d inspect -f '{{.State.Status}}' quiet

# ---- interrupted at random moments ----

for i in $(seq "$count"); do
	d run --rm busybox true >/dev/null 2>&1 &
	runner=$!
	sleep "0.0$((RANDOM % 40 + 10))"
	crash
	wait $runner 2>/dev/null
	start_daemon || break
	if [ $((i % 5)) = 0 ]; then
		out=$(d run --rm busybox echo alive 2>&1)
		[ "$out" = alive ] || not_ok "round $i: the engine works" "$out"
	fi
done
ok "$count daemons were killed at random moments"
eventually sh -c "test \$('$DOCKER' ps -aq | wc -l) -le 3"
d ps -a --format '{{.Names}} {{.Status}}' | sed 's/^/# /'

d rm -f quiet clock brief >/dev/null
left=$(d ps -aq --filter status=running)
same "no container of an interrupted run goes on for ever" "" "$left"
d ps -aq | xargs -r "$DOCKER" rm -f >/dev/null
same "no write layer is left" 0 "$(find "$T/root/graph/mounts" -mindepth 1 -maxdepth 1 | wc -l)"
finish
