//! `allow-edge` on an origin with a real ufw and a real redis: who reaches it, before and after.

use std::net::Ipv6Addr;

use crate::cluster::{REDIS_PASSWORD, SECRETS};
use crate::host::Host;

const ENV: &str = "PORT=3020\n";

/// A host that is an origin by its receipt, with redis and something on the API's port, and the program.
fn origin() -> Host {
    let host = Host::named("origin").boot();
    host.push_program();
    let (ip, v6) = (host.ip(), v6(&host));
    host.sh_ok(&format!(
        "mkdir --parents /opt/streamhub /etc/streamhub /var/empty
         ip address add {v6}/64 dev host0 nodad
         systemd-run --quiet --unit=lab-redis redis-server --bind 127.0.0.1 {ip} {v6} --requirepass {REDIS_PASSWORD} --save ''
         systemd-run --quiet --unit=lab-api python3 -m http.server 3020 --directory /var/empty
         until redis-cli -h {ip} -a {REDIS_PASSWORD} ping 2>/dev/null | grep -q PONG; do sleep 0.05; done
         until bash -c '</dev/tcp/127.0.0.1/3020' 2>/dev/null; do sleep 0.05; done"
    ));
    host.write("/opt/streamhub/.env", ENV, 0o600);
    let receipt = serde_json::json!({
        "version": 1, "written_by": "0.1.0", "role": "origin", "dir": "/opt/streamhub",
        "settings": { "domain": "localhost", "cluster_redis_bind": ip.to_string() }, "owned": [],
    });
    host.write("/etc/streamhub/receipt.json", receipt.to_string(), 0o600);
    host
}

/// The IPv6 address that a host gets: its own, since all hosts of the lab share one bridge.
fn v6(host: &Host) -> Ipv6Addr {
    let [high, low] = [0, 2].map(|at| {
        let octets = host.ip().octets();
        u16::from_be_bytes([octets[at], octets[at + 1]])
    });
    Ipv6Addr::from([0xfd00, 0x1ab, 0, 0, 0, 0, high, low])
}

/// Another host, with an IPv6 address too.
fn other(name: &str) -> Host {
    let host = Host::named(name).boot();
    host.sh_ok(&format!("ip address add {}/64 dev host0 nodad", v6(&host)));
    host
}

fn reaches(from: &Host, address: &str, port: u16) -> bool {
    let connect = format!("timeout 2 bash -c '</dev/tcp/{address}/{port}'");
    from.sh(&connect).code == 0
}

/// Both rules files, the kernel's rules, and what ufw says.
fn state(host: &Host) -> String {
    host.sh_ok(
        "sha256sum /etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/ufw.conf /etc/default/ufw
         iptables -S ufw-user-input; ip6tables -S ufw6-user-input; ufw status numbered",
    )
}

fn kept(host: &Host) -> serde_json::Value {
    let text = host.sh_ok("cat /etc/streamhub/receipt.json");
    serde_json::from_str(&text).expect("the receipt is JSON")
}

