//! A tour through the pages: their commands, run on hosts of the lab, each with a proof of what the page says of it, and
//! with a search for every secret that the hosts have by then.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use crate::acme::Acme;
use crate::cluster::{JOIN_LIMIT, edge};
use crate::host::Host;
use crate::images::{self, CORE};
use crate::origin_host::{GENERATED, origin_host_with};
use crate::source::Source;
use crate::strace::assert_none_in;

pub const DIR: &str = "/opt/streamhub";
const TRACE: &str = "/tmp/trace";
/// Secrets that the pages give, or a tour does.
const GIVEN: &[&str] = &["Example-Passphrase-1", "Example-Passphrase-2"];

/// What takes secrets or services away: before it, what lies about is looked at as well.
const TAKES_AWAY: &[&str] = &["uninstall", "rotate", "--no-cluster-redis"];

/// Where a command is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Origin,
    Edge,
    /// On the host of an operator, which is no node.
    Elsewhere,
}

/// What is done on a tour. A proof is a script that has to succeed there afterwards.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A line of the pages, and its proof.
    Run(At, &'static str, &'static str),
    /// The same on a terminal, where it asks and is agreed to.
    Agree(At, &'static str, &'static str),
    /// What the pages' text has an operator do by hand, or the lab has to do in the world's place.
    Hand(At, &'static str),
}

impl Step {
    /// The line of the pages.
    pub fn line(&self) -> Option<&'static str> {
        match self {
            Self::Run(_, line, _) | Self::Agree(_, line, _) => Some(line),
            Self::Hand(..) => None,
        }
    }
}

/// The hosts of a tour.
pub struct Tour<'a> {
    origin: Host,
    edge: Host,
    elsewhere: &'a Host,
    source: Source<'a>,
    acme: Acme<'a>,
    /// Whether an origin's core is prebuilt where nothing is said about it.
    prebuilt: bool,
    secrets: BTreeSet<String>,
}

impl<'a> Tour<'a> {
    /// Boots them; none is a node yet. The pages' names and addresses lead to them.
    pub fn start(elsewhere: &'a Host, prebuilt: bool) -> Self {
        let source = Source::serve(elsewhere);
        let acme = Acme::serve(elsewhere);
        elsewhere.push_program();
        let mut all = images::origin();
        all.push(images::caddy());
        let origin = origin_host_with("origin", all);
        let tour = Self {
            edge: edge("edge-1"),
            elsewhere,
            source,
            acme,
            prebuilt,
            secrets: GIVEN.iter().map(|secret| (*secret).to_owned()).collect(),
            origin,
        };
        tour.acme.lead("media.example.com", &tour.origin);
        let authorities = format!("{}{}", tour.acme.authority(), tour.acme.issuer());
        for host in [&tour.origin, &tour.edge, tour.elsewhere] {
            host.write("/etc/ssl/example-ca.pem", authorities.as_str(), 0o644);
            host.write("/root/ca.pem", authorities.as_str(), 0o644);
            host.trust("issuer", &tour.acme.issuer());
        }
        for host in [&tour.origin, &tour.edge] {
            host.sh_ok(&format!(
                "echo {} media.example.com >>/etc/hosts",
                tour.origin.ip()
            ));
        }
        tour
    }

    fn host(&self, at: At) -> &Host {
        match at {
            At::Origin => &self.origin,
            At::Edge => &self.edge,
            At::Elsewhere => self.elsewhere,
        }
    }

    /// A text of the pages as it is here.
    fn here(&self, text: &str) -> String {
        let ip = self.origin.ip().to_string();
        let token = if text.contains("clt_ExampleToken") {
            self.origin.setting(DIR, "STREAMHUB_CLUSTER_TOKEN")
        } else {
            String::new()
        };
        [
            ("10.0.0.10", ip.as_str()),
            ("10.0.0.11", &ip),
            ("10.0.0.21", &self.edge.ip().to_string()),
            ("streamhub-core:1.2.3", "streamhub-core:0.1.0"),
            ("https://acme.example.com/directory", &self.acme.directory()),
            ("clt_ExampleToken", &token),
            // ufw asks, and no host of the lab has a pager for manuals.
            ("ufw enable", "ufw --force enable"),
            (
                "man --local-file -",
                "grep --fixed-strings streamhub-install",
            ),
        ]
        .iter()
        .fold(text.to_owned(), |text, (there, here)| {
            text.replace(there, here)
        })
    }

    /// Takes every step, and looks for secrets after each.
    pub fn take(&mut self, steps: &[Step]) {
        for step in steps {
            let (at, line, proof, agrees) = match *step {
                Step::Hand(at, script) => {
                    self.by_hand(at, script);
                    continue;
                }
                Step::Run(at, line, proof) => (at, line, proof, false),
                Step::Agree(at, line, proof) => (at, line, proof, true),
            };
            println!("{at:?}: {line}");
            self.learn();
            if TAKES_AWAY.iter().any(|word| line.contains(word)) {
                self.nothing_lies_anywhere();
            }
            self.run(at, line, agrees);
            let proof = proof.lines().collect::<Vec<_>>().join(" && ");
            let proven = self
                .host(at)
                .sh(&self.here(&format!("cd /root && {proof}")));
            assert_eq!(proven.code, 0, "after {line}: {proof}: {proven:?}");
            self.learn();
            self.nothing_shows(at, line);
        }
        self.nothing_lies_anywhere();
    }

