//! What can be wrong with a host before anything is installed on it, one at a time.

/// How a host is spoilt, and mended again.
pub struct Problem {
    pub name: &'static str,
    pub make: &'static str,
    pub undo: &'static str,
    /// The finding as it starts.
    pub says: &'static str,
}

pub const PROBLEMS: &[Problem] = &[
    Problem {
        name: "Ubuntu 22.04",
        make: r#"printf 'ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n' >/run/release
                 mount --bind /run/release /usr/lib/os-release"#,
        undo: "umount /usr/lib/os-release",
        says: "error [os] this is Ubuntu 22.04.5 LTS; Ubuntu Server 24.04 LTS or 26.04 LTS on x86_64 is supported",
    },
    Problem {
        name: "Debian",
        make: r#"printf 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n' >/run/release
                 mount --bind /run/release /usr/lib/os-release"#,
        undo: "umount /usr/lib/os-release",
        says: "error [os] this is Debian GNU/Linux 13 (trixie); ",
    },
    Problem {
        name: "an os-release that is no text",
        make: r"printf 'ID=ubuntu\n\377\376\n' >/run/release; mount --bind /run/release /usr/lib/os-release",
        undo: "umount /usr/lib/os-release",
        says: "error [os] /etc/os-release can't be read (/etc/os-release is not UTF-8: invalid utf-8",
    },
    Problem {
        name: "an os-release without names",
        make: r"printf '<html>\n= =\n' >/run/release; mount --bind /run/release /usr/lib/os-release",
        undo: "umount /usr/lib/os-release",
        says: "error [os] this is a system without a name in /etc/os-release; ",
    },
    Problem {
        name: "no os-release",
        make: "mv /etc/os-release /etc/os-release.away",
        undo: "mv /etc/os-release.away /etc/os-release",
        says: "error [os] /etc/os-release can't be read (there is no /etc/os-release); ",
    },
    Problem {
        name: "no systemd",
        make: "mv /run/systemd/system /run/systemd/system.away",
        undo: "mv /run/systemd/system.away /run/systemd/system",
        says: "error [systemd] systemd does not run here",
    },
    Problem {
        name: "a small disk for Docker",
        make: "mount -t tmpfs -o size=1G tmpfs /var/lib/docker",
        undo: "umount /var/lib/docker",
        says: "error [disk] 1.0 GiB are free at /var/lib/docker, 5 are needed",
    },
    Problem {
        name: "a small disk for the install directory",
        make: "mkdir -p /opt/streamhub; mount -t tmpfs -o size=2G tmpfs /opt/streamhub; chmod 755 /opt/streamhub",
        undo: "umount /opt/streamhub; rmdir /opt/streamhub",
        says: "error [disk] 2.0 GiB are free at /opt/streamhub, 5 are needed",
    },
    Problem {
        name: "an old compose plugin that root's own directory puts first",
        make: r"mkdir -p /root/.docker/cli-plugins
                printf '#!/bin/sh\necho 2.20.0\n' >/root/.docker/cli-plugins/docker-compose
                chmod 755 /root/.docker/cli-plugins/docker-compose",
        undo: "rm -r /root/.docker",
        says: "error [compose] docker compose is 2.20.0; 2.23.1 or later is needed",
    },
    Problem {
        name: "an install directory that is a symlink",
        make: "mkdir /srv/elsewhere; ln -s /srv/elsewhere /opt/streamhub",
        undo: "rm /opt/streamhub; rmdir /srv/elsewhere",
        says: "error [dir] /opt/streamhub is a symlink: refusing to go through it",
    },
    Problem {
        name: "a world-writable install directory",
        make: "mkdir -m 0777 /opt/streamhub; chmod 0777 /opt/streamhub",
        undo: "rmdir /opt/streamhub",
        says: "error [dir] /opt/streamhub is world-writable: anyone could swap the files in it",
    },
    Problem {
        name: "a world-writable directory above",
        make: "mkdir /opt/streamhub; chmod 0777 /opt",
        undo: "rmdir /opt/streamhub; chmod 0755 /opt",
        says: "error [dir] /opt is world-writable: anyone could swap /opt/streamhub",
    },
    Problem {
        name: "a stranger's directory",
        make: "mkdir -p /opt/streamhub/src; echo mine >/opt/streamhub/notes.txt; echo A=b >/opt/streamhub/.env",
        undo: "rm -r /opt/streamhub",
        says: "error [dir] /opt/streamhub is not empty, and nothing in it is StreamHub's",
    },
    Problem {
        name: "a file in the place of the install directory",
        make: "echo mine >/opt/streamhub",
        undo: "rm /opt/streamhub",
        says: "error [dir] /opt/streamhub is not a directory",
    },
    Problem {
        name: "a read-only /etc",
        make: "mount --bind /etc /etc; mount -o remount,bind,ro /etc",
        undo: "umount /etc",
        says: "error [files] /etc is on a read-only file system",
    },
    Problem {
        name: "a read-only place for the install directory",
        make: "mount --bind /opt /opt; mount -o remount,bind,ro /opt",
        undo: "umount /opt",
        says: "error [dir] /opt is on a read-only file system",
    },
    Problem {
        name: "a unit that is a symlink",
        make: "ln -s /etc/shadow /etc/systemd/system/streamhub-heartbeat.service",
        undo: "rm /etc/systemd/system/streamhub-heartbeat.service",
        says: "error [files] /etc/systemd/system/streamhub-heartbeat.service is a symlink",
    },
    Problem {
        name: "a receipt that is a symlink",
        make: "mkdir -m 0700 /etc/streamhub; ln -s /etc/shadow /etc/streamhub/receipt.json",
        undo: "rm -r /etc/streamhub",
        says: "/etc/streamhub/receipt.json is a symlink: refusing",
    },
    Problem {
        name: "a .env that is a symlink",
        make: "mkdir /opt/streamhub; ln -s /etc/shadow /opt/streamhub/.env",
        undo: "rm -r /opt/streamhub",
        says: "error [files] /opt/streamhub/.env is a symlink: refusing to go through it",
    },
    Problem {
        name: "a log that is a symlink",
        make: "ln -s /etc/shadow /var/log/streamhub-install.log",
        undo: "rm /var/log/streamhub-install.log",
        says: "error [files] /var/log/streamhub-install.log is a symlink",
    },
];

