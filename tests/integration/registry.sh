#!/bin/bash
# Pulling and pushing: a real registry (plain, with TLS and passwords, as a mirror), and one that
# misbehaves. What is pulled must be what was pushed, and what fails must leave nothing but what the
# next attempt goes on with.
OWN_NETWORK=${OWN_NETWORK:-1}
. "$(dirname "$0")/lib.sh"
[ -x /usr/bin/docker-registry ] || [ -x "$(command -v docker-registry)" ] || skip_all "needs docker-registry"
docker_cli || CLI=

# /etc/docker/certs.d is the only place that certificates are looked for in.
mkdir -p "$T/etc-upper" "$T/etc-work" "$T/config"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$T/etc-upper,workdir=$T/etc-work" /etc || { finish; exit 1; }

registries=()
start_registry() { # NAME PORT [MORE]: more lines of configuration
	local name=$1 port=$2 more=$3
	mkdir -p "$T/$name"
	cat >"$T/$name.yml" <<-EOF
		version: 0.1
		log: { level: error }
		storage: { filesystem: { rootdirectory: $T/$name } }
		http:
		  addr: 127.0.0.1:$port
		$more
	EOF
	docker-registry serve "$T/$name.yml" >>"$T/$name.log" 2>&1 &
	registries+=($!)
	eventually bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
}
stop_registries() { local p; for p in "${registries[@]}"; do kill "$p"; wait "$p"; done 2>/dev/null; registries=(); }
image_id() { d inspect -f '{{.Id}}' --type image "$1" 2>/dev/null; }
ready() { ls "$T/root/graph/ready" | wc -l; }
layers() { ls "$T/root/graph/layers" | wc -l; }
nothing_half_made() { [ -z "$(ls -A "$T/root/graph/_tmp")" ] && [ "$(ls "$T/root/overlay" 2>/dev/null | wc -l)" -le $(($(layers) * 2 + $(ready) + 1)) ]; }

start_registry plain 5000
start_daemon -b none && import_busybox || { finish; exit 1; }
id=$(image_id busybox)

# ---- there and back ----

d tag busybox 127.0.0.1:5000/a/busy:1
matches "push" '1: digest: sha256:[0-9a-f]{64} size: [0-9]+' d push 127.0.0.1:5000/a/busy:1
matches "pushing again finds the layer there" 'Layer already exists' d push 127.0.0.1:5000/a/busy:1
d tag busybox 127.0.0.1:5000/b/copy:1
matches "another repository has it mounted" 'Mounted from a/busy' d push 127.0.0.1:5000/b/copy:1
digest=$(d images --digests | awk '/a\/busy/{print $3}')
matches "its digest is a name" '^sha256:[0-9a-f]{64}$' echo "$digest"
d rmi -f "$id" >/dev/null
same "nothing is left of it" "0 0" "$(layers) $(ready)"
matches "pull" 'Status: Downloaded newer image for 127.0.0.1:5000/a/busy:1' d pull 127.0.0.1:5000/a/busy:1
same "it is the same image" "$id" "$(image_id 127.0.0.1:5000/a/busy:1)"
same "known by its digest" "$id" "$(image_id "127.0.0.1:5000/a/busy@$digest")"
matches "it runs" '^hello$' d run --rm --net none 127.0.0.1:5000/a/busy:1 echo hello
matches "pulling again finds it" 'Status: Image is up to date for 127.0.0.1:5000/a/busy:1' d pull 127.0.0.1:5000/a/busy:1
matches "events tell" 'image pull 127.0.0.1:5000/a/busy:1 \(.*name=127.0.0.1:5000/a/busy' d events --since 5m --until 0s -f event=pull
d rmi -f "$id" >/dev/null
matches "by digest" "Digest: $digest" d pull "127.0.0.1:5000/a/busy@$digest"
d tag "127.0.0.1:5000/a/busy@$digest" 127.0.0.1:5000/a/busy:2
d push 127.0.0.1:5000/a/busy:2 >/dev/null
d rmi -f "$id" >/dev/null
d pull -a 127.0.0.1:5000/a/busy >/dev/null
same "all tags" "1 2" "$(echo $(d images --format '{{.Tag}}' 127.0.0.1:5000/a/busy | sort))"
d rmi -f "$id" >/dev/null
matches "run pulls what is missing" '^hello$' d run --rm --net none 127.0.0.1:5000/a/busy:1 echo hello
matches "no such tag" '^Error response from daemon: manifest for 127.0.0.1:5000/a/busy:9 not found: manifest unknown: manifest unknown$' \
	d pull 127.0.0.1:5000/a/busy:9
