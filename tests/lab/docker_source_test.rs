//! Docker from its own repository: added where it is missing, reused where apt knows it, asked once and never again.

use serde_json::Value;

use crate::cluster::Origin;
use crate::docker_install_test::{bare, docker_runs, joins_after_waiting_for};
use crate::docker_repository::{KEY, Repository, SOURCE, URL};
use crate::host::Host;
use crate::images;

const PACKAGES: &[&str] = &[
    "containerd.io",
    "docker-buildx-plugin",
    "docker-ce",
    "docker-ce-cli",
    "docker-compose-plugin",
];

/// Those of Docker's packages, and of the distribution's, that are here.
pub fn packages(host: &Host) -> Vec<String> {
    let said = host.sh_ok(
        "dpkg-query --show --showformat '${Package} ${db:Status-Status}\\n' 'docker*' 'containerd*' runc 2>/dev/null |
         grep ' installed$' | cut -d ' ' -f 1 | sort",
    );
    said.lines().map(str::to_owned).collect()
}

/// Runs apt, which must have nothing to complain about.
#[track_caller]
pub fn apt_works(host: &Host) {
    let update = host
        .run(["apt-get", "update", "--error-on=any"])
        .expect_code(0);
    assert!(!update.stderr.contains("W: "), "{update:?}");
}

/// What the receipt says is ours to remove.
fn owned(host: &Host) -> Vec<Value> {
    let receipt: Value =
        serde_json::from_str(&host.read("/etc/streamhub/receipt.json")).expect("it is JSON");
    let owned = receipt["owned"].as_array().expect("it is a list").clone();
    owned
        .into_iter()
        .filter(|thing| thing["created"] == true)
        .collect()
}

pub fn owns_file(host: &Host, path: &str) -> bool {
    owned(host).iter().any(|thing| thing["path"] == path)
}

/// A second run finds all in place, and asks neither apt nor the repository.
#[track_caller]
fn has_nothing_left_to_do(host: &Host, repository: &Repository<'_>) {
    let history = host.read("/var/log/apt/history.log");
    let asked = repository.requests();
    let traced = host.traced::<&str>([]).run().expect_code(0);
    traced.expect_said(&["Plan: nothing to change"]);
    let trace = host.trace();
    let started = trace.started();
    assert!(
        !started.iter().any(|program| program.contains("/apt")),
        "{started:?}"
    );
    assert_eq!(host.read("/var/log/apt/history.log"), history);
    assert_eq!(repository.requests(), asked);
}

#[test]
fn a_server_without_docker_gets_dockers_own_and_the_second_run_asks_nobody() {
    let origin = Origin::boot("origin");
    let repository = Repository::serve(&origin.host);
    let host = bare("edge-1", images::livekit());
    repository.introduce_to(&host);
    let join = || {
        repository
            .given_to(host.join(&origin))
            .args(["--docker-source", "docker"])
    };

    let tree = host.tree();
    let dry = join().args(["--dry-run"]).run().expect_code(0);
    dry.expect_said(&[&format!(
        "from Docker's repository {URL}, whose key and source are added to apt"
    )]);
    assert_eq!(host.tree(), tree, "a dry run asks, and changes nothing");

    // Somebody else's source is broken: that is said, and Docker's repository does not get the blame.
    let broken = "/etc/apt/sources.list.d/broken.list";
    host.write(broken, format!("deb {URL}/broken noble stable\n"), 0o644);
    let joined = join().run().expect_code(0);
    joined.expect_said(&[
        "warning: apt can't refresh all that it knows of, and is used as it is: The repository",
        "linux/ubuntu/broken",
    ]);
    host.sh_ok(&format!("rm {broken}"));
    assert_eq!(packages(&host), PACKAGES);
    docker_runs(&host);
    assert_eq!(origin.node("edge-1")["status"], "active");
    assert_eq!(host.read(KEY), origin.host.read("/srv/keys/good.asc"));
    for line in [
        &format!("URIs: {URL}"),
        "Suites: noble",
        &format!("Signed-By: {KEY}"),
    ] {
        assert!(host.read(SOURCE).lines().any(|l| l == line), "{line}");
    }
    apt_works(&host);

    assert!(owns_file(&host, KEY) && owns_file(&host, SOURCE));
    let ours = owned(&host);
    let ours = ours
        .iter()
        .find(|thing| thing["kind"] == "packages")
        .expect("they are ours");
    let names: Vec<&str> = PACKAGES
        .iter()
        .copied()
        .filter(|name| ours["names"].to_string().contains(&format!("\"{name}\"")))
        .collect();
    assert_eq!(names, PACKAGES);
    has_nothing_left_to_do(&host, &repository);
    // A part that goes missing comes from where the rest came, whatever is preferred by then, and touches nothing else.
    let engine =
        || host.sh_ok("systemctl show --property=MainPID docker.service containerd.service");
    let before = engine();
    let remove = "dpkg --remove docker-compose-plugin";
    host.sh_ok(remove);
    host.program(["--docker-source", "distro"])
        .run()
        .expect_code(0);
    assert_eq!(packages(&host), PACKAGES);
    // Also where the repository was taken out of apt since.
    host.sh_ok(&format!(
        "{remove}; rm {SOURCE} {KEY} /var/lib/apt/lists/packages.example.com*"
    ));
    let again = repository.given_to(host.program(["--docker-source", "auto"]));
    again.run().expect_code(0);
    assert_eq!(packages(&host), PACKAGES);
    assert!(owns_file(&host, KEY) && owns_file(&host, SOURCE));
    assert_eq!(engine(), before);
    apt_works(&host);
}

