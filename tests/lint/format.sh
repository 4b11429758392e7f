#!/bin/sh
# Every source is as clang-format leaves it.
command -v clang-format >/dev/null || { echo "format: skipped, no clang-format"; exit 0; }
bad=$(git ls-files -- '*.c' '*.h' | xargs clang-format --dry-run 2>&1 | sed -n 's/^\([^:]*\):\([0-9]*\):.*/\1:\2: not as clang-format leaves it/p' | head -20)
[ -z "$bad" ] || { echo "$bad"; exit 1; }
