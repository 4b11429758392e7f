#!/bin/bash
# Links: the environment, hosts and open ports of the default bridge, aliases on networks of one's own;
# networks of other containers, and hosts that are named by hand.
. "$(dirname "$0")/netlib.sh"
make_world && start_daemon && import_busybox || { finish; exit 1; }
d import -c 'EXPOSE 5432 6379 53/udp 80/udp 80' -c 'ENV PGDATA=/data' -c 'ENV A=b=c' -c 'CMD ["nettool","serve","tcp:5432","tcp:6379","udp:53","tcp:80","udp:80","tcp:81"]' \
	"$T/busybox.tar" db:latest >/dev/null
d import -c 'EXPOSE 7000-7003 7010' -c 'CMD ["sleep","1000"]' "$T/busybox.tar" ranged:latest >/dev/null

no_links() { [ -z "$(elements links4)" ]; }
linked_env() { d exec "$1" env | grep -E "^$2_" | LC_ALL=C sort; }
hosts_line() { d exec "$1" grep -wE "$2" /etc/hosts | tr -s '\t ' '  ' | head -n 1; }

# ---- the environment and hosts ----

d run -d --name pg-1 -h pghost -e FOO=bar db >/dev/null
eventually is_ready pg-1
ip=$(ip_of pg-1)
d run -d --name web --link pg-1:my-db --link pg-1 busybox sleep 1000 >/dev/null
want=$(LC_ALL=C sort <<-END
	MY_DB_NAME=/web/my-db
	MY_DB_PORT=udp://$ip:53
	MY_DB_PORT_53_UDP=udp://$ip:53
	MY_DB_PORT_53_UDP_ADDR=$ip
	MY_DB_PORT_53_UDP_PORT=53
	MY_DB_PORT_53_UDP_PROTO=udp
	MY_DB_PORT_80_TCP=tcp://$ip:80
	MY_DB_PORT_80_TCP_ADDR=$ip
	MY_DB_PORT_80_TCP_PORT=80
	MY_DB_PORT_80_TCP_PROTO=tcp
	MY_DB_PORT_80_UDP=udp://$ip:80
	MY_DB_PORT_80_UDP_ADDR=$ip
	MY_DB_PORT_80_UDP_PORT=80
	MY_DB_PORT_80_UDP_PROTO=udp
	MY_DB_PORT_5432_TCP=tcp://$ip:5432
	MY_DB_PORT_5432_TCP_ADDR=$ip
	MY_DB_PORT_5432_TCP_PORT=5432
	MY_DB_PORT_5432_TCP_PROTO=tcp
	MY_DB_PORT_6379_TCP=tcp://$ip:6379
	MY_DB_PORT_6379_TCP_ADDR=$ip
	MY_DB_PORT_6379_TCP_PORT=6379
	MY_DB_PORT_6379_TCP_PROTO=tcp
	MY_DB_ENV_A=b=c
	MY_DB_ENV_FOO=bar
	MY_DB_ENV_PGDATA=/data
END
)
same "the environment, as Docker has it" "$want" "$(linked_env web MY_DB)"
without=${want//MY_DB/PG_1}
same "without an alias it has the child's name" "${without/my-db/pg-1}" "$(linked_env web PG_1)"
d run -d --name unlinked --link pg-1:one --link pg-1:two busybox sleep 1000 >/dev/null
check "a link is taken away" d rm --link unlinked/one
same "its name is not in the hosts any more" "" "$(hosts_line unlinked one)"
matches "the other one is" "^$ip two" hosts_line unlinked two
same "and shown" "[/pg-1:/unlinked/two]" "$(d inspect -f '{{.HostConfig.Links}}' unlinked)"
matches "once" "No such link: /unlinked/one" d rm --link unlinked/one
check "both containers are there" d inspect pg-1 unlinked
d rm -f unlinked >/dev/null
expect "hosts: address, alias, host name, name" "$ip my-db pghost pg-1" hosts_line web my-db
expect "not twice what is the same" "$ip pg-1 pghost" hosts_line web "pg-1 pghost"
expect "inspect has them" '["/pg-1:/web/my-db","/pg-1:/web/pg-1"]' field web '{{json .HostConfig.Links}}'
expect "and the exec's environment, too" "/web/my-db" d exec web sh -c 'echo $MY_DB_NAME'
d run -d --name many ranged >/dev/null
d run -d --name two --link many:m busybox sleep 1000 >/dev/null
mip=$(ip_of many)
same "ports in a row have a start and an end" "M_PORT_7000_TCP_PORT_START=7000
M_PORT_7000_TCP_START=tcp://$mip:7000
M_PORT_7003_TCP_END=tcp://$mip:7003
M_PORT_7003_TCP_PORT_END=7003" "$(linked_env two M | grep -E 'START|END')"
matches "a link to nobody" 'could not get container for nosuch' d run --link nosuch:x busybox true
d create --name idle busybox true >/dev/null
matches "a link to one that does not run" 'Cannot link to a non running container: /idle AS /[a-z_]+/x' d run --rm --link idle:x busybox true
d rm -f two many idle >/dev/null
if docker_cli; then
	"$CLI" run -d --name cli --link pg-1:my-db busybox sleep 1000 >/dev/null
	same "the same by the docker CLI" "${want//\/web\//\/cli\/}" "$(linked_env cli MY_DB)"
	"$CLI" rm -f cli >/dev/null
else
	skip "the docker CLI" "there is none"
fi

# ---- a child that comes back elsewhere ----

d stop -t 0 pg-1 >/dev/null
container filler -- tcp:80
d start pg-1 >/dev/null
eventually is_ready pg-1
new=$(ip_of pg-1)
refute "the child has another address" test "$new" = "$ip"
expect "which the parent's hosts has" "$new my-db pghost pg-1" hosts_line web my-db
d restart -t 0 web >/dev/null
same "and its environment, after a restart of its own" "/web/my-db $new" "$(d exec web sh -c 'echo $MY_DB_NAME $MY_DB_PORT_80_TCP_ADDR')"
d rename pg-1 pg-2
check "a link is kept over a rename" d restart -t 0 web
d rm -f web filler >/dev/null
d rm -f pg-2 >/dev/null

# ---- open ports where all others are closed ----

stop_daemon
for nf in 0 1; do
	bridge_nf $nf || continue
	start_daemon --icc=false
	d run -d --name pg db >/dev/null
	container web --link pg:db -- tcp:80
	d run -d --name stranger db >/dev/null
	eventually is_ready pg
	eventually is_ready stranger
	pg=$(ip_of pg) web=$(ip_of web)
	answers "a linked port (bridge-nf $nf)" "$(field pg '{{.Config.Hostname}}') $web" web tcp "$pg" 5432
	answers "of UDP (bridge-nf $nf)" "$(field pg '{{.Config.Hostname}}') $web" web udp "$pg" 53
	silent "not one that is not exposed (bridge-nf $nf)" web tcp "$pg" 81
	silent "nor back (bridge-nf $nf)" pg tcp "$web" 80
	silent "nor a stranger's (bridge-nf $nf)" web tcp "$(ip_of stranger)" 5432
	silent "nor for a stranger (bridge-nf $nf)" stranger tcp "$pg" 5432
	web_pid=$(pid_of web)
	stop_daemon KILL
	matches "a link goes on without a daemon (bridge-nf $nf)" "$web 5432" inside $web_pid nettool ask tcp "$pg" 5432
	start_daemon --icc=false
	answers "and with the next (bridge-nf $nf)" "$(field pg '{{.Config.Hostname}}') $web" web tcp "$pg" 5432
	d stop -t 0 pg >/dev/null
	d run -d --name heir -h heir db >/dev/null # takes the address
	eventually is_ready heir
	same "somebody else has the child's address (bridge-nf $nf)" "$pg" "$(ip_of heir)"
	eventually ask host tcp "$pg" 5432 >/dev/null 2>&1 # the child's namespace takes a moment to go
	answers "(who is there for the host)" heir host tcp "$pg" 5432
	silent "the link does not lead to him (bridge-nf $nf)" web tcp "$pg" 5432
	d start pg >/dev/null
	eventually is_ready pg
	answers "but to the child, at its new address (bridge-nf $nf)" "$(field pg '{{.Config.Hostname}}') $web" web tcp "$(ip_of pg)" 5432
	d restart -t 0 pg >/dev/null # opened again
	pg_pid=$(pid_of pg)
	stop_daemon KILL
	kill -9 $pg_pid
	start_daemon --icc=false
	check "none is open to one that died meanwhile (bridge-nf $nf)" eventually no_links
	d start pg >/dev/null
	refute "and to one that runs again there is (bridge-nf $nf)" no_links
	d rm -f web >/dev/null
	same "with the parent its links go (bridge-nf $nf)" "" "$(elements links4)"
	d rm -f pg stranger heir >/dev/null
	stop_daemon
done
start_daemon

# ---- on networks of one's own ----

d network create own >/dev/null
container pg --network own -- tcp:80
container web --network own --link pg:database -- tcp:80
expect "a link is an alias for the resolver" "$(ip_of pg own)" lookup web database
refute "for who has it alone" sh -c "'$DOCKER' exec pg nslookup -type=a database"
same "it brings no environment" "" "$(linked_env web DATABASE)"
d run -d --name late --network own --link soon:alias busybox sleep 1000 >/dev/null
container soon --network own -- tcp:80
expect "to somebody who comes later, too" "$(ip_of soon own)" lookup late alias
d run -d --name joined busybox sleep 1000 >/dev/null
d network connect --link pg:thedb own joined
expect "a link of connect" "$(ip_of pg own)" lookup joined thedb

# ---- the network of another, and hosts by hand ----

d run -d --name guest --net container:pg busybox sleep 1000 >/dev/null
expect "the network of another is the same" "$(d exec pg ip -4 -o addr show eth0)" d exec guest ip -4 -o addr show eth0
expect "with its hosts" "$(d exec pg cat /etc/hosts)" d exec guest cat /etc/hosts
expect "and its host name" pg d exec guest hostname
answers "and its 127.0.0.1" pg guest tcp 127.0.0.1 80
matches "which takes no ports" 'conflicting options' d run --rm --net container:pg -p 80:80 busybox true
matches "nor links" 'conflicting options' d run --rm --net container:pg --link web:x busybox true
d rm -f pg >/dev/null
expect_status "nor can it start without the other" 125 d run --net container:pg busybox true
expect "--add-host" "192.0.2.7 somehost" sh -c "'$DOCKER' run --rm --add-host somehost:192.0.2.7 busybox grep somehost /etc/hosts | tr -s '\t' ' '"
expect "host-gateway is the host, on the default bridge" "172.17.0.1 host.test" \
	sh -c "'$DOCKER' run --rm --add-host host.test:host-gateway busybox grep host.test /etc/hosts | tr -s '\t' ' '"
serve_in host tcp:9000
gateway=$(d run --rm --network own --add-host host.test=host-gateway busybox sh -c 'sed -n "s/\thost.test//p" /etc/hosts')
answers "and on another network an address of it" host web tcp "${gateway:-none}" 9000
expect "a host by hand goes before names of networks" 192.0.2.8 d run --rm --network own --add-host web:192.0.2.8 busybox sh -c 'nettool lookup web'
finish_networks
