//! What stands before an origin's core: nginx among an operator's other sites, and certbot.

use standins::media::websocket::GREETING;

use crate::acme::Acme;
use crate::command::{HostCommand, Output};
use crate::host::Host;
use crate::images;
use crate::origin_host::origin_host;

pub const NAME: &str = "live.example.com";
const SITE: &str = "/etc/nginx/sites-available/live.example.com";

/// The origin's install, with a core that needs no building.
pub fn install(host: &Host, more: &[&str]) -> HostCommand {
    host.command(["/root/streamhub-install", "--non-interactive"])
        .args(["--core-image", images::CORE])
        .args(more)
        .within(std::time::Duration::from_secs(300))
}

/// Everything of nginx's configuration: files, what is in them, and where links point.
pub fn configuration(host: &Host) -> String {
    host.sh_ok(
        "cd /etc/nginx && find . -type f -exec sha256sum {} + | sort && find . -type l -printf '%p %l\\n' | sort",
    )
}

/// How livekit greets whoever asks for a websocket with a token of this origin's.
pub fn greets(host: &Host, client: &Host, url: &str, options: &[&str]) {
    let setting = |key: &str| host.setting("/opt/streamhub", key);
    let token = standins::jwt::token(&setting("LIVEKIT_API_KEY"), &setting("LIVEKIT_API_SECRET"));
    let said = client.websocket(&format!("{url}/rtc?access_token={token}"), options);
    assert!(
        said.starts_with("HTTP/1.1 101 ") && said.ends_with(GREETING),
        "{said}"
    );
}

