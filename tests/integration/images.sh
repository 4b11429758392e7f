#!/bin/bash
# What is made of images beside pulling and running them: history, trees, prune, and how much room they
# take. The unmodified docker CLI prints the same where it is there.
. "$(dirname "$0")/lib.sh"
start_daemon && import_busybox || { finish; exit 1; }

status() { curl -s -o "$T/body" -w '%{http_code}' -X "$1" --unix-socket "$T/docker.sock" "http://localhost$2"; }
id_of() { d inspect -f '{{.Id}}' --type image "$1"; }
short() { id_of "$1" | cut -c 8-19; }
json() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }
filters() { python3 -c 'import sys, urllib.parse; print("filters=" + urllib.parse.quote(sys.argv[1]))' "$1"; }
prune() { api POST "/images/prune?$(filters "$1")"; }

# Two children of busybox and one grandchild; the first child's container goes on.
d run --name maker busybox sh -c 'head -c 300000 /dev/zero >/made'
d commit -m 'with a file' maker child:1 >/dev/null
d commit -c 'LABEL keep=yes' "$(d create busybox true)" child:2 >/dev/null
d commit -c 'ENV A=1' "$(d create child:1 true)" grandchild:1 >/dev/null
d tag child:1 child:again
remove_containers

# ---- history ----

newest=$(id_of grandchild:1)
history() { api GET /images/grandchild:1/history | json "$1"; }
expect "history has a step for each" 3 history 'len(d)'
expect "the members are Docker's" "Comment,Created,CreatedBy,Id,Size,Tags" history '",".join(sorted(d[0]))'
expect "the image first" "$newest" history 'd[0]["Id"]'
expect "steps that are images have their ids" "$(id_of child:1) $(id_of busybox)" history 'd[1]["Id"], d[2]["Id"]' | tr -d "(),'"
expect "and names" "['child:1', 'child:again']" history 'd[1]["Tags"]'
expect "sizes are those of the layers" "0 300000" history '"%d %d" % (d[0]["Size"], d[1]["Size"])'
expect "the comment is there" "with a file" history 'd[1]["Comment"]'
same "the base has the size of its files" "$(tar -xOf "$T/busybox.tar" | wc -c)" "$(history 'd[2]["Size"]')"
d save grandchild:1 >"$T/one.tar"
d rmi -f child:again child:1 child:2 grandchild:1 busybox >/dev/null
d load -q -i "$T/one.tar" >/dev/null
expect "of an image that came whole, the top is known" "$newest" history 'd[0]["Id"]'
expect "the others are missing" "<missing> <missing>" history 'd[1]["Id"] + " " + d[2]["Id"]'
expect "with their sizes" 300000 history 'd[1]["Size"]'
expect "and no names" None history 'd[1]["Tags"]'
expect "it has no parent" "" d inspect -f '{{.Parent}}' grandchild:1
expect "an unknown image is 404" 404 status GET /images/nosuch/history
if docker_cli; then
	expect "the docker CLI prints what ours does" "$(d history --no-trunc grandchild:1)" "$CLI" history --no-trunc grandchild:1
else
	skip "the docker CLI prints what ours does" "no docker CLI"
fi

# ---- trees ----

import_busybox
d commit -c 'ENV A=1' "$(d create busybox true)" child:1 >/dev/null
d commit -c 'ENV A=2' "$(d create busybox true)" child:2 >/dev/null
d commit -c 'ENV A=3' "$(d create child:1 true)" >/dev/null
remove_containers
nameless=$(d images -q -f dangling=true)
tree() { d images "$@" 2>/dev/null | sed 's/ Virtual Size: [0-9.]* [kMG]*B//'; }
expect "--tree" "├─${newest:7:12} Tags: grandchild:1
└─$(short busybox) Tags: busybox:latest
  ├─$(short child:1) Tags: child:1
  │ └─$nameless
  └─$(short child:2) Tags: child:2" tree --tree
expect "of one" "└─$(short child:1) Tags: child:1
  └─$nameless" tree -t child:1
