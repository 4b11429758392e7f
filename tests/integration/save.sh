#!/bin/bash
# docker save: what the archive holds, who can read it, that it is the same image again; what a missing
# image, a changed layer and a client that leaves do. With overlay, and with vfs.
. "$(dirname "$0")/lib.sh"
start_daemon && import_busybox || { finish; exit 1; }

second=$T/second.sock
second_pid=
s() { "$DOCKER" -H "unix://$second" "$@"; } # the second daemon, whose store is empty
start_second() {
	"$DOCKER" -d -g "$T/root2" --exec-root "$T/exec2" -p "$T/second.pid" -H "unix://$second" -b none \
		"$@" >>"$T/daemon.log" 2>&1 &
	second_pid=$!
	eventually s version
}
stop_second() {
	kill "$second_pid" 2>/dev/null
	wait "$second_pid" 2>/dev/null
	second_pid=
	rm -rf "$T/root2"
}
ids() { d inspect -f '{{.Id}} {{.RootFS.Layers}}' --type image "$@"; }
second_ids() { s inspect -f '{{.Id}} {{.RootFS.Layers}}' --type image "$@"; }
from_archive() { tar -xOf "$1" "$2"; }
# The digest of each blob must be its name.
blobs_are_right() {
	local name
	for name in $(tar -tf "$1" | grep -E '^blobs/sha256/.'); do
		[ "$(from_archive "$1" "$name" | sha256sum | cut -d ' ' -f 1)" = "${name##*/}" ] || { echo "$name"; return 1; }
	done
}
loads=$T/root/tmp
nothing_half_made() { [ -z "$(ls -A "$loads" "$T/root/graph/_tmp" | grep -v :)" ]; }

# ---- one image ----

check "save" d save -o "$T/one.tar" busybox
check "its blobs are what their names say" blobs_are_right "$T/one.tar"
expect "an OCI layout" '{"imageLayoutVersion":"1.0.0"}' from_archive "$T/one.tar" oci-layout
matches "with the name in the index" '"io.containerd.image.name":"docker.io/library/busybox:latest","org.opencontainers.image.ref.name":"latest"' \
	from_archive "$T/one.tar" index.json
matches "manifest.json as Docker writes it" '^\[\{"Config":"blobs/sha256/[0-9a-f]{64}","RepoTags":\["busybox:latest"\],"Layers":\["blobs/sha256/[0-9a-f]{64}"\],"LayerSources":\{' \
	from_archive "$T/one.tar" manifest.json
matches "and repositories" '^\{"busybox":\{"latest":"[0-9a-f]{64}"\}\}$' from_archive "$T/one.tar" repositories
same "the layer is the tar that came in" "$(sha256sum <"$T/busybox.tar" | cut -d ' ' -f 1)" \
	"$(from_archive "$T/one.tar" repositories | grep -oE '[0-9a-f]{64}')"
d save busybox >"$T/again.tar"
check "the same image is the same archive" cmp "$T/one.tar" "$T/again.tar"
api GET /images/busybox:latest/get >"$T/again.tar"
check "also by the old path" cmp "$T/one.tar" "$T/again.tar"
matches "an event tells" 'image save sha256:' d events --since 5m --until 0s -f event=save

# ---- names ----

d tag busybox busybox:two
d tag busybox localhost:5000/other:three
tags() { d save "$@" | tar -xO manifest.json | grep -oE '"RepoTags":(null|\[[^]]*])'; }
expect "a repository alone is all of its tags" '"RepoTags":["busybox:latest","busybox:two"]' tags busybox
expect "a tag is that one" '"RepoTags":["busybox:two"]' tags busybox:two
expect "several are together" '"RepoTags":["busybox:two","localhost:5000/other:three"]' tags localhost:5000/other busybox:two busybox:two
id=$(d inspect -f '{{.Id}}' --type image busybox)
expect "an id has no names" '"RepoTags":null' tags "$id"
expect "nor has the beginning of one" '"RepoTags":null' tags "${id:7:12}"
expect "also with its algorithm" '"RepoTags":null' tags "${id:0:19}"
expect_status "no words" 1 d save
same "the API then gives an archive of nothing" '[]' "$(api GET /images/get | tar -xO manifest.json)"