same "nor such a repository: 404 before any byte" 404 "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$T/docker.sock" \
	-X POST "http://localhost/images/create?fromImage=127.0.0.1:5000/no/such&tag=1")"
matches "what is not here cannot be pushed" 'An image does not exist locally with the tag: 127.0.0.1:5000/a/none' d push 127.0.0.1:5000/a/none:1
refute "nobody listens there" d pull 127.0.0.1:4999/a/busy:1
matches "and that is said" 'connect: connection refused' d pull 127.0.0.1:4999/a/busy:1
matches "distribution_inspect" "\"digest\": ?\"$digest\"" api GET /distribution/127.0.0.1:5000/a/busy:1/json
if [ "$CLI" ]; then
	d rmi -f "$id" >/dev/null
	matches "the docker CLI pulls" 'Status: Downloaded newer image for 127.0.0.1:5000/a/busy:1' "$CLI" pull 127.0.0.1:5000/a/busy:1
	matches "and pushes" 'Layer already exists' "$CLI" push 127.0.0.1:5000/a/busy:1
	matches "and runs what it must pull" '^hi$' sh -c "'$DOCKER' rmi -f $id >/dev/null; '$CLI' run --rm --net none 127.0.0.1:5000/a/busy:1 echo hi"
fi

# ---- layers side by side ----

for n in 1 2 3 4 5; do
	d rm -f cc >/dev/null 2>&1
	d run --name cc --net none "$([ $n = 1 ] && echo 127.0.0.1:5000/a/busy:1 || echo "stack:$((n - 1))")" \
		sh -c "mkdir -p /d/$n; echo $n >/d/$n/f; rm -f /d/$((n - 2))/f; chmod 700 /d/$n" >/dev/null
	d commit cc "stack:$n" >/dev/null
done
d rm -f cc >/dev/null
d tag stack:5 127.0.0.1:5000/a/stack:5
d push -q 127.0.0.1:5000/a/stack:5 >/dev/null
stack=$(image_id stack:5) before=$(layers)
for _ in 1 2 3 4 5 6; do d images -aq | sort -u | xargs -r "$DOCKER" rmi -f; done >/dev/null 2>&1
same "a stack is gone" 0 "$(layers)"
matches "six layers come" 'Status: Downloaded newer' d pull 127.0.0.1:5000/a/stack:5
same "they are the same image" "$stack" "$(image_id 127.0.0.1:5000/a/stack:5)"
same "with as many layers" "$before 0" "$(layers) $(ready)"
# A mark that stays would have the layer thrown away after the next boot.
all_synced() { [ -z "$(find "$T/root/graph" -name unsynced)" ]; }
check "all of them are on the disk soon" eventually all_synced
same "with what is in them" "4 5 " "$(d run --rm --net none 127.0.0.1:5000/a/stack:5 sh -c 'cat /d/*/f' | tr '\n' ' ')"
d save 127.0.0.1:5000/a/stack:5 >"$T/stack.tar"
d rmi -f "$stack" >/dev/null
same "and come back from an archive" "$stack" "$(d load <"$T/stack.tar" >/dev/null; image_id 127.0.0.1:5000/a/stack:5)"
d rmi -f "$stack" >/dev/null

# ---- TLS, passwords ----

python3 -W ignore -c 'import crypt; print("me:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH)).replace("$2b", "$2y"))' >"$T/htpasswd"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=secure.test -addext subjectAltName=DNS:secure.test \
	-keyout "$T/key.pem" -out "$T/cert.pem" 2>/dev/null
