//! The tour of an origin and its edge, from the first settings to the end.

use crate::tour::At::{Edge, Elsewhere, Origin};
use crate::tour::Step::{self, Agree, Hand, Run};

/// An origin's settings, an edge, and what operators do with both.
pub const LIFE: &[Step] = &[
    Run(
        Origin,
        "streamhub-install --domain media.example.com --docker-source distro",
        "curl --fail https://media.example.com/api/v1/health",
    ),
    Run(
        Origin,
        "streamhub-install --domain media.example.com --no-tls",
        "grep '^PUBLIC_WS_URL=ws://' /opt/streamhub/.env",
    ),
    Run(
        Origin,
        "streamhub-install --tls",
        "grep '^PUBLIC_WS_URL=wss://' /opt/streamhub/.env && curl --fail https://media.example.com/api/v1/health",
    ),
    Run(
        Origin,
        "streamhub-install --domain media.example.com --email ops@example.com",
        "grep '^ACME_EMAIL=ops@example.com$' /opt/streamhub/.env",
    ),
    Run(
        Origin,
        "STREAMHUB_ACME_CA_FILE=/etc/ssl/example-ca.pem streamhub-install --acme-directory https://acme.example.com/directory",
        "grep https://acme.example.com/directory /etc/streamhub/receipt.json",
    ),
    Run(
        Origin,
        "streamhub-install --superadmin-email root@example.com",
        "grep '^STREAMHUB_SUPERADMIN_EMAIL=root@example.com$' /opt/streamhub/.env",
    ),
    Run(
        Origin,
        "streamhub-install --smtp-host mail.example.com --smtp-port 587 --smtp-user streamhub \
         --smtp-from 'StreamHub <no-reply@example.com>'",
        "grep '^STREAMHUB_SMTP_HOST=mail.example.com$' /opt/streamhub/.env && grep ^STREAMHUB_SMTP_FROM= /opt/streamhub/.env",
    ),
    Run(
        Origin,
        "streamhub-install --admin-pass 'Example-Passphrase-1' --smtp-pass 'Example-Passphrase-2'",
        "grep '^ADMIN_PASS=Example-Passphrase-1$' /opt/streamhub/.env && grep '^STREAMHUB_SMTP_PASS=Example-Passphrase-2$' /opt/streamhub/.env",
    ),
    Run(
        Origin,
        "streamhub-install --smtp-host ''",
        "! grep ^STREAMHUB_SMTP_HOST=. /opt/streamhub/.env",
    ),
    Run(
        Origin,
        "streamhub-install --skip-check size --skip-check disk",
        ":",
    ),
    // Prepared for edges.
    Run(
        Origin,
        "ufw allow 22/tcp && ufw enable && streamhub-install",
        "ufw status | grep 1935/tcp",
    ),
    Run(
        Origin,
        "streamhub-install --cluster-redis-bind 10.0.0.10",
        "redis-cli -h 10.0.0.10 ping 2>&1 | grep NOAUTH",
    ),
    Run(
        Origin,
        "streamhub-install allow-edge 10.0.0.7 --dry-run",
        "! ufw status | grep 10.0.0.7",
    ),
    Run(
        Origin,
        "streamhub-install allow-edge 10.0.0.7",
        "ufw status | grep '6379/tcp .*10.0.0.7'",
    ),
    Run(
        Origin,
        "streamhub-install allow-edge --revoke 10.0.0.7",
        "! ufw status | grep 10.0.0.7",
    ),
    Run(
        Origin,
        "streamhub-install allow-edge 10.0.0.22",
        "ufw status | grep '3020/tcp .*10.0.0.22'",
    ),
    Run(
        Origin,
        "streamhub-install allow-edge --revoke 10.0.0.22",
        "! ufw status | grep 10.0.0.22",
    ),
    Run(
        Origin,
        "streamhub-install allow-edge 10.0.0.21",
        "ufw status | grep '6379/tcp .*10.0.0.21'",
    ),
    Run(
        Origin,
        "streamhub-install --cluster-redis-bind 10.0.0.10 --allow-edge 10.0.0.21",
        "ufw status | grep '6379/tcp .*10.0.0.21'",
    ),
    // The edge.
    Hand(Edge, "STREAMHUB_CLUSTER_TOKEN >/root/join-token"),
    Run(
        Edge,
        "streamhub-install --join --master-ip 10.0.0.10 --master-token-file ./join-token --dry-run",
        "! test -e /etc/streamhub",
    ),
    Run(
        Edge,
        "streamhub-install --join --master-ip 10.0.0.10 --master-token-file /root/join-token --region eu-west",
        "curl --fail http://127.0.0.1:7880/ && grep eu-west /etc/streamhub/receipt.json",
    ),
    Run(
        Edge,
        "streamhub-install --join --master-ip 10.0.0.10 --master-token-file /root/join-token",
        "grep eu-west /etc/streamhub/receipt.json",
    ),
    Run(
        Edge,
        "streamhub-install --join --master-ip 10.0.0.10 --master-token-file - </root/join-token",
        ":",
    ),
    Run(
        Edge,
        "streamhub-install --join --master-ip 10.0.0.10 --master-token clt_ExampleToken",
        ":",
    ),
    Run(
        Edge,
        "streamhub-install --join --non-interactive --quiet",
        ":",
    ),
    Run(Edge, "streamhub-install --join --json", ":"),
    Run(
        Edge,
        "streamhub-install --region ''",
        "! grep eu-west /etc/streamhub/receipt.json",
    ),
    Hand(Edge, "STREAMHUB_API_TOKEN >/root/api-token"),
    Hand(Origin, "STREAMHUB_API_TOKEN >/root/api-token"),
    Hand(Elsewhere, "STREAMHUB_API_TOKEN >/root/api-token"),
    Run(
        Edge,
        "streamhub-install --join --api-token-file /root/api-token",
        ":",
    ),
    Run(
        Edge,
        "streamhub-install --join --node-ip 203.0.113.21",
        "grep 203.0.113.21 /etc/streamhub/receipt.json",
    ),
    Run(
        Edge,
        "streamhub-install --join --master-url https://media.example.com --master-ca-file /etc/ssl/example-ca.pem",
        "grep https://media.example.com /etc/streamhub/receipt.json",
    ),
    // Looked at.
    Run(Edge, "streamhub-install", ":"),
    Run(Edge, "streamhub-install status", ":"),
    Run(Origin, "streamhub-install status --json", ":"),
    Run(Edge, "streamhub-install doctor", ":"),
    Run(Origin, "streamhub-install doctor --json", ":"),
    Run(Edge, "streamhub-install heartbeat", ":"),
    Run(Origin, "streamhub-install nodes list", ":"),
    Run(
        Edge,
        "streamhub-install nodes list --api-token-file /root/api-token",
        ":",
    ),
    Run(
        Elsewhere,
        "streamhub-install nodes list --api-token-file api-token --master-url https://media.example.com",
        ":",
    ),
    Run(
        Elsewhere,
        "streamhub-install nodes list --api-token-file api-token --master-url https://media.example.com --master-ca-file ca.pem",
        ":",
    ),
    Run(
        Origin,
        "streamhub-install support-bundle",
        "tar -tzf streamhub-support-origin-*.tar.gz | grep /plan",
    ),
    Run(
        Edge,
        "streamhub-install support-bundle --output /root/edge-1.tar.gz",
        "tar -tzf /root/edge-1.tar.gz | grep /plan",
    ),
    // Drained, updated, and back.
    Run(Origin, "streamhub-install update --dry-run", ":"),
    Run(
        Origin,
        "streamhub-install update",
        "curl --fail https://media.example.com/api/v1/health",
    ),
    Run(
        Edge,
        "streamhub-install nodes drain --wait --timeout 30m",
        "! curl --fail http://127.0.0.1:7880/",
    ),
    Run(
        Edge,
        "streamhub-install nodes activate",
        "curl --fail http://127.0.0.1:7880/",
    ),
    Run(
        Edge,
        "streamhub-install --update --drain-timeout 10m",
        "grep 10m /etc/streamhub/receipt.json",
    ),
    Run(
        Origin,
        "streamhub-install nodes drain edge-1 --api-token-file /root/api-token",
        "/root/streamhub-install nodes list | grep 'edge-1 .*draining'",
    ),
    Run(
        Origin,
        "streamhub-install nodes disable edge-1",
        "/root/streamhub-install nodes list | grep 'edge-1 .*disabled'",
    ),
    Run(
        Origin,
        "streamhub-install nodes activate edge-1",
        "/root/streamhub-install nodes list | grep 'edge-1 .*active'",
    ),
    // Rotated.
    Agree(Origin, "streamhub-install rotate livekit-keys", ":"),
    Run(
        Edge,
        "streamhub-install",
        "curl --fail http://127.0.0.1:7880/",
    ),
    Agree(Origin, "streamhub-install rotate redis-password", ":"),
    Run(
        Edge,
        "streamhub-install",
        "curl --fail http://127.0.0.1:7880/",
    ),
    Run(Origin, "streamhub-install rotate cluster-token --yes", ":"),
    Hand(Edge, "STREAMHUB_CLUSTER_TOKEN >/root/join-token"),
    Run(
        Edge,
        "streamhub-install --join --master-token-file /root/join-token",
        "/root/streamhub-install heartbeat",
    ),
    Run(
        Edge,
        "streamhub-install --join --node-name edge-ams-1",
        "grep edge-ams-1 /etc/streamhub/receipt.json",
    ),
    Run(
        Origin,
        "streamhub-install nodes remove edge-1 --yes",
        "! /root/streamhub-install nodes list | grep 'edge-1 '",
    ),
    Agree(Origin, "streamhub-install nodes remove edge-1", ":"),
    // Moved, to an address that everybody reaches, and back.
    Hand(Origin, "ip address add 203.0.113.10/32 dev host0"),
    Run(
        Origin,
        "streamhub-install --cluster-redis-bind 203.0.113.10 --allow-public-redis --allow-edge 203.0.113.21",
        "redis-cli -h 203.0.113.10 ping 2>&1 | grep NOAUTH",
    ),
    Run(
        Origin,
        "streamhub-install --domain media.example.com --cluster-redis-bind 10.0.0.11 --allow-edge 10.0.0.21",
        "redis-cli -h 10.0.0.11 ping 2>&1 | grep NOAUTH",
    ),
    Run(
        Edge,
        "streamhub-install --master-ip 10.0.0.11",
        "curl --fail http://127.0.0.1:7880/",
    ),
    // Taken away.
    Run(
        Edge,
        "streamhub-install nodes drain --wait",
        "! curl --fail http://127.0.0.1:7880/",
    ),
    Agree(
        Edge,
        "streamhub-install uninstall --api-token-file /root/api-token",
        "! test -e /opt/streamhub && ! docker ps --all | grep streamhub-",
    ),
    Run(
        Origin,
        "streamhub-install nodes list",
        "! /root/streamhub-install nodes list | grep edge-",
    ),
    Run(
        Origin,
        "streamhub-install --no-cluster-redis",
        "! redis-cli -h 10.0.0.10 ping && redis-cli ping | grep PONG",
    ),
];
