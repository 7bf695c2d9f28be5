#!/bin/sh
# Makes the binary that operators get, and the install.sh that fetches and checks it: dist.sh <base url> <directory>
set -eu

cd "$(dirname "$0")/.."
base_url=$1 dist=$2
# An operator downloads it on every new server: in bytes, as it is and as xz makes it.
most=$((6 * 1024 * 1024))
most_with_xz=$((22 * 1024 * 1024 / 10))
# Ubuntu 24.04's.
newest_glibc=2.39

fail() {
    echo "error: $1" >&2
    exit 1
}

cargo build --release --locked --bin streamhub-install
built=${CARGO_TARGET_DIR:-target}/release/streamhub-install
version=$("$built" --version)
version=${version#streamhub-install }
binary=streamhub-install-$version-x86_64

size=$(stat -c %s "$built")
size_with_xz=$(xz --compress --stdout "$built" | wc -c)
echo "$binary: $size bytes, $size_with_xz with xz"
[ "$size" -le "$most" ] || fail "it is over $most bytes"
[ "$size_with_xz" -le "$most_with_xz" ] || fail "it is over $most_with_xz bytes with xz"

# It is linked dynamically: a static glibc can't look up names as the host is configured to.
glibc=$(readelf --version-info --wide "$built" | grep -o 'GLIBC_[0-9.]*' | cut -d_ -f2 | sort -uV | tail -n 1)
[ -n "$glibc" ] || fail "it names no version of glibc"
echo "$binary: needs glibc $glibc"
[ "$(printf '%s\n' "$glibc" "$newest_glibc" | sort -V | tail -n 1)" = "$newest_glibc" ] ||
    fail "it needs a newer glibc than $newest_glibc: build it on an older system"

rm -rf "$dist"
mkdir -p "$dist"
install -m 755 "$built" "$dist/$binary"
sha256=$(sha256sum <"$built" | cut -d' ' -f1)
packaging/stamp.sh "$version" "$base_url" "$sha256" >"$dist/install.sh"
chmod 755 "$dist/install.sh"
(cd "$dist" && sha256sum "$binary" install.sh >SHA256SUMS)
