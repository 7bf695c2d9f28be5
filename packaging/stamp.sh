#!/bin/sh
# Prints install.sh with what it fetches stamped into it: stamp.sh <version> <base url> <sha256>
#
# Without a final newline: cut off by one byte less, it would still do everything.
set -eu

if [ $# != 3 ]; then
    echo 'stamp.sh takes: <version> <base url> <sha256>' >&2
    exit 2
fi
stamped=$(sed \
    -e "s|^    version=''\$|    version='$1'|" \
    -e "s|^    base_url=''\$|    base_url='$2'|" \
    -e "s|^    sha256=''\$|    sha256='$3'|" "$(dirname "$0")/../install.sh")
for value in "version='$1'" "base_url='$2'" "sha256='$3'"; do
    printf '%s\n' "$stamped" | grep -qxF "    $value" || {
        echo "install.sh has no place for $value" >&2
        exit 1
    }
done
printf '%s' "$stamped"
