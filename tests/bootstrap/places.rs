//! From where it runs the binary: wherever a program can be run.

use crate::machine::{Machine, PLACES, SHELLS, set_mode};

fn noexec(places: &[&str]) -> String {
    let mounts = places
        .iter()
        .map(|place| format!("mount -o remount,bind,noexec /{place}\n"));
    mounts.collect()
}

#[test]
fn it_goes_to_the_first_place_that_takes_a_program() {
    let machine = Machine::new();
    for closed in 0..PLACES.len() {
        for shell in SHELLS {
            let run = machine
                .run(["--join"])
                .shell(shell)
                .mounted(&noexec(&PLACES[..closed]));
            run.end().expect(0, &[]);
            let report = machine.report().expect("it was started");
            let at = report["at"].as_str().expect("text");
            assert!(
                at.starts_with(&format!("/{}/streamhub-install.", PLACES[closed])),
                "{at}"
            );
            assert!(machine.leftovers().is_empty(), "{:?}", machine.leftovers());
        }
    }
}

#[test]
fn where_no_place_takes_a_program_it_says_so() {
    let machine = Machine::new();
    for shell in SHELLS {
        let ended = machine
            .run(["--join"])
            .shell(shell)
            .mounted(&noexec(PLACES))
            .end();
        ended.expect(
            3,
            &[
                "error: no directory here takes a program that can be run",
                "\n  fix: ",
                "noexec",
            ],
        );
        assert_eq!(ended.stderr.lines().count(), 2, "{ended:?}");
        assert!(machine.leftovers().is_empty(), "{:?}", machine.leftovers());
    }
    assert_eq!(machine.server.requests(), 0);
}

#[test]
fn it_shuns_a_place_where_anybody_may_put_another_directory_in_its_stead() {
    let machine = Machine::new();
    set_mode(&machine.path("tmp"), 0o777);
    machine
        .run(["--join"])
        .env("TMPDIR", "/tmp")
        .end()
        .expect(0, &[]);
    let report = machine.report().expect("it was started");
    assert!(
        report["at"]
            .as_str()
            .expect("text")
            .starts_with("/var/tmp/"),
        "{report}"
    );
}
