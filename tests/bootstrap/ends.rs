//! However it ends, its exit code is the binary's and nothing of it is left.

use std::io::Read;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::machine::{Machine, SHELLS};
use crate::run::Ended;

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id() as i32)
}

/// Reads the child's output until it has said this line.
fn wait_for_line(child: &mut Child, line: &str) {
    let stdout = child.stdout.as_mut().expect("it is piped");
    let mut seen = String::new();
    let mut byte = [0];
    while !seen.ends_with(&format!("{line}\n")) {
        assert_eq!(
            stdout.read(&mut byte).expect("it is ours"),
            1,
            "it ended: {seen}"
        );
        seen.push(byte[0] as char);
    }
}

#[test]
fn the_binarys_exit_code_is_the_scripts() {
    let machine = Machine::new();
    for shell in SHELLS {
        for code in [0, 1, 2, 3, 4, 5, 6, 75, 127, 130, 143] {
            machine
                .run(["--join"])
                .shell(shell)
                .env("STUB", &format!("exit {code}"))
                .end()
                .expect(code, &[]);
        }
        machine
            .run(["--join"])
            .shell(shell)
            .env("STUB", "die")
            .end()
            .expect(137, &[]);
        assert!(machine.leftovers().is_empty(), "{:?}", machine.leftovers());
    }
}

#[test]
fn a_signal_while_the_binary_runs_lets_it_finish_its_step() {
    let machine = Machine::new();
    // Ctrl-C reaches both; kill, the script alone.
    let to_both = |child: &Child, signal| killpg(pid(child), signal);
    let to_script = |child: &Child, signal| kill(pid(child), signal);
    for shell in SHELLS {
        for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
            for send in [to_both as fn(&Child, Signal) -> _, to_script] {
                let mut child = machine
                    .run(["--join"])
                    .shell(shell)
                    .env("STUB", "wait")
                    .spawn();
                wait_for_line(&mut child, "waiting");
                assert_eq!(machine.leftovers().len(), 1);
                send(&child, signal).expect("it runs");
                // A second one, as of an operator who is in a hurry, changes nothing.
                sleep(Duration::from_millis(100));
                send(&child, signal).expect("it runs");
                Ended::of(child).expect(code, &["finished"]);
                assert!(
                    machine.leftovers().is_empty(),
                    "{shell:?} {signal}: {:?}",
                    machine.leftovers()
                );
            }
        }
        // A hang-up ends neither: the operator finds the install finished.
        let mut child = machine
            .run(["--join"])
            .shell(shell)
            .env("STUB", "wait")
            .spawn();
        wait_for_line(&mut child, "waiting");
        killpg(pid(&child), Signal::SIGHUP).expect("it runs");
        sleep(Duration::from_millis(300));
        killpg(pid(&child), Signal::SIGTERM).expect("it still runs");
        Ended::of(child).expect(143, &["finished"]);
        assert!(machine.leftovers().is_empty(), "{:?}", machine.leftovers());
    }
}

#[test]
fn a_signal_while_it_fetches_ends_it_at_once() {
    let machine = Machine::new();
    let url = machine.url("dripping");
    for shell in SHELLS {
        for (signal, code) in [
            (Signal::SIGINT, 130),
            (Signal::SIGTERM, 143),
            (Signal::SIGHUP, 129),
        ] {
            let asked = machine.server.requests();
            let run = machine
                .run(["--join"])
                .shell(shell)
                .env("STREAMHUB_INSTALL_BASE_URL", &url);
            let child = run.spawn();
            let end = Instant::now() + Duration::from_secs(60);
            while machine.server.requests() == asked {
                assert!(Instant::now() < end, "{shell:?} {signal}: nobody asked");
                sleep(Duration::from_millis(10));
            }
            kill(pid(&child), signal).expect("it runs");
            let ended = Ended::of(child);
            ended.expect(code, &[]);
            assert!(!machine.server.was_heard_out(), "{shell:?} {signal}");
            assert_eq!(machine.report(), None);
            assert!(
                machine.leftovers().is_empty(),
                "{shell:?} {signal}: {:?}",
                machine.leftovers()
            );
        }
    }
}

#[test]
fn a_reader_that_goes_away_leaves_nothing_behind() {
    let machine = Machine::new();
    for shell in SHELLS {
        let run = machine
            .run(["--join"])
            .shell(shell)
            .env("STREAMHUB_INSTALL_BASE_URL", &machine.url("altered"));
        let mut child = run.spawn();
        drop(child.stderr.take());
        drop(child.stdout.take());
        Ended::of(child).expect(1, &[]);
        assert!(
            machine.leftovers().is_empty(),
            "{shell:?}: {:?}",
            machine.leftovers()
        );
    }
}