# Not a loopback address: those are trusted without a certificate.
ip addr add 192.0.2.1/32 dev lo
echo "192.0.2.1 secure.test" >>/etc/hosts
cat >"$T/secure.yml" <<EOF
version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: $T/plain } }
http: { addr: "192.0.2.1:5443", tls: { certificate: $T/cert.pem, key: $T/key.pem } }
auth: { htpasswd: { realm: test, path: $T/htpasswd } }
EOF
docker-registry serve "$T/secure.yml" >>"$T/secure.log" 2>&1 &
registries+=($!)
eventually bash -c "exec 3<>/dev/tcp/192.0.2.1/5443"
name=secure.test:5443/a/busy:1
matches "an unknown authority is refused" 'x509' d pull "$name"
mkdir -p /etc/docker/certs.d/secure.test:5443
cp "$T/cert.pem" /etc/docker/certs.d/secure.test:5443/ca.crt
matches "with its certificate it asks for a password" 'no basic auth credentials' d pull "$name"
matches "a wrong one is told" 'unauthorized' d login -u me -p wrong secure.test:5443
matches "login" 'Login Succeeded' d login -u me -p secret secure.test:5443
matches "then it comes" 'Status: Downloaded newer image' d pull "$name"
d tag "$name" secure.test:5443/new/one:1
matches "and goes" '1: digest: sha256:' d push secure.test:5443/new/one:1
check "logout" d logout secure.test:5443
refute "and that is over" d pull secure.test:5443/new/one:1
if [ "$CLI" ]; then
	matches "the docker CLI logs in" 'Login Succeeded' sh -c "echo secret | '$CLI' login -u me --password-stdin secure.test:5443"
	matches "and pulls" 'Status: ' "$CLI" pull "$name"
	"$CLI" logout secure.test:5443 >/dev/null
fi
refute "no way without TLS for it" grep -q 'http://secure.test' "$T/daemon.log"
d rmi -f "$id" >/dev/null 2>&1

# ---- one that misbehaves ----

bad=127.0.0.1:5001
python3 "$top/tests/integration/badregistry.py" 5001 "$T/busybox.tar" "$T/bad.log" 2>/dev/null &
registries+=($!)
eventually bash -c "exec 3<>/dev/tcp/127.0.0.1/5001"
requests() { grep -c "GET /v2/$1/blobs/$2" "$T/bad.log"; }
good() { # REPOSITORY WHAT: it comes all the same
	check "$2" d pull -q "$bad/$1:1"
	matches "... and is whole" '^whole$' d run --rm --net none "$bad/$1:1" echo whole
}
bad() { # REPOSITORY WHAT PATTERN
	matches "$2" "$3" d pull "$bad/$1:1"
	refute "... and is no image" d inspect --type image "$bad/$1:1"
	check "... and nothing is left of it" nothing_half_made
}
same "search: most stars first" "many few" "$(echo $(d search --format '{{.Name}}' "$bad/some thing"))"
same "... that match" "many" "$(d search --format '{{.Name}}' -f is-official=true "$bad/some thing")"
good breaks "a connection that breaks three times"
matches "... is gone on with where it was" 'GET /v2/breaks/blobs/sha256:[0-9a-f]* bytes=[1-9][0-9]*-' grep breaks "$T/bad.log"
good norange "and one whose server does not know of ranges"
good stalls "one that stalls"
good busy "a registry that is busy (429)"
good fails "one that fails at first (500)"
good moved "a blob that is elsewhere"
bad token "a registry with tokens, without a password" 'incorrect username or password'
d login -u me -p secret "$bad" >/dev/null
good token "and with one"
bad private "what is not ours" "^Error response from daemon: pull access denied for $bad/private, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
bad astray "a blob elsewhere, where somebody wants a password" 'unauthorized'
refute "... which does not get it" grep -q stolen "$T/bad.log"
d tag "$bad/token:1" "$bad/pushed:1"
matches "a push of which each step fails once" '1: digest: sha256:' d push "$bad/pushed:1"
bad loop "redirections in a circle" 'redirects'
bad forever "one that never serves it (503)" '503'
bad lies "a blob that is not what its name says" 'unexpected EOF|gzip|verification failed'
bad other "nor one that can be unpacked" 'verification failed for digest'
bad short "one that is too short" 'unexpected EOF'
bad long "one that is too long" 'larger than'
bad diffid "a layer that is not what the config says" 'invalid diffID'
bad foreign "a foreign layer" 'foreign layers are not supported'
bad both "a manifest that is an index as well" 'both a manifest and an index'
bad mislabelled "a manifest that says it is an index" 'media type mismatch'
bad schema1 "schema 1" 'schema 1 support has been removed'
bad artifact "no image at all" 'this is no image'
bad windows "an image for another system" 'cannot pull windows image on linux'
bad noplatform "an index without our machine" 'no matching manifest for linux/'
bad layers "more layers than the config has" 'layers length mismatch'
bad json "no JSON" 'manifest of'
bad huge "a manifest without end" 'too large'
bad none "an unknown repository" 'repository .* not found|not found'
refute "no credential went to another host" grep -q '^GET /elsewhere.*Basic\|^GET /elsewhere.*Bearer' "$T/bad.log"

