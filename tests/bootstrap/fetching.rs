//! What is fetched is run only if it is what the script was stamped with.

use std::process::Command;

use crate::machine::{Machine, SHELLS};
use crate::run::Ended;
use crate::server::Server;

/// The configuration of a system that still takes every TLS.
const OLD_OPENSSL: &str = "openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = default
[default]
MinProtocol = TLSv1
CipherString = DEFAULT:@SECLEVEL=0
";

/// Whatever was served, it was not run, and nothing of it is left.
#[track_caller]
fn assert_not_run(machine: &Machine, ended: &Ended, words: &[&str]) {
    ended.expect(1, words);
    assert!(
        ended.stderr.contains("error: ") && ended.stderr.contains("\n  fix: "),
        "{ended:?}"
    );
    assert_eq!(ended.stdout, "", "{ended:?}");
    assert_eq!(machine.report(), None, "{ended:?}");
    assert!(machine.leftovers().is_empty(), "{:?}", machine.leftovers());
}

/// The same with curl, and with wget alone. busybox sh would take its own wget, and is refused then.
fn with_each_client(check: impl Fn(&Machine, &[&[&str]])) {
    let machine = Machine::new();
    check(&machine, SHELLS);
    machine.without("curl");
    check(&machine, &[&["dash"], &["bash"]]);
}

#[test]
fn what_was_stamped_is_run_from_a_directory_of_roots_own() {
    with_each_client(|machine, shells| {
        for shell in shells {
            let ended = machine.run(["--join"]).shell(shell).end();
            ended.expect(0, &[]);
            let report = machine.report().expect("it was started");
            assert_eq!(report["directory"], serde_json::json!([0o700, 0]));
            assert!(
                report["at"]
                    .as_str()
                    .expect("text")
                    .starts_with("/tmp/streamhub-install.")
            );
            assert!(machine.leftovers().is_empty(), "{:?}", machine.leftovers());
        }
    });
}

#[test]
fn what_is_not_what_was_stamped_is_refused_and_deleted() {
    with_each_client(|machine, shells| {
        for how in ["altered", "short", "longer", "empty", "page"] {
            for shell in shells {
                let run = machine
                    .run(["--join"])
                    .shell(shell)
                    .env("STREAMHUB_INSTALL_BASE_URL", &machine.url(how));
                let stamp = machine
                    .script()
                    .lines()
                    .find_map(|l| l.trim().strip_prefix("sha256='").map(str::to_owned));
                let expected = stamp
                    .expect("it is stamped")
                    .trim_end_matches('\'')
                    .to_owned();
                let ended = run.end();
                assert_not_run(
                    machine,
                    &ended,
                    &["it was deleted", "its sha256 is", &expected],
                );
                let found = ended
                    .stderr
                    .split("its sha256 is ")
                    .nth(1)
                    .expect("said")
                    .lines()
                    .next()
                    .expect("said");
                assert!(found.len() == 64 && found != expected, "{ended:?}");
            }
        }
    });
}

#[test]
fn a_digest_that_can_not_be_made_is_no_digest_that_fits() {
    let machine = Machine::new();
    machine.stub("sha256sum", "exit 1");
    assert_not_run(
        &machine,
        &machine.run(["--join"]).end(),
        &["its sha256 is unknown"],
    );
}

#[test]
fn what_can_not_be_fetched_says_from_where() {
    with_each_client(|machine, _| {
        for how in ["cut", "missing", "moved"] {
            let run = machine
                .run(["--join"])
                .env("STREAMHUB_INSTALL_BASE_URL", &machine.url(how));
            let from = format!(
                "the binary can't be fetched from {}/streamhub-install-1.2.3-x86_64",
                machine.url(how)
            );
            assert_not_run(machine, &run.end(), &[&from]);
        }
        // Nobody follows to another place.
        assert!(machine.server.requests() >= 3);
        let followed = std::fs::read_to_string(machine.path("requests0")).expect("it is ours");
        assert!(!followed.contains("/releases/"), "{followed}");
    });
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let machine = Machine::new();
    let busy = || {
        machine
            .run(["--join"])
            .env("STREAMHUB_INSTALL_BASE_URL", &machine.url("flaky"))
    };
    busy().end().expect(0, &[]);
    assert_eq!(machine.server.requests(), 3);
    let machine = Machine::new();
    machine.without("curl");
    let run = machine
        .run(["--join"])
        .env("STREAMHUB_INSTALL_BASE_URL", &machine.url("flaky"));
    run.end().expect(0, &[]);
    assert_eq!(machine.server.requests(), 3);
}

