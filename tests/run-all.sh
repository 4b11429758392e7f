#!/bin/bash
# Unit test programs, then integration scripts; the last line is "N passed, N failed".
#
#	run-all.sh BUILD-TREE [--units PROGRAM...] [--scripts SCRIPT...]
#
# JOBS says how many scripts run at once, 2 unless told.
#
# A script that comes with a program of its own (NAME_client.c) gets it as its argument.
build=$(realpath "$1")
shift
export DOCKER=$build/docker
passed=0 failed=0 limit=${SCRIPT_TIMEOUT:-900} at_once=${JOBS:-2}

add_units() {
	local out last
	[ $# -gt 0 ] || return
	out=$(tests/run-units.sh "$@")
	last=$(tail -n 1 <<<"$out")
	sed '$d' <<<"$out"
	echo "units: $last"
	passed=$((passed + ${last%% passed*}))
	last=${last##*, }
	failed=$((failed + ${last%% failed*}))
}

# Scripts have roots, sockets and networks of their own, and wait more than they work.
run_script() {
	local name
	name=$(basename "$1" .sh)
	set -- "$1" $([ -x "$build/tests/integration/${name}_client" ] && echo "$build/tests/integration/${name}_client")
	timeout "$limit" "$@" >"$results/$name.out" 2>&1
	echo $? >"$results/$name.rc"
}
add_script() {
	local name out rc good bad
	name=$(basename "$1" .sh)
	out=$(cat "$results/$name.out")
	rc=$(cat "$results/$name.rc" 2>/dev/null || echo 1)
	good=$(grep -cE '^ok ' <<<"$out")
	bad=$(grep -cE '^not ok ' <<<"$out")
	[ $rc -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	grep -E '^1\.\.0 # SKIP' <<<"$out"
	[ "$bad" -eq 0 ] || printf '%s\n' "$out" | grep -vE '^ok '
	echo "$name: $good passed, $bad failed"
	passed=$((passed + good)) failed=$((failed + bad))
}

kind=
units=() scripts=()
for arg; do
	case $arg in
	--units | --scripts) kind=$arg ;;
	*) if [ "$kind" = --units ]; then units+=("$arg"); else scripts+=("$arg"); fi ;;
	esac
done
add_units "${units[@]}"
results=$(mktemp -d /tmp/docker-tests-XXXXXX)
trap 'rm -rf "$results"' EXIT
trap 'exit 130' INT TERM
for script in "${scripts[@]}"; do
	[ "$(jobs -rp | wc -l)" -lt "$at_once" ] || wait -n
	run_script "$script" &
done
for script in "${scripts[@]}"; do
	until [ -e "$results/$(basename "$script" .sh).rc" ]; do wait -n || [ -n "$(jobs -rp)" ] || break; done
	add_script "$script"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
