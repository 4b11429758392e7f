#!/bin/bash
# The image store under kill -9: daemons are killed at random moments of pull, load, commit and rmi, and
# after each the store must be whole: what is there is all there, and what is half there is gone. COUNT
# says how many daemons are killed.
OWN_NETWORK=${OWN_NETWORK:-1}
. "$(dirname "$0")/lib.sh"
command -v docker-registry >/dev/null || skip_all "needs docker-registry"
count=${COUNT:-10}

cat >"$T/registry.yml" <<EOF
version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: $T/registry } }
http: { addr: "127.0.0.1:5000" }
EOF
docker-registry serve "$T/registry.yml" >"$T/registry.log" 2>&1 &
registry=$!
eventually bash -c 'exec 3<>/dev/tcp/127.0.0.1/5000'
start_daemon -b none && import_busybox || { finish; exit 1; }

# An image of eight layers, in the registry and in an archive, and one that is only there.
name=127.0.0.1:5000/a/stack:1
d tag busybox base:0
for n in 1 2 3 4 5 6 7; do
	d run --name make --net none "base:$((n - 1))" sh -c "mkdir /d$n; for i in \$(seq 60); do dd if=/dev/urandom of=/d$n/\$i bs=20k count=1; done" >/dev/null 2>&1
	d commit make "base:$n" >/dev/null
	d rm make >/dev/null
done
d tag base:7 $name
d push -q $name >/dev/null || { not_ok "push"; finish; exit 1; }
d save -o "$T/stack.tar" $name
stack=$(d inspect -f '{{.Id}}' --type image $name)
for _ in 1 2 3 4 5 6 7 8 9; do d images -aq --filter dangling=false | xargs -r "$DOCKER" rmi -f; done >/dev/null 2>&1
import_busybox

pulls() { while :; do d pull -q $name; d rmi $name; done >/dev/null 2>&1; }
loads() { while :; do d load -q -i "$T/stack.tar"; d rmi -f "$stack"; done >/dev/null 2>&1; }
commits() {
	local n=$BASHPID
	while :; do
		d run --name "c$n" --net none busybox sh -c 'dd if=/dev/urandom of=/x bs=100k count=3'
		d commit "c$n" "c$n:1"; d rm -f "c$n"; d rmi "c$n:1"
	done >/dev/null 2>&1
}
# Each image can be written out, which checks each byte of it; and no folder belongs to nobody.
is_whole() {
	local id
	for id in $(d images -q --no-trunc | sort -u); do
		d save "$id" >"$T/check.tar" 2>"$T/check.err" || { echo "$id: $(cat "$T/check.err")"; return 1; }
	done
	[ -z "$(ls -A "$T/root/graph/_tmp" "$T/root/tmp" 2>/dev/null | grep -v :)" ] || { echo "half made: $(ls -A "$T/root/graph/_tmp" "$T/root/tmp")"; return 1; }
}
folders() { ls "$T/root/overlay" | grep -cv -e '-init$'; }
known() { ls "$T/root/graph/layers" "$T/root/graph/ready" "$T/root/graph/mounts" | grep -cv -e ':$' -e '^$'; }

whole=0 owned=0 started=0
for i in $(seq "$count"); do
	workers=()
	for w in pulls loads commits; do $w & workers+=($!); done
	sleep "0.$((RANDOM % 900 + 50))"
	kill -9 "$daemon_pid"
	wait "$daemon_pid" 2>/dev/null
	daemon_pid=
	kill "${workers[@]}"
	wait "${workers[@]}" 2>/dev/null
	start_daemon -b none || break
	started=$((started + 1))
	eventually is_whole && whole=$((whole + 1)) || echo "# round $i: $(is_whole)"
	[ "$(folders)" = "$(known)" ] && owned=$((owned + 1)) || echo "# round $i: $(folders) folders, $(known) known"
	remove_containers
done
same "daemons were killed at random moments, and the next one started" "$count" "$started"
same "the store was whole each time" "$count" "$whole"
same "no folder was left that belongs to nobody" "$count" "$owned"

check "all is well at the end: pull" d pull -q $name
same "... the same image" "$stack" "$(d inspect -f '{{.Id}}' --type image $name)"
check "... load" d load -q -i "$T/stack.tar"
for _ in 1 2 3; do d images -aq | sort -u | xargs -r "$DOCKER" rmi -f; done >/dev/null 2>&1
same "... rmi: nothing is left" "0 0" "$(ls "$T/root/graph/layers" | wc -l) $(d images -aq | wc -l)"
kill $registry
wait $registry 2>/dev/null
finish
