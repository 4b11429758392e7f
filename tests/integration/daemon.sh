#!/bin/bash
# The daemon's process: flags, sockets, pid file, one daemon per root, signals, restarts.
. "$(dirname "$0")/lib.sh"

# The flags that need no daemon.
matches "-v prints the version" '^Docker version [0-9.]+, build ' d -v
matches "--version does, too" '^Docker version ' d --version
matches "-h prints the options" '^ +-d, --daemon' d -h
matches "--help prints the commands" '^ *run ' d --help
check "no argument prints the usage" d
refute "an unknown flag fails" d --no-such-flag
matches "and is named" 'flag provided but not defined: --no-such-flag' d --no-such-flag
matches "a bad -H is refused" 'Invalid bind address format: host' d -H host ps
matches "two of them are refused" 'Please specify only one -H' d -H :1 -H :2 ps
expect_status "-d with an argument fails" 1 d -d foo
matches "and prints the usage" '^Usage:' d -d foo
matches "-b with --bip is refused" 'mutually exclusive' d -d -b x --bip 10.0.0.1/24
matches "--icc=false needs rules" 'ICC uses iptables' d -d --icc=false --iptables=false
matches "a bad --dns is refused" 'x is not an ip address' d -d --dns x
matches "a bad --label is refused" 'bad attribute format: x' d -d --label x
matches "a bad log level is refused" 'Unable to parse logging level: x' d -d --log-level x
matches "a deprecated spelling warns" "'-mtu' is deprecated" d -mtu 1400 -v

# Several sockets, and what a running daemon says of itself.
port=$((20000 + $$ % 20000))
start_daemon -H "unix://$T/second.sock" -H "127.0.0.1:$port" --label a=b || { finish; exit; }
expect "answers on its socket" OK api GET /_ping
expect "on a second one" OK curl -s --unix-socket "$T/second.sock" http://x/_ping
expect "on TCP" OK curl -s "http://127.0.0.1:$port/_ping"
expect "its socket is for root and its group" 660 stat -c %a "$T/docker.sock"
expect "the pid file names it" "$daemon_pid" cat "$T/docker.pid"
matches "it announces itself" 'docker daemon: [^ ]+ [^ ]+; execdriver: native.*; graphdriver: ' cat "$T/daemon.log"
matches "serves version" '"ApiVersion":"1\.[0-9]+"' api GET /version
matches "knows its label" '"a=b"' api GET /info
matches "knows its root" "\"DockerRootDir\":\"$T/root\"" api GET /info

# Only one daemon: by pid file, by root, by exec root.
other() { # other WHAT=VALUE...: a second daemon that shares what is not given
	local g=$T/root e=$T/exec p=$T/docker.pid v
	for v; do local "${v?}"; done
	timeout 20 "$DOCKER" -d -g "$g" --exec-root "$e" -p "$p" -H "unix://$T/third.sock" -b none 2>&1
}
expect_status "a second daemon is refused" 1 other
matches "because of the pid file" 'pid file found, ensure docker is not running' other
matches "with another pid file because of the root" "another daemon works in \"$T/root\"" other "p=$T/other.pid"
matches "and of the exec root" "another daemon works in \"$T/exec\"" other "p=$T/other.pid" "g=$T/other-root"
[ ! -e "$T/other.pid" ] && ok "a refused one leaves no pid file" || not_ok "a refused one leaves no pid file"
[ ! -e "$T/third.sock" ] && ok "and no socket" || not_ok "and no socket"
expect "the first one goes on" OK api GET /_ping
matches "a taken socket is refused" 'somebody listens on' \
	timeout 20 "$DOCKER" -d -g "$T/r2" --exec-root "$T/e2" -p "$T/p2" -H "$HOST" -b none

# The end: SIGTERM, SIGINT, kill -9.
stop_daemon
same "SIGTERM ends it with 0" 0 $?
[ ! -e "$T/docker.pid" ] && ok "the pid file is gone" || not_ok "the pid file is gone"
[ ! -e "$T/docker.sock" ] && ok "the socket is gone" || not_ok "the socket is gone"
start_daemon || { finish; exit; }
stop_daemon INT
same "SIGINT ends it with 0" 0 $?
start_daemon || { finish; exit; }
stop_daemon KILL
[ -e "$T/docker.pid" ] && ok "kill -9 leaves the pid file" || not_ok "kill -9 leaves the pid file"
start_daemon && ok "a stale pid file and socket do not matter"
expect "the new one answers" OK api GET /_ping

# A client that listens to events does not keep it from ending, and neither do many of them.
for _ in 1 2 3; do curl -sN --unix-socket "$T/docker.sock" http://x/events >/dev/null & done
sleep 0.3
begin=$(date +%s)
stop_daemon
same "it ends with event streams open" 0 $?
[ $(($(date +%s) - begin)) -lt 5 ] && ok "at once" || not_ok "at once"

# The service manager is told.
if command -v python3 >/dev/null; then
	python3 - "$T/notify" >"$T/notified" <<-'PY' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		s.settimeout(20)
		while True:
		    text = s.recv(4096).decode()
		    print(text, flush=True)
		    if 'STOPPING' in text:
		        break
	PY
	eventually test -S "$T/notify"
	NOTIFY_SOCKET=$T/notify start_daemon
	check "READY=1 is sent" eventually grep -q '^READY=1' "$T/notified"
	check "with the pid" grep -q "^MAINPID=$daemon_pid" "$T/notified"
	stop_daemon
	check "STOPPING=1 is sent" eventually grep -q '^STOPPING=1' "$T/notified"
else
	skip "sd_notify" "no python3"
fi
finish
