//! A repository that can't be trusted: refused, and nothing of it stays.

use std::time::Duration;

use crate::cluster::Origin;
use crate::command::{HostCommand, Output};
use crate::docker_install_test::bare;
use crate::docker_repository::{BESIDE, KEY, Repository, SOURCE, URL, offer_beside};
use crate::docker_source_test::{apt_works, owns_file, packages};
use crate::host::Host;
use crate::images;

/// What a signed list of lists is when nobody has signed it.
const UNSIGNED: &str = "/srv/linux/ubuntu/dists/noble/Release";
const GOOD: &str = "/srv/keys/good.InRelease";
const OTHERS: &str = "/srv/keys/other.InRelease";

/// Source and key are gone, of Docker there is nothing, and apt is as it was.
#[track_caller]
fn nothing_stays(host: &Host, said: &Output) {
    assert!(!host.has(SOURCE) && !host.has(KEY), "{said:?}");
    assert_eq!(host.sh_ok("find /etc/apt -name '*docker*'"), "");
    assert_eq!(packages(host), [""; 0]);
    apt_works(host);
}

#[test]
fn a_key_that_is_not_the_pinned_one_alone_is_refused_before_anything_is_changed() {
    let origin = Origin::boot("origin");
    let repository = Repository::serve(&origin.host);
    let host = bare("edge-1", Vec::new());
    repository.introduce_to(&host);
    let join = |source: &str| {
        repository
            .given_to(host.join(&origin))
            .args(["--docker-source", source])
    };
    let tree = host.tree();
    for (key, says) in [
        ("other.asc", "its key is another one: "),
        ("both.asc", "it holds a second key"),
        ("page.html", "it is no OpenPGP key in text form"),
    ] {
        repository.serve_key(key);
        let refused = join("docker").run().expect_code(3);
        refused.expect_said(&[
            "error [docker-repository] Docker's repository",
            says,
            "fix: ",
        ]);
        assert_eq!(host.tree(), tree, "{key}");
        let warned = join("auto").args(["--dry-run"]).run().expect_code(0);
        warned.expect_said(&["warning [docker-repository]", says, "from the distribution"]);
        assert_eq!(host.tree(), tree, "{key}");
    }
    // Whoever swallows packets holds a run up for seconds, and not for ever.
    origin
        .host
        .sh_ok("iptables --insert INPUT --protocol tcp --dport 443 --jump DROP");
    let silent = join("auto")
        .args(["--dry-run"])
        .within(Duration::from_secs(60))
        .run();
    silent
        .expect_code(0)
        .expect_said(&["/gpg: ", "): Docker will be the distribution's"]);
    origin
        .host
        .sh_ok("iptables --delete INPUT --protocol tcp --dport 443 --jump DROP");
    nothing_stays(&host, &join("docker").run());
    assert_eq!(origin.joins(), 0);
}

#[test]
fn a_repository_that_its_key_did_not_sign_is_taken_back_and_auto_takes_the_distributions() {
    let origin = Origin::boot("origin");
    let repository = Repository::serve(&origin.host);
    let host = bare("edge-1", images::livekit());
    repository.introduce_to(&host);
    let join = |source: &str| {
        repository
            .given_to(host.join(&origin))
            .args(["--docker-source", source])
    };
    let fails = |run: HostCommand, says: &str| {
        let failed = run.run().expect_code(1);
        let what = format!("Docker's repository {URL} can't be used");
        failed.expect_said(&[&what, says, "fix: "]);
        nothing_stays(&host, &failed);
        assert!(
            !owns_file(&host, SOURCE) && !owns_file(&host, KEY),
            "{}",
            host.read("/etc/streamhub/receipt.json")
        );
    };
    let unsigned = "E: The repository";
    for release in [UNSIGNED, OTHERS] {
        repository.serve_release(release);
        fails(join("docker"), unsigned);
    }
    // Also where an operator lets apt take what nobody has signed.
    let lax = "/etc/apt/apt.conf.d/99lax";
    host.write(lax, "Acquire::AllowInsecureRepositories \"true\";\n", 0o644);
    repository.serve_release(UNSIGNED);
    fails(join("docker"), unsigned);
    host.sh_ok(&format!("rm {lax}"));
    // Signed, and without what it is there for.
    repository.serve_release(GOOD);
    let pool = "/srv/linux/ubuntu/dists/noble/pool";
    origin.host.sh_ok(&format!("mv {pool} {pool}.away"));
    fails(join("docker"), "E: Failed to fetch");
    origin.host.sh_ok(&format!("mv {pool}.away {pool}"));
    // All is well with it, and somebody else's package would be taken instead.
    offer_beside(&host, &[("containerd.io", "")]);
    fails(join("docker"), "apt would not take containerd.io from it");
    host.sh_ok(&format!("rm {BESIDE}"));
    assert_eq!(origin.joins(), 0);

    repository.serve_release(OTHERS);
    let said = join("auto").run().expect_code(0);
    said.expect_said(&[
        &format!("warning: Docker's repository {URL} can't be used ("),
        "): Docker will be the distribution's",
    ]);
    assert!(!host.has(SOURCE) && !host.has(KEY), "{said:?}");
    assert!(!owns_file(&host, SOURCE) && !owns_file(&host, KEY));
    apt_works(&host);
    let there = packages(&host);
    assert!(there.contains(&"docker.io".to_owned()), "{there:?}");
    assert!(!there.contains(&"docker-ce".to_owned()), "{there:?}");
    let receipt = host.read("/etc/streamhub/receipt.json");
    assert!(
        receipt.contains("\"docker.io\"") && !receipt.contains("docker-ce"),
        "{receipt}"
    );
    assert_eq!(origin.node("edge-1")["status"], "active");
}
