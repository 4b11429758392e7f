#!/bin/sh
# tests/fuzz/run.sh NAME [SECONDS]: build tests/fuzz/fuzz_NAME.c and run it on its corpus, then, where
# clang has libFuzzer, go on with inputs of its own for that long. New inputs stay in the build tree.
set -e
cd "$(dirname "$0")/../.."
name=$1 seconds=${2:-10} out=${O:-build}/fuzz
mkdir -p "$out/$name"
flags="-std=gnu11 -D_GNU_SOURCE -I. -O1 -g -Wall -Wextra -fno-omit-frame-pointer"
sources="tests/fuzz/fuzz_$name.c $(sed -n 's/^#include "\(.*\)\.h"$/\1.c/p' "tests/fuzz/fuzz_$name.c")"
sources="$sources $(sed -n 's|^ \* Sources: \(.*\)|\1|p' "tests/fuzz/fuzz_$name.c")"
libs=$(sed -n 's|^ \* Libraries: \(.*\)|\1|p' "tests/fuzz/fuzz_$name.c")
sources="$sources pkg/error.c pkg/buf.c pkg/parse.c"
sources=$(printf '%s\n' $sources | sort -u | while read -r f; do [ ! -f "$f" ] || echo "$f"; done)
if clang $flags -fsanitize=fuzzer,address,undefined -o "$out/fuzz_$name" $sources $libs 2>"$out/clang.log"; then
	"$out/fuzz_$name" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 \
		-artifact_prefix="$out/" "$out/$name" "tests/fuzz/corpus/$name" 2>"$out/$name.log" ||
		{ tail -40 "$out/$name.log"; exit 1; }
	grep -E 'number_of_executed_units|^Done' "$out/$name.log"
else
	gcc $flags -fsanitize=address,undefined -o "$out/fuzz_$name" tests/fuzz/main.c $sources $libs
	"$out/fuzz_$name" tests/fuzz/corpus/"$name"/*
fi
