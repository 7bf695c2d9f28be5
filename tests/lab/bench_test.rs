//! What the program costs, beside the cheapest that could do the same. `make bench` shows it and writes the page.

use std::fs;
use std::process::Command;

use serde_json::json;
use standins::tls::Authority;

use crate::bench_page::{Bench, Measured, Ratio, Size};
use crate::cluster::{Origin, REDIS_PASSWORD, TOKEN, edge};
use crate::host::Host;
use crate::measure::{Pairs, Side};
use crate::program::release_program;

const PROGRAM: &str = "/root/streamhub-install";
const BEAT: &str = "/api/v1/cluster/heartbeat";
const HEARTBEAT_ENV: &str = "/etc/streamhub/heartbeat.env";
const UP: &str =
    "docker compose --project-name streamhub up --detach --no-deps livekit ingress egress";
const MIB: f64 = 1024.0 * 1024.0;

/// Everything that a join made, without the images.
const AS_BEFORE_THE_JOIN: &str = "
systemctl disable --now streamhub-heartbeat.timer
systemctl stop streamhub-heartbeat.service
docker ps --all --quiet | xargs --no-run-if-empty docker rm --force
rm -rf /etc/streamhub /opt/streamhub /etc/systemd/system/streamhub-heartbeat.* /etc/sysctl.d/99-streamhub-webrtc.conf \
    /usr/local/bin/streamhub-install /var/log/streamhub-install.log
systemctl daemon-reload
";

/// In every run of the tests, so that nothing here is measured for the page alone. Beside other tests a process waits for a
/// processor at each of its questions, and the one beside it asks less: twice the limit in time is then as much as it can
/// be held to. Processor time and sizes are held to their limits always. The first join takes long and is measured less often.
#[test]
fn the_program_costs_no_more_than_it_may() {
    let is_for_the_page = std::env::var_os("UPDATE_BENCH").is_some();
    let (origin, joined, fresh) = (Origin::boot("origin"), edge("edge-1"), edge("edge-2"));
    for host in [&joined, &fresh] {
        host.push(&release_program(), PROGRAM);
    }
    joined.joined(&origin);

    let (rerun, memory) = rerun(&joined);
    let bench = Bench {
        ratios: vec![
            rerun,
            heartbeat(&origin, &joined),
            heartbeat_over_tls(&origin, &joined),
            help(&joined),
            bad_token("a wrong token on a fresh host", &origin, &fresh),
            bad_token("a wrong token on a joined host", &origin, &joined),
            first_join(&origin, &fresh, if is_for_the_page { 10 } else { 3 }),
        ],
        sizes: [vec![memory], sizes()].concat(),
    };
    println!("{}", bench.table());
    if is_for_the_page {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");
        fs::write(page, bench.page()).expect("docs/ can be written");
    }
    let missed = bench.missed(if is_for_the_page { 1.0 } else { 2.0 });
    assert!(missed.is_empty(), "over their limits: {missed:?}");
}

fn ours(args: &[&str]) -> Side {
    let argv = [&[PROGRAM], args].concat();
    Side::of(argv).env(json!({"STREAMHUB_IP_LOOKUP_URL": ""}))
}

fn wall(pairs: &Pairs) -> Vec<(f64, f64)> {
    pairs.iter().map(|(a, b)| (a.wall, b.wall)).collect()
}

fn cpu(pairs: &Pairs) -> Vec<(f64, f64)> {
    pairs.iter().map(|(a, b)| (a.cpu, b.cpu)).collect()
}

fn rerun(edge: &Host) -> (Ratio, Size) {
    let compose = Side::of(["sh", "-c", &format!("cd /opt/streamhub && exec {UP}")]);
    let lives = edge.lives();
    let pairs = edge.measure(10, &ours(&[]), &compose);
    assert_eq!(edge.lives(), lives, "neither changed anything");
    let ratio = Ratio {
        what: "a re-run that changes nothing",
        beside: "`docker compose up --detach` that changes nothing",
        measured: Measured::Time,
        limit: 1.5,
        pairs: wall(&pairs),
    };
    let peaks = pairs.iter().map(|(ours, _)| ours.peak / MIB);
    let memory = Size {
        what: "peak memory of a re-run that changes nothing",
        limit: 25.0,
        mib: peaks.fold(0.0, f64::max),
    };
    (ratio, memory)
}

fn heartbeat(origin: &Origin, edge: &Host) -> Ratio {
    let url = format!("http://{}:3020", origin.host.ip());
    beside_curl("a heartbeat over http", origin, edge, &url)
}

