//! Caddy before an origin's core, with a certificate and without, and nginx in its place.

use crate::acme::Acme;
use crate::command::Output;
use crate::host::Host;
use crate::images;
use crate::origin_host::origin_host_with;
use crate::proxy_test::{NAME, configuration, greets, install};

#[test]
fn caddy_serves_plain_http_until_it_has_a_certificate_and_gives_way_to_nginx() {
    let client = Host::named("acme").boot();
    let acme = Acme::serve(&client);
    let host = origin_host_with("origin", [images::origin(), vec![images::caddy()]].concat());
    host.sh_ok("systemctl disable --now nginx");
    let run = |more: &[&str]| {
        let run = acme.given_to(&host, install(&host, more));
        run.run().expect_code(0)
    };
    let http = [
        format!("{NAME}:80:{}", host.ip()),
        format!("{NAME}:443:{}", host.ip()),
    ];
    let over_http =
        |path: &str| client.status_of(&format!("http://{NAME}{path}"), &["--resolve", &http[0]]);

    acme.lead(NAME, &host);
    acme.refuse_everything();
    let ip = host.ip().to_string();
    let Output { stderr, .. } = run(&[
        "--domain",
        NAME,
        "--email",
        "admin@example.com",
        "--proxy",
        "caddy",
        "--cluster-redis-bind",
        &ip,
    ]);
    assert!(stderr.contains("docker logs streamhub-caddy"), "{stderr}");
    assert_eq!(
        (
            over_http("/api/v1/health").as_str(),
            over_http("/metrics").as_str()
        ),
        ("200", "403")
    );
    let cluster = |path: &str| client.status_of(&format!("http://{ip}:3020{path}"), &[]);
    assert_eq!(
        (cluster("/api/v1/health").as_str(), cluster("/").as_str()),
        ("200", "404")
    );

    acme.lead(NAME, &host);
    host.sh_ok("docker restart streamhub-caddy");
    run(&[]);
    client.write("/root/issuer.pem", acme.issuer(), 0o644);
    let trust = ["--cacert", "/root/issuer.pem", "--resolve", &http[1]];
    let url = format!("https://{NAME}");
    assert_eq!(
        client.status_of(&format!("{url}/api/v1/health"), &trust),
        "200"
    );
    assert_eq!(client.status_of(&format!("{url}/metrics"), &trust), "403");
    assert_eq!(over_http("/api/v1/health"), "308");
    greets(&host, &client, &url, &trust);
    let unchanged = || {
        let plan = install(&host, &["--dry-run"]).ok();
        assert!(plan.contains("nothing to change"), "{plan}");
    };
    unchanged();

    // And nginx in its place, which needs the ports that Caddy has.
    acme.lead(NAME, &host);
    let plan = install(&host, &["--proxy", "nginx", "--dry-run"]).ok();
    assert!(plan.contains("remove caddy"), "{plan}");
    run(&["--proxy", "nginx"]);
    let caddy = "docker ps --all --quiet --filter name=streamhub-caddy";
    assert_eq!(host.sh_ok(caddy), "");
    assert_eq!(cluster("/api/v1/health"), "200");
    greets(&host, &client, &url, &trust);
    unchanged();

    // And back: nginx, which an operator may need, goes by his own hand, as the refusal says.
    let caddy = ["--proxy", "caddy", "--no-tls"];
    let before = configuration(&host);
    let refused = install(&host, &caddy).run().expect_code(3);
    let fix = refused
        .stderr
        .lines()
        .find_map(|line| Some(line.split_once("give it another port: ")?.1));
    let fix = fix.unwrap_or_else(|| panic!("{refused:?}"));
    assert_eq!(configuration(&host), before);
    greets(&host, &client, &url, &trust);
    host.sh_ok(fix);
    run(&caddy);
    let address = host.setting("/opt/streamhub", "STREAMHUB_SITE_ADDRESS");
    assert_eq!(address, format!("http://{NAME}"));
    assert_eq!(over_http("/api/v1/health"), "200");
    assert_eq!(cluster("/api/v1/health"), "200");
    greets(
        &host,
        &client,
        &format!("http://{NAME}"),
        &["--resolve", &http[0]],
    );
    unchanged();
}
