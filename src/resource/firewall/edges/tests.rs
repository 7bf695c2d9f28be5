use super::*;

fn rules(tuples: &[&str]) -> Vec<Rule> {
    let parse = |tuple: &&str| Rule::parse(&format!("### tuple ### {tuple}")).unwrap();
    tuples.iter().map(parse).collect()
}

/// What is done for one edge to reach redis, given these rules.
fn done(tuples: &[&str]) -> Vec<String> {
    let need = need(&rules(tuples), "10.1.2.3".parse().unwrap(), REDIS);
    let commands = need.map_or_else(Vec::new, |need| need.commands());
    commands.iter().map(|words| typed(words)).collect()
}

const OURS: &str = "allow tcp 6379 0.0.0.0/0 any 10.1.2.3 in";
const RULE: &str = "allow from 10.1.2.3 to any port 6379 proto tcp";

#[test]
fn a_rule_that_has_its_effect_is_left_where_it_is() {
    assert_eq!(done(&[OURS]), [""; 0]);
    assert_eq!(
        done(&[OURS, "deny any 6379 0.0.0.0/0 any 0.0.0.0/0 in"]),
        [""; 0]
    );
    for above in [
        "deny tcp 22 0.0.0.0/0 any 0.0.0.0/0 in",
        "deny udp 6379 0.0.0.0/0 any 0.0.0.0/0 in",
        "deny tcp 6379 0.0.0.0/0 any 10.9.0.0/16 in",
        "allow tcp 6379 0.0.0.0/0 any 0.0.0.0/0 in",
    ] {
        assert_eq!(done(&[above, OURS]), [""; 0], "{above}");
    }
}

#[test]
fn a_missing_rule_is_appended_where_nothing_refuses_and_else_put_first() {
    assert_eq!(done(&[]), [RULE]);
    assert_eq!(done(&["allow any 22 0.0.0.0/0 any 0.0.0.0/0 in"]), [RULE]);
    assert_eq!(
        done(&["deny any 6379 0.0.0.0/0 any 0.0.0.0/0 in"]),
        [format!("prepend {RULE}")]
    );
}

#[test]
fn a_rule_below_one_that_refuses_is_moved_with_its_comment() {
    let commented = "allow tcp 6379 0.0.0.0/0 any 10.1.2.3 in comment=6d79206564676521";
    for above in [
        "deny tcp 6379 0.0.0.0/0 any 0.0.0.0/0 in",
        "deny any any 0.0.0.0/0 any 10.0.0.0/8 in",
        "reject_log any 6000:7000 0.0.0.0/0 any 10.1.0.0/16 in",
        "limit tcp 6379 0.0.0.0/0 any 0.0.0.0/0 in",
        "deny tcp 6379 0.0.0.0/0 any 0.0.0.0/0 in_eth0",
        "deny tcp 6379 10.0.0.1 any 0.0.0.0/0 in",
    ] {
        let moved = [
            format!("delete {RULE}"),
            format!("prepend {RULE} comment 'my edge!'"),
        ];
        assert_eq!(done(&[above, commented]), moved, "{above}");
    }
}

#[test]
fn a_rule_that_refuses_just_this_edge_is_replaced() {
    // ufw takes a `prepend` for the rule that is there, whatever that decides.
    assert_eq!(
        done(&["deny_log tcp 6379 0.0.0.0/0 any 10.1.2.3 in"]),
        [
            "delete deny log from 10.1.2.3 to any port 6379 proto tcp".to_owned(),
            format!("prepend {RULE}")
        ]
    );
}
