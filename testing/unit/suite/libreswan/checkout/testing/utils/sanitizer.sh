#!/bin/bash
# Called as a checkout's own is: RAW TESTDIR. Pipes RAW through what the test's parameters, or the default ones, list.
set -u
testing=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
if [ -f "$2/testparams.sh" ]; then . "$2/testparams.sh"; else . "$testing/default-testparams.sh"; fi
host=$(basename -- "$1" .console.verbose.txt)
fixups=${host^^}_CONSOLE_FIXUPS
scripts=()
for fixup in ${!fixups:-$REF_CONSOLE_FIXUPS}; do scripts+=(-f "$testing/sanitizers/$fixup"); done
sed "${scripts[@]}" "$1" | sed -e '$a\' # the last line is a whole one
