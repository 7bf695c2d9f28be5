//! Time and memory, whatever the other side sends or withholds.

use std::thread;
use std::time::Duration;

use standins::{Act, Mode, Rule};

use crate::place::{Ended, Place};

/// Far above what it needs, far below what is thrown at it.
const MEMORY_KIB: u64 = 64 * 1024;

/// It compares itself with what is installed: two copies of a binary that, built for a test, is large.
fn own_copies() -> u64 {
    let binary = std::fs::metadata(env!("CARGO_BIN_EXE_streamhub-install"));
    2 * binary.expect("it is built").len() / 1024
}

/// Every limit of a run together, generously: preflight's questions, a join's 30 s, a redis.
const LONGEST: Duration = Duration::from_secs(100);

#[track_caller]
fn assert_bounded(run: &Ended) {
    assert!(run.took < LONGEST, "{run:?}");
    let most = MEMORY_KIB + own_copies();
    assert!((1..most).contains(&run.memory), "over {most}: {run:?}");
}

#[test]
fn an_answer_that_does_not_end_or_does_not_come_is_given_up() {
    let acts = [
        Act::Drip { seconds: 1.0 },
        Act::SilentAfterHeaders,
        Act::Silent,
        Act::Slow { seconds: 60.0 },
        Act::Huge { chunked: true },
        Act::Huge { chunked: false },
    ];
    let runs: Vec<_> = acts
        .into_iter()
        .flat_map(|act| ["/api/v1/health", "/api/v1/cluster/join"].map(|path| (act.clone(), path)))
        .map(|(act, path)| {
            thread::spawn(move || {
                let place = Place::fresh();
                place.origin.control().behave(Rule::on(path, act.clone()));
                let run = place.join(&[]);
                assert_bounded(&run);
                assert!(matches!(run.code, 1 | 4), "{act:?} at {path}: {run:?}");
                assert!(!place.has_joined());
                assert!(place.joins() <= 4, "{act:?} at {path}");
            })
        })
        .collect();
    for run in runs {
        run.join().expect("it was bounded");
    }
}

#[test]
fn a_joined_node_is_not_held_up_either() {
    let place = Place::joined();
    let files = || {
        let mut files = place.files();
        // It tries to start the services, and notes that.
        files.retain(|path, _| !path.ends_with("receipt.json"));
        files
    };
    let before = files();
    place.origin.control().behave(Act::Drip { seconds: 1.0 });
    let run = place.join(&[]);
    assert_bounded(&run);
    // It keeps what it has; here nothing of it runs, which is what it then says.
    run.expect(6, &["keeps what it has"]);
    assert!(files() == before);
}

#[test]
fn a_redis_that_says_nothing_or_nonsense_is_given_up() {
    for (mode, word) in [
        (Mode::Silent, "no answer within 5 s"),
        (Mode::Garbage, "is no redis"),
        (Mode::Refuses, "refused the origin's own credentials"),
    ] {
        let place = Place::fresh();
        place.redis.restart(mode);
        let run = place.join(&[]);
        run.expect(3, &[word]);
        assert_bounded(&run);
        assert!(!place.has_joined());
    }
}
