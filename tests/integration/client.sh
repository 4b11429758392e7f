#!/bin/bash
# The command line of our client: words, flags, formats, exit statuses, streams and terminals.
. "$(dirname "$0")/lib.sh"

# What needs no daemon.
expect_status "an unknown command fails" 1 d nosuch
matches "and is named" '^Error: Command not found: nosuch$' d nosuch
matches "in two words, too" 'unknown command: docker image nosuch' d image nosuch
matches "a group lists its commands" '^  ls +' d container
matches "help of a command" '^Usage:  docker run ' d help run
matches "--help, too" '^  -d, --detach ' d run --help
matches "help of an alias" '^Usage:  docker ps' d container ls --help
expect_status "a wrong flag exits with 125" 125 d run --nosuch
expect_status "too few arguments with 1" 1 d rename one
matches "and usage" "'docker rename' requires 2 arguments" d rename one
matches "-a with -d is refused" 'cannot specify both --attach and --detach' d run -d -a stdout busybox
expect_status "--restart with --rm is refused" 125 d run --rm --restart always busybox true
expect_status "-it without a terminal is refused" 1 d run -it busybox true
matches "in Docker's words" 'the input device is not a TTY' d run -it busybox true
expect_status "run without a daemon exits with 125" 125 d run busybox true
expect_status "other commands with 1" 1 d ps
matches "they say why" 'Cannot connect to the Docker daemon at unix://' d ps

start_daemon && import_busybox || { finish; exit; }

# run: streams, statuses, flags.
expect "output comes through" hello d run --rm busybox echo hello
expect "and input" "from stdin" bash -c "echo from stdin | $DOCKER run -i --rm busybox cat"
same "stderr is apart" "err" "$(d run --rm busybox sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)"
expect_status "its exit status is ours" 7 d run --rm busybox sh -c 'exit 7'
expect_status "128 + n for a signal" 137 d run --rm busybox sh -c 'sh -c "kill -9 \$\$"; exit $?'
expect_status "127 for what is not there" 127 d run --rm busybox /nosuch
expect_status "126 for what cannot be run" 126 d run --rm busybox /etc
expect_status "125 for what the daemon refuses" 125 d run --rm -m 1 busybox true
expect_status "125 without the image" 125 d run --rm --pull never nosuch true
expect "the container's flags are its own" "-d --rm" d run --rm busybox echo -d --rm
expect "clusters, = and glued values" "1 /tmp" d run --rm -eA=1 -w=/tmp busybox sh -c 'echo $A $(pwd)'
matches "-rm is early Docker's spelling" "'-rm' is deprecated" d run -rm busybox true
export FROM_HERE=yes
printf '# comment\n\n  B=2\nFROM_HERE\nNOT_SET_HERE\n' >"$T/env"
expect "--env-file and -e NAME" "1 2 yes" d run --rm -e A=1 --env-file "$T/env" busybox sh -c 'echo $A $B $FROM_HERE'
echo 'a b=1' >"$T/bad-env"
matches "a bad --env-file is refused" 'contains whitespaces' d run --rm --env-file "$T/bad-env" busybox true
expect "--entrypoint" "x y" d run --rm --entrypoint echo busybox x y
expect "-v binds relative to here" data bash -c "cd $T && echo data >file && $DOCKER run --rm -v ./file:/f:ro busybox cat /f"
expect "--mount" tmpfs d run --rm --mount type=tmpfs,dst=/t,tmpfs-size=1m busybox sh -c 'grep " /t " /proc/mounts | cut -d " " -f 3'
matches "a bad --mount is refused" 'target is required' d run --rm --mount type=tmpfs busybox true
matches "a bad --ulimit is refused" 'invalid ulimit type: x' d run --rm --ulimit x=1 busybox true
matches "a bad port is refused" 'invalid hostPort: 99999' d run --rm -p 99999:1 busybox true
expect_status "--cidfile" 0 d run --cidfile "$T/cid" --rm busybox true
same "holds the id" 64 "$(wc -c <"$T/cid")"
matches "and must not exist" 'container ID file found' d run --cidfile "$T/cid" --rm busybox true
d run --cidfile "$T/cid2" --rm --pull never nosuch true >/dev/null 2>&1
[ ! -e "$T/cid2" ] && ok "it is removed when nothing was made" || not_ok "it is removed when nothing was made"

head -c 3000000 /dev/urandom >"$T/random"
same "3 MB there and back" "$(sha256sum <"$T/random")" "$(d run -i --rm busybox cat <"$T/random" | sha256sum)"
expect "a reader that leaves ends us" y bash -c "$DOCKER run --rm busybox sh -c 'yes | head -n 200000' | head -n 1"

"$DOCKER" run --name signals busybox sh -c 'trap "echo got TERM; exit 9" TERM; echo ready; while :; do sleep 0.1; done' >"$T/signals" &
client=$!
eventually grep -q ready "$T/signals"
kill -TERM $client
wait $client
same "signals are passed on" 9 $?
matches "to the process" 'got TERM' cat "$T/signals"

