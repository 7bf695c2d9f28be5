//! An uninstall takes away what the install of an origin has made, and nothing else.

use crate::host::Host;
use crate::images::Image;
use crate::origin_host::origin_host;
use crate::source::Source;
use crate::uninstall::{difference, others, uninstall};

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
    // nginx's own, what apt was asked, and what an operator's key and building leave of it.
    left.retain(|path| {
        ![
            "/var/log/nginx",
            "/var/log/apt/eipp.log.xz",
            "/root/.docker",
        ]
        .iter()
        .any(|at| path.starts_with(at))
    });
    assert_eq!(left, [""; 0]);
    host.sh_ok("nginx -t 2>&1");
    assert_eq!(host.status_of("http://127.0.0.1/", &[]), "200");
}