# ---- what is not there ----

expect_status "a missing image" 1 d save nosuch
matches "in Docker's words" 'No such image: nosuch$' d save nosuch
matches "with its tag" 'No such image: busybox:nosuch$' d save busybox:nosuch
status() { curl -s -o "$T/body" -w '%{http_code} %{content_type}' --unix-socket "$T/docker.sock" "http://localhost$1"; }
expect "is 404, and no archive" "404 application/json" status "/images/get?names=busybox&names=nosuch"
expect "a malformed name is 400" "400 application/json" status "/images/get?names=UPPER"
expect "another platform is 404" "404 application/json" status "/images/get?names=busybox&platform=%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A%22riscv64%22%7D"
matches "and told" 'was found but does not provide the specified platform \(linux/riscv64\)' cat "$T/body"
refute "no file is left" d save -o "$T/none.tar" nosuch
expect "of any name" "" bash -c "ls $T | grep none"

# ---- an image with everything ----

# archive NAME FOLDER: an image of the tars 1, 2 ... in the folder, as an archive that all versions read.
archive() {
	local i diffs= paths= steps=
	for i in $(ls "$2" | sort -n); do
		diffs+=",\"sha256:$(sha256sum <"$2/$i" | cut -d ' ' -f 1)\""
		paths+=",\"$i\""
		steps+=",{\"created_by\":\"$i\"}"
	done
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":[%s]},"history":[{"created_by":"nothing","empty_layer":true}%s]}' \
		"${diffs#,}" "$steps" >"$2/config.json"
	printf '[{"Config":"config.json","RepoTags":["%s:latest"],"Layers":[%s]}]' "$1" "${paths#,}" >"$2/manifest.json"
	tar -C "$2" -cf "$T/$1.tar" .
	rm "$2"/*.json
}
# Two layers, of which the second replaces, removes and hides what the first has.
make_hard() {
	local w=$T/work long
	mkdir -p "$w/1/d/sub" "$w/1/hidden" "$w/2/d" "$w/2/hidden" "$T/hard"
	long=$(printf 'n%.0s' $(seq 200))
	(
		cd "$w/1" || exit 1
		echo first >d/replaced
		echo gone >d/gone
		echo secret >hidden/old
		echo linked >link1
		ln link1 d/link2
		ln -s ../d/replaced d/sub/soft
		mkfifo d/pipe
		mknod null c 1 3
		echo with >xattr
		setfattr -n user.note -v 'a value' xattr 2>/dev/null
		cp /bin/true capable && setcap cap_net_raw+ep capable 2>/dev/null
		echo suid >suid && chown 12:34 suid && chmod 6755 suid
		mkdir -p "$long/$long" && echo far >"$long/$long/$long"
		echo odd >"$(printf 'odd\001\302\240name')"
		truncate -s 30M sparse && echo middle | dd of=sparse bs=1 seek=10000000 conv=notrunc status=none
		: >empty
		head -c 1000000 /dev/urandom >big
		tar --xattrs --xattrs-include='*' --format=posix -Scf "$T/hard/1" .
		cd ../2 || exit 1
		: >d/.wh.gone
		: >hidden/.wh..wh..opq
		echo new >hidden/new
		echo third >d/replaced
		tar --format=gnu -cf "$T/hard/2" .
	) || return 1
	rm -rf "$w"
	archive hard "$T/hard"
}
# One layer in which later entries replace files, a folder and a link, and a whiteout takes one away:
# what they held is not in the layer's folder any more. (Docker refuses such archives.)
make_twice() {
	local w=$T/work t=$T/twice/1
	mkdir -p "$w/d" "$T/twice"
	(
		cd "$w" || exit 1
		echo first >a; seq 100000 >d/numbers; echo gone >gone; ln -s a soft; : >.wh.gone
		tar -cf "$t" a d gone soft
		echo second, and longer >a && tar -rf "$t" ./a
		echo third >a && tar -rf "$t" a
		rm -r d && echo a file now >d && tar -rf "$t" d
		rm soft && echo no link >soft && tar -rf "$t" soft .wh.gone
	) || return 1
	rm -rf "$w"
	archive twice "$T/twice"
}
saved_layers() { # ARCHIVE: their digests, sorted
	local manifest
	manifest=$(from_archive "$1" manifest.json)
	grep -oE '"Layers":\[[^]]*' <<<"$manifest" | grep -oE '[0-9a-f]{64}' | sort
}
for name in hard twice; do
	check "an image of $([ $name = hard ] && echo all kinds of files || echo files that its own layer replaces)" make_$name
	check "load it" d load -q -i "$T/$name.tar"
	check "save it" d save -o "$T/$name-saved.tar" $name
	check "each layer is right" blobs_are_right "$T/$name-saved.tar"
	same "and is what came in" "$(sha256sum "$T/$name"/* | cut -c 1-64 | sort)" "$(saved_layers "$T/$name-saved.tar")"
done

# ---- there and back ----

d run --name changed busybox sh -c 'echo more >/more; rm /etc/group'
d commit changed child:1 >/dev/null
d commit -c 'ENV A=1' "$(d create child:1 true)" child:2 >/dev/null
remove_containers
check "save several" d save -o "$T/all.tar" hard busybox child
layers=$(tar -tf "$T/all.tar" | grep -cE '^blobs/sha256/.')
# 4 images with manifest and config; layers: 2 of hard, that of busybox once, that of child:1.
same "shared layers are there once" $((4 * 2 + 4)) "$layers"
check "in whatever order" bash -c "'$DOCKER' save child hard busybox | cmp - '$T/all.tar'"
for driver in overlay vfs; do
	start_second -s $driver || { not_ok "a second daemon with $driver" "$(tail -n 5 "$T/daemon.log")"; continue; }
	check "$driver: load into another daemon" s load -q -i "$T/all.tar"
	same "$driver: the same ids and layers" "$(ids hard busybox child:1 child:2)" "$(second_ids hard busybox child:1 child:2)"
	same "$driver: the same names" "$(d images --format '{{.Repository}}:{{.Tag}} {{.ID}}' | grep -vE 'localhost|twice' | sort)" \
		"$(s images --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort)"
	same "$driver: the parent is known" "$(d inspect -f '{{.Parent}}' child:2)" "$(s inspect -f '{{.Parent}}' child:2)"
	s save hard busybox child >"$T/back.tar"
	check "$driver: saved there it is the same archive" cmp "$T/all.tar" "$T/back.tar"
	check "$driver: also with files that were replaced" s load -q -i "$T/twice-saved.tar"
	s save twice >"$T/back.tar"
	check "$driver: that are in no folder" cmp "$T/twice-saved.tar" "$T/back.tar"
	stop_second
done

# ---- who else reads it ----

if command -v skopeo >/dev/null; then
	expect "skopeo reads it as Docker's" "$id" bash -c "skopeo inspect --raw docker-archive:$T/one.tar:busybox:latest | grep -oE '\"config\":\{[^}]*' | grep -oE 'sha256:[0-9a-f]{64}'"
	mkdir "$T/oci" && tar -C "$T/oci" -xf "$T/one.tar"
	expect "and as an OCI layout" "$id" bash -c "skopeo inspect --raw oci:$T/oci:latest | grep -oE '\"config\":\{[^}]*' | grep -oE 'sha256:[0-9a-f]{64}'"
	check "it copies all of it" skopeo --insecure-policy copy -q "docker-archive:$T/hard-saved.tar:hard:latest" "dir:$T/copied"
	check "what it writes is read" skopeo --insecure-policy copy -q "oci:$T/oci:latest" "docker-archive:$T/skopeo.tar:skopeo:1"
	matches "by load" 'Loaded image: skopeo:1' d load -i "$T/skopeo.tar"
	same "as the same image" "$id" "$(d inspect -f '{{.Id}}' --type image skopeo:1)"
else
	skip "skopeo" "not installed"
fi
if command -v dockerd >/dev/null && dockerd --version | grep -q ' 20\.10'; then
	dockerd --data-root "$T/root3" --exec-root "$T/exec3" --pidfile "$T/third.pid" -H "unix://$T/third.sock" \
		--bridge none --iptables=false --ip-forward=false >"$T/dockerd.log" 2>&1 &
	third=$!
	t() { DOCKER_API_VERSION=1.41 "$DOCKER" -H "unix://$T/third.sock" "$@"; }
	steps() { "$1" history --no-trunc --format '{{.ID}} {{.CreatedBy}}' "$2"; }
	# Docker counts the lengths of symbolic links as well.
	sizes_agree() { paste -d ' ' <("$1" history --human=false --format '{{.Size}}' "$3") <("$2" history --human=false --format '{{.Size}}' "$3") | awk '{d = $1 - $2} (d < 0 ? -d : d) * 100 > $2 {exit 1}'; }
	if eventually t version; then
		check "Docker 20.10 loads it" t load -q -i "$T/all.tar"
		same "as the same images" "$(ids hard busybox child:1 child:2)" \
			"$(t inspect -f '{{.Id}} {{.RootFS.Layers}}' --type image hard busybox child:1 child:2)"
		same "with the parent" "$(d inspect -f '{{.Parent}}' child:2)" "$(t inspect -f '{{.Parent}}' child:2)"
		for image in hard child:2; do
			same "with the same history: $image" "$(steps d $image)" "$(steps t $image)"
			check "and sizes" sizes_agree d t $image
		done
		t save -o "$T/docker.tar" child:2
		check "what it writes is loaded" d load -q -i "$T/docker.tar"
	else
		skip "Docker 20.10" "dockerd does not start here"
	fi
	kill $third
	wait $third 2>/dev/null
else
	skip "Docker 20.10" "not installed"
fi

# ---- a client that leaves, and a store that was changed ----

"$DOCKER" save hard 2>/dev/null | head -c 100000 >/dev/null
eventually grep -qE -- '-job image_export\(.*ERR' "$T/daemon.log"
matches "a client that leaves ends the job" '-job image_export\(hard\) = ERR' grep -E -- '-job image_export\(hard\) = ERR' "$T/daemon.log"
check "nothing half made is left" nothing_half_made
count_layers() { ls "$T/root/graph/layers" | wc -l; }
before=$(count_layers)
check "the image can be removed" d rmi hard
same "with its layers: nobody holds them any more" $((before - 2)) "$(count_layers)"
check "it comes again" d load -q -i "$T/hard.tar"

big=$(find "$T/root" -path '*/graph' -prune -o -name big -size 1000000c -print | head -n 1)
printf X | dd of="$big" bs=1 seek=500000 conv=notrunc status=none
refute "a layer whose file was changed is no archive" d save -o "$T/changed.tar" hard
expect "no file is left of it" "" bash -c "ls $T | grep changed"
matches "the log says why" 'was changed: its content is sha256:' cat "$T/daemon.log"
truncate -s 999999 "$big"
refute "nor one whose file is shorter" d save -o "$T/changed.tar" hard
rm "$big"
refute "nor one whose file is gone" bash -c "'$DOCKER' save hard >$T/changed.tar"
d rmi -f hard >/dev/null

# A layer of before its length was kept: it is counted.
check "a store without lengths" sed -i 's/,"tarsize":[0-9]*//' "$T"/root/graph/layers/*/meta
stop_daemon
start_daemon
d save busybox:latest >"$T/old.tar"
check "saves the same" cmp "$T/one.tar" "$T/old.tar"

[ -z "$second_pid" ] || stop_second
finish
