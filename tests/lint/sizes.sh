#!/bin/sh
# Files and functions over the limit fail, unless listed in sizes.allow (a list that may only shrink).
max_file=${MAX_FILE:-800} max_fn=${MAX_FN:-100} allow=tests/lint/sizes.allow
bad=$({ find . -name '*.[ch]' -not -path './build*' -not -path './.git/*' | sed 's|^\./||' | xargs wc -l |
	awk -v m="$max_file" '$2 != "total" && $1 > m { print $2, "file", $1 }'
find . -name '*.c' -not -path './build*' -not -path './.git/*' | sed 's|^\./||' | ctags -L - -f - --kinds-C=f --fields=+ne |
	awk -F'\t' -v m="$max_fn" '{ l = e = 0; for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) l = substr($i, 6); if ($i ~ /^end:/) e = substr($i, 5) }
		if (e - l + 1 > m) print $2, $1, e - l + 1 }'; } | while read -r f what n; do
	grep -qx "$f $what" $allow 2>/dev/null || echo "$f: $what is $n lines"
done)
[ -z "$bad" ] || { echo "$bad"; exit 1; }
