//! An uninstall takes away what the install of an origin has made, and nothing else.

use crate::acme::Acme;
use crate::host::Host;
use crate::images::{self, Image};
use crate::origin_host::{origin_host, origin_host_with};
use crate::source::Source;
use crate::uninstall::{NOTHING, difference, of_others, others, uninstall};

const DIR: &str = "/opt/streamhub";

#[test]
fn an_origin_goes_with_its_site_and_source_and_the_others_sites_serve_on() {
    let elsewhere = Host::named("source").with_origin_packages().boot();
    let source = Source::serve(&elsewhere);
    let host = origin_host("origin");
    source.vouch_at(&host);
    host.write(
        "/etc/nginx/sites-enabled/other",
        "server { listen 8081; location / { return 204; } }\n",
        0o644,
    );
    host.sh_ok("ufw allow 22/tcp; ufw --force enable; systemctl restart nginx");
    host.import(&Image::busybox());
    let serves_others = || host.status_of("http://127.0.0.1:8081/", &[]) == "204";
    assert!(serves_others());
    let (before, neighbours) = (host.tree(), others(&host));
    let ip = host.ip().to_string();
    let install = || {
        let edge = ["--allow-edge", "10.9.9.9"];
        let run = host
            .program(["--domain", &ip, "--non-interactive"])
            .args(edge);
        source.given_to(run).run().expect_code(0)
    };
    install();
    assert_eq!(host.status_of("http://127.0.0.1/api/v1/health", &[]), "200");
    host.write("/opt/streamhub/deploy/mine.sh", "an operator's", 0o755);
    let token = host.setting(DIR, "STREAMHUB_API_TOKEN");
    let database = host.sh_ok("cd /opt/streamhub/data && sha256sum db/api-tokens.json");

    uninstall(&host, &["--keep-data"]).expect_code(0);
    assert_eq!(host.containers(), [""; 0]);
    assert_eq!(host.sh_ok("ls -A /opt/streamhub"), ".env\ndata\ndeploy\n");
    assert_eq!(
        host.sh_ok("cd /opt/streamhub/data && sha256sum db/api-tokens.json"),
        database
    );
    // A later one takes up what was kept, and has the same secrets.
    install();
    assert_eq!(host.setting(DIR, "STREAMHUB_API_TOKEN"), token);

    // nginx as if it had come with the node: its package would take the other site too.
    let receipt = "/etc/streamhub/receipt.json";
    let packages = r#"{"kind":"packages","names":["nginx","certbot","python3-certbot-nginx"],"created":true,"pending":false}"#;
    host.sh_ok(&format!(
        "cp {receipt} /root/receipt && sed -i 's/\"owned\": \\[/&{packages},/' {receipt}"
    ));
    let refused = uninstall(&host, &["--purge-packages"]).expect_code(3);
    refused.expect_said(&["sites that are not ours (/etc/nginx/sites-enabled/other)"]);
    host.sh_ok(&format!("mv /root/receipt {receipt}"));

    let said = uninstall(&host, &["--purge"]).expect_code(0);
    said.expect_said(&["deploy in it is not StreamHub's"]);
    host.sh_ok("rm -r /opt/streamhub");
    assert!(serves_others());
    assert_eq!(others(&host), neighbours);
    let mut left = difference(&before, &host.tree());
    left.retain(|path| !of_others(path));
    assert_eq!(left, [""; 0]);
    host.sh_ok("nginx -t 2>&1");
    assert_eq!(host.status_of("http://127.0.0.1/", &[]), "200");
}

/// Packages as if they had come with the node.
fn came_with_it(host: &Host, names: &str) {
    let entry =
        format!(r#"{{"kind":"packages","names":[{names}],"created":true,"pending":false}}"#);
    host.sh_ok(&format!(
        "sed -i 's/\"owned\": \\[/&{entry},/' /etc/streamhub/receipt.json"
    ));
}

#[test]
fn caddys_certificates_stay_until_they_are_asked_for_and_an_operators_always() {
    const NAME: &str = "live.example.com";
    let client = Host::named("acme").boot();
    let acme = Acme::serve(&client);
    let host = origin_host_with("origin", [images::origin(), vec![images::caddy()]].concat());
    host.sh_ok("systemctl disable --now nginx");
    host.sh_ok("docker volume create foreign");
    let own = "/etc/letsencrypt/live/shop.example.com/cert.pem";
    host.write(own, "one that has ended", 0o644);
    let (before, neighbours) = (host.tree(), others(&host));
    acme.lead(NAME, &host);
    let install = || {
        let flags = [
            "--domain",
            NAME,
            "--email",
            "admin@example.com",
            "--non-interactive",
        ];
        let core = ["--proxy", "caddy", "--core-image", images::CORE];
        acme.given_to(&host, host.program(flags).args(core))
            .run()
            .expect_code(0)
    };
    install();
    client.write("/root/issuer.pem", acme.issuer(), 0o644);
    let resolve = format!("{NAME}:443:{}", host.ip());
    let over_tls = || {
        let trust = ["--cacert", "/root/issuer.pem", "--resolve", &resolve];
        client.status_of(&format!("https://{NAME}/api/v1/health"), &trust)
    };
    assert_eq!(over_tls(), "200");

    let said = uninstall(&host, &["--keep-data"]).expect_code(0);
    said.expect_said(&["sudo bash -s -- uninstall --keep-data --purge --purge-tls"]);
    assert_eq!(
        host.sh_ok("docker volume ls --quiet"),
        "foreign\nstreamhub_caddy_data\n"
    );
    // The next one has its certificate without asking anybody.
    acme.down();
    install();
    assert_eq!(over_tls(), "200");

    came_with_it(&host, r#""certbot","python3-certbot-nginx""#);
    let said = uninstall(&host, &["--purge", "--purge-packages"]).expect_code(0);
    assert!(host.has(own) && !host.has("/usr/bin/certbot"));
    said.expect_said(&["/etc/letsencrypt stays"]);
    host.sh_ok("docker volume inspect streamhub_caddy_data");
    uninstall(&host, &["--purge-tls"]).expect_code(0);
    uninstall(&host, &["--purge", "--purge-tls"])
        .expect_code(0)
        .expect_said(&[NOTHING]);
    assert_eq!(others(&host), neighbours);
    // What packages leave, and what is gone with them.
    let of_packages = [
        "/usr",
        "/var/lib",
        "/var/cache",
        "/var/log",
        "/etc/systemd/system/timers.target.wants",
    ];
    let mut left = difference(&before, &host.tree());
    left.retain(|path| !of_packages.iter().any(|at| path.starts_with(at)) && !of_others(path));
    left.retain(|path| path != "/root/acme-ca.pem");
    assert_eq!(left, [""; 0]);
    assert!(
        !host.has("/usr/local/bin/streamhub-install")
            && !host.has("/var/log/streamhub-install.log")
    );
}
