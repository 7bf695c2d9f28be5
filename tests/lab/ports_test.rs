//! Whose a port is: decided by cgroup and compose label, never by a process's name.

use crate::cluster::{Origin, REDIS_PASSWORD, edge};
use crate::host::Host;
use crate::shown::snapshot;

/// Every port of the table, as the report names it.
const PORTS: &[(&str, &str)] = &[
    ("1935/tcp", "RTMP"),
    ("7880/tcp", "signaling"),
    ("7881/tcp", "media over TCP"),
    ("8080/tcp", "WHIP"),
    ("7882/udp", "media"),
    ("7885/udp", "WHIP media"),
    ("9090/tcp", "ingress relay"),
    ("6789/tcp", "livekit metrics"),
    ("6790/tcp", "ingress metrics"),
    ("6791/tcp", "egress metrics"),
];

/// Holds a port until it is stopped.
const HOLDER: &str = r#"import socket, sys, time
port, protocol = sys.argv[1].split("/")
kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
held = socket.socket(family, kind)
held.bind((sys.argv[2], int(port)))
if protocol == "tcp": held.listen()
time.sleep(100000)
"#;

/// Starts a stranger's service of this name on a port, and waits until it holds it.
fn stranger(host: &Host, program: &str, port: &str, address: &str) -> String {
    let unit = format!("stranger-{}", port.replace('/', "-"));
    let number = port.split('/').next().expect("it has a number");
    host.sh_ok(&format!(
        "systemd-run --quiet --unit={unit} {program} /run/holder.py {port} {address}
         until ss -Hlntu | grep -q ':{number} '; do sleep 0.02; done"
    ));
    host.sh_ok(&format!("systemctl show --value --property=MainPID {unit}"))
        .trim()
        .to_owned()
}

#[test]
fn every_busy_port_is_reported_with_its_process_and_what_to_do() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.write("/run/holder.py", HOLDER, 0o644);
    let pids: Vec<String> = PORTS
        .iter()
        .map(|(port, _)| stranger(&host, "python3", port, "0.0.0.0"))
        .collect();
    let before = host.tree();
    let output = host.join(&origin).run().expect_code(3);
    assert_eq!(host.tree(), before);
    for ((port, purpose), pid) in PORTS.iter().zip(&pids) {
        let number = port.split('/').next().expect("it has a number");
        let held = format!(
            "error [ports] {port} ({purpose}) on 0.0.0.0:{number} is held by python3 (pid {pid}) of stranger-{}.service",
            port.replace('/', "-")
        );
        assert!(output.stderr.contains(&held), "{held}\n{}", output.stderr);
    }
    assert_eq!(output.stderr.matches("error [ports]").count(), PORTS.len());
    assert_eq!(origin.joins(), 0);
    snapshot(
        "busy_ports",
        &output.stderr,
        &[(&origin.host, "<origin>"), (&host, "<edge>")],
    );
}

#[test]
fn a_stranger_is_a_stranger_whatever_it_is_called_and_wherever_it_listens() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.write("/run/holder.py", HOLDER, 0o644);
    host.write("/run/ingress.yml", ingress_configuration(&origin), 0o600);
    let refused = |says: &str| {
        let output = host.join(&origin).run().expect_code(3);
        assert!(output.stderr.contains(says), "{says}\n{}", output.stderr);
        assert!(!host.has("/etc/streamhub"));
        output.stderr
    };
    for (name, address) in [
        ("node", "0.0.0.0"),
        ("nginx", "127.0.0.1"),
        ("livekit-server", "::"),
    ] {
        host.sh_ok(&format!("ln -sf /usr/bin/python3 /run/{name}"));
        let pid = stranger(&host, &format!("/run/{name}"), "7880/tcp", address);
        let holder = &name[..name.len().min(15)];
        refused(&format!(
            "is held by {holder} (pid {pid}) of stranger-7880-tcp.service"
        ));
        host.sh_ok("systemctl stop stranger-7880-tcp; systemctl reset-failed 2>/dev/null || :");
    }

    // A process that no unit started: what is left is its pid.
    let loose = host
        .command(["python3", "/run/holder.py", "1935/tcp", "0.0.0.0"])
        .spawn();
    host.sh_ok("until ss -Hlnt | grep -q ':1935 '; do sleep 0.02; done");
    let pid = host.sh_ok("pgrep --oldest --full 'holder.py 1935'");
    let pid = pid.trim();
    refused(&format!(
        "1935/tcp (RTMP) on 0.0.0.0:1935 is held by python3 (pid {pid})"
    ));
    refused(&format!(
        "see what it is (ps -fp {pid}) and stop it: kill {pid}"
    ));
    drop(loose);

    // A foreign container, on the host's network and behind a published port.
    for (how, port) in [("--network host", "1935"), ("--publish 8080:8080", "8080")] {
        host.sh_ok(&format!(
            "docker run --detach --name somebodys {how} --env INGRESS_CONFIG_BODY=\"$(cat /run/ingress.yml)\" livekit/ingress:latest
             for i in $(seq 200); do ss -Hlnt | grep -q ':{port} ' && break; sleep 0.05; done
             ss -Hlnt | grep -q ':{port} '"
        ));
        let said = refused("in the container somebodys");
        assert!(
            said.contains("give it another port: docker stop somebodys"),
            "{said}"
        );
        assert!(!said.contains("docker.service"), "{said}");
        host.sh_ok("docker rm --force somebodys");
    }
    assert_eq!(origin.joins(), 0);
}

/// What the stand-in for ingress needs to run.
fn ingress_configuration(origin: &Origin) -> String {
    format!(
        "redis:\n  address: \"{}:6379\"\n  password: \"{REDIS_PASSWORD}\"\napi_key: \"APIExample\"\napi_secret: \"ExampleSecret\"\nws_url: \"ws://127.0.0.1:7880\"\n",
        origin.host.ip()
    )
}