expect "with whole ids" "└─$(id_of child:2) Tags: child:2" tree --tree --no-trunc child:2
matches "with sizes as early Docker" '^└─[0-9a-f]{12} Virtual Size: [0-9.]+ MB Tags: child:2$' d images --tree child:2
expect "of nothing" "" tree --tree nosuch
matches "--viz begins" '^digraph docker \{$' d images --viz
matches "--viz: a root" "^ base -> \"$(short busybox)\" \[style=invis\]$" d images --viz
matches "--viz: an edge" "^ \"$(short busybox)\" -> \"$(short child:1)\"$" d images --viz
matches "--viz: names" "^ \"$(short child:1)\" \[label=\"$(short child:1)\\\\nchild:1\",shape=box,fillcolor=\"paleturquoise\",style=\"filled,rounded\"\];$" d images --viz
expect "/images/viz is no path of this API" 404 status GET /images/viz
expect "nor is there a way to the version that had it" 404 status GET /v1.6/images/viz

# ---- room on the disk ----

df() { api GET "/system/df$1" | json "$2"; }
regular() { find "$1" -type f -printf '%i %s\n' | sort -u | awk '{s += $2} END {print s + 0}'; } # bytes, each file once
within() { awk -v a="$1" -v b="$2" 'BEGIN {d = a - b; exit !((d < 0 ? -d : d) * 100 <= b)}'; }
driver=$(d info -f '{{.Driver}}')
sum=0
for name in $(sed -n 's/.*"name":"\([^"]*\)".*/\1/p' "$T"/root/graph/layers/*/meta); do
	sum=$((sum + $(regular "$T/root/$driver/$name/diff" 2>/dev/null || regular "$T/root/$driver/$name")))
done
same "LayersSize is what is in the folders" "$sum" "$(df '' 'd["LayersSize"]')"
d run -d --name web -v named:/v -v /anonymous busybox sh -c 'head -c 3000000 /dev/zero >/v/f; ln /v/f /v/g; truncate -s 1000000 /v/sparse; head -c 100000 /dev/zero >/own; touch /done; sleep 1000' >/dev/null
eventually d exec web test -e /done
d create --name idle child:1 true >/dev/null
# Everything but the folders, as du counts it.
check "a volume agrees with du" within "$(df '?type=volume' '[v["UsageData"]["Size"] for v in d["Volumes"] if v["Name"] == "named"][0]')" \
	"$(du -sb --apparent-size "$T/root/volumes/named/_data" | cut -f 1)"
expect "a file with two names counts once, a hole as it is long" 4000000 df '' '[v["UsageData"]["Size"] for v in d["Volumes"] if v["Name"] == "named"][0]'
expect "the volume has a user" 1 df '' '[v["UsageData"]["RefCount"] for v in d["Volumes"] if v["Name"] == "named"][0]'
expect "there are two volumes" 2 df '' 'len(d["Volumes"])'
expect "a container's own files" 100000 df '' '[c["SizeRw"] for c in d["Containers"] if c["Names"] == ["/web"]][0]'
expect "an image's users" 1 df '' '[i["Containers"] for i in d["Images"] if i["RepoTags"] == ["busybox:latest"]][0]'
expect "what it shares" True df '' '[i["SharedSize"] == i["Size"] for i in d["Images"] if i["RepoTags"] == ["child:1"]][0]'
expect "type: the rest is null" "True None None []" df '?type=image&type=build-cache' '"%s %s %s %s" % (d["LayersSize"] > 0, d["Containers"], d["Volumes"], d["BuildCache"])'
expect "an unknown type is 400" 400 status GET '/system/df?type=foo'
matches "and named" 'unknown object type: foo' cat "$T/body"
expect "before 1.42 nobody asks" 200 status GET '/v1.41/system/df?type=foo'
matches "BuilderSize is there" '"BuilderSize":0' cat "$T/body"
matches "docker system df" '^Images +[0-9]+ +2 +[0-9.]+MB +' d system df
matches "--verbose" '^named +1 +4MB$' d system df -v
if docker_cli; then
	for flags in "" "-v" "--format json" "--format {{.Type}}:{{.Reclaimable}}"; do
		expect "the docker CLI prints the same: df $flags" "$("$CLI" system df $flags)" d system df $flags
	done
else
	skip "the docker CLI prints the same: df" "no docker CLI"
fi

# ---- prune ----

expect "an unknown filter is 400" 400 status POST "/images/prune?$(filters '{"foo":["x"]}')"
expect "dangling must be yes or no" 400 status POST "/images/prune?$(filters '{"dangling":["maybe"]}')"
matches "and is named" "invalid filter 'dangling=\[maybe\]'" cat "$T/body"
expect "until must be a time" 400 status POST "/images/prune?$(filters '{"until":["foo"]}')"
before=$(d images -aq | sort -u | wc -l)
expect "until: nothing is that old" '{"ImagesDeleted":null,"SpaceReclaimed":0}' prune '{"until":["24h"]}'
expect "a label that it does not have" '{"ImagesDeleted":null,"SpaceReclaimed":0}' prune '{"label":["keep=yes"]}'
gone=$(d inspect -f '{{.Id}}' --type image "$nameless")
expect "what has no name goes" "{\"ImagesDeleted\":[{\"Deleted\":\"$gone\"}],\"SpaceReclaimed\":0}" prune '{}'
expect "and that alone" $((before - 1)) bash -c "'$DOCKER' images -aq | sort -u | wc -l"
matches "an event tells" 'image prune .*reclaimed=0' d events --since 5m --until 0s -f event=prune
d commit -c 'LABEL keep=yes' "$(d create --name third busybox true)" >/dev/null
d commit -c 'LABEL keep=no' third >/dev/null
d rm third >/dev/null
expect "label!: the others" 1 bash -c "'$DOCKER' image prune -f --filter 'label!=keep=yes' | grep -c ^deleted"
expect "label: the one" 1 bash -c "'$DOCKER' image prune -f --filter label=keep=yes | grep -c ^deleted"
d tag busybox busybox:second
same "all that nobody uses goes" "child:2 grandchild:1" \
	"$(d image prune -af | sed -n 's/^untagged: //p' | sort | xargs)"
same "what a container uses keeps all names" "busybox:latest busybox:second child:1" \
	"$(d images --format '{{.Repository}}:{{.Tag}}' | sort | xargs)"
d rm -f idle >/dev/null
d rm -f -v web >/dev/null
size=$(df '' 'd["LayersSize"]')
expect "the room that it took is told" "$size" bash -c "curl -s -X POST --unix-socket '$T/docker.sock' 'http://localhost/images/prune?$(filters '{"dangling":{"false":true}}')' | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"SpaceReclaimed\"])'"
expect "none is left" "" d images -aq
expect "no layer, either" 0 df '' 'd["LayersSize"]'

# Sixty images, so that a prune takes a while: another one meanwhile is refused.
many() {
	python3 - "$T/many.tar" <<'PYTHON'
import hashlib, io, json, sys, tarfile

out = tarfile.open(sys.argv[1], "w")
manifest = []
def put(name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    out.addfile(info, io.BytesIO(data))
layer = bytes(1024)
put("layer.tar", layer)
for i in range(60):
    config = json.dumps({"architecture": "amd64", "os": "linux", "comment": str(i), "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    put(name, config)
    manifest.append({"Config": name, "RepoTags": ["many:%d" % i], "Layers": ["layer.tar"]})
put("manifest.json", json.dumps(manifest).encode())
out.close()
PYTHON
}
many
refused() {
	local all first second
	all="/images/prune?$(filters '{"dangling":["false"]}')"
	d load -q -i "$T/many.tar" >/dev/null
	api POST "$all" >"$T/first" &
	first=$!
	second=409
	while kill -0 $first 2>/dev/null; do
		second=$(status POST "$all")
		[ "$second" = 409 ] && break
	done
	wait $first
	[ "$second" = 409 ] && grep -q '"a prune operation is already running"' "$T/body"
}
check "one prune at a time" eventually refused
expect "the first one does all of it" "" d images -aq

finish
