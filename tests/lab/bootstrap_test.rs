//! The documented line, `curl … | sudo sh -s -- …`, with what `make dist` makes, on hosts that have nothing of ours.

use crate::cluster::{JOIN_LIMIT, Origin, TOKEN};
use crate::command::HostCommand;
use crate::host::Host;
use crate::images;
use crate::join_leaves_test::{changed, left};
use crate::site::Site;
use crate::strace::assert_none_in;
use crate::terminal::CTRL_C;

/// A server with Docker, as its operator has it: without anything of ours.
fn server(name: &str, site: &Site) -> Host {
    let host = Host::named(name)
        .with_cores(2)
        .with_docker()
        .with_images(images::livekit())
        .boot();
    site.vouch_at(&host);
    host
}

/// Whatever the bootstrap makes for itself has this in its name, on whichever file system.
#[track_caller]
fn assert_nothing_is_left(host: &Host) {
    let left = host.sh_ok("find / -name 'streamhub-install.?*' -not -path '/proc/*' -not -name '*.log' -not -name '*.lock'");
    assert_eq!(left, "");
}

impl Host {
    /// A shell's line, which may take as long as a join.
    fn line(&self, line: &str) -> HostCommand {
        self.command(["sh", "-c", line]).within(JOIN_LIMIT)
    }
}

#[test]
fn the_documented_line_joins_by_each_shell_and_user_with_and_without_a_terminal() {
    let origin = Origin::boot("origin");
    let site = Site::start(&origin.host);
    let (root, ip) = (&site.root, origin.host.ip());
    for shell in ["sh", "bash"] {
        let name = format!("edge-{shell}");
        let edge = server(&name, &site);
        edge.write("/root/join-token", TOKEN, 0o600);
        let before = edge.tree();
        let flags =
            format!("--join --master-ip {ip} --master-token-file /root/join-token --region ''");
        let fetch = format!("curl -fsSL {root}/releases/install.sh");
        let promise = format!("{name} is joined and serving");
        let of_operator = format!("{fetch} | sudo {shell} -s -- {flags}");
        let of_root = format!("{fetch} | {shell} -s -- {flags}");

        // The first join. The second host's is interrupted first, by Ctrl-C through sudo's own terminal.
        if shell == "sh" {
            edge.line(&of_operator)
                .by_operator()
                .run()
                .expect_code(0)
                .expect_said(&[&promise]);
        } else {
            let line = format!("trap : INT; {of_operator}; echo ended with $?");
            let run = edge
                .on_terminal(&line, &[("✓", CTRL_C)])
                .by_operator()
                .run();
            run.expect_said(&["interrupted by SIGINT", "ended with 130"]);
            assert_nothing_is_left(&edge);
            edge.on_terminal(&of_operator, &[])
                .by_operator()
                .run()
                .expect_code(0)
                .expect_said(&[&promise]);
        }
        assert_nothing_is_left(&edge);
        assert_eq!(changed(&before, &edge.tree()), left());
        let binary = edge.sh_ok("sha256sum </usr/local/bin/streamhub-install");
        let served = origin
            .host
            .sh_ok("cat /srv/site/streamhub-install-* | sha256sum");
        assert_eq!(binary, served);

        // And once more in every other way, which changes nothing.
        let joined = edge.tree();
        let lives = edge.lives();
        let ways = [
            edge.on_terminal(&of_operator, &[]).by_operator(),
            edge.line(&of_operator).by_operator(),
            edge.on_terminal(&of_root, &[]),
            edge.line(&of_root),
        ];
        for run in ways {
            run.run()
                .expect_code(0)
                .expect_said(&[&promise, "changed    nothing"]);
            assert_nothing_is_left(&edge);
        }
        // The receipt says when it was last run.
        let mut again = edge.tree();
        let mut joined = joined;
        for tree in [&mut joined, &mut again] {
            tree.retain(|path, _| {
                !path.ends_with("receipt.json") && !path.ends_with("streamhub-install.log")
            });
        }
        assert_eq!(joined, again);
        assert_eq!(lives, edge.lives());
        // The two steps of who looks first.
        let steps = format!(
            "cd && curl -fsSLO {root}/releases/install.sh && sh install.sh --version && \
             echo {TOKEN} | sudo sh install.sh --join --master-token-file - && rm install.sh"
        );
        edge.line(&steps)
            .by_operator()
            .run()
            .expect_code(0)
            .expect_said(&["streamhub-install 0.", &promise]);
        assert_eq!(origin.node(&name)["status"], "active");
    }
}

