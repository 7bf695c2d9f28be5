//! An operator's firewall: the public ports are opened in it, and nothing else about it changes.

use crate::cluster::{Origin, edge};
use crate::host::Host;

const OPENED: &[&str] = &[
    "1935/tcp", "7880/tcp", "7881/tcp", "8080/tcp", "7882/udp", "7885/udp",
];

/// ufw's rules in their effective order, as it lists them itself.
fn rules(host: &Host) -> Vec<String> {
    let status = host.sh_ok("ufw status");
    let rules = status
        .lines()
        .skip_while(|line| !line.starts_with("--"))
        .skip(1);
    let squeezed = rules.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    squeezed.filter(|line| !line.is_empty()).collect()
}

/// What ufw keeps on disk, and what it has put into the kernel.
fn state(host: &Host) -> String {
    host.sh_ok(
        "find /etc/ufw -type f -exec sha256sum {} + | sort
         iptables-save | grep -i ufw | sed 's/\\[.*//' || :",
    )
}

#[test]
fn an_active_firewall_lets_the_public_ports_in_and_is_otherwise_left_alone() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.sh_ok(
        "ufw allow 22/tcp; ufw deny 6379/tcp; ufw allow from 10.9.9.9 to any port 3020 proto tcp
         ufw allow 1935/tcp comment 'mine'; ufw --force enable",
    );
    let before = rules(&edge);
    edge.joined(&origin);
    let after = rules(&edge);
    // What was there is there still, in its order, and what is new is what everybody may reach.
    let (kept, added): (Vec<&String>, Vec<&String>) =
        after.iter().partition(|rule| before.contains(rule));
    assert_eq!(kept, before.iter().collect::<Vec<_>>());
    let mut wanted: Vec<String> = OPENED[1..]
        .iter()
        .flat_map(|port| {
            [
                format!("{port} ALLOW Anywhere"),
                format!("{port} (v6) ALLOW Anywhere (v6)"),
            ]
        })
        .collect();
    wanted.sort();
    let mut added: Vec<String> = added.into_iter().cloned().collect();
    added.sort();
    assert_eq!(added, wanted);

    // Others reach what is public, and nothing that is not.
    let reaches = |port: u16| {
        let connect = format!("timeout 2 bash -c '</dev/tcp/{}/{port}'", edge.ip());
        origin.host.sh(&connect).code == 0
    };
    assert!(reaches(7880) && reaches(1935) && reaches(8080));
    assert!(!reaches(6789) && !reaches(6379) && !reaches(3020));

    let files = state(&edge);
    let again = edge.program::<&str>([]).run().expect_code(0);
    assert!(again.stdout.contains("changed    nothing"), "{again:?}");
    assert_eq!(rules(&edge), after);
    assert_eq!(state(&edge), files);

    // One that an operator puts above is not undone: it is told, and what takes it away.
    edge.sh_ok("ufw prepend deny 7880");
    assert!(!reaches(7880));
    edge.program::<&str>([])
        .run()
        .expect_code(0)
        .expect_said(&["nobody reaches port 7880/tcp", "ufw delete deny 7880"]);
    let fix = edge.suffers("public-ports", &["ufw deny 7880", "stands above"]);
    edge.paste(&fix);
    assert!(reaches(7880));
    assert_eq!(rules(&edge), after);

    // A rule that somebody takes away comes back, that one alone.
    edge.sh_ok("ufw delete allow 7882/udp");
    let said = edge.program::<&str>([]).run().expect_code(0);
    assert!(said.stdout.contains("ufw allow 7882/udp"), "{said:?}");
    let mut mended = rules(&edge);
    mended.sort();
    let mut whole = after.clone();
    whole.sort();
    assert_eq!(mended, whole);
}

#[test]
fn an_inactive_firewall_stays_as_it_is() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.sh_ok("ufw allow 22/tcp");
    let before = state(&edge);
    edge.joined(&origin);
    assert_eq!(state(&edge), before);
    assert!(edge.sh_ok("ufw status").contains("inactive"));
}
