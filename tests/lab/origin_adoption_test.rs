//! Origins that the install.sh script set up, taken over by a run without flags, and taken away; and an edge that it joined
//! to one.

use crate::acme::Acme;
use crate::cluster::edge;
use crate::host::Host;
use crate::origin_host::{as_origin, origin_host};
use crate::predecessor::{self, Join, RECORDING, REGION, SCRIPT};
use crate::predecessor_origin::{API_TOKEN, Shape, TOKEN, lay_out};
use crate::source::Source;
use crate::tree::Tree;
use crate::uninstall::{self, difference, of_others, others, strangers, uninstall};

const DIR: &str = "/opt/streamhub";
const DOMAIN: &str = "media.example.com";
const ENV: &str = "/opt/streamhub/.env";
const NOTHING: &str = "nothing to change";

/// Of every file below the directory and of nginx's, but for those that are looked at on their own, the digest.
fn files(host: &Host) -> String {
    host.sh_ok(&format!(
        "cd {DIR}; find . /etc/nginx -type f -not -path ./.env -not -path './.git/*' -not -path './data/redis/*' \
             -not -name docker-compose.streamhub.yml -not -name 'nodes*.json' \
             -not -name '*streamhub-cluster' | sort | xargs sha256sum"
    ))
}

/// Whatever was there before stands there still, each line as it was.
#[track_caller]
fn keeps_each_line(old: &str, new: &str) {
    for line in old.lines() {
        assert!(new.lines().any(|l| l == line), "{line:?} is gone:\n{new}");
    }
}

/// Takes an origin over by a run without flags, and panics where it loses anything.
fn taken_over(host: &Host, with_password: &str, words: &[&str]) {
    let redis = |what: &str| host.sh_ok(&format!("{with_password} redis-cli {what}"));
    redis("set kept yes");
    let (env, before) = (host.read(ENV), files(host));
    let plan = host.program(["--dry-run"]).run().expect_code(0);
    plan.expect_said(words);
    plan.expect_said(&["taken over", "proxy: nginx", "role: origin"]);
    assert!(!plan.said().contains(API_TOKEN), "{}", plan.said());
    assert_eq!((host.read(ENV), files(host)), (env.clone(), before.clone()));

    let since = host.moment();
    host.program::<&str>([]).run().expect_code(0);
    keeps_each_line(&env, &host.read(ENV));
    assert_eq!(
        files(host),
        before,
        "the tree, its data and nginx's site stay as they are"
    );
    assert_eq!(host.read(&format!("{DIR}/{RECORDING}")), "a recording");
    assert!(!host.has(SCRIPT));
    assert_eq!(redis("get kept"), "yes\n");
    let made = host.engine_did(&since, &["create"]);
    for service in ["core", "egress", "ingress", "livekit", "redis"] {
        let create = format!("create {service}");
        let times = made.iter().filter(|did| **did == create).count();
        assert!(times <= 1, "{made:?}");
    }
    let bearer = format!("Authorization: Bearer {API_TOKEN}");
    let nodes = "http://127.0.0.1:3020/api/v1/cluster/nodes";
    assert_eq!(host.status_of(nodes, &["--header", &bearer]), "200");
    let again = || {
        let run = host.program::<&str>([]).run().expect_code(0);
        run.expect_said(&[NOTHING]);
    };
    again();
    host.sh_ok(&format!("cd {DIR} && docker compose up -d 2>&1"));
    again();
}

/// What there was before the script came.
struct Before {
    tree: Tree,
    others: String,
}

impl Before {
    fn of(host: &Host) -> Self {
        strangers(host);
        Self {
            tree: host.tree(),
            others: others(host),
        }
    }

    /// What the script made goes as what this program makes, but for what lies below these places.
    #[track_caller]
    fn comes_back(&self, host: &Host, flags: &[&str], stays: &[&str]) {
        uninstall(host, flags).expect_code(0);
        let again = uninstall(host, flags).expect_code(0);
        again.expect_said(&[uninstall::NOTHING]);
        let mut left = difference(&self.tree, &host.tree());
        left.retain(|path| !of_others(path) && !stays.iter().any(|place| path.starts_with(place)));
        assert_eq!(left, [""; 0]);
        assert_eq!(others(host), self.others);
        assert_eq!(host.status_of("http://127.0.0.1/", &[]), "200");
    }
}