#[test]
fn nginx_serves_the_origin_beside_an_operators_sites_and_takes_back_what_it_refuses() {
    let client = Host::named("client").boot();
    let host = origin_host("origin");
    let ip = host.ip().to_string();
    let at = |path: &str| client.status_of(&format!("http://{ip}{path}"), &[]);
    let blog = || {
        let ask = ["--silent", "--header", "Host: blog.example.com"];
        let asked = client
            .command(["curl"])
            .args(ask)
            .args([format!("http://{ip}/")]);
        asked.run().stdout
    };

    // Another site wants to be what an origin without a name has to be.
    let text =
        "server { listen 80 default_server; server_name blog.example.com; return 200 blog; }";
    host.sh_ok("unlink /etc/nginx/sites-enabled/default");
    host.write("/etc/nginx/conf.d/blog.conf", text, 0o644);
    host.sh_ok("systemctl reload nginx");
    let before = configuration(&host);
    let refused = install(&host, &["--domain", &ip]).run().expect_code(3);
    assert!(
        refused.stderr.contains("/etc/nginx/conf.d/blog.conf"),
        "{refused:?}"
    );
    assert_eq!(configuration(&host), before);
    host.sh_ok("sed -i 's/ default_server//' /etc/nginx/conf.d/blog.conf
        ln -s /etc/nginx/sites-available/default /etc/nginx/sites-enabled/default; nginx -t && systemctl reload nginx");

    install(&host, &["--domain", &ip]).ok();
    assert_eq!(at("/api/v1/health"), "200");
    for path in [
        "/metrics",
        "/metrics/",
        "//metrics",
        "/Metrics",
        "/%6detrics",
    ] {
        assert_eq!(at(path), "403", "{path}");
    }
    greets(&host, &client, &format!("http://{ip}"), &[]);
    assert_eq!(blog(), "blog");
    let receipt = host.read("/etc/streamhub/receipt.json");
    assert!(receipt.contains(r#""kind": "unlinked""#), "{receipt}");

    // Stopped, and read by nobody since a run was cut off.
    let again = || install(&host, &[]).ok();
    host.sh_ok("systemctl disable --now nginx");
    again();
    host.sh_ok("systemctl is-enabled nginx && systemctl is-active nginx");
    let master = || host.sh_ok("systemctl show --property MainPID nginx");
    let started = master();
    host.sh_ok("sleep 0.3; touch /etc/nginx/snippets/streamhub.conf");
    assert!(again().contains("nginx site"));
    assert_eq!(master(), started, "it was restarted");
    assert!(!again().contains("nginx site"));

    // An operator's mistake, found when something of ours has to change.
    host.write(
        "/etc/nginx/conf.d/new.conf",
        "server { listen 81; bogus; }",
        0o644,
    );
    let before = configuration(&host);
    let bind = ["--cluster-redis-bind", ip.as_str()];
    let refused = install(&host, &bind).run().expect_code(1);
    assert!(
        refused
            .stderr
            .contains("unknown directive \"bogus\" in /etc/nginx/conf.d/new.conf"),
        "{refused:?}"
    );
    assert_eq!(configuration(&host), before);
    assert_eq!(
        (at("/api/v1/health"), blog()),
        ("200".to_owned(), "blog".to_owned())
    );
    host.sh_ok("rm /etc/nginx/conf.d/new.conf");
    install(&host, &bind).ok();
    let cluster = |path: &str| client.status_of(&format!("http://{ip}:3020{path}"), &[]);
    assert_eq!(cluster("/api/v1/health"), "200");
    for path in [
        "/",
        "/metrics",
        "/api/v1/cluster/nodes",
        "/api/v1/cluster/join/x",
        "/api/v1/health/",
    ] {
        assert_eq!(cluster(path), "404", "{path}");
    }
    assert_eq!(blog(), "blog");
}

#[test]
fn certbot_puts_a_certificate_into_the_site_and_without_one_the_site_works_over_http() {
    let client = Host::named("acme").boot();
    let acme = Acme::serve(&client);
    let host = origin_host("origin");
    host.write("/root/acme-ca.pem", acme.authority(), 0o644);
    let run = |more: &[&str]| {
        let directory = acme.directory();
        let given = [&["--acme-directory", &directory], more].concat();
        install(&host, &given)
            .env("STREAMHUB_ACME_CA_FILE", "/root/acme-ca.pem")
            .run()
            .expect_code(0)
    };
    let resolve = |port: u16| format!("{NAME}:{port}:{}", host.ip());
    let over_http = || {
        client.status_of(
            &format!("http://{NAME}/api/v1/health"),
            &["--resolve", &resolve(80)],
        )
    };

    acme.lead(NAME, &host);
    acme.refuse_everything();
    let flags = ["--domain", NAME, "--email", "admin@example.com", "--json"];
    let Output { stdout, stderr, .. } = run(&flags);
    assert!(
        stderr.contains("without a valid certificate yet"),
        "{stderr}"
    );
    let degraded = |stdout: &str, is: bool| {
        let said = format!("\"degraded\":{is},\"event\":\"done\"");
        assert!(stdout.contains(&said), "{stdout}");
    };
    degraded(&stdout, true);
    let command = format!("certbot --nginx -d {NAME}");
    assert!(
        stderr.contains("no certificate for") && stderr.contains(&command),
        "{stderr}"
    );
    assert_eq!(over_http(), "200");

    let plain = host.read(SITE);
    acme.lead(NAME, &host);
    let Output { stdout, stderr, .. } = run(&["--json"]);
    degraded(&stdout, false);
    assert!(stderr.contains("nginx, with a certificate"), "{stderr}");
    client.write("/root/issuer.pem", acme.issuer(), 0o644);
    let trust = ["--cacert", "/root/issuer.pem", "--resolve", &resolve(443)];
    let url = format!("https://{NAME}");
    let over_tls = |path: &str| client.status_of(&format!("{url}{path}"), &trust);
    assert_eq!(
        (
            over_tls("/api/v1/health").as_str(),
            over_tls("/metrics").as_str()
        ),
        ("200", "403")
    );
    assert_eq!(over_http(), "301");
    greets(&host, &client, &url, &trust);

    // Of another server than is asked for now, it is replaced.
    let renewal = format!("/etc/letsencrypt/renewal/{NAME}.conf");
    host.sh_ok(&format!(
        "sed -i 's|^server = .*|server = https://acme.example.com/directory|' {renewal}"
    ));
    run(&[]);
    assert!(host.read(&renewal).contains(&acme.directory()));

    // Taken away again, and put back without asking anybody.
    run(&["--no-tls"]);
    assert_eq!(over_http(), "200");
    assert_eq!(
        host.setting("/opt/streamhub", "STREAMHUB_PUBLIC_URL"),
        format!("http://{NAME}")
    );
    assert!(
        install(&host, &["--dry-run"])
            .ok()
            .contains("nothing to change")
    );
    acme.refuse_everything();
    run(&["--tls"]);
    acme.lead(NAME, &host);
    assert_eq!(
        (over_http(), over_tls("/api/v1/health")),
        ("301".to_owned(), "200".to_owned())
    );

    // One that is about to end is told of, and renewed by what is said.
    host.is_well();
    host.sh_ok(&format!(
        "cd /etc/letsencrypt/live/{NAME} && openssl x509 -in cert.pem -signkey privkey.pem -days 10 -out /root/short.pem \
         && cat /root/short.pem >fullchain.pem && cat /root/short.pem >cert.pem"
    ));
    let fix = host.suffers("certificate", &[NAME, "ends in 9 days"]);
    host.paste(&format!("REQUESTS_CA_BUNDLE=/root/acme-ca.pem {fix}"));
    host.is_well();
    assert_eq!(over_tls("/api/v1/health"), "200");

    // It is kept: what certbot and an operator wrote stays, also when our routes change.
    let edited = host
        .read(SITE)
        .replace("server_name", "add_header X-Example kept;\n    server_name");
    host.write(SITE, edited.clone(), 0o644);
    host.sh_ok("sed -i s/50m/1m/ /etc/nginx/snippets/streamhub.conf; nginx -s reload");
    acme.down();
    run(&[]);
    assert_eq!(host.read(SITE), edited);
    host.sh_ok("grep -q 50m /etc/nginx/snippets/streamhub.conf");
    // And one that the site does not use is put into it, without asking anybody.
    host.write(SITE, plain, 0o644);
    run(&[]);
    assert_eq!(over_tls("/api/v1/health"), "200");
    let plan = install(&host, &["--dry-run"]).ok();
    assert!(plan.contains("nothing to change"), "{plan}");
}
