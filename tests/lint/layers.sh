#!/bin/sh
# Every quoted #include must be allowed by docs/layers.txt.
bad=$(grep -srEHo --include='*.[ch]' '^#include "[^"]+"' $(sed -n 's/^\([^#:]*\):.*/\1/p' docs/layers.txt) | sed -E 's/:#include "/ /; s/"$//' |
while read -r file inc; do
	from=$(dirname "$file") to=$(dirname "$inc")
	[ "$from" = "$to" ] && continue
	allowed=" $(sed -n "s|^$from:||p" docs/layers.txt) "
	case "$allowed" in *" $to "*) ;; *) echo "$file: may not include $inc" ;; esac
done)
[ -z "$bad" ] || { echo "$bad"; exit 1; }