# exec, start, attach, wait, logs.
d run -d --name sleeper -l a=b busybox sleep 1000 >/dev/null
expect "exec" hi d exec sleeper echo hi
expect_status "exec's status" 5 d exec sleeper sh -c 'exit 5'
expect "exec -i" in bash -c "echo in | $DOCKER exec -i sleeper cat"
expect "exec -e -w -u" "1 /tmp 7" d exec -e A=1 -w /tmp -u 7 sleeper sh -c 'echo $A $(pwd) $(id -u)'
expect_status "exec of what is not there" 127 d exec sleeper /nosuch
expect_status "exec in nothing" 1 d exec nosuch true
d create --name again busybox sh -c 'echo once; exit 3' >/dev/null
expect_status "start -a" 3 d start -a again
expect "wait" 3 d wait again
expect "logs" once d logs again
matches "logs -t" '^[0-9]{4}-[0-9-]+T[0-9:.]+Z once$' d logs -t again
expect "logs --tail 0" "" d logs --tail 0 again
expect "start prints the name" again d start again
d wait again >/dev/null
matches "a stopped one cannot be attached to" 'You cannot attach to a stopped container' d attach again
matches "several, some not there" 'Error: failed to start containers: nosuch' d start again nosuch

# Lists and formats.
matches "ps" '^[0-9a-f]{12} +busybox +"sleep 1000" +.* ago +Up .* +sleeper$' d ps
expect "ps -q" "$(d inspect -f '{{.Id}}' sleeper | cut -c 1-12)" d ps -q
expect "ps --format" "sleeper a=b running" d ps --format '{{.Names}} {{.Labels}} {{.State}}'
expect "ps -f" sleeper d ps -f label=a --format '{{.Names}}'
matches "ps --format json" '"Names":"sleeper"' d ps --format json
matches "a bad filter is refused" 'bad format of filter' d ps -f bad
matches "images" '^busybox +latest +[0-9a-f]{12} ' d images
expect "images --format" busybox:latest d images --format '{{.Repository}}:{{.Tag}}'
matches "history" '^IMAGE +CREATED +CREATED BY +SIZE +COMMENT' d history busybox
expect "inspect -f" "true /sleeper b [sleep 1000]" d inspect -f '{{.State.Running}} {{.Name}} {{index .Config.Labels "a"}} {{.Config.Cmd}}' sleeper
expect_status "inspect of nothing" 1 d inspect nosuch
expect "prints an empty list" "[]" d inspect nosuch
matches "inspect -f of no member" 'map has no entry for key "Nope"' d inspect -f '{{.Nope}}' sleeper
matches "version" '^ Engine:' d version
expect "version -f" linux d version -f '{{.Server.Os}}'
matches "info" '^ Containers: [0-9]+' d info
matches "top" 'sleep 1000' d top sleeper
matches "events" 'container start [0-9a-f]{64} \(.*name=sleeper' d events --since 10m --until 0s -f event=start

# Rename, update, commit, diff, export, kill, rm, prune.
check "rename" d rename again renamed
expect_status "rm of a running one fails" 1 d rm sleeper
expect_status "rm -f of nothing is fine" 0 d rm -f nosuch
expect "diff" "A /new" bash -c "$DOCKER exec sleeper touch /new; $DOCKER diff sleeper | grep new"
check "commit" d commit -m note -a me -c 'ENV C=1' sleeper committed:v1
expect "its change" "[C=1]" d inspect -f '{{.Config.Env}}' --type image committed:v1
check "tag" d tag committed:v1 other/name:v2
matches "rmi" '^Untagged: other/name:v2' d rmi other/name:v2
expect "export" new bash -c "$DOCKER export sleeper | tar t | grep -x new"
check "export -o" d export -o "$T/out.tar" sleeper
same "pause and unpause" "sleeper sleeper" "$(d pause sleeper) $(d unpause sleeper)"
expect "kill" sleeper d kill sleeper
matches "container prune -f" 'Deleted Containers:' d container prune -f

# Terminals: script(1) gives one.
if command -v script >/dev/null; then
	in_tty() { script -qefc "$DOCKER $*" /dev/null </dev/null | tr -d '\r'; }
	expect "-t has a terminal" /dev/pts/0 in_tty run --rm -t busybox readlink /proc/self/fd/0
	expect "without, there is none" /dev/null d run --rm busybox readlink /proc/self/fd/0
	script -qefc "$DOCKER run --rm -t busybox sh -c 'exit 4'" /dev/null </dev/null >/dev/null
	same "its exit status" 4 $?
	(sleep 1; printf '\020\021'; sleep 2) | script -qefc "stty -a >$T/before; $DOCKER run -it --name tty busybox sh; echo rc \$? >$T/rc; stty -a >$T/after" /dev/null >/dev/null
	expect "Ctrl-P Ctrl-Q leaves it" "rc 0" cat "$T/rc"
	expect "and it runs on" true d inspect -f '{{.State.Running}}' tty
	check "the terminal is as it was" cmp "$T/before" "$T/after"
	(sleep 1; echo 'exit 6'; sleep 1) | script -qefc "$DOCKER attach tty; echo rc \$? >$T/rc" /dev/null >/dev/null
	expect "attach, and its end" "rc 6" cat "$T/rc"
else
	skip "terminals" "no script(1)"
fi

# A daemon that goes away.
"$DOCKER" run --name lost busybox sleep 1000 2>"$T/stderr2" &
client=$!
eventually test -n "$(d ps -q -f name=lost)"
sleep 0.3
d rm -f lost >/dev/null
wait $client
same "a container that is removed ends its client" 137 $?

finish