/// With the system's certificates, one of them the origin's, for both.
fn heartbeat_over_tls(origin: &Origin, edge: &Host) -> Ratio {
    let ip = origin.host.ip().to_string();
    let authority = Authority::new();
    let identity = authority.sign(&[&ip]);
    let host = &origin.host;
    host.write("/root/cert.pem", identity.certificate, 0o644);
    host.write("/root/key.pem", identity.key, 0o600);
    host.sh_ok("systemctl stop lab-core");
    let tls = "--tls-cert /root/cert.pem --tls-key /root/key.pem";
    origin.start_core(&origin.redis_url(REDIS_PASSWORD), tls);
    edge.trust("origin", authority.certificate());
    let url = format!("https://{ip}:3020");
    edge.program(["--join", "--master-url", &url])
        .run()
        .expect_code(0);
    let ratio = beside_curl("a heartbeat over https", origin, edge, &url);

    host.sh_ok("systemctl stop lab-core");
    origin.start_core(&origin.redis_url(REDIS_PASSWORD), "");
    let url = format!("http://{ip}:3020");
    edge.program(["--join", "--master-url", &url])
        .run()
        .expect_code(0);
    ratio
}

/// The same body to the same address.
fn beside_curl(what: &'static str, origin: &Origin, edge: &Host, url: &str) -> Ratio {
    assert!(edge.read(HEARTBEAT_ENV).contains(url));
    edge.run([PROGRAM, "heartbeat"]).expect_code(0);
    let requests = origin.requests();
    let beat = requests.iter().rfind(|request| request["path"] == BEAT);
    let body = beat.expect("it has beaten")["body"]
        .as_str()
        .expect("it is text");
    edge.write("/root/beat.json", body, 0o600);
    let token = format!("X-Cluster-Token: {TOKEN}");
    let curl = Side::of([
        "curl",
        "--silent",
        "--fail",
        "--header",
        &token,
        "--header",
        "Content-Type: application/json",
        "--data-binary",
        "@/root/beat.json",
        &format!("{url}{BEAT}"),
    ]);
    Ratio {
        what,
        beside: "`curl` that posts the same to the same address",
        measured: Measured::ProcessorTime,
        limit: 1.0,
        pairs: cpu(&edge.measure(30, &ours(&["heartbeat"]), &curl)),
    }
}

fn help(edge: &Host) -> Ratio {
    let nothing = Side::of(["/bin/true"]);
    Ratio {
        what: "`--help`",
        beside: "`/bin/true`",
        measured: Measured::Time,
        limit: 3.0,
        pairs: wall(&edge.measure(50, &ours(&["--help"]), &nothing)),
    }
}

/// From the start of the command to its end, exit 5: an operator sees the whole report or none of it. The round trip is a
/// `curl` of the origin's health, its own start included, as an operator would try whether the origin answers.
fn bad_token(what: &'static str, origin: &Origin, host: &Host) -> Ratio {
    let ip = origin.host.ip().to_string();
    let join = ours(&["--join", "--master-ip", &ip])
        .env(json!({"STREAMHUB_IP_LOOKUP_URL": "", "STREAMHUB_MASTER_TOKEN": "clt_ExampleWrongToken"}))
        .exits(5);
    let health = format!("http://{ip}:3020/api/v1/health");
    let get = Side::of(["curl", "--silent", "--fail", &health]);
    Ratio {
        what,
        beside: "one `curl` of the origin's health check",
        measured: Measured::Time,
        limit: 10.0,
        pairs: wall(&host.measure(20, &join, &get)),
    }
}

fn first_join(origin: &Origin, host: &Host, rounds: usize) -> Ratio {
    let ip = origin.host.ip().to_string();
    let join = ours(&["--join", "--master-ip", &ip])
        .env(json!({"STREAMHUB_IP_LOOKUP_URL": "", "STREAMHUB_MASTER_TOKEN": TOKEN}))
        .after(AS_BEFORE_THE_JOIN);
    // With the files that the join has left.
    let up = Side::of(["sh", "-c", &format!("cd /opt/streamhub && exec {UP}")])
        .after("cd /opt/streamhub && docker compose --project-name streamhub down");
    let pairs = host.measure(rounds, &join, &up);
    // A service that was just started has to hold out 5 s before a join counts it as running.
    let pairs = pairs.iter().map(|(join, up)| (join.wall, up.wall + 5.0));
    Ratio {
        what: "a first join, Docker and the images present",
        beside: "`docker compose up --detach` from nothing, and the 5 s for which it is watched",
        measured: Measured::Time,
        limit: 2.0,
        pairs: pairs.collect(),
    }
}

fn sizes() -> Vec<Size> {
    let program = release_program();
    let bytes = fs::metadata(&program).expect("it was built").len();
    let packed = Command::new("xz")
        .args(["-9", "--stdout"])
        .arg(&program)
        .output()
        .expect("xz is installed by `make tools`");
    assert!(packed.status.success(), "{packed:?}");
    vec![
        Size {
            what: "the program",
            limit: 6.0,
            mib: bytes as f64 / MIB,
        },
        Size {
            what: "the program, packed by `xz -9`",
            limit: 2.2,
            mib: packed.stdout.len() as f64 / MIB,
        },
    ]
}
