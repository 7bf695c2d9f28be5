use std::path::Path;

use super::*;
use crate::receipt::{Receipt, Role};

#[test]
fn a_password_is_encoded_in_an_address() {
    let redis = Redis {
        bind: None,
        taken_back: false,
        password: Some(Secret::unregistered("a@b:c/d")),
    };
    assert_eq!(
        redis.url("10.0.0.10".parse().unwrap()),
        "redis://:a%40b%3Ac%2Fd@10.0.0.10:6379"
    );
    assert_eq!(
        redis.url("fd00::1".parse().unwrap()),
        "redis://:a%40b%3Ac%2Fd@[fd00::1]:6379"
    );
}

#[test]
fn every_address_that_redis_listens_on_is_known() {
    for (bind, beyond) in [
        ("127.0.0.1 -::1", ""),
        ("127.0.0.1 10.0.0.10", "10.0.0.10"),
        ("0.0.0.0", "0.0.0.0"),
        ("* -::*", "* ::*"),
        ("localhost redis.example.com", "redis.example.com"),
        ("127.0.0.1 10.0.0.10 203.0.113.10", "10.0.0.10 203.0.113.10"),
    ] {
        assert_eq!(beyond_loopback(bind), beyond, "{bind}");
    }
}

#[test]
fn an_adopted_bind_is_one_address() {
    assert!(adopted("10.0.0.10").is_ok() && adopted("203.0.113.10").is_ok());
    for text in ["0.0.0.0", "::", "* ::*", "10.0.0.10 203.0.113.10"] {
        let refusal = format!("{:#}", adopted(text).unwrap_err());
        assert!(refusal.contains(text), "{refusal}");
    }
}

#[test]
fn only_private_addresses_are_for_clusters() {
    for ip in [
        "10.0.0.10",
        "172.31.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "fd00::1",
    ] {
        assert!(is_for_clusters(ip.parse().unwrap()), "{ip}");
    }
    for ip in [
        "203.0.113.10",
        "127.0.0.1",
        "169.254.0.1",
        "2001:db8::1",
        "fe80::1",
    ] {
        assert!(!is_for_clusters(ip.parse().unwrap()), "{ip}");
    }
}

const LEFT: &str = "REDIS_BIND='127.0.0.1 10.0.0.10'\nREDIS_PASSWORD=Example\nSTREAMHUB_CLUSTER_REDIS_URL=redis://:Example@10.0.0.10:6379\n";

fn left(text: &str) -> Result<Option<IpAddr>> {
    let own = ["127.0.0.1", "10.0.0.10"].map(|ip| ip.parse().unwrap());
    left_in_env(&EnvFile::parse(text.as_bytes()).unwrap(), &own)
}

#[test]
fn what_an_earlier_run_offered_the_cluster_is_known_from_env_alone() {
    assert_eq!(left(LEFT).unwrap(), "10.0.0.10".parse().ok());
    assert_eq!(left("REDIS_BIND=127.0.0.1\n").unwrap(), None);
    assert_eq!(left("").unwrap(), None);
    let elsewhere = LEFT.replace("10.0.0.10", "10.0.0.11");
    let refusal = left(&elsewhere).unwrap_err().to_string();
    assert!(refusal.contains("no address of this host"), "{refusal}");
}

#[test]
fn redis_is_not_offered_by_a_line_in_env_that_came_by_hand() {
    let without = |key: &str| {
        let lines = LEFT.lines().filter(|line| !line.starts_with(key));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    for text in [
        "REDIS_BIND=0.0.0.0\n",
        "REDIS_BIND='127.0.0.1 10.0.0.10'\n",
        "REDIS_BIND=redis.example.com\n",
        &without("REDIS_PASSWORD"),
        &without("STREAMHUB_CLUSTER_REDIS_URL"),
        &LEFT.replace("127.0.0.1 10.0.0.10", "0.0.0.0"),
    ] {
        let refusal = left(text).unwrap_err();
        let fault = Fault::of(&refusal);
        assert_eq!(fault.exit, Exit::NotReady, "{text}");
        assert!(refusal.to_string().contains("REDIS_BIND="), "{refusal}");
    }
}

#[test]
fn only_a_take_back_that_was_cut_off_goes_on_and_not_a_kept_env() {
    let resolve = |taking_redis_back| {
        let mut receipt = Receipt::new(Role::Origin, Path::new("/opt/streamhub"));
        receipt.settings.domain = Some("localhost".to_owned());
        receipt.settings.taking_redis_back = taking_redis_back;
        let saved = Saved {
            receipt: Some(receipt),
            ..Saved::default()
        };
        // No host has it.
        let env = LEFT.replace("10.0.0.10", "192.0.2.1");
        let env = EnvFile::parse(env.as_bytes()).unwrap();
        Redis::resolve(&Given::nothing().unwrap(), &Host::new("/"), &saved, &env)
    };
    let gone = resolve(true).unwrap();
    assert!(gone.taken_back && gone.bind.is_none() && gone.password.is_none());
    assert!(resolve(false).is_err());
}
