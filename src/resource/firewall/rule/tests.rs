use super::*;

const USER: &str = include_str!("../../../../fixtures/ufw/user.rules");
const USER6: &str = include_str!("../../../../fixtures/ufw/user6.rules");
/// The same firewall, in ufw's own words: `ufw show added`.
const ADDED: &str = include_str!("../../../../fixtures/ufw/show-added.txt");

fn rules(text: &str) -> Vec<Rule> {
    text.lines().filter_map(Rule::parse).collect()
}

fn rule(tuple: &str) -> Rule {
    Rule::parse(&format!("### tuple ### {tuple}")).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn every_rule_for_what_comes_in_reads_as_ufw_shows_it() {
    let shown: Vec<String> = rules(USER)
        .iter()
        .chain(rules(USER6).iter().filter(|r| !r.from.is_everybody()))
        .map(|rule| format!("ufw {}", typed(&rule.words_with_comment())))
        .collect();
    let is_for_input = |line: &&str| !line.contains(" out ") && !line.contains(" route ");
    let added: Vec<&str> = ADDED.lines().skip(1).filter(is_for_input).collect();
    assert_eq!(shown, added);
}

#[test]
fn what_goes_out_or_through_and_what_is_no_rule_is_not_one() {
    for line in [
        "### tuple ### allow any 53 0.0.0.0/0 any 0.0.0.0/0 out",
        "### tuple ### allow any 53 0.0.0.0/0 any 0.0.0.0/0 out_eth0",
        "### tuple ### route:allow tcp 6379 5.6.7.8 any 1.2.3.4 in",
        "### tuple ### allow tcp 6379 5.6.7.8 any 1.2.3.4 in_eth0!out_eth1",
        "### tuple ### allow tcp 6379 0.0.0.0/0",
        "### tuple ###",
        "-A ufw-user-input -p tcp --dport 6379 -j DROP",
        "",
    ] {
        assert_eq!(Rule::parse(line), None, "{line}");
    }
    // The form of old versions, before there was a direction.
    let old = rule("deny tcp 6379 0.0.0.0/0 any 0.0.0.0/0");
    assert_eq!(old.to_string(), "deny 6379/tcp");
}

#[test]
fn ports_are_single_or_several_or_ranges_or_all() {
    let covers = |ports: &str, port| {
        rule(&format!("allow tcp {ports} 0.0.0.0/0 any 0.0.0.0/0 in")).covers(port, Protocol::Tcp)
    };
    assert!(covers("6379", 6379) && covers("any", 6379));
    assert!(covers("3020,6379", 6379) && covers("6000:7000", 6379) && covers("22,6379:6380", 6380));
    assert!(!covers("637", 6379) && !covers("6000:6378", 6379) && !covers("3020,63790", 6379));
    let udp = rule("deny udp 6379 0.0.0.0/0 any 0.0.0.0/0 in");
    assert!(!udp.covers(6379, Protocol::Tcp) && udp.covers(6379, Protocol::Udp));
    assert!(rule("deny any 6379 ::/0 any ::/0 in").covers(6379, Protocol::Tcp));
}

#[test]
fn a_network_contains_its_addresses_and_smaller_networks() {
    let contains = |a: &str, b: &str| {
        Network::parse(a)
            .unwrap()
            .contains(Network::parse(b).unwrap())
    };
    assert!(contains("0.0.0.0/0", "10.1.2.3") && contains("10.0.0.0/8", "10.1.0.0/16"));
    assert!(contains("::/0", "fd00::5") && contains("fd00::/8", "fd00::5"));
    assert!(contains("10.1.2.3", "10.1.2.3/32"));
    assert!(!contains("10.1.0.0/16", "10.0.0.0/8") && !contains("10.1.2.0/24", "10.1.3.1"));
    assert!(!contains("0.0.0.0/0", "fd00::5") && !contains("::/0", "10.1.2.3"));
    assert_eq!(Network::parse("10.0.0.0/33"), None);
}

#[test]
fn private_networks_are_told_from_public_ones() {
    let is_private = |text: &str| Network::parse(text).unwrap().is_private();
    for private in [
        "10.0.0.0/8",
        "192.168.1.0/24",
        "172.16.5.5",
        "100.64.1.0/24",
        "fd00::/64",
    ] {
        assert!(is_private(private), "{private}");
    }
    for public in [
        "0.0.0.0/0",
        "172.0.0.0/8",
        "203.0.113.0/24",
        "::/0",
        "2001:db8::/64",
        "100.0.0.0/8",
    ] {
        assert!(!is_private(public), "{public}");
    }
}

#[test]
fn a_rule_is_about_the_same_whatever_it_decides() {
    let ours = Rule::allowing(ip("10.1.2.3"), 6379);
    for same in [
        "allow tcp 6379 0.0.0.0/0 any 10.1.2.3 in",
        "allow tcp 6379 0.0.0.0/0 any 10.1.2.3 in comment=61",
        "deny_log tcp 6379 0.0.0.0/0 any 10.1.2.3/32 in",
    ] {
        assert!(rule(same).is_about_the_same(&ours), "{same}");
    }
    for other in [
        "allow any 6379 0.0.0.0/0 any 10.1.2.3 in",
        "allow tcp 3020,6379 0.0.0.0/0 any 10.1.2.3 in",
        "allow tcp 6379 10.0.0.1 any 10.1.2.3 in",
        "allow tcp 6379 0.0.0.0/0 any 10.1.2.3 in_eth0",
        "allow tcp 6379 0.0.0.0/0 1000 10.1.2.3 in",
        "allow tcp 6379 0.0.0.0/0 any 10.1.2.0/24 in",
    ] {
        assert!(!rule(other).is_about_the_same(&ours), "{other}");
    }
}