#[test]
fn the_distributions_docker_is_taken_without_a_word_to_dockers_repository() {
    let origin = Origin::boot("origin");
    let repository = Repository::serve(&origin.host);
    let host = bare("edge-1", images::livekit());
    repository.introduce_to(&host);
    let asked = repository.requests();
    let join = repository.given_to(host.join(&origin));
    join.args(["--docker-source", "distro"])
        .run()
        .expect_code(0);
    docker_runs(&host);
    let packages = packages(&host);
    assert!(packages.contains(&"docker.io".to_owned()), "{packages:?}");
    assert!(!packages.contains(&"docker-ce".to_owned()), "{packages:?}");
    assert!(!host.has(SOURCE) && !host.has(KEY));
    assert_eq!(repository.requests(), asked);
}

#[test]
fn auto_takes_dockers_own_after_waiting_for_both_of_apts_locks() {
    let origin = Origin::boot("origin");
    let repository = Repository::serve(&origin.host);
    let host = bare("edge-1", images::livekit());
    repository.introduce_to(&host);
    let join = repository
        .given_to(host.join(&origin))
        .args(["--docker-source", "auto"]);
    let locks = ["/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock"];
    joins_after_waiting_for(&host, join, &locks);
    assert_eq!(packages(&host), PACKAGES);
    has_nothing_left_to_do(&host, &repository);
}

#[test]
fn a_source_that_apt_knows_already_is_used_with_its_own_key() {
    let origin = Origin::boot("origin");
    let repository = Repository::serve(&origin.host);
    let key = origin.host.read("/srv/keys/good.asc");
    let indented: String = key
        .lines()
        .map(|line| {
            if line.is_empty() {
                " .\n".to_owned()
            } else {
                format!(" {line}\n")
            }
        })
        .collect();
    for (name, file, text) in [
        (
            "edge-1",
            "/etc/apt/sources.list.d/docker-ce.list",
            format!(
                "deb [arch=amd64 signed-by=/usr/share/keyrings/theirs.asc] {URL}/ noble stable\n"
            ),
        ),
        (
            "edge-2",
            "/etc/apt/sources.list.d/theirs.sources",
            format!(
                "Types: deb\nURIs: {URL}\nSuites: noble\nComponents: stable\nSigned-By:\n{indented}"
            ),
        ),
    ] {
        let host = bare(name, images::livekit());
        repository.introduce_to(&host);
        host.write("/usr/share/keyrings/theirs.asc", key.clone(), 0o644);
        host.write(file, text.clone(), 0o644);
        // Nobody asks for a key: that one is trusted which the operator has put there.
        repository.serve_key("page.html");
        let join = repository
            .given_to(host.join(&origin))
            .args(["--docker-source", "docker"]);
        join.run().expect_code(0);
        repository.serve_key("good.asc");
        assert_eq!(packages(&host), PACKAGES);
        assert!(!host.has(SOURCE) && !host.has(KEY));
        assert!(!owns_file(&host, SOURCE) && !owns_file(&host, KEY));
        assert_eq!(host.read(file), text);
        apt_works(&host);
        has_nothing_left_to_do(&host, &repository);
    }
}