#[test]
fn an_allowed_edge_is_let_in_past_every_refusal_and_revoked_it_is_shut_out() {
    let origin = origin();
    let (edge, stranger) = (other("edge-1"), other("stranger"));
    let address = origin.ip().to_string();
    let ip = edge.ip().to_string();
    let (origins_v6, edges_v6) = (v6(&origin).to_string(), v6(&edge).to_string());
    // As somebody may type it.
    let long = edges_v6.replace("::", ":0::");
    let rule = |port: u16| format!("allow from {ip} to any port {port} proto tcp");
    // Refused to all and to this edge, limited, and the edge's own rule below all that.
    origin.sh_ok(&format!(
        "ufw allow 22/tcp; ufw deny 6379; ufw reject from {ip} to any port 3020 proto tcp; ufw limit 3020/tcp
         ufw deny from fd00:1ab::/64; ufw {} comment 'the first edge'; ufw --force enable",
        rule(6379)
    ));
    assert!(!reaches(&edge, &address, 6379) && !reaches(&edge, &address, 3020));
    let before = state(&origin);
    let mapped = format!("::ffff:{ip}");
    let dry = origin
        .program(["allow-edge", &mapped, "--dry-run"])
        .run()
        .expect_code(0);
    dry.expect_said(&[
        &format!("ufw prepend {} comment 'the first edge'", rule(6379)),
        &format!("ufw prepend {}", rule(3020)),
    ]);
    assert_eq!(state(&origin), before);

    let allowed = ["allow-edge", &mapped, &long];
    let said = origin.program(allowed).run().expect_code(0);
    assert!(reaches(&edge, &address, 6379) && reaches(&edge, &address, 3020));
    assert!(reaches(&edge, &origins_v6, 6379));
    for address in [&address, &origins_v6] {
        assert!(!reaches(&stranger, address, 6379), "{address}");
    }
    let after = state(&origin);
    assert!(after.contains("the first edge"), "{after}");
    for secret in SECRETS {
        assert!(!said.said().contains(secret));
    }
    // Three runs leave the same rules, and none but the first changes any.
    for _ in 0..2 {
        let again = origin.program(allowed).run().expect_code(0);
        again.expect_said(&["nothing to change"]);
        assert_eq!(state(&origin), after);
    }
    let receipt = kept(&origin);
    assert_eq!(
        receipt["settings"]["allow_edge"],
        serde_json::json!([ip, edges_v6])
    );
    // The operator's own rule was moved, and is still his.
    let owned = receipt["owned"].to_string();
    assert!(
        owned.contains(&rule(3020)) && !owned.contains(&rule(6379)),
        "{owned}"
    );

    // A change of the rules that was cut off before they were in force is finished.
    origin.sh_ok(&format!(
        "iptables -D ufw-user-input -s {ip} -p tcp --dport 6379 -j ACCEPT"
    ));
    assert!(!reaches(&edge, &address, 6379));
    origin.program(allowed).run().expect_code(0);
    assert!(reaches(&edge, &address, 6379));
    assert_eq!(state(&origin), after);

    // What is open when the rules go is ended, and what else lets the edge in is named.
    origin.sh_ok("ufw prepend allow from 10.0.0.0/8 to any port 3020 proto tcp");
    edge.sh_ok(&format!(
        "systemd-run --quiet --unit=open bash -c 'exec 3<>/dev/tcp/{address}/6379; cat <&3'
         until ss -Htn dst {address} | grep -q ESTAB; do sleep 0.05; done"
    ));
    let first = ["allow-edge", "--revoke", &ip, &edges_v6];
    let named = origin.program(first).run().expect_code(0);
    named.expect_said(&[
        "still reaches",
        "ufw delete allow from 10.0.0.0/8 to any port 3020 proto tcp",
        "ufw delete limit 3020/tcp",
    ]);
    assert!(reaches(&edge, &address, 3020) && !reaches(&edge, &address, 6379));
    assert!(!reaches(&edge, &origins_v6, 6379));
    origin.sh_ok(
        "ufw delete allow from 10.0.0.0/8 to any port 3020 proto tcp; ufw delete limit 3020/tcp",
    );
    origin
        .program(first)
        .run()
        .expect_code(0)
        .expect_said(&["no more"]);
    assert!(!reaches(&edge, &address, 3020) && !reaches(&edge, &address, 6379));
    let open = format!("ss -Htn state established '( sport = :6379 )' dst {ip}");
    assert_eq!(origin.sh_ok(&open), "");
    let receipt = kept(&origin);
    assert_eq!(receipt["settings"].get("allow_edge"), None);
    assert!(
        !receipt["owned"].to_string().contains("firewall_rule"),
        "{receipt}"
    );
    assert!(!state(&origin).contains(&ip));

    // One that ufw can't let in is told before anything is kept.
    origin.sh_ok("sed -i s/^IPV6=.*/IPV6=no/ /etc/default/ufw && ufw reload");
    let refused = origin.program(["allow-edge", &edges_v6]).run();
    refused.expect_code(3).expect_said(&["refuse IPv6"]);
    assert_eq!(kept(&origin)["settings"].get("allow_edge"), None);
    origin.paste("sed -i s/^IPV6=.*/IPV6=yes/ /etc/default/ufw && ufw reload");
    let allowed = origin.program(["allow-edge", &edges_v6]).run();
    allowed.expect_code(0);
    assert!(reaches(&edge, &origins_v6, 6379));
}

