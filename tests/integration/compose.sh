#!/bin/bash
# docker-compose (1.29, the one in Python) as a client: a project of three services on two networks.
. "$(dirname "$0")/netlib.sh"
compose=$(command -v docker-compose) || { rm -rf "$T"; skip_all "no docker-compose (Debian: docker-compose)"; }
"$compose" version --short 2>/dev/null | grep -qE '^1\.' || { rm -rf "$T"; skip_all "docker-compose is not 1.x"; }
make_world && start_daemon && import_busybox || { finish; exit 1; }

mkdir -p "$T/shop"
cat >"$T/shop/docker-compose.yml" <<'END'
version: "3.8"
services:
  db:
    image: busybox
    hostname: dbhost
    command: ["nettool", "serve", "tcp:5432"]
    stop_grace_period: 0s
    networks:
      back:
        aliases: [database, store]
        ipv4_address: 10.60.0.20
  app:
    image: busybox
    command: ["nettool", "serve", "tcp:80"]
    stop_grace_period: 0s
    depends_on: [db]
    environment: {WHO: app}
    ports: ["8000-8004:80"]
    networks: [front, back]
  proxy:
    image: busybox
    hostname: proxyhost
    command: ["nettool", "serve", "tcp:80", "udp:53"]
    stop_grace_period: 0s
    depends_on: [app]
    ports: ["8080:80", "127.0.0.1:8053:53/udp"]
    networks:
      front:
        aliases: [www]
networks:
  front:
    labels: {side: front}
  back:
    internal: true
    ipam:
      config: [{subnet: 10.60.0.0/24}]
END
dc() { (cd "$T/shop" && "$compose" --ansi never -p shop "$@" 2>&1); }
names() { d ps "$@" --format '{{.Names}}' | sort | xargs; }
ready() { eventually is_ready "$1"; }

check "config" dc config -q
check "up -d" dc up -d
same "three containers" "shop_app_1 shop_db_1 shop_proxy_1" "$(names)"
same "two networks" "shop_back shop_front" "$(d network ls -f label=com.docker.compose.project=shop --format '{{.Name}}' | sort | xargs)"
expect "labels of a network" front d network inspect -f '{{index .Labels "side"}}' shop_front
expect "an internal one" true d network inspect -f '{{.Internal}}' shop_back
matches "ps" 'shop_proxy_1 .*Up .*0\.0\.0\.0:8080->80/tcp' dc ps
same "ps knows all" 3 "$(dc ps -q | wc -l)"
expect "port" 0.0.0.0:8080 dc port proxy 80
for c in shop_app_1 shop_db_1 shop_proxy_1; do ready $c; done
answers "a published port" "proxyhost $OUTSIDE" ns:outside tcp $HOST4 8080
answers "one of UDP for the host alone" proxyhost host udp 127.0.0.1 8053
app=$(d port shop_app_1 80 | head -n 1)
matches "a port of the range" ':800[0-4]$' echo "$app"
answers "leads to the service" "$(field shop_app_1 '{{.Config.Hostname}}')" ns:outside tcp $HOST4 "${app##*:}"

# ---- names ----

resolve() { dc exec -T "$1" nettool lookup "$2" | tr -d '\r'; } # resolve SERVICE NAME
expect "a service by its name" 10.60.0.20 resolve app db
expect "by an alias" 10.60.0.20 resolve app database
expect "by the container's name" 10.60.0.20 resolve app shop_db_1
expect "on the other network" "$(ip_of shop_proxy_1 shop_front)" resolve app www
refute "not across networks" dc exec -T proxy nslookup -type=a db
check "and no way there" sh -c "! '$DOCKER' exec shop_proxy_1 nettool ask tcp 10.60.0.20 5432 400"
matches "a service reaches its database" '^dbhost' d exec shop_app_1 nettool ask tcp 10.60.0.20 5432
matches "exec has the environment" '^WHO=app' dc exec -T app env

# ---- scale ----

check "scale" dc up -d --scale app=4
same "four of them" "shop_app_1 shop_app_2 shop_app_3 shop_app_4" "$(names -f name=app)"
same "each with a port of the range" 4 "$(for i in 1 2 3 4; do d port shop_app_$i 80 | head -n 1; done | grep -E ':800[0-4]$' | sort -u | wc -l)"
want=$(for i in 1 2 3 4; do ip_of shop_app_$i shop_front; done | LC_ALL=C sort | xargs)
expect "all of them by the service's name" "$want" resolve proxy app
check "back to one" dc up -d --scale app=1
same "which stays" shop_app_1 "$(names -f name=app)"
expect "alone" "$(ip_of shop_app_1 shop_front)" resolve proxy app

# ---- restart, kill, change ----

check "restart" dc restart -t 0
for c in shop_app_1 shop_db_1 shop_proxy_1; do ready $c; done
expect "the fixed address is kept" 10.60.0.20 resolve app db
answers "the port, too" "proxyhost $OUTSIDE" ns:outside tcp $HOST4 8080
stop_daemon KILL
answers "served while the daemon is dead" "proxyhost $OUTSIDE" ns:outside tcp $HOST4 8080
start_daemon
matches "up finds all up to date" 'shop_proxy_1 is up-to-date' dc up -d
before=$(field shop_proxy_1 '{{.Id}}')
sed -i 's/8080:80/8081:80/' "$T/shop/docker-compose.yml"
check "another port: up makes it anew" dc up -d
refute "it is another container" test "$(field shop_proxy_1 '{{.Id}}')" = "$before"
ready shop_proxy_1
answers "at the new port" "proxyhost $OUTSIDE" ns:outside tcp $HOST4 8081
silent "and not at the old one" ns:outside tcp $HOST4 8080
matches "run, with the service's networks" "^$(ip_of shop_proxy_1 shop_front)" dc run --rm -T app nettool lookup www
check "stop" dc stop -t 0
same "none runs" "" "$(names)"
same "and no port is published" "" "$(port_elements)"
check "start" dc start
same "all run again" "shop_app_1 shop_db_1 shop_proxy_1" "$(names)"
matches "logs" 'proxy_1.*ready' dc logs --no-color proxy
mkdir "$T/other"
sed 's/10\.60/10.61/; s/8080:80/8081:80/' "$T/shop/docker-compose.yml" >"$T/other/docker-compose.yml"
matches "a port that is taken fails" 'already allocated|address already in use' sh -c "cd '$T/other' && '$compose' up -d proxy"
(cd "$T/other" && "$compose" down -t 0) >/dev/null 2>&1

# ---- down ----

check "down" dc down -t 0
same "no container" "" "$(names -a)"
same "no network" "bridge host none" "$(d network ls --format '{{.Name}}' | sort | xargs)"
finish_networks
