#!/bin/sh
# Builds the layers that lab hosts are overlays of, and the programs that only some of them are given.
#
#   base.sh bare <directory> <suite> <mirror>   a root file system, from nothing
#   base.sh docker <root>                       adds Docker to a mounted overlay of it
#   base.sh origin <root>                       adds what an origin needs to a mounted overlay of that
#   base.sh tools <root>                        puts tools into /srv/tools of a mounted overlay of the bare one
#
# The text of this file is part of the layers' key: change it, and the next run builds them anew.
set -eu

# What an Ubuntu server has and the program relies on, and what the tests look with. redis-server is there for its
# binary and starts only when a test starts it.
packages='
    systemd systemd-sysv dbus udev kmod procps iproute2 iptables iputils-ping util-linux passwd
    ufw sudo ca-certificates curl gpg openssl tar xz-utils python3 strace faketime busybox-static redis-server redis-tools'
docker_packages='docker.io docker-cli docker-compose docker-buildx'
# Fetched but not installed, so that a host which installs them waits for dpkg alone.
origin_packages='nginx certbot python3-certbot-nginx git rsync'
fetched_packages="$docker_packages nginx-light $origin_packages"
# An image's program, and an ACME server: never installed.
tools='caddy pebble'

# Runs a command in a root file system that nothing runs in yet.
inside() {
    root=$1
    shift
    unshare --mount --fork sh -euc '
        root=$1; shift
        mount -t proc proc "$root/proc"
        mount -t tmpfs tmpfs "$root/run"
        mount --bind /dev "$root/dev"
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive "$@"' inside "$root" "$@"
}

# No daemon starts while packages are being configured: there is no init to start it.
with_services_held() {
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod 755 "$1/usr/sbin/policy-rc.d"
    cp --remove-destination --dereference /etc/resolv.conf "$1/etc/resolv.conf"
    inside "$@"
    rm "$1/usr/sbin/policy-rc.d"
    : >"$1/etc/resolv.conf"
}

write_apt_configuration() {
    root=$1 suite=$2 mirror=$3
    rm -f "$root/etc/apt/sources.list"
    cat >"$root/etc/apt/sources.list.d/ubuntu.sources" <<END
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
    # The mirror is this machine's: what its own apt needs to reach and to trust it, a host's apt needs too.
    apt-config dump | grep -E '^Acquire::(https?::|Check-)' >"$root/etc/apt/apt.conf.d/90machine" || :
    cat >"$root/etc/apt/apt.conf.d/91lab" <<'END'
Binary::apt::APT::Keep-Downloaded-Packages "true";
APT::Keep-Downloaded-Packages "true";
APT::Install-Recommends "false";
Acquire::Languages "none";
END
    # Hosts live for seconds: nobody reads manuals there, and a package is in place sooner without them.
    cat >"$root/etc/dpkg/dpkg.cfg.d/lab" <<'END'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/info/*
END
}

write_ubuntu_release() {
    cat >"$1/usr/lib/os-release" <<'END'
PRETTY_NAME="Ubuntu 24.04.3 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.3 LTS (Noble Numbat)"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
HOME_URL="https://www.ubuntu.com/"
SUPPORT_URL="https://help.ubuntu.com/"
BUG_REPORT_URL="https://bugs.launchpad.net/ubuntu/"
PRIVACY_POLICY_URL="https://www.ubuntu.com/legal/terms-and-policies/privacy-policy"
UBUNTU_CODENAME=noble
LOGO=ubuntu-logo
END
    ln -sf ../usr/lib/os-release "$1/etc/os-release"
}

# A container manager hands its guest read-only cgroup hierarchies. Docker needs to write to them, and needs to from
# the very start of the boot, or containers with limits do not come back. One mount under v2 alone, several beside v1.
write_cgroup_unit() {
    cat >"$1/etc/systemd/system/writable-cgroups.service" <<'END'
[Unit]
Description=Make the cgroup hierarchies writable, as they are on a machine of its own
DefaultDependencies=no
Before=sysinit.target containerd.service docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'findmnt --raw --noheadings --output TARGET --types cgroup,cgroup2,tmpfs | grep ^/sys/fs/cgroup | while read -r at; do mount -o remount,bind,rw "$at" || exit 1; done'

[Install]
WantedBy=sysinit.target
END
    inside "$1" systemctl enable writable-cgroups.service
}

quieten_boot() {
    inside "$1" systemctl disable redis-server.service
    inside "$1" systemctl enable systemd-networkd.service
    # What would wake up, write or wait while a test looks at something else.
    inside "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
        fstrim.timer man-db.timer logrotate.timer systemd-tmpfiles-clean.timer \
        console-getty.service getty.target getty-static.service systemd-udevd.service systemd-udev-trigger.service \
        systemd-udev-settle.service systemd-udevd-kernel.socket systemd-udevd-control.socket \
        systemd-journal-catalog-update.service systemd-hwdb-update.service systemd-networkd-wait-online.service \
        systemd-pstore.service systemd-binfmt.service systemd-modules-load.service proc-sys-fs-binfmt_misc.automount
}

bare() {
    root=$1 suite=$2 mirror=$3
    include=$(echo $packages | tr ' ' ',')
    debootstrap --variant=minbase --include="$include" "$suite" "$root" "$mirror"
    write_apt_configuration "$root" "$suite" "$mirror"
    rm -f "$root"/var/cache/apt/archives/*.deb
    with_services_held "$root" sh -euc "
        apt-get update
        apt-get install --yes --download-only $fetched_packages"
    write_ubuntu_release "$root"
    write_cgroup_unit "$root"
    quieten_boot "$root"
    # \`operator\` is a group on every Debian and Ubuntu, so the user cannot have one of that name for himself.
    inside "$root" useradd --create-home --shell /bin/bash --gid users operator
    echo 'operator ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/operator"
    chmod 440 "$root/etc/sudoers.d/operator"
    # Empty, not absent: each host gets an id of its own, without taking its boot for a first boot.
    : >"$root/etc/machine-id"
    rm -f "$root/var/lib/dbus/machine-id" "$root/etc/hostname"
    rm -rf "$root"/var/log/* "$root"/tmp/* "$root"/var/tmp/*
    mkdir -p "$root/var/log/journal"
    mark_updated "$root"
}

# Else each host's first boot would take /usr for new, and rebuild the linker's cache and the like.
mark_updated() {
    touch --reference="$1/usr" "$1/etc/.updated" "$1/var/.updated"
}

docker() {
    root=$1
    with_services_held "$root" apt-get install --yes $docker_packages
    inside "$root" systemctl enable docker.service containerd.service
    : >"$root/etc/machine-id"
    mark_updated "$root"
}

origin() {
    root=$1
    with_services_held "$root" apt-get install --yes $origin_packages
    rm -rf "$root"/var/log/nginx/* "$root"/var/log/letsencrypt
    : >"$root/etc/machine-id"
    mark_updated "$root"
}

tools() {
    root=$1
    with_services_held "$root" sh -euc "
        mkdir -p /srv/tools
        cd /srv/tools
        apt-get download $tools
        for deb in *.deb; do dpkg-deb --extract \$deb .; done
        rm *.deb"
}

"$@"
