#!/bin/sh
# Installs what the lab and the build need on this machine, if something is missing.
set -eu

packages='gcc libc6-dev debootstrap systemd-container iproute2 iptables python3 tar util-linux procps xz-utils
    binutils shellcheck busybox-static strace curl wget openssl perl ca-certificates'
# shellcheck source=/dev/null
. /etc/os-release
# Lab hosts are Debian's packages: elsewhere the keys of its archive are a package of their own.
[ "$ID" = debian ] || packages="$packages debian-archive-keyring"

for package in $packages; do
    # dpkg-query knows removed packages too: only "installed" counts.
    case $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) in
    installed) ;;
    *) missing="${missing:-} $package" ;;
    esac
done
[ -z "${missing:-}" ] && exit 0

if [ "$(id -u)" != 0 ]; then
    echo "missing:$missing; install them, or run this as root" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
# shellcheck disable=SC2086 # a list of words
apt-get install --yes --no-install-recommends $missing