#[test]
fn an_origin_of_the_script_is_taken_over_with_all_that_it_has() {
    let elsewhere = Host::named("source").with_origin_packages().boot();
    let source = Source::serve(&elsewhere);
    let host = origin_host("origin");
    let shape = Shape {
        git: false,
        cluster: false,
        certificate: None,
    };
    let before = Before::of(&host);
    lay_out(&host, &source, DIR, shape);
    let ip = host.ip().to_string();
    taken_over(&host, "", &[&format!("domain: {ip}")]);
    before.comes_back(&host, &["--purge"], &[]);
    drop(host);

    // One that was cloned, with a certificate, an operator's own layer, and an edge that the script joined to it.
    let acme = Acme::serve(&elsewhere);
    let host = origin_host("origin");
    let shape = Shape {
        git: true,
        cluster: true,
        certificate: Some((&acme, DOMAIN)),
    };
    let before = Before::of(&host);
    lay_out(&host, &source, DIR, shape);
    host.write(
        &format!("{DIR}/docker-compose.override.yml"),
        "services:\n  core:\n    labels:\n      operators.own: kept\n",
        0o644,
    );
    let value = |key: &str| host.setting(DIR, key);
    let (api_key, api_secret) = (value("LIVEKIT_API_KEY"), value("LIVEKIT_API_SECRET"));
    let password = value("REDIS_PASSWORD");
    let url = format!("https://{DOMAIN}");
    let ip = host.ip().to_string();
    let (old, new) = (edge("server-7"), edge("edge-new"));
    for edge in [&old, &new] {
        edge.trust("acme", &acme.issuer());
        edge.sh_ok(&format!("echo '{ip} {DOMAIN}' >>/etc/hosts"));
    }
    let join = Join {
        origin: &host,
        url: &url,
        token: TOKEN,
        api_key: &api_key,
        api_secret: &api_secret,
        redis_password: &password,
    };
    predecessor::lay_out_of(&old, &join, DIR);
    predecessor::start(&old, DIR);

    let with_password = format!("REDISCLI_AUTH={password}");
    let domain = format!("domain: {DOMAIN}");
    let bind = format!("redis for the cluster on: {ip}");
    let cloned_from = format!("source: {}", source.git_url());
    taken_over(&host, &with_password, &[&domain, &bind, &cloned_from]);
    let label =
        "docker inspect --format '{{index .Config.Labels \"operators.own\"}}' streamhub-core";
    assert_eq!(host.sh_ok(label), "kept\n");
    let over_tls = |path: &str| new.status_of(&format!("{url}{path}"), &[]);
    assert_eq!(
        [over_tls("/api/v1/health"), over_tls("/metrics")],
        ["200", "403"]
    );

    // Its edge is taken over too, and is in the registry as it was; and another one joins by address alone.
    let origin = as_origin(host);
    let row = || origin.node(predecessor::NAME);
    let (id, env) = (row()["id"].clone(), old.read(ENV));
    let beat = old.read("/etc/streamhub/heartbeat.env");
    let run = old
        .program::<&str>([])
        .env("STREAMHUB_API_TOKEN", API_TOKEN);
    run.run()
        .expect_code(0)
        .expect_said(&["joined and serving"]);
    keeps_each_line(&env, &old.read(ENV));
    assert_eq!(old.read("/etc/streamhub/heartbeat.env"), beat);
    assert_eq!(old.read(&format!("{DIR}/{RECORDING}")), "a recording");
    let node = row();
    assert_eq!((&node["id"], &node["status"]), (&id, &"active".into()));
    assert_eq!(
        (&node["region"], &node["stale"]),
        (&REGION.into(), &false.into())
    );
    old.program(["status"]).run().expect_code(0);
    new.program(["--join", "--master-ip", &ip])
        .env("STREAMHUB_MASTER_TOKEN", TOKEN)
        .run()
        .expect_code(0);
    assert_eq!(origin.node("edge-new")["status"], "active");
    for edge in [&old, &new] {
        assert!(edge.takes_tokens_of(&api_key, &api_secret));
    }
    // The operator's own is his to take away; certbot keeps its account.
    origin
        .host
        .sh_ok(&format!("rm {DIR}/docker-compose.override.yml"));
    let certbots = [
        "/etc/letsencrypt",
        "/var/lib/letsencrypt",
        "/var/log/letsencrypt",
    ];
    let stays = [&certbots[..], &["/root/acme-ca.pem"]].concat();
    // Its certificate outlives the node, until somebody asks for it.
    let live = format!("/etc/letsencrypt/live/{DOMAIN}");
    uninstall(&origin.host, &["--purge"]).expect_code(0);
    assert!(origin.host.has(&live));
    before.comes_back(&origin.host, &["--purge", "--purge-tls"], &stays);
    assert!(!origin.host.has(&live));
}