# ---- two at once, and broken off ----

d pull "$bad/slow:1" >"$T/first" 2>&1 &
first=$!
sleep 0.5
matches "two pulls at once" 'Status: ' d pull "$bad/slow:1"
wait $first && ok "... both get it" || not_ok "... both get it" "$(cat "$T/first")"
half_made() { ! nothing_half_made; }
# The config may come twice, the layer must not.
same "... with one download" "1 2" "$(grep 'GET /v2/slow/blobs' "$T/bad.log" | sort | uniq -c | awk 'NR == 1 || $1 < m {m = $1} END {print m, NR}')"
d rmi "$bad/slow:1" >/dev/null

d pull "$bad/spoilt:1" >"$T/first" 2>&1 &
first=$!
eventually half_made
check "a pull whose layer is on its way from where it is spoilt" d pull -q "$bad/honest:1"
wait $first && not_ok "... only the other one fails" || ok "... only the other one fails"
d rmi "$bad/honest:1" >/dev/null

d pull "$bad/slow:1" >/dev/null 2>&1 &
first=$!
eventually half_made
kill $first
wait $first 2>/dev/null
check "a client that leaves ends its pull" eventually nothing_half_made
d pull "$bad/slow:1" >/dev/null 2>&1 &
sleep 0.4
stop_daemon KILL
start_daemon -b none
check "a killed daemon leaves nothing half made" eventually nothing_half_made
check "and the next one has it come" d pull -q "$bad/slow:1"
d rmi "$bad/slow:1" >/dev/null

refute "a pull that fails halfway" d pull "$bad/half:1"
same "... keeps what came" 1 "$(ready)"
check "prune takes it" d image prune -f
same "... all of it" "0" "$(ready)"
check "... from the disk as well" nothing_half_made

# A daemon that is killed between two layers goes on with the second.
refute "an image of which one layer comes, and one does not" d pull "$bad/partly:1"
same "the one that came is kept" 1 "$(ready)"
stop_daemon KILL
start_daemon -b none
same "also by the next daemon" 1 "$(ready)"
: >"$T/bad.log"
check "and is not fetched again" d pull -q "$bad/partly:1"
same "only the other one was" 1 "$(grep -c 'GET /v2/partly/blobs/.* None' "$T/bad.log" | awk '{print $1 - 1}')"
same "nothing waits any more" 0 "$(ready)"
d rmi "$bad/partly:1" >/dev/null

# ---- mirrors ----

start_registry mirror 5002 'proxy: { remoteurl: "http://127.0.0.1:5000" }'
d pull -q 127.0.0.1:5000/a/busy:1 >/dev/null
d tag 127.0.0.1:5000/a/busy:1 127.0.0.1:5000/library/mine:1
d push -q 127.0.0.1:5000/library/mine:1 >/dev/null
d rmi -f "$id" >/dev/null
stop_daemon
start_daemon -b none --registry-mirror http://127.0.0.1:4998 --registry-mirror http://127.0.0.1:5002
matches "a mirror has it, after one that is not there" 'Status: Downloaded newer image for mine:1' d pull mine:1
same "under its own name" "mine:1" "$(d images --format '{{.Repository}}:{{.Tag}}' | grep mine)"
d rmi mine:1 >/dev/null
matches "what no mirror has is asked of the registry itself" 'registry-1.docker.io' d pull mine:2
refute "a mirror must be a URL" "$DOCKER" -d -g "$T/root3" --exec-root "$T/exec3" -p "$T/3.pid" -H "unix://$T/3.sock" -b none --registry-mirror ftp://x

stop_registries
umount -l /etc
finish