#[test]
fn a_token_shows_in_no_command_line_and_no_journal_unless_an_operator_put_it_there() {
    let origin = Origin::boot("origin");
    let site = Site::start(&origin.host);
    let (root, ip) = (&site.root, origin.host.ip());
    let edge = server("edge-1", &site);
    edge.write("/home/operator/join-token", TOKEN, 0o600);
    let fetch = format!("curl -fsSL {root}/releases/install.sh");
    let journal = || edge.sh_ok("journalctl --sync; journalctl --no-pager --all --output=verbose");
    // As root, who may trace what sudo does; every program's arguments, not its environment.
    let traced = |line: &str| {
        let trace = "strace -f -qq -s 4096 -e trace=execve -e signal=none -o /tmp/trace".split(' ');
        edge.command(trace)
            .args(["sh", "-c", line])
            .within(JOIN_LIMIT)
    };

    let by_file = format!(
        "{fetch} | sudo sh -s -- --join --master-ip {ip} --master-token-file /home/operator/join-token -v"
    );
    let run = traced(&by_file).run().expect_code(0);
    run.expect_none_of(&[TOKEN]);
    let trace = edge.trace();
    assert!(
        trace.0.contains("/streamhub-install\", [") && trace.0.contains("\"sudo\", \"sh\""),
        "{trace:?}"
    );
    assert_none_in(&[TOKEN], "what was started", &trace.0);

    let by_environment =
        format!("{fetch} | sudo --preserve-env bash -s -- --join --master-ip {ip} -v");
    let run = traced(&by_environment)
        .env("STREAMHUB_MASTER_TOKEN", TOKEN)
        .run()
        .expect_code(0);
    run.expect_none_of(&[TOKEN]);
    let trace = edge.trace();
    assert!(
        trace.0.contains("/streamhub-install\", [")
            && trace.0.contains("\"sudo\", \"--preserve-env\""),
        "{trace:?}"
    );
    assert_none_in(&[TOKEN], "what was started", &trace.0);
    let as_operator = edge
        .line(&by_environment)
        .env("STREAMHUB_MASTER_TOKEN", TOKEN)
        .by_operator();
    as_operator.run().expect_code(0).expect_none_of(&[TOKEN]);
    let in_roots_shell = format!("{fetch} | sh -s -- --join --master-ip {ip}");
    edge.line(&in_roots_shell)
        .env("STREAMHUB_MASTER_TOKEN", TOKEN)
        .run()
        .expect_code(0)
        .expect_none_of(&[TOKEN]);
    let log = journal();
    for shell in ["sh", "bash"] {
        assert!(
            log.contains(&format!("COMMAND=/usr/bin/{shell} -s -- --join")),
            "sudo logs what it runs"
        );
    }
    assert_none_in(&[TOKEN], "the journal", &log);

    // Whatever sudo is told to hand over by name, it logs with its value: the README says so.
    let by_name = by_environment.replace("--preserve-env", "--preserve-env=STREAMHUB_MASTER_TOKEN");
    let by_name = edge
        .line(&by_name)
        .env("STREAMHUB_MASTER_TOKEN", TOKEN)
        .by_operator();
    by_name.run().expect_code(0).expect_none_of(&[TOKEN]);
    assert!(journal().contains(&format!("ENV=STREAMHUB_MASTER_TOKEN={TOKEN}")));

    // On the command line of curl's pipe and of sudo it stands as the operator wrote it; the binary's has it not.
    let by_argument =
        format!("{fetch} | sudo sh -s -- --join --master-ip {ip} --master-token {TOKEN} -v");
    let run = traced(&by_argument).run().expect_code(0);
    run.expect_said(&[
        "warning: everybody on this machine could read what --master-token was given",
    ]);
    let trace = edge.trace();
    assert!(trace.0.contains(TOKEN), "the trace would show it");
    let from_binary = trace
        .0
        .lines()
        .skip_while(|line| !line.contains("streamhub-install\", [\""))
        .collect::<Vec<_>>();
    assert!(from_binary.len() > 1);
    assert_none_in(&[TOKEN], "what the binary started", &from_binary.join("\n"));
    let logged = journal().contains(&format!("--master-token {TOKEN}"));
    assert!(logged, "sudo has logged it, which is why it warns");
    assert_nothing_is_left(&edge);
}

#[test]
fn it_works_with_tmp_noexec_and_a_site_that_is_not_what_it_was_changes_nothing() {
    let origin = Origin::boot("origin");
    let site = Site::start(&origin.host);
    let (root, ip) = (&site.root, origin.host.ip());
    let edge = server("edge-1", &site);
    edge.write("/root/join-token", TOKEN, 0o600);
    let before = edge.tree();
    let line = |variables: &str| {
        let flags = format!("--join --master-ip {ip} --master-token-file /root/join-token");
        format!("curl -fsSL {root}/releases/install.sh | sudo {variables} sh -s -- {flags}")
    };
    let base = |url: &str| line(&format!("STREAMHUB_INSTALL_BASE_URL={url}"));
    let http = root.replace("https://", "http://");
    for (line, code, word) in [
        (
            base(&format!("{http}/releases")),
            2,
            "STREAMHUB_INSTALL_BASE_URL can't be used: it is not https",
        ),
        (
            base(&format!("{}/releases", site.old_root)),
            1,
            "can't be fetched",
        ),
        (base(&format!("{root}/altered")), 1, "it was deleted"),
        (base(&format!("{root}/short")), 1, "it was deleted"),
        (base(&format!("{root}/cut")), 1, "can't be fetched"),
    ] {
        let run = edge.line(&line).by_operator().run().expect_code(code);
        run.expect_said(&["error: ", "\n  fix: ", word]);
        assert_nothing_is_left(&edge);
        assert_eq!(before, edge.tree(), "{word}");
    }
    // Somebody has changed what the site holds.
    origin
        .host
        .sh_ok("cp -a /srv/site /srv/good; for file in /srv/site/streamhub-install-*; do printf x >>$file; done");
    edge.line(&line(""))
        .by_operator()
        .run()
        .expect_code(1)
        .expect_said(&["it was deleted", "its sha256 is", "expected was"]);
    assert_nothing_is_left(&edge);
    assert_eq!(before, edge.tree());
    assert_eq!(origin.joins(), 0);
    origin.host.sh_ok("rm -r /srv/site; mv /srv/good /srv/site");

    edge.sh_ok("mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp; mount -t tmpfs -o noexec,mode=1777 tmpfs /var/tmp");
    edge.line(&line(""))
        .by_operator()
        .run()
        .expect_code(0)
        .expect_said(&["edge-1 is joined and serving"]);
    assert_nothing_is_left(&edge);
    assert_eq!(
        edge.sh_ok("ls -A /tmp /var/tmp | grep streamhub || true"),
        ""
    );
}
