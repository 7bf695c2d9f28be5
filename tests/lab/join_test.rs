//! The documented join on a fresh host, and what it leaves there.

use crate::cluster::{Origin, edge};

#[test]
fn a_fresh_host_joins() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);
    assert_eq!(origin.node("edge-1")["status"], "active");
}