    fn nothing_lies_anywhere(&self) {
        for at in [At::Origin, At::Edge] {
            self.nothing_lies_about(at);
        }
    }

    fn by_hand(&self, at: At, script: &str) {
        let script = self.here(script);
        // What an operator carries from the origin's .env: NAME >FILE.
        if let Some((key, file)) = script.split_once(" >")
            && GENERATED.contains(&key)
        {
            let value = self.origin.setting(DIR, key);
            self.host(at).write(file, value, 0o600);
            return;
        }
        self.host(at).sh_ok(&script);
    }

    fn run(&self, at: At, line: &str, agrees: bool) {
        let host = self.host(at);
        let script = self.here(line);
        let trace = "strace -f --seccomp-bpf -qq -s 65536 -e trace=execve -e signal=none -o";
        let shell = format!("cd /root && {script}");
        let run = if agrees {
            host.command(["script", "--quiet", "--return", "--command"])
                .args([
                    format!("{trace} {TRACE} sh -c '{shell}'"),
                    "/dev/null".to_owned(),
                ])
                .stdin("y\n")
        } else {
            host.command(trace.split(' '))
                .args([TRACE, "sh", "-c", &shell])
        };
        let mut run = self
            .source
            .given_to(run)
            .env(
                "PATH",
                "/root:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("STREAMHUB_IP_LOOKUP_URL", "")
            .within(JOIN_LIMIT);
        if at == At::Origin {
            run = self.acme.given_to(host, run);
        }
        if at == At::Origin && self.prebuilt && !line.contains("--core-image") {
            run = run.env("STREAMHUB_CORE_IMAGE", CORE);
        }
        let output = run.run();
        assert_eq!(output.code, 0, "{line}: {output:?}");
        // At a terminal it tells the operator what no other place may hold.
        if !agrees {
            let secrets: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
            output.expect_none_of(&secrets);
        }
    }

    /// Every secret that a node has now; those that it had before stay known.
    fn learn(&mut self) {
        for host in [&self.origin, &self.edge] {
            for dir in [DIR, "/srv/streamhub"] {
                let env = host.bytes_at(&format!("{dir}/.env")).unwrap_or_default();
                let env = String::from_utf8(env).expect("it is text");
                let lines = env.lines().filter_map(|line| line.split_once('='));
                let telling = lines.filter(|(key, _)| {
                    GENERATED.contains(key) || key.ends_with("_PASS") || key.ends_with("_PASSWORD")
                });
                let values = telling.map(|(_, value)| value.trim_matches('\'').to_owned());
                self.secrets
                    .extend(values.filter(|value| !value.is_empty()));
            }
        }
    }

    /// No program that was started got a secret in its arguments, and no process has one there. What the line itself
    /// gives is the operator's; and compose hands `.env` on to what builds, in an environment that root alone reads.
    fn nothing_shows(&self, at: At, line: &str) {
        let host = self.host(at);
        let secrets: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        let own = [
            "streamhub-install\"",
            "execve(\"/usr/bin/sh\", [\"sh\", \"-c\", \"cd /root &&",
        ];
        let trace = host.read(TRACE);
        let started = trace
            .lines()
            .filter(|call| !own.iter().any(|own| call.contains(own)));
        let started: Vec<&str> = started.collect();
        assert_none_in(
            &secrets,
            &format!("what {line} started"),
            &started.join("\n"),
        );
        let running = host.sh_ok("cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
        assert_none_in(&secrets, &format!("the processes after {line}"), &running);
    }

    /// The journal, the receipt, `docker inspect` and every file that others may read.
    fn nothing_lies_about(&self, at: At) {
        let host = self.host(at);
        let secrets: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        let journal = host.sh_ok("journalctl --no-pager --all --output=verbose");
        assert_none_in(&secrets, "the journal", &journal);
        // On an origin StreamHub's own compose file puts them into the environment of the others.
        let inspected = match at {
            At::Origin => "docker inspect streamhub-redis || :",
            At::Edge | At::Elsewhere => "docker inspect $(docker ps --all --quiet) || :",
        };
        assert_none_in(&secrets, "docker inspect", &host.sh_ok(inspected));
        for (path, what) in host.tree() {
            let path = path.display().to_string();
            let Some(bytes) = host.bytes_at(&path).filter(|_| what.starts_with("file")) else {
                continue;
            };
            let at = host.disk.root.join(path.trim_start_matches('/'));
            let mode = at.metadata().expect("it is there").permissions().mode();
            if mode & 0o077 != 0 || path.contains("/receipt.json") || path.ends_with(".log") {
                assert_none_in(&secrets, &path, &String::from_utf8_lossy(&bytes));
            }
        }
    }
}
