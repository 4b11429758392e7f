#!/bin/bash
# Unit test programs, then integration scripts; the last line is "N passed, N failed".
#
#	run-all.sh BUILD-TREE [--units PROGRAM...] [--scripts SCRIPT...]
#
# A script that comes with a program of its own (NAME_client.c) gets it as its argument.
build=$(realpath "$1")
shift
export DOCKER=$build/docker
passed=0 failed=0 limit=${SCRIPT_TIMEOUT:-900}

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

add_script() {
	local name out rc good bad
	name=$(basename "$1" .sh)
	set -- "$1" $([ -x "$build/tests/integration/${name}_client" ] && echo "$build/tests/integration/${name}_client")
	out=$(timeout "$limit" "$@" 2>&1)
	rc=$?
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
for script in "${scripts[@]}"; do
	add_script "$script"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