#[test]
fn a_firewall_that_is_open_or_off_or_gone_is_reported_and_never_switched_on() {
    let origin = origin();
    let allow = || {
        origin
            .program(["allow-edge", "10.66.0.7"])
            .run()
            .expect_code(0)
    };
    // Off: said, with the command, and the rules are kept for the day when it is on.
    allow().expect_said(&["ufw is switched off", "ufw enable"]);
    assert!(origin.sh_ok("ufw status").contains("inactive"));
    origin.sh_ok("grep -q 'allow tcp 6379 0.0.0.0/0 any 10.66.0.7 in' /etc/ufw/user.rules");

    // On: each way to let everybody in is told, with a command that ends it.
    origin.sh_ok("ufw allow 22/tcp; ufw --force enable");
    assert!(!allow().said().contains("[firewall]"));
    for open in [
        "allow 6379",
        "limit 3020/tcp",
        "allow 6000:7000/tcp",
        "allow from 203.0.113.0/24 to any port 6379 proto tcp",
        "allow from 2001:db8::/48 to any port 3020,6379 proto tcp",
        "allow log from any to any port 6379 proto tcp comment 'for now'",
        "allow 'Lab Redis'",
    ] {
        origin.write(
            "/etc/ufw/applications.d/lab",
            "[Lab Redis]\ntitle=redis\ndescription=redis\nports=6379/tcp\n",
            0o644,
        );
        origin.sh_ok(&format!("ufw {open}"));
        let said = allow();
        let fix = said
            .said()
            .lines()
            .find_map(|line| Some(line.split_once("fix: ")?.1.to_owned()));
        let fix = fix.unwrap_or_else(|| panic!("{open} is no danger:\n{}", said.said()));
        origin.sh_ok(&fix);
        assert!(
            !allow().said().contains("[firewall]"),
            "{fix} does not end {open}"
        );
    }
    origin.sh_ok("ufw default allow incoming");
    allow().expect_said(&["ufw default deny incoming"]);
    origin.sh_ok("ufw default deny incoming");
    // A private network is nobody's danger, and neither is a rule that another one has overruled.
    origin.sh_ok(
        "ufw allow from 10.0.0.0/8 to any port 6379 proto tcp; ufw deny 3020; ufw allow 3020/tcp",
    );
    assert!(!allow().said().contains("[firewall]"));

    // Gone: said, and kept for the day when it is there.
    origin.sh_ok("ufw disable; mv /usr/sbin/ufw /root/ufw");
    let said = origin
        .program(["allow-edge", "10.66.0.8"])
        .run()
        .expect_code(0);
    said.expect_said(&["there is no ufw", "apt-get install ufw"]);
    assert!(
        kept(&origin)["settings"]["allow_edge"]
            .to_string()
            .contains("10.66.0.8")
    );
    origin.sh_ok("mv /root/ufw /usr/sbin/ufw");

    // Nowhere else, and nobody else's address.
    for bad in ["0.0.0.0", "::", "127.0.0.1", "10.0.0.0/8", "edge-1"] {
        origin.program(["allow-edge", bad]).run().expect_code(2);
    }
    let edges = origin.sh_ok("sed 's/\"origin\"/\"edge\"/; s/\"domain\":\"localhost\"/\"master_ip\":\"10.66.0.9\"/' /etc/streamhub/receipt.json");
    origin.write("/etc/streamhub/receipt.json", edges, 0o600);
    let refused = origin
        .program(["allow-edge", "10.66.0.7"])
        .run()
        .expect_code(2);
    refused.expect_said(&["this host is an edge", "run it on the origin"]);
    origin.sh_ok("rm /etc/streamhub/receipt.json");
    let refused = origin
        .program(["allow-edge", "10.66.0.7"])
        .run()
        .expect_code(2);
    refused.expect_said(&["this host is none", "--cluster-redis-bind"]);
}
