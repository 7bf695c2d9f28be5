//! The lab's own tests of what origins are made of there.

use std::time::Duration;

use crate::acme::Acme;
use crate::host::Host;
use crate::images;
use crate::origin_host::{as_origin, origin_host, origin_host_with};
use crate::predecessor_origin::{self, API_TOKEN, Shape};
use crate::registry::Registry;
use crate::source::Source;
use crate::wait;

const ENV: &str = include_str!("../../fixtures/predecessor/origin.env");
const HEALTH: &str = "http://127.0.0.1:3020/api/v1/health";

fn is_healthy(host: &Host, version: &str) -> bool {
    wait::until(Duration::from_secs(20), || {
        let said = host.run(["curl", "--silent", "--fail", HEALTH]);
        said.stdout.contains(&format!(r#""version":"{version}""#))
    })
}

#[test]
fn an_origin_is_built_from_the_labs_source_and_keeps_its_own_through_an_update() {
    let elsewhere = Host::named("source").with_origin_packages().boot();
    let source = Source::serve(&elsewhere);
    let images = [images::origin(), vec![images::caddy()]].concat();
    let host = origin_host_with("origin", images);
    // By git, shallow as from a forge; the tarball has the same.
    let clone = "git clone --quiet --depth 1 $STREAMHUB_REPO_URL /opt/streamhub";
    source.given_to(host.script(clone)).ok();
    source.vouch_at(&host);
    host.sh_ok(&format!(
        "set -e; curl --silent --fail --output /tmp/tarball {}
         echo '{}  /tmp/tarball' | sha256sum --check --quiet
         mkdir /tmp/tree; tar --extract --file /tmp/tarball --directory /tmp/tree --strip-components 1
         diff --recursive --exclude .git /tmp/tree /opt/streamhub",
        Source::over_tls(&source.tarball_url()),
        source.tarball_sha256()
    ));
    host.write(
        "/opt/streamhub/.env",
        format!("{ENV}STREAMHUB_SITE_ADDRESS=:80\n"),
        0o600,
    );
    let compose = |what: &str| {
        host.sh_ok(&format!("cd /opt/streamhub && docker compose {what} 2>&1"));
    };
    compose("build core");
    compose("up --detach redis livekit ingress egress core");
    assert!(
        is_healthy(&host, "0.1.0"),
        "{:?}",
        host.sh("docker logs streamhub-core")
    );

    let nodes = || {
        let bearer = format!("Authorization: Bearer {API_TOKEN}");
        host.status_of(
            "http://127.0.0.1:3020/api/v1/cluster/nodes",
            &["--header", &bearer],
        )
    };
    assert_eq!(nodes(), "401");
    let seed = [
        "docker",
        "exec",
        "-i",
        "streamhub-core",
        "node",
        "deploy/seed-token.js",
        "-",
        "bootstrap",
    ];
    assert!(host.command(seed).stdin(API_TOKEN).ok().contains("seeded"));
    assert!(
        host.command(seed)
            .stdin("sk_other")
            .ok()
            .contains("exists already")
    );
    assert_eq!(nodes(), "200");

    // A second version, as `update` would take it.
    source.edit("echo 'One line more.' >>README.md");
    source.publish("0.2.0");
    host.sh_ok("cd /opt/streamhub && git pull --quiet && test -e server/only-in-0.2.0.js && ! test -e server/only-in-0.1.0.js");
    compose("build core");
    compose("up --detach core");
    assert!(is_healthy(&host, "0.2.0"));
    assert_eq!(nodes(), "200", "the token was kept");

    // Through Caddy, from elsewhere.
    host.sh_ok("systemctl stop nginx");
    compose("--profile caddy up --detach caddy");
    let url = |path: &str| format!("http://{}{path}", host.ip());
    let up = || elsewhere.status_of(&url("/api/v1/health"), &[]) == "200";
    let is_up = wait::until(Duration::from_secs(10), up);
    assert!(is_up, "{:?}", host.sh("docker logs streamhub-caddy"));
    assert_eq!(elsewhere.status_of(&url("/metrics"), &[]), "403");
    let key = (
        host.setting("/opt/streamhub", "LIVEKIT_API_KEY"),
        host.setting("/opt/streamhub", "LIVEKIT_API_SECRET"),
    );
    let token = standins::jwt::token(&key.0, &key.1);
    let said = elsewhere.websocket(&url(&format!("/rtc?access_token={token}")), &[]);
    assert!(said.starts_with("HTTP/1.1 101 "), "{said}");
    assert!(
        said.ends_with(standins::media::websocket::GREETING),
        "{said}"
    );
    let said = elsewhere.websocket(&url("/rtc?access_token=none"), &[]);
    assert!(said.starts_with("HTTP/1.1 401 "), "{said}");

    let origin = as_origin(host);
    assert_eq!(origin.node("origin")["status"], "active");
    assert!(
        origin
            .requests()
            .iter()
            .any(|r| r["path"] == "/api/v1/health")
    );
    let asked = source.requests();
    assert!(
        asked.contains(&"GET /streamhub.tar.gz".to_owned()),
        "{asked:?}"
    );
    source.down();
    assert_eq!(elsewhere.status_of(&source.tarball_url(), &[]), "000");
}

#[test]
fn certbot_and_caddy_get_certificates_from_the_labs_acme_server_or_are_refused() {
    let elsewhere = Host::named("acme").boot();
    let acme = Acme::serve(&elsewhere);
    let host = origin_host_with("web", vec![images::caddy()]);
    acme.lead("media.example.com", &host);
    let certbot = |name: &str| {
        let run = host.script(
            "REQUESTS_CA_BUNDLE=$STREAMHUB_ACME_CA_FILE certbot certonly --nginx --non-interactive --agree-tos \
             --email admin@example.com --server $STREAMHUB_ACME_DIRECTORY --domain $NAME",
        );
        acme.given_to(&host, run.env("NAME", name)).run()
    };
    certbot("media.example.com").expect_code(0);
    host.write("/root/issuer.pem", acme.issuer(), 0o644);
    host.sh_ok(
        "cd /etc/letsencrypt/live/media.example.com && openssl verify -CAfile /root/issuer.pem -untrusted chain.pem \
         -verify_hostname media.example.com cert.pem",
    );

    acme.lead("other.example.com", &host);
    acme.refuse_everything();
    let refused = certbot("other.example.com");
    assert_ne!(refused.code, 0);
    acme.lead("other.example.com", &host);
    certbot("other.example.com").expect_code(0);

    acme.lead("caddy.example.com", &host);
    let caddyfile = format!(
        "{{\nadmin off\nacme_ca {}\nacme_ca_root /etc/caddy/acme-ca.pem\n}}\n\ncaddy.example.com {{\nrespond hello\n}}\n",
        acme.directory()
    );
    host.write("/root/Caddyfile", caddyfile, 0o644);
    host.sh_ok(
        "systemctl stop nginx
         docker run --detach --name caddy --network host -v /root/Caddyfile:/etc/caddy/Caddyfile:ro \
             -v /root/acme-ca.pem:/etc/caddy/acme-ca.pem:ro caddy:2-alpine",
    );
    elsewhere.write("/root/issuer.pem", acme.issuer(), 0o644);
    let to = format!("caddy.example.com:443:{}", host.ip());
    let options = ["--cacert", "/root/issuer.pem", "--resolve", &to];
    let serves = || elsewhere.status_of("https://caddy.example.com/", &options) == "200";
    let serves = wait::until(Duration::from_secs(60), serves);
    assert!(serves, "{:?}", host.sh("docker logs caddy"));
    acme.down();
    assert_eq!(host.status_of(&acme.directory(), &[]), "000");
}

#[test]
fn the_prebuilt_core_runs_from_its_image_and_a_newer_one_can_be_pulled() {
    let elsewhere = Host::named("registry").with_docker().boot();
    let registry = Registry::serve(&elsewhere);
    let host = origin_host("prebuilt");
    let run = host.run(["docker", "run", "--rm", "--network", "host", images::CORE]);
    assert!(run.stderr.contains("is required"), "{run:?}");
    host.sh_ok(
        "nginx -t; systemctl is-active nginx; certbot --version; git --version; rsync --version",
    );

    registry.stands_in_at(&host);
    let of_hub = images::livekit().remove(0);
    for image in [images::core(images::CORE), of_hub, images::redis()] {
        let newer = image.with_change("LABEL lab=newer");
        registry.publish(&newer);
        let reference = newer.reference();
        host.run(["docker", "pull", reference]).expect_code(0);
        let label = "{{.Config.Labels.lab}}";
        let said = host.command(["docker", "image", "inspect", "--format", label, reference]);
        assert_eq!(said.ok(), "newer\n");
    }
    assert_eq!(
        host.run(["docker", "run", "--rm", images::CORE]).stderr,
        run.stderr
    );
    let asked = registry.requests();
    let is_asked = |what: &str| asked.iter().any(|request| request.ends_with(what));
    assert!(is_asked("/v2/streamhub-core/manifests/0.1.0"), "{asked:?}");
    assert_ne!(host.run(["docker", "pull", "lab/none:1"]).code, 0);
}

#[test]
fn an_origin_of_the_predecessor_serves_and_has_what_it_had() {
    const NAME: &str = "media.example.com";
    let elsewhere = Host::named("elsewhere").with_origin_packages().boot();
    let (source, acme) = (Source::serve(&elsewhere), Acme::serve(&elsewhere));
    let host = origin_host("origin");
    let shape = Shape {
        git: false,
        cluster: true,
        certificate: Some((&acme, NAME)),
    };
    predecessor_origin::lay_out(&host, &source, "/opt/streamhub", shape);
    elsewhere.write("/root/issuer.pem", acme.issuer(), 0o644);
    let to = format!("{NAME}:443:{}", host.ip());
    let options = ["--cacert", "/root/issuer.pem", "--resolve", &to];
    let status = |path: &str| elsewhere.status_of(&format!("https://{NAME}{path}"), &options);
    assert_eq!(status("/api/v1/health"), "200");
    assert_eq!(status("/metrics"), "403");
    let bearer = format!("Authorization: Bearer {}", API_TOKEN);
    let nodes = "http://127.0.0.1:3020/api/v1/cluster/nodes";
    assert_eq!(host.status_of(nodes, &["--header", &bearer]), "200");
    // The script's own way to keep strangers from redis.
    let password = host.setting("/opt/streamhub", "REDIS_PASSWORD");
    let ping = format!("redis-cli -h {} ping", host.ip());
    assert!(elsewhere.sh(&ping).stdout.contains("NOAUTH"));
    let ping = format!("REDISCLI_AUTH={password} {ping}");
    assert_eq!(elsewhere.sh_ok(&ping), "PONG\n");
}
