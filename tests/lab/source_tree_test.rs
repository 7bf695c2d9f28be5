//! Where an origin's source tree comes from, over a network.

use std::time::Duration;

use crate::command::HostCommand;
use crate::host::Host;
use crate::origin_host::origin_host;
use crate::source::Source;
use crate::wait;

const DIR: &str = "/opt/streamhub";
/// Nobody answers there.
const NOBODY: &str = "http://127.0.0.1:9/streamhub";

fn install(host: &Host) -> HostCommand {
    host.program(["--non-interactive", "--domain", "localhost"])
        .within(Duration::from_secs(400))
}

/// What of the source's, or of its fetching, stands in the directory.
fn left(host: &Host) -> String {
    host.sh_ok(&format!(
        "cd {DIR} 2>/dev/null && find . -name 'docker-compose.yml' -o -name '.streamhub-source*' -o -name deploy || :"
    ))
}

#[test]
fn a_source_tree_is_fetched_once_whatever_its_first_runs_met() {
    let elsewhere = Host::named("source").with_origin_packages().boot();
    let source = Source::serve(&elsewhere);
    let host = origin_host("origin");

    let planned = source.given_to(install(&host).args(["--dry-run"])).run();
    let from = format!("fetch it from {}", source.git_url());
    let shown = planned.expect_code(0).stdout;
    assert!(shown.contains(&from), "{shown}");

    let unreachable = install(&host)
        .env("STREAMHUB_REPO_URL", NOBODY)
        .env("STREAMHUB_SRC_URL", NOBODY)
        .run()
        .expect_code(1);
    for says in [
        "StreamHub's source can't be fetched",
        NOBODY,
        "STREAMHUB_REPO_URL",
    ] {
        assert!(unreachable.stderr.contains(says), "{}", unreachable.stderr);
    }
    assert_eq!(left(&host), "");

    let pin = "0".repeat(64);
    let altered = source
        .given_to(install(&host))
        .env("STREAMHUB_SRC_SHA256", &pin)
        .run()
        .expect_code(1);
    let found = source.tarball_sha256();
    let says = format!("its SHA-256 is {found}, where {pin} is expected");
    assert!(altered.stderr.contains(&says), "{}", altered.stderr);
    assert_eq!(left(&host), "");
    let asked = source.requests();
    assert!(
        !asked
            .iter()
            .any(|request| request.contains("upload-pack") && request.starts_with("POST")),
        "a pin was passed by: {asked:?}"
    );

    let mut killed = source.given_to(install(&host)).spawn();
    let is_staging = || host.has(&format!("{DIR}/.streamhub-source.new"));
    assert!(wait::until(Duration::from_secs(120), is_staging));
    killed.kill(true);
    killed.wait().expect_code(137);

    source.given_to(install(&host)).run().expect_code(0);
    let (git, tree) = (source.git_url(), "/tmp/tree");
    host.sh_ok(&format!(
        "set -e; git clone --quiet {git} {tree}
         cd {tree}; git ls-files | while read -r file; do
             cmp $file {DIR}/$file; test $(stat -c %a:%u:%g $file) = $(stat -c %a:%u:%g {DIR}/$file)
         done"
    ));
    assert!(!host.has(&format!("{DIR}/.streamhub-source.new")));
    assert!(!host.has(&format!("{DIR}/.git")));

    // Neither what is newer there, nor that nobody answers any more, is anything to a re-run.
    source.publish("0.2.0");
    source.down();
    let again = host.program(["--non-interactive"]).run().expect_code(0);
    assert!(
        again.stdout.contains("nothing to change"),
        "{}",
        again.stdout
    );
    assert!(
        host.read(&format!("{DIR}/server/package.json"))
            .contains("0.1.0")
    );
}
