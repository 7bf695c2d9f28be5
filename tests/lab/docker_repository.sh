#!/bin/sh
# Makes a repository like Docker's own in /srv/linux/ubuntu, on a bare host: Debian's Docker, which is in the host's
# apt cache, under the names and with the relations of Docker's packages, signed by a key made here.
#
# Beside it, in /srv/keys, lies what a repository that went wrong would serve.
set -eu
# A bare host can verify, and not sign.
apt-get update
apt-get install --yes --no-install-recommends gpg-agent
version='5:99.0.1-1~ubuntu.24.04~noble'
root=/srv/linux/ubuntu
pool=dists/noble/pool/stable/amd64
mkdir -p "$root/$pool" "$root/dists/noble/stable/binary-amd64" /srv/keys /srv/build

# pack <name> <relations> <package of Debian>...: files and scripts are those of all of them, the last one's scripts win.
pack() {
    name=$1 relations=$2 work=/srv/build/$1
    shift 2
    mkdir -p "$work/DEBIAN"
    for package in "$@"; do
        deb=$(ls /var/cache/apt/archives/"$package"_*.deb)
        dpkg-deb --extract "$deb" "$work"
        dpkg-deb --control "$deb" "$work/DEBIAN"
    done
    cat >"$work/DEBIAN/control" <<END
Package: $name
Version: $version
Architecture: amd64
Maintainer: Example <packages@example.com>
$relations
Description: $name for the lab
END
    rm -f "$work/DEBIAN/md5sums"
    # A documentation directory of a package's own is no reason for two of them to conflict.
    rm -rf "$work/usr/share/doc" "$work/usr/share/lintian"
    dpkg-deb --root-owner-group -Zzstd -z1 --build "$work" "$root/$pool"
    rm -rf "$work"
}

pack containerd.io "Depends: libc6, libseccomp2
Conflicts: containerd, runc
Provides: containerd, runc" runc containerd
pack docker-ce "Depends: containerd.io, docker-ce-cli, iptables, libsystemd0, adduser, tini, libc6
Conflicts: docker.io" docker.io
pack docker-ce-cli "Depends: libc6
Conflicts: docker-cli" docker-cli
pack docker-buildx-plugin "Depends: libc6
Conflicts: docker-buildx" docker-buildx
pack docker-compose-plugin "Depends: libc6
Conflicts: docker-compose" docker-compose

cd "$root"
for deb in "$pool"/*.deb; do
    dpkg-deb --field "$deb"
    echo "Filename: $deb"
    echo "Size: $(stat --format %s "$deb")"
    echo "SHA256: $(sha256sum "$deb" | cut -d ' ' -f 1)"
    echo
done >dists/noble/stable/binary-amd64/Packages
packages=stable/binary-amd64/Packages
cd dists/noble
cat >Release <<END
Origin: Docker
Label: Docker CE
Suite: noble
Codename: noble
Date: $(date --utc --rfc-email)
Architectures: amd64
Components: stable
SHA256:
 $(sha256sum "$packages" | cut -d ' ' -f 1) $(stat --format %s "$packages") $packages
END

export GNUPGHOME=/srv/build/gnupg
mkdir -m 700 "$GNUPGHOME"
for name in good other; do
    gpg --batch --passphrase '' --quick-generate-key "$name@example.com" ed25519 sign never
    gpg --armor --export "$name@example.com" >"/srv/keys/$name.asc"
    gpg --local-user "$name@example.com" --clearsign --output "/srv/keys/$name.InRelease" Release
done
gpg --armor --export >/srv/keys/both.asc
gpg --with-colons --list-keys good@example.com | grep ^fpr | head -n 1 | cut -d : -f 10 >/srv/keys/fingerprint
echo '<html>sign in</html>' >/srv/keys/page.html
gpgconf --kill all
rm -rf /srv/build
cp /srv/keys/good.asc "$root/gpg"
cp /srv/keys/good.InRelease InRelease