/// The same of what only an origin writes.
pub const ORIGINS_OWN: &[Problem] = &[
    Problem {
        name: "a layer that is a symlink",
        make: "mkdir /opt/streamhub; ln -s /etc/shadow /opt/streamhub/docker-compose.streamhub.yml
               echo STREAMHUB_DOMAIN=live.example.com >/opt/streamhub/.env",
        undo: "rm -r /opt/streamhub",
        says: "error [files] /opt/streamhub/docker-compose.streamhub.yml is a symlink",
    },
    Problem {
        name: "a compose file that is a symlink",
        make: "mkdir /opt/streamhub; ln -s /etc/shadow /opt/streamhub/docker-compose.yml
               echo STREAMHUB_DOMAIN=live.example.com >/opt/streamhub/.env",
        undo: "rm -r /opt/streamhub",
        says: "/opt/streamhub/docker-compose.yml is a symlink",
    },
    Problem {
        name: "a site that is a symlink",
        make: "mkdir -p /etc/nginx/sites-available
               ln -s /etc/shadow /etc/nginx/sites-available/live.example.com",
        undo: "rm -r /etc/nginx",
        says: "/etc/nginx/sites-available/live.example.com is a symlink",
    },
    Problem {
        name: "routes that are a symlink",
        make: "mkdir -p /etc/nginx/snippets; ln -s /etc/shadow /etc/nginx/snippets/streamhub.conf",
        undo: "rm -r /etc/nginx",
        says: "/etc/nginx/snippets/streamhub.conf is a symlink",
    },
    Problem {
        name: "routes that cannot be written",
        make: "mkdir -p /etc/nginx; mount -t tmpfs -o ro,mode=755 tmpfs /etc/nginx",
        undo: "umount /etc/nginx; rmdir /etc/nginx",
        says: "/etc/nginx is on a read-only file system",
    },
];
