//! How a real install talks: to machines, quietly, at length, and to nobody.

use crate::cluster::{Origin, SECRETS, TOKEN, edge};
use crate::events::{events, of_kind};

#[test]
fn an_install_talks_to_machines_and_to_readers_that_go_away() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    let no_secret = |text: &str| {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    };

    // The first join with a reader of one line.
    let ip = origin.host.ip();
    let script = format!(
        "{{ /root/streamhub-install --join --master-ip {ip} --json; echo $? >/run/code; }} 2>/run/errors | head -1"
    );
    let cut = host.script(&script).env("STREAMHUB_MASTER_TOKEN", TOKEN);
    let cut = cut.env("STREAMHUB_IP_LOOKUP_URL", "").run().expect_code(0);
    assert_eq!(cut.stdout.lines().count(), 1, "{}", cut.stdout);
    assert_eq!(
        host.read("/run/code"),
        "0\n",
        "{}",
        host.read("/run/errors")
    );
    host.program(["status"]).run().expect_code(0);

    // A change of many steps, in events; people's text is on stderr.
    host.sh_ok("docker rm --force streamhub-egress; rm -r /opt/streamhub/docker-compose.yml /etc/sysctl.d/99-streamhub-webrtc.conf");
    let output = host.program(["--join", "--json"]).run().expect_code(0);
    let seen = events(&output.stdout, 0);
    let steps = of_kind(&seen, "step");
    assert_eq!(steps.len() % 2, 0, "{}", output.stdout);
    for pair in steps.chunks(2) {
        assert_eq!(pair[0]["name"], pair[1]["name"], "{}", output.stdout);
        assert_eq!(
            (&pair[0]["state"], &pair[1]["state"]),
            (&"started".into(), &"done".into())
        );
    }
    let planned: Vec<_> = of_kind(&seen, "plan")
        .iter()
        .map(|e| e["resource"].clone())
        .collect();
    let made: Vec<_> = steps
        .chunks(2)
        .map(|pair| pair[0]["name"].clone())
        .collect();
    assert_eq!(
        made[..planned.len()],
        planned[..],
        "what was planned is what was done"
    );
    assert_eq!(seen.last().expect("it ends")["changed"], true);
    assert!(
        output.stderr.contains("edge-1 is joined and serving."),
        "{}",
        output.stderr
    );
    no_secret(&output.stdout);

    // Nothing to do; then a fault; then an origin that is away.
    let output = host.program(["--join", "--json"]).run().expect_code(0);
    assert_eq!(
        events(&output.stdout, 0).last().expect("it ends")["changed"],
        false
    );
    let output = host
        .program(["--standalone", "--json"])
        .run()
        .expect_code(2);
    events(&output.stdout, 2);
    host.sh_ok(
        "systemctl stop streamhub-heartbeat.timer; mv /run/systemd/system /run/systemd/away",
    );
    let output = host.program(["--join", "--json"]).run().expect_code(3);
    assert_eq!(
        of_kind(&events(&output.stdout, 3), "finding")[0]["check"],
        "systemd"
    );
    host.sh_ok("mv /run/systemd/away /run/systemd/system");
    origin.down();
    let output = host.program(["--join", "--json"]).run().expect_code(0);
    let seen = events(&output.stdout, 0);
    assert_eq!(seen.last().expect("it ends")["degraded"], true);
    assert!(!of_kind(&seen, "warning").is_empty(), "{}", output.stdout);
    origin.up();

    // Quiet: the result and the trouble. At length: every program, and no secret.
    let quiet = host.program(["--join", "-q"]).run().expect_code(0);
    assert!(
        quiet.stdout.starts_with("\nedge-1 is joined and serving."),
        "{}",
        quiet.stdout
    );
    host.sh_ok("docker rm --force streamhub-egress");
    let long = host.program(["--join", "-v"]).run().expect_code(0);
    assert!(
        long.stderr
            .contains("run: docker --host=unix:///run/docker.sock compose "),
        "{}",
        long.stderr
    );
    no_secret(&long.stderr);
    let log = host.read("/var/log/streamhub-install.log");
    assert!(log.contains("run: docker ") && log.contains("edge-1 is joined and serving."));
    no_secret(&log);
    assert_eq!(
        host.sh_ok("stat -c %a /var/log/streamhub-install.log"),
        "600\n"
    );
    for text in [&long.stdout, &long.stderr, &quiet.stdout] {
        assert!(
            !text.contains('\u{1b}') && !text.contains('\r'),
            "no terminal, no colours"
        );
    }
}
