//! The tour of an origin's installs, and how each is taken away.

use crate::tour::At::Origin;
use crate::tour::Step::{self, Agree, Hand, Run};

/// What is said at the first install, and taken away again.
pub const INSTALLS: &[Step] = &[
    Run(Origin, "streamhub-install --version", ":"),
    Run(Origin, "streamhub-install --help", ":"),
    Run(Origin, "streamhub-install nodes drain --help", ":"),
    Hand(Origin, "mkdir --parents /etc/bash_completion.d"),
    Run(
        Origin,
        "streamhub-install completions bash >/etc/bash_completion.d/streamhub-install",
        "bash -n /etc/bash_completion.d/streamhub-install",
    ),
    Run(Origin, "streamhub-install man | man --local-file -", ":"),
    Run(Origin, "streamhub-install --dry-run", "! test -e /etc/streamhub"),
    Run(Origin, "streamhub-install --dry-run --verbose", "! test -e /etc/streamhub"),
    Run(
        Origin,
        "streamhub-install --domain media.example.com --email ops@example.com --dry-run",
        "! test -e /etc/streamhub",
    ),
    Run(
        Origin,
        "streamhub-install --standalone --non-interactive --domain media.example.com --email ops@example.com \
         --admin-user ops --cluster-redis-bind 10.0.0.10 --allow-edge 10.0.0.21 --allow-edge 10.0.0.22",
        "grep '^ADMIN_USER=ops$' /opt/streamhub/.env && redis-cli -h 10.0.0.10 ping 2>&1 | grep NOAUTH
         curl --fail https://media.example.com/api/v1/health",
    ),
    Run(Origin, "streamhub-install uninstall --dry-run", "test -e /opt/streamhub/.env"),
    Run(
        Origin,
        "streamhub-install uninstall --keep-data --yes",
        "test -e /opt/streamhub/.env && test -d /opt/streamhub/data && ! docker ps --all | grep streamhub-",
    ),
    // It holds Caddy's ports, and is told so.
    Hand(Origin, "systemctl disable --now nginx.service"),
    Run(
        Origin,
        "streamhub-install --domain media.example.com --proxy caddy",
        "docker ps | grep streamhub-caddy && grep '^ADMIN_USER=ops$' /opt/streamhub/.env",
    ),
    Agree(Origin, "streamhub-install uninstall", "! test -e /opt/streamhub && ! docker ps --all | grep streamhub-"),
    Run(
        Origin,
        "streamhub-install --domain media.example.com --dir /srv/streamhub",
        "test -e /srv/streamhub/.env && ! test -e /opt/streamhub",
    ),
    Agree(Origin, "streamhub-install uninstall", "! test -e /srv/streamhub"),
    Run(
        Origin,
        "streamhub-install --domain media.example.com --core-image registry.example.com/streamhub-core:1.2.3",
        "docker inspect --format '{{.Config.Image}}' streamhub-core | grep streamhub-core:0.1.0",
    ),
    Agree(
        Origin,
        "streamhub-install uninstall --purge --purge-tls --domain media.example.com --purge-packages",
        "! test -e /etc/letsencrypt/live/media.example.com && ! docker images | grep livekit-server
         ! test -e /etc/nginx/sites-enabled/media.example.com",
    ),
    Run(
        Origin,
        "streamhub-install uninstall --purge --purge-packages --yes",
        "! test -e /etc/streamhub",
    ),
];
