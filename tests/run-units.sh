#!/bin/sh
# Run the unit test programs given as arguments; the last line is "N passed, N failed".
passed=0 failed=0
for t in "$@"; do
	out=$("$t" 2>&1)
	rc=$?
	ok=$(printf '%s\n' "$out" | grep -c '^\[       OK')
	ko=$(printf '%s\n' "$out" | grep -c '^\[  FAILED  \] [a-z0-9_]*$')
	if [ $rc -ne 0 ]; then
		printf '%s\n' "$out"
		[ "$ko" -gt 0 ] || ko=1
	fi
	passed=$((passed + ok)) failed=$((failed + ko))
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
