#!/bin/bash
# Inside the virtual machine, as root, with systemd as pid 1 and cgroup v2 alone: what needs just
# that. The last line is "N passed, N failed".
passed=0 failed=0
cgroups=/sys/fs/cgroup

ok() { passed=$((passed + 1)); echo "ok - $1"; }
not_ok() {
	failed=$((failed + 1))
	echo "not ok - $1"
	[ $# -lt 2 ] || printf '%s\n' "$2" | head -n 30 | sed 's/^/# /'
}
check() { # check WHAT COMMAND...
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "$out"; fi
}
refute() {
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then not_ok "$what" "it succeeded: $out"; else ok "$what"; fi
}
expect() { # expect WHAT WANTED COMMAND...
	local what=$1 want=$2 got
	shift 2
	got=$("$@" 2>&1)
	[ "$got" = "$want" ] && ok "$what" || not_ok "$what" "wanted: $want
got: $got"
}
eventually() {
	local i
	for i in $(seq 100); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.2
	done
	return 1
}
is_unit() { [ "$(systemctl is-active "$1")" = "$2" ]; }

# A container's cgroup, wherever the driver puts it.
cgroup_of() {
	local pid
	pid=$(docker inspect -f '{{.State.Pid}}' "$1") || return
	echo "$cgroups$(sed -n 's/^0:://p' "/proc/$pid/cgroup")"
}
limit() { # limit FLAG-AND-VALUE FILE WANTED: a container with that flag has that in its cgroup
	local id
	id=$(docker run -d $1 busybox sleep 600 2>/dev/null) || { not_ok "$1" "did not start"; return; }
	expect "$1 sets $2" "$3" cat "$(cgroup_of "$id")/$2"
	docker rm -f "$id" >/dev/null 2>&1
}

# ---- the machine ----
cp -a /payload/install/. /
expect "cgroup v2 alone" cgroup2fs stat -fc %T $cgroups
refute "no cgroup v1 is mounted" grep -q ' cgroup ' /proc/self/mountinfo
expect "systemd is pid 1" systemd cat /proc/1/comm
groupadd -f docker
systemctl daemon-reload

finish() {
	if [ $failed -ne 0 ]; then
		journalctl -u docker --no-pager -o cat | tail -n 60 | cut -c 1-200 | sed 's/^/# /'
	fi
	sync
	echo "$passed passed, $failed failed"
	exit
}

# ---- the unit ----
check "systemctl start docker" systemctl start docker
[ $failed -eq 0 ] || finish
expect "Type=notify is active" active systemctl is-active docker
check "it answers" docker version
expect "the socket is the group's" "660 docker" stat -c '%a %G' /run/docker.sock
check "systemctl stop docker" systemctl stop docker
check "it is inactive" is_unit docker inactive
expect "the socket still listens" active systemctl is-active docker.socket
check "a client starts it by the socket" docker version
expect "it is active again" active systemctl is-active docker
check "no failed unit" sh -c '! systemctl is-failed -q docker docker.socket'

# ---- containers ----
check "an image is imported" docker import -c 'CMD ["sh"]' /payload/busybox.tar busybox
expect "a container runs" hello docker run --rm busybox echo hello
expect "with its exit status" 7 sh -c 'docker run --rm busybox sh -c "exit 7"; echo $?'
expect "in a cgroup namespace of its own" "0::/" docker run --rm busybox cat /proc/self/cgroup
expect "info says v2" 2 docker info -f '{{.CgroupVersion}}'
expect "it can reach the bridge" 0 sh -c 'docker run --rm busybox ping -c 1 -W 5 172.17.0.1 >/dev/null; echo $?'

# ---- restart of the daemon under running containers ----
docker run -d --name stays busybox sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.2; done' >/dev/null
docker run -d --name ends busybox sh -c 'sleep 12; exit 9' >/dev/null
pid=$(docker inspect -f '{{.State.Pid}}' stays)
main=$(systemctl show -p MainPID --value docker)
check "systemctl restart docker" systemctl restart docker
[ "$(systemctl show -p MainPID --value docker)" != "$main" ] && ok "another process" || not_ok "another process"
check "the container goes on" kill -0 "$pid"
expect "under the same pid" "$pid" docker inspect -f '{{.State.Pid}}' stays
before=$(docker logs stays | tail -n 1)
sleep 2
after=$(docker logs stays | tail -n 1)
[ "${after:-0}" -gt "${before:-0}" ] && ok "its log grows" || not_ok "its log grows" "$before, $after"
lost=$(docker logs stays | awk '$1 != NR { print "line", NR, "is", $1; exit }')
[ -z "$lost" ] && ok "and no line is lost" || not_ok "and no line is lost" "$lost"
expect "wait answers for the other one" 9 docker wait ends
check "exec works after the restart" docker exec stays true
systemctl kill --kill-whom=main -s KILL docker
check "systemd starts a killed daemon again" eventually docker version
check "the container still goes on" kill -0 "$pid"
expect "stop works" stays docker stop -t 1 stays
docker rm stays ends >/dev/null

# ---- limits ----
limit "-m 64m" memory.max 67108864
limit "-m 64m --memory-swap 128m" memory.swap.max 67108864
limit "-m 64m --memory-swap -1" memory.swap.max max
limit "--memory-reservation 32m" memory.low 33554432
limit "--cpus 0.5" cpu.max "50000 100000"
limit "--cpu-period 50000 --cpu-quota 20000" cpu.max "20000 50000"
limit "--cpu-shares 1024" cpu.weight 39
limit "--cpuset-cpus 1" cpuset.cpus 1
limit "--pids-limit 20" pids.max 20

out=$(docker run --rm -m 32m --memory-swap 32m busybox sh -c 'tail /dev/zero >/dev/null' 2>&1; echo "status $?")
[ "${out##*status }" = 137 ] && ok "memory: a process beyond it is killed" || not_ok "memory: a process beyond it is killed" "$out"
docker run --name oom -m 32m --memory-swap 32m busybox sh -c 'tail /dev/zero >/dev/null' >/dev/null 2>&1
expect "and inspect says why" true docker inspect -f '{{.State.OOMKilled}}' oom
docker rm oom >/dev/null
out=$(docker run --rm --pids-limit 8 busybox sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 3 & done; wait' 2>&1)
grep -q "can't fork" <<<"$out" && ok "pids: no more processes than allowed" || not_ok "pids: no more processes than allowed" "$out"
expect "cpuset: the container sees one cpu" 1 docker run --rm --cpuset-cpus 0 busybox sh -c 'grep -c 1 /proc/self/status >/dev/null; nproc'

# ---- devices, by BPF ----
check "devices: /dev/null works" docker run --rm busybox sh -c 'echo x >/dev/null && head -c 4 /dev/urandom >/dev/null'
check "devices: any may be made" docker run --rm busybox mknod /tmp/disk b 259 0
refute "devices: a disallowed one cannot be opened" docker run --rm busybox sh -c 'mknod /tmp/disk b 259 0 && head -c 1 /tmp/disk >/dev/null'
refute "devices: nor a character device" docker run --rm busybox sh -c 'mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem >/dev/null'
check "devices: --device allows it" docker run --rm --device /dev/nvme0n1:/dev/disk:r busybox sh -c 'head -c 1 /dev/disk >/dev/null'
refute "devices: and only what it says" docker run --rm --device /dev/nvme1n1:/dev/disk:r busybox sh -c ': >>/dev/disk'
check "devices: --privileged allows all" docker run --rm --privileged busybox sh -c 'head -c 1 /dev/nvme0n1 >/dev/null'

# ---- freezer ----
id=$(docker run -d busybox sh -c 'while :; do :; done')
group=$(cgroup_of "$id")
check "pause" docker pause "$id"
expect "freezes the cgroup" 1 sed -n 's/^frozen //p' "$group/cgroup.events"
expect "inspect says paused" true docker inspect -f '{{.State.Paused}}' "$id"
a=$(sed -n 's/^usage_usec //p' "$group/cpu.stat"); sleep 1
b=$(sed -n 's/^usage_usec //p' "$group/cpu.stat")
[ $((b - a)) -lt 20000 ] && ok "no cpu is used" || not_ok "no cpu is used" "$a $b"
check "unpause" docker unpause "$id"
expect "thaws it" 0 sed -n 's/^frozen //p' "$group/cgroup.events"
check "update -m" docker update -m 48m --memory-swap 48m "$id"
expect "changes memory.max" 50331648 cat "$group/memory.max"
docker rm -f "$id" >/dev/null
check "its cgroup goes" eventually test ! -e "$group"

# ---- networks: what this kernel has and others lack, and all of them under systemd ----
talk() { # talk PORT: what a container says that listens there
	timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1 && cat <&3"
}
meet() { # meet NETWORK: a container finds another there by its name, and reaches its address
	local ip out
	docker run -d --name peer --network "$1" busybox sleep 600 >/dev/null || return 1
	ip=$(docker inspect -f "{{(index .NetworkSettings.Networks \"$1\").IPAddress}}" peer)
	out=$(docker run --rm --network "$1" busybox sh -c "nslookup peer; ping -c 1 -W 5 $ip" 2>&1)
	docker rm -f peer >/dev/null
	grep -q "Address: $ip" <<<"$out" && grep -q ' 0% packet loss' <<<"$out" && return
	echo "$out"
	return 1
}
drop() { docker network rm "$1" >/dev/null; }

docker run -d --name web -p 8080:80 busybox sh -c 'while :; do echo hello | nc -l -p 80; done' >/dev/null
check "a published port is served" eventually sh -c '[ "$(timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/8080 && cat <&3")" = hello ]'
check "a network with names" docker network create --ipv6 own
check "containers meet on it" meet own
systemctl restart docker
check "the port is served after a restart" eventually sh -c '[ "$(timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/8080 && cat <&3")" = hello ]'
nft flush ruleset
sleep 1
expect "and within a second after a flush" hello talk 8080
docker rm -f web >/dev/null
drop own
ip link add par0 type dummy && ip link set par0 up
for kind in "macvlan -o parent=par0" "macvlan -o parent=par0 -o macvlan_mode=bridge" "macvlan" \
	"ipvlan -o parent=par0" "ipvlan -o parent=par0 -o ipvlan_mode=l3" "ipvlan -o parent=par0.7"; do
	check "network create -d $kind" docker network create -d $kind --subnet 10.80.1.0/24 vlan
	check "containers meet on it" meet vlan
	check "and it goes" docker network rm vlan
done
left=$(ip -o link | grep -E 'dm-|par0\.|br-|veth')
[ -z "$left" ] && ok "no interface of a network is left" || not_ok "no interface of a network is left" "$left"
ip link del par0

# ---- restart policy over a reboot of the daemon, and the end ----
docker run -d --restart always --name again busybox sh -c 'sleep 1' >/dev/null
check "--restart always restarts" eventually sh -c '[ "$(docker inspect -f "{{.RestartCount}}" again)" -ge 1 ]'
docker rm -f again >/dev/null
check "systemctl stop docker.socket docker" systemctl stop docker.socket docker
refute "nobody answers" docker -H unix:///run/docker.sock version
[ ! -e /var/run/docker.pid ] && ok "no pid file is left" || not_ok "no pid file is left"
left=$(pgrep -l docker)
[ -z "$left" ] && ok "no process is left" || not_ok "no process is left" "$left"
left=$(find $cgroups -type d | grep -E '[0-9a-f]{64}')
[ -z "$left" ] && ok "no cgroup is left" || not_ok "no cgroup is left" "$left"

finish
