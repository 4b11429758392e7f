#!/bin/bash
# The containers' jobs through the API: what each answers, in which order things happen, and what
# is left when they are gone. The unmodified docker CLI is used where it is there.
. "$(dirname "$0")/lib.sh"
start_daemon && import_busybox || { finish; exit 1; }
json='Content-Type: application/json'

# status METHOD PATH [JSON]: the number alone
status() {
	local method=$1 path=$2
	shift 2
	[ $# -eq 0 ] || set -- -H "$json" -d "$1"
	curl -s -o /dev/null -w '%{http_code}' -X "$method" --unix-socket "$T/docker.sock" "$@" "http://localhost$path"
}
message() { api "$@" | grep -oE '"message":"([^"\\]|\\.)*"' | sed 's/^"message":"//; s/"$//; s/\\"/"/g'; }
create() { # create NAME [MEMBERS]: the id
	api POST "/containers/create?name=$1" "{\"Image\":\"busybox\",${2:-\"Cmd\":[\"true\"]}}" |
		grep -oE '"Id": ?"[0-9a-f]{64}"' | grep -oE '[0-9a-f]{64}'
}
field() { d inspect -f "$2" "$1"; } # field CONTAINER TEMPLATE
sh_cmd() { printf '"Cmd":["sh","-c","%s"]' "$1"; }
is_state() { [ "$(field "$1" '{{.State.Status}}')" = "$2" ]; }
is_gone() { [ "$(status GET "/containers/$1/json")" = 404 ]; }

# ---- create ----

id=$(create one)
same "create answers with an id" 64 ${#id}
expect "it is created" created field one '{{.State.Status}}'
expect "its host name is the id's beginning" "${id:0:12}" field one '{{.Config.Hostname}}'
expect "its folder is for root alone" 700 stat -c %a "$T/root/containers/$id"
expect "a taken name is refused" 409 status POST '/containers/create?name=one' '{"Image":"busybox"}'
expect "and told who has it" "Conflict. The container name \"/one\" is already in use by container \"$id\". You have to remove (or rename) that container to be able to reuse that name." \
	message POST '/containers/create?name=one' '{"Image":"busybox"}'
expect "a bad name is refused" 'Invalid container name (a), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed' \
	message POST '/containers/create?name=a' '{"Image":"busybox"}'
expect "an empty body is refused" 'Config cannot be empty in order to create a container' \
	message POST /containers/create '{}'
expect "an unknown image is 404" 404 status POST /containers/create '{"Image":"nosuch"}'
expect "by its full name" 'No such image: nosuch:latest' message POST /containers/create '{"Image":"nosuch"}'
expect "a mount twice at one place is refused" 400 status POST /containers/create \
	'{"Image":"busybox","HostConfig":{"Binds":["/tmp:/x","/var:/x"]}}'
expect "volumes of nobody are refused" 'No such container: nosuch' message POST /containers/create \
	'{"Image":"busybox","HostConfig":{"VolumesFrom":["nosuch"]}}'
matches "another platform is not found" 'does not match the specified platform' \
	api POST '/containers/create?platform=linux/riscv64' '{"Image":"busybox"}'
name=$(api POST /containers/create '{"Image":"busybox","Cmd":["true"]}' | grep -oE '[0-9a-f]{64}')
matches "a name is made up" '^/[a-z]+_[a-z]+[0-9]?$' field "$name" '{{.Name}}'
d rm "$name" >/dev/null

# ---- lookup ----

expect "by id" "$id" field "$id" '{{.Id}}'
expect "by the id's beginning" "$id" field "${id:0:10}" '{{.Id}}'
expect "by name" "$id" field one '{{.Id}}'
expect "an unknown one is 404" 'No such container: nosuch' message GET /containers/nosuch/json
for i in $(seq 17); do create "many$i" >/dev/null; done
first=$(d ps -aq --no-trunc | cut -c 1 | sort | uniq -d | head -n 1)
expect "an ambiguous beginning is 400" 400 status GET "/containers/$first/json"
expect "and says so" "Multiple IDs found with provided prefix: $first" message GET "/containers/$first/json"
expect "limit counts from the newest" many17 d ps -a -n 1 --format '{{.Names}}'
expect "a filter is a regular expression" 9 sh -c "'$DOCKER' ps -aq -f 'name=^/many.$' | wc -l"
expect "before and since" "many3 many2" sh -c "'$DOCKER' ps -a -f before=many4 -f since=many1 --format '{{.Names}}' | xargs"
expect "an unknown filter is refused" 400 status GET '/containers/json?filters=%7B%22foo%22%3A%5B%22x%22%5D%7D'
expect "prune removes them" 18 sh -c "curl -s -X POST --unix-socket $T/docker.sock http://x/containers/prune | grep -oE '[0-9a-f]{64}' | wc -l"
expect "and then nothing" '{"ContainersDeleted":null,"SpaceReclaimed":0}' api POST /containers/prune

# ---- start, wait, logs ----

id=$(create two "$(sh_cmd 'echo out; echo err >&2; exit 3')")
expect "a created one has not run" '{"StatusCode":0}' api POST /containers/two/wait
api POST '/containers/two/wait?condition=next-exit' >"$T/wait" &
waiter=$!
sleep 0.2
expect "start is 204" 204 status POST /containers/two/start
wait $waiter
expect "a waiter that came before gets the code" '{"StatusCode":3}' cat "$T/wait"
expect "and so do later ones" '{"StatusCode":3}' api POST /containers/two/wait
expect "the code is kept" 3 field two '{{.State.ExitCode}}'
expect "the log has both streams" "err out" sh -c "'$DOCKER' logs two 2>&1 | sort | xargs"
expect "a tail is of all lines" 1 sh -c "'$DOCKER' logs --tail 1 two 2>&1 | wc -l"
matches "with times" '^[0-9-]{10}T[0-9:]{8}\.[0-9]{9}Z out$' d logs -t two
expect "since is a bound" "" d logs --since 2100-01-01T00:00:00Z two
expect "no stream is 400" 400 status GET /containers/two/logs
expect "a bad condition is 400" 400 status POST '/containers/two/wait?condition=foo'
expect "stop of a stopped one is 304" 304 status POST /containers/two/stop
expect "kill of one is 409" 409 status POST /containers/two/kill
expect "resize of one is 409" 409 status POST '/containers/two/resize?h=1&w=1'
expect "top of one is 409" 409 status GET /containers/two/top
expect "exec in one is 409" 409 status POST /containers/two/exec '{"Cmd":["true"]}'
expect "pause of one is 409" 409 status POST /containers/two/pause
expect "it can be started again" 204 status POST /containers/two/start
d wait two >/dev/null
expect "its log goes on" 4 sh -c "'$DOCKER' logs two 2>&1 | wc -l"

create bad '"Cmd":["nosuch"]' >/dev/null
expect "a command that is not there is 400" 400 status POST /containers/bad/start
matches "and told in known words" 'executable file not found in \$PATH' message POST /containers/bad/start
expect "the code is 127" 127 field bad '{{.State.ExitCode}}'
expect "it is still created" created field bad '{{.State.Status}}'
matches "with the reason" 'not found' field bad '{{.State.Error}}'
create bad2 '"Cmd":["/etc"]' >/dev/null
expect "a folder is no command" 400 status POST /containers/bad2/start
expect "the code is 126" 126 field bad2 '{{.State.ExitCode}}'
create bad3 '"Cmd":["true"],"HostConfig":{"NetworkMode":"nosuchnet"}' >/dev/null
expect "an unknown network is 404" 'network nosuchnet not found' message POST /containers/bad3/start
create bad4 '"Cmd":["true"],"HostConfig":{"AutoRemove":true,"Devices":[{"PathOnHost":"/dev/nosuch"}]}' >/dev/null
matches "a device that is not there" 'error gathering device information' message POST /containers/bad4/start
check "a failed start removes one with AutoRemove" eventually is_gone bad4
d rm two bad bad2 bad3 >/dev/null

# ---- running ones ----

create run "$(sh_cmd 'trap \"exit 5\" TERM; echo ready; while :; do sleep 0.05; done')" >/dev/null
d start run >/dev/null
check "it gets ready" eventually sh -c "'$DOCKER' logs run | grep ready"
expect "a second start is 304" 304 status POST /containers/run/start
expect "rm of it is 409" 409 status DELETE /containers/run
matches "with a hint" 'stop the container before removing or force remove' message DELETE /containers/run
expect "top shows it" 1 sh -c "'$DOCKER' top run | grep -c trap"
matches "ps args are the user's" '^PID +COMMAND' d top run -o pid,comm
matches "a bad one is told" 'ps:' message GET '/containers/run/top?ps_args=--nosuch'
expect "pause is 204" 204 status POST /containers/run/pause
expect "it is paused" paused field run '{{.State.Status}}'
expect "a second time is 409" 409 status POST /containers/run/pause
expect "start of a paused one is 409" 409 status POST /containers/run/start
expect "unpause is 204" 204 status POST /containers/run/unpause
expect "rename" 204 status POST '/containers/run/rename?name=ran'
is_gone run && ok "the old name is free" || not_ok "the old name is free"
matches "to its own name it is refused" 'same name as its current' message POST '/containers/ran/rename?name=ran'
create one2 >/dev/null
expect "update" '{"Warnings":null}' api POST /containers/one2/update '{}'
expect "a limit is kept" 67108864 sh -c "curl -s -X POST -H '$json' -d '{\"Memory\":67108864,\"MemorySwap\":134217728}' --unix-socket $T/docker.sock http://x/containers/one2/update >/dev/null; '$DOCKER' inspect -f '{{.HostConfig.Memory}}' one2"
expect "a bad one is refused" 400 status POST /containers/one2/update '{"Memory":1000}'
expect "a taken name is refused" 409 status POST '/containers/one2/rename?name=ran'

expect "exec answers with an id" 64 sh -c "curl -s -X POST -H '$json' -d '{\"Cmd\":[\"true\"]}' --unix-socket $T/docker.sock http://x/containers/ran/exec | grep -oE '[0-9a-f]{64}' | tr -d '\n' | wc -c"
expect "exec runs" "in run 7" sh -c "'$DOCKER' exec ran sh -c 'echo in run; exit 7' | tr '\n' ' '; '$DOCKER' exec ran sh -c 'exit 7'; printf \$?"
expect "with its input" input sh -c "echo input | '$DOCKER' exec -i ran cat"
expect "and environment" "1 /tmp" d exec -e A=1 -w /tmp ran sh -c 'echo $A $PWD'
expect "no command is 400" 'No exec command specified' message POST /containers/ran/exec '{}'
exec_id=$(api POST /containers/ran/exec '{"Cmd":["sleep","100"]}' | grep -oE '[0-9a-f]{64}')
matches "before its start it has no code" '"ExitCode": ?null' api GET "/exec/$exec_id/json"
expect "a detached start is 200" 200 status POST "/exec/$exec_id/start" '{"Detach":true}'
matches "it runs" '"Running": ?true' api GET "/exec/$exec_id/json"
expect "it is listed" "[$exec_id]" field ran '{{.ExecIDs}}'
expect "once only" 409 status POST "/exec/$exec_id/start" '{"Detach":true}'
bad_exec=$(api POST /containers/ran/exec '{"Cmd":["nosuch"]}' | grep -oE '[0-9a-f]{64}')
expect "a command that is not there is 400" 400 status POST "/exec/$bad_exec/start" '{"Detach":true}'
matches "its code is 127" '"ExitCode": ?127' api GET "/exec/$bad_exec/json"
expect "an unknown exec is 404" 'No such exec instance: nosuch' message GET /exec/nosuch/json

d logs -f ran >"$T/follow" &
follower=$!
expect "stop is 204, within its time" 204 status POST '/containers/ran/stop?t=5'
expect "by its own signal" 5 field ran '{{.State.ExitCode}}'
wait $follower
expect "who followed the log was told" ready cat "$T/follow"
matches "the exec died with it" '"Running": ?false' api GET "/exec/$exec_id/json"
expect "restart is 204" 204 status POST '/containers/ran/restart?t=0'
expect "it runs again" true field ran '{{.State.Running}}'
expect "a signal is sent" 204 status POST '/containers/ran/kill?signal=TERM'
expect "and acts" 5 d wait ran
expect "a bad signal is 400" 'Invalid signal: SIGFOO' message POST '/containers/ran/kill?signal=SIGFOO'
d start ran >/dev/null
d pause ran >/dev/null
expect "a paused one is stopped, too" 204 status POST '/containers/ran/stop?t=5'
d start ran >/dev/null
expect "rm with force is 204" 204 status DELETE '/containers/ran?force=1'
check "its folder is gone" sh -c "! ls $T/root/containers | grep -v $(field one2 '{{.Id}}')"

# ---- the order of events ----

since=$(date +%s)
d run --rm --name events busybox true
order() { d events --since "$since" --until "$(date +%s)" -f container=events --format '{{.Action}}' | xargs; }
sleep 1
expect "a run's events are in order" "create attach start die destroy" order

# ---- attach ----

for i in 1 2 3 4 5; do
	[ "$(d run --rm busybox sh -c 'echo first; echo last' | xargs)" = "first last" ] || break
done
same "no byte of a short run is lost" "5 first last" "$i $(d run --rm busybox sh -c 'echo first; echo last' | xargs)"
same "stdin and its end get through" 6 "$(printf 'hello\n' | d run --rm -i busybox wc -c | tr -d ' ')"
same "much of it, too" 3000000 "$(head -c 3000000 /dev/zero | d run --rm -i busybox wc -c)"
create late "$(sh_cmd 'echo early; sleep 0.6; echo more')" >/dev/null
d start late >/dev/null
sleep 0.3
same "attach with the log" "early more" \
	"$(curl -s -m 5 -X POST --unix-socket "$T/docker.sock" -o - "http://x/containers/late/attach?logs=1&stream=1&stdout=1" --output - | tr -d '\0\1' | tr -cd 'a-z\n' | xargs)"
d rm -f late >/dev/null
create paused "$(sh_cmd 'sleep 100')" >/dev/null
d start paused >/dev/null && d pause paused >/dev/null
expect "attach to a paused one is 409" 409 status POST '/containers/paused/attach?stream=1&stdout=1'
d unpause paused >/dev/null
expect "bad detach keys are 400" 400 status POST '/containers/paused/attach?stream=1&detachKeys=foo-bar'
d rm -f paused >/dev/null
create clients "$(sh_cmd 'echo one')" >/dev/null
for i in 1 2 3; do
	timeout 0.3 curl -s -N -X POST --unix-socket "$T/docker.sock" "http://x/containers/clients/attach?stream=1&stdout=1" >/dev/null &
done
wait %?curl 2>/dev/null
sleep 0.5
expect "clients that hung up before the start do no harm" 204 status POST /containers/clients/start
expect "and it ran" 0 d wait clients
d rm clients >/dev/null

# ---- mounts, files, namespaces ----

mkdir "$T/host" && echo data >"$T/host/file"
expect "a bind is seen" data d run --rm -v "$T/host:/mnt" busybox cat /mnt/file
refute "and with ro not written" d run --rm -v "$T/host:/mnt:ro" busybox touch /mnt/x
check "a missing source is made" d run --rm -v "$T/made:/mnt" busybox true
[ -d "$T/made" ] && ok "as a folder" || not_ok "as a folder"
d run --name keeper -v /data busybox sh -c 'echo kept >/data/x'
volume=$(field keeper '{{(index .Mounts 0).Name}}')
expect "volumes of another" kept d run --rm --volumes-from keeper busybox cat /data/x
[ -d "$T/root/volumes/$volume" ] && ok "which stay theirs" || not_ok "which stay theirs"
d rm -v keeper >/dev/null
[ ! -d "$T/root/volumes/$volume" ] && ok "rm -v removes it" || not_ok "rm -v removes it"
d run --rm -v named:/data busybox sh -c 'echo n >/data/x'
expect "a named volume stays" n d run --rm -v named:/data busybox cat /data/x
matches "tmpfs" '^tmpfs /t tmpfs .*noexec' d run --rm --tmpfs /t:size=1m busybox cat /proc/mounts
matches "hosts has its address" "^$SUBNET\.[0-9]+	web" d run --rm -h web --add-host db:10.9.9.9 busybox cat /etc/hosts
matches "and what was added" '^10\.9\.9\.9	db' d run --rm --add-host db:10.9.9.9 busybox cat /etc/hosts
expect "hostname" web d run --rm -h web busybox cat /etc/hostname
matches "resolv.conf" '^nameserver 9\.9\.9\.9' d run --rm --dns 9.9.9.9 busybox cat /etc/resolv.conf
matches "the environment" '^PATH=/usr/local/sbin:' d run --rm busybox env
d run -d --name net busybox sleep 1000 >/dev/null
expect "a shared network has its address" "$(field net '{{.NetworkSettings.IPAddress}}')" \
	sh -c "'$DOCKER' run --rm --net container:net busybox ip -4 -o addr show eth0 | grep -oE '$SUBNET\.[0-9]+' | head -n 1"
expect "and its host name" "$(field net '{{.Config.Hostname}}')" d run --rm --net container:net busybox cat /etc/hostname
expect "a shared pid namespace" 1 sh -c "'$DOCKER' run --rm --pid container:net busybox ps | grep -c 'sleep 1000'"
d stop -t 0 net >/dev/null
matches "of one that runs" 'cannot join network of a non running container' d run --rm --net container:net busybox true
d rm net >/dev/null
expect "no network" lo d run --rm --net none busybox ls /sys/class/net
check "the host's" sh -c "'$DOCKER' run --rm --net host busybox ip link show $BRIDGE"

# ---- changes, commit, export, images in use ----

d run --name change busybox sh -c 'echo x >/added; rm /etc/passwd'
expect "changes" "A /added C /etc D /etc/passwd" sh -c "'$DOCKER' diff change | sort -k 2 | xargs"
check "commit" d commit -c 'ENV A=b' change made:1
expect "the image has it" "x b" sh -c "'$DOCKER' run --rm made:1 sh -c 'cat /added; echo \$A' | xargs"
expect "export" 1 sh -c "'$DOCKER' export change | tar t | grep -c '^added$'"
expect "an image in use is not deleted" 409 status DELETE /images/busybox
d rm change >/dev/null
d run -d --name user made:1 sleep 1000 >/dev/null
matches "not even by force while it runs" 'cannot be forced' d rmi -f made:1
d rm -f user >/dev/null
check "and then it is" d rmi made:1

# ---- policies ----

d run -d --name twice --restart on-failure:2 busybox sh -c 'echo run; exit 4' >/dev/null
check "on-failure gives up" eventually is_state twice exited
sleep 0.5
expect "after its count" "2 4" field twice '{{.RestartCount}} {{.State.ExitCode}}'
expect "every run is in the log" 3 sh -c "'$DOCKER' logs twice | wc -l"
d rm twice >/dev/null
d run -d --name always --restart always busybox sh -c 'exit 1' >/dev/null
check "always waits between its runs" eventually is_state always restarting
expect "exec is refused then" 409 status POST /containers/always/exec '{"Cmd":["true"]}'
expect "stop calls it off" 204 status POST /containers/always/stop
sleep 1
expect "for good" exited field always '{{.State.Status}}'
d rm always >/dev/null
d run -d --rm --name auto busybox sleep 1000 >/dev/null
expect "a restart keeps one with AutoRemove" 204 status POST '/containers/auto/restart?t=0'
expect "running" true field auto '{{.State.Running}}'
api POST '/containers/auto/wait?condition=removed' >"$T/wait" &
waiter=$!
sleep 0.2
d kill auto >/dev/null
wait $waiter
expect "its removal is waited for" '{"StatusCode":137}' cat "$T/wait"
is_gone auto && ok "and then it is gone" || not_ok "and then it is gone"

# ---- many at once ----

for i in $(seq 8); do (for j in 1 2 3 4 5; do d run --rm busybox sh -c 'exit 9'; [ $? -eq 9 ] || echo bad; done) & done >"$T/parallel" 2>&1
wait $(jobs -p | grep -vx "$daemon_pid")
expect "eight at once" "" cat "$T/parallel"
create race "$(sh_cmd 'sleep 0.2')" >/dev/null
for i in 1 2 3 4 5 6; do status POST /containers/race/start >>"$T/race" & done
wait $(jobs -p | grep -vx "$daemon_pid")
same "six starts of one: one counts" "204304304304304304" "$(fold -w 3 "$T/race" | sort | tr -d '\n')"
d wait race >/dev/null
for i in 1 2 3 4; do status DELETE '/containers/race?force=1' >>"$T/race2" & done
wait $(jobs -p | grep -vx "$daemon_pid")
same "four removals: one counts" 1 "$(fold -w 3 "$T/race2" | grep -c 204)"

# ---- the unmodified docker CLI ----

if docker_cli; then
	expect "CLI: run" hi "$CLI" run --rm busybox echo hi
	expect_status "CLI: exit code" 42 "$CLI" run --rm busybox sh -c 'exit 42'
	expect_status "CLI: no such command" 127 "$CLI" run --rm busybox nosuch
	expect_status "CLI: a folder" 126 "$CLI" run --rm busybox /etc
	expect_status "CLI: an error of the daemon" 125 "$CLI" run --rm --network nosuchnet busybox true
	expect "CLI: a terminal" /dev/pts/0 sh -c "script -qec \"'$CLI' run --rm -t busybox tty\" /dev/null | tr -d '\r'"
	"$CLI" run -d --name cli busybox sh -c 'echo a; sleep 1000' >/dev/null
	expect "CLI: exec" x "$CLI" exec cli echo x
	expect "CLI: logs" a "$CLI" logs cli
	matches "CLI: ps" 'Up .* cli$' "$CLI" ps
	matches "CLI: top" 'sleep 1000' "$CLI" top cli
	check "CLI: restart" "$CLI" restart -t 0 cli
	check "CLI: stop" "$CLI" stop -t 0 cli
	check "CLI: rm" "$CLI" rm cli
	matches "CLI: info" 'Storage Driver: ' "$CLI" info
else
	skip "the docker CLI" "not there"
fi
if [ -d /sys/fs/cgroup/pids ]; then
	expect "--cgroupns private on cgroup v1" 1 d run --rm --cgroupns private busybox grep -c 'pids:/$' /proc/self/cgroup
fi
finish
