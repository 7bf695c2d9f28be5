use super::*;
use crate::receipt::Role;

fn entry(thing: Owned, created: bool) -> Entry {
    Entry {
        thing,
        created,
        pending: false,
    }
}

fn file(path: &str) -> Owned {
    Owned::File { path: path.into() }
}

/// An edge's receipt in the order in which an install writes it.
fn edge() -> Receipt {
    let dir = Path::new("/opt/streamhub");
    let mut receipt = Receipt::new(Role::Edge, dir);
    let path = |name: &str| dir.join(name);
    receipt.owned = [
        Owned::Packages {
            names: vec!["docker.io".to_owned()],
        },
        file("/etc/apt/sources.list.d/docker.sources"),
        file(SYSCTL),
        Owned::FirewallRule {
            rule: "allow 7880/tcp".to_owned(),
        },
        file(PROGRAM),
        Owned::Directory { path: dir.into() },
        Owned::Image {
            name: "livekit/ingress:latest".to_owned(),
        },
        Owned::File { path: path(".env") },
        file(HEARTBEAT_ENV),
        Owned::Directory { path: path("data") },
        file("/etc/systemd/system/streamhub-heartbeat.service"),
        Owned::Stack {
            project: "streamhub".to_owned(),
            dir: dir.into(),
        },
        Owned::Unit {
            name: "streamhub-heartbeat.timer".to_owned(),
        },
    ]
    .into_iter()
    .map(|thing| entry(thing, true))
    .collect();
    receipt
}

fn names(receipt: &Receipt, flags: &UninstallFlags) -> Vec<String> {
    let removals = removals(receipt, flags, None);
    removals.iter().map(|removal| removal.name()).collect()
}

#[test]
fn what_beats_goes_first_and_what_tells_of_a_failure_last() {
    let all = UninstallFlags {
        purge: true,
        purge_packages: true,
        ..UninstallFlags::default()
    };
    assert_eq!(
        names(&edge(), &all),
        [
            "unit streamhub-heartbeat.timer",
            "file /etc/systemd/system/streamhub-heartbeat.service",
            "file /etc/streamhub/heartbeat.env",
            "containers, networks and volumes of the compose project streamhub",
            "directory /opt/streamhub",
            "image livekit/ingress:latest",
            "firewall rule: allow 7880/tcp",
            "packages docker.io",
            "file /etc/sysctl.d/99-streamhub-webrtc.conf",
            "file /etc/apt/sources.list.d/docker.sources",
            "file /var/log/streamhub-install.log",
            "file /usr/local/bin/streamhub-install",
        ]
    );
}

#[test]
fn each_flag_takes_its_own() {
    let without = names(&edge(), &UninstallFlags::default());
    for kept in ["image", "firewall", "packages", SYSCTL, "docker.sources"] {
        assert!(!without.iter().any(|name| name.contains(kept)), "{kept}");
    }
    let purge = UninstallFlags {
        purge: true,
        ..UninstallFlags::default()
    };
    let purged = names(&edge(), &purge);
    for kept in ["packages", "docker.sources"] {
        assert!(!purged.iter().any(|name| name.contains(kept)), "{kept}");
    }
    assert_eq!(purged.len(), without.len() + 3);
}

#[test]
fn what_was_there_before_us_is_not_removed() {
    let mut receipt = edge();
    for entry in &mut receipt.owned {
        entry.created = !matches!(&entry.thing, Owned::File { path } if path == Path::new(PROGRAM));
    }
    let found = names(&receipt, &UninstallFlags::default());
    assert!(
        !found.iter().any(|name| name.contains(PROGRAM)),
        "{found:?}"
    );
}

#[test]
fn a_run_that_made_nothing_in_the_directory_leaves_it() {
    let mut receipt = edge();
    receipt.owned.truncate(5);
    let found = names(&receipt, &UninstallFlags::default());
    assert!(
        !found.iter().any(|name| name.contains("directory")),
        "{found:?}"
    );
}

#[test]
fn what_is_printed_to_take_the_rest_keeps_what_was_kept() {
    let receipt = edge();
    let path = |name: &str| receipt.dir.join(name);
    let image = Owned::Image {
        name: "livekit/ingress:latest".to_owned(),
    };
    let inside = [
        Owned::File { path: path(".env") },
        Owned::Directory { path: path("data") },
    ];
    let flags = |stays: &[Owned]| flags_for(&receipt, stays);
    assert_eq!(flags(&[]), None);
    assert_eq!(flags(&inside), None);
    assert_eq!(
        flags(std::slice::from_ref(&image)).as_deref(),
        Some("--purge")
    );
    let both = [inside.as_slice(), &[image]].concat();
    assert_eq!(flags(&both).as_deref(), Some("--keep-data --purge"));
}
