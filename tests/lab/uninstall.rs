//! Taking a node away, and what is to be on its host then as it was before the node came.

use crate::command::Output;
use crate::host::Host;
use crate::images::Image;
use crate::tree::Tree;

/// What a run says that finds no node.
pub const NOTHING: &str = "There is nothing to remove";

/// A run that nobody has to confirm.
pub fn uninstall(host: &Host, flags: &[&str]) -> Output {
    host.program(["uninstall", "--yes"]).args(flags).run()
}

/// What differs, as a line each: what is new, what is gone, what is another one.
pub fn difference(before: &Tree, after: &Tree) -> Vec<String> {
    let paths = before.keys().chain(after.keys());
    let mut differing: Vec<String> = paths
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| path.display().to_string())
        .collect();
    differing.sort();
    differing.dedup();
    differing
}

/// What differs on an origin's host besides: nginx's own, what apt was asked, and what an operator's key and building leave.
pub fn of_others(path: &str) -> bool {
    let places = [
        "/var/log/nginx",
        "/var/log/apt/eipp.log.xz",
        "/root/.docker",
    ];
    places.iter().any(|at| path.starts_with(at))
}

/// A container, a volume, a network and a compose project of somebody else's, who calls it as we call ours.
pub fn strangers(host: &Host) {
    host.import(&Image::busybox());
    host.sh_ok(
        "docker run --detach --name foreign lab/busybox:1 sleep 100000
         docker volume create foreign; docker volume create streamhub_foreign
         docker network create foreign",
    );
}

/// What there is of others: containers, volumes, networks, images and rules.
pub fn others(host: &Host) -> String {
    host.sh_ok(
        "docker ps --all --no-trunc --format '{{.Names}} {{.ID}} {{.State}}' | sort
         docker volume ls --quiet; docker network ls --format '{{.Name}}'; docker images --quiet --no-trunc lab/busybox
         ufw status; iptables-save | grep ^-A.*dport | sort",
    )
}