#[test]
fn an_answer_without_end_is_bounded_in_size_and_one_that_drips_in_time() {
    with_each_client(|machine, shells| {
        for shell in shells {
            let run = machine
                .run(["--join"])
                .shell(shell)
                .env("STREAMHUB_INSTALL_BASE_URL", &machine.url("endless"));
            // Where more than that would fit, it would go on for ever.
            let run = run.mounted("mount -t tmpfs -o size=200m,mode=1777 tmpfs /tmp");
            let ended = run.end();
            ended.expect(1, &["the binary can't be fetched from"]);
            assert!(!ended.stderr.contains("No space left"), "{ended:?}");
        }
        let script = machine.script();
        let bounded = script.replace("timeout 300 ", "timeout 2 ");
        assert_ne!(script, bounded);
        let run = machine
            .run(["--join"])
            .script(bounded)
            .env("STREAMHUB_INSTALL_BASE_URL", &machine.url("dripping"));
        assert_not_run(machine, &run.end(), &["(exit 124)"]);
    });
}

#[test]
fn a_server_that_proves_nothing_or_speaks_old_tls_is_refused() {
    with_each_client(|machine, _| {
        // Nobody on this machine trusts the authority now.
        let run = machine
            .run(["--join"])
            .mounted("umount /etc/ssl/certs/ca-certificates.crt");
        assert_not_run(machine, &run.end(), &["certificate", "can't be fetched"]);
        assert_eq!(machine.server.requests(), 0);

        let old = Server::start(machine.dir.path(), &machine.authority, &["1.1"]);
        let url = format!("https://127.0.0.1:{}/releases", old.port);
        // It does serve a system that takes as much.
        std::fs::write(machine.path("openssl.cnf"), OLD_OPENSSL).expect("it is ours");
        let served = Command::new("curl")
            .args(["--silent", "--fail", "--insecure"])
            .arg(format!("{url}/streamhub-install-1.2.3-x86_64"))
            .env("OPENSSL_CONF", machine.path("openssl.cnf"))
            .output()
            .expect("curl is there");
        assert!(
            served.status.success() && !served.stdout.is_empty(),
            "{served:?}"
        );
        let run = machine
            .run(["--join"])
            .env("STREAMHUB_INSTALL_BASE_URL", &url)
            .env("OPENSSL_CONF", "/mnt/openssl.cnf");
        assert_not_run(machine, &run.end(), &["can't be fetched"]);
        assert_eq!(old.requests(), 1);
    });
}

#[test]
fn an_operators_own_settings_of_curl_and_wget_have_no_say() {
    let machine = Machine::new();
    std::fs::write(
        machine.path("root/.curlrc"),
        "insecure\noutput = /root/curl-was-here\n",
    )
    .expect("it is ours");
    std::fs::write(
        machine.path("root/.wgetrc"),
        "check_certificate = off\nbackups = 3\n",
    )
    .expect("it is ours");
    for client in ["curl", "wget"] {
        let untrusted = "umount /etc/ssl/certs/ca-certificates.crt";
        let run = machine
            .run(["--join"])
            .env("HOME", "/root")
            .mounted(untrusted);
        run.end().expect(1, &["can't be fetched"]);
        let run = machine.run(["--join"]).env("HOME", "/root");
        run.end().expect(0, &[]);
        assert_eq!(
            machine.leftovers().len(),
            2,
            "{client}: {:?}",
            machine.leftovers()
        );
        let _ = std::fs::remove_file(machine.path("bin/curl"));
    }
}
