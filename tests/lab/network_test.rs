//! The lab's own tests of its network: that hosts reach each other, and only as long as they are meant to.

use std::time::Duration;

use crate::host::Host;
use crate::wait;

#[test]
fn ufw_decides_who_reaches_a_host() {
    let host = Host::named("guarded").boot();
    let peer = Host::named("peer").boot();
    let stranger = Host::named("stranger").boot();
    let _redis = host
        .command(["redis-server", "--protected-mode", "no"])
        .spawn();
    let ping = format!("timeout 2 redis-cli -h {} ping", host.ip());
    for from in [&peer, &stranger] {
        let answers = wait::until(Duration::from_secs(5), || from.sh(&ping).stdout == "PONG\n");
        assert!(answers, "{} reaches it", from.name());
    }
    host.sh_ok(&format!(
        "ufw allow from {} to any port 6379 proto tcp && ufw --force enable",
        peer.ip()
    ));
    assert_eq!(peer.sh(&ping).stdout, "PONG\n");
    assert_eq!(
        stranger.sh(&ping).code,
        124,
        "ufw drops what it does not allow"
    );
}

#[test]
fn a_host_that_is_cut_off_reaches_nobody_until_it_is_reconnected() {
    let host = Host::named("island").boot();
    let other = Host::named("mainland").boot();
    let ping = format!("ping -c 1 -W 1 {}", other.ip());
    host.sh_ok(&ping);
    host.cut_off();
    assert_ne!(host.sh(&ping).code, 0);
    host.reconnect();
    assert!(wait::until(Duration::from_secs(10), || host.sh(&ping).code == 0));
    let public = other.add_public_address();
    host.sh_ok(&format!("ping -c 1 -W 1 {public}"));
}

#[test]
fn a_bad_link_loses_and_delays_until_it_is_mended() {
    let host = Host::named("far").boot();
    let other = Host::named("near").boot();
    let ping = |count: u32| {
        host.sh(&format!("ping -q -i 0.1 -c {count} -W 5 {}", other.ip()))
            .ok()
    };
    host.worsen_link(0, Duration::from_millis(300));
    let quickest = ping(5);
    let quickest = quickest
        .split("= ")
        .nth(1)
        .and_then(|r| r.split('.').next());
    let milliseconds: u32 = quickest
        .and_then(|ms| ms.parse().ok())
        .expect("answers came");
    assert!((300..600).contains(&milliseconds), "{milliseconds} ms");

    host.worsen_link(50, Duration::ZERO);
    let lossy = ping(40);
    assert!(!lossy.contains(" 0% packet loss"), "{lossy}");
    // Large transfers show what small packets hide: segments that were left to the hardware to split and sum up.
    host.worsen_link(1, Duration::from_millis(5));
    let _serves = other
        .script("cd /usr/bin && exec python3 -m http.server 8000")
        .spawn();
    let fetch = format!(
        "curl -sf --max-time 20 http://{}:8000/python3.13 | cmp - /usr/bin/python3.13",
        other.ip()
    );
    assert!(wait::until(Duration::from_secs(30), || host
        .sh(&fetch)
        .code
        == 0));

    host.mend_link();
    assert!(ping(20).contains(" 0% packet loss"));
}
