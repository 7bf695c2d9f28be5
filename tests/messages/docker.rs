//! What is said of Docker's repository where a missing Docker is to come from it.

use serde_json::{Value, json};
use standins::tls::Authority;
use standins::{Act, Config, Origin, Rule};

use crate::scene::{Said, Scene, TOKEN, snapshot};

const KEY: &str = include_str!("../../fixtures/docker.asc");
const OTHER: &str = "0123 4567 89AB CDEF 0123 4567 89AB CDEF 0123 4567";
const GPG: &str = "/linux/ubuntu/gpg";
const RELEASE: &str = "/linux/ubuntu/dists/noble/InRelease";

/// A host without Docker, and a repository that answers over TLS whatever it is told to.
struct Offered {
    scene: Scene,
    repository: Origin,
}

impl Offered {
    fn new() -> Self {
        let scene = Scene::fresh();
        for name in ["apt-get", "apt-cache", "dpkg-query", "systemctl"] {
            scene.stub(&format!("stubs/{name}"), "");
        }
        let authority = Authority::new();
        scene.write("ca.pem", authority.certificate());
        let repository = Origin::start(Config {
            tls: Some(authority.sign(&["127.0.0.1"])),
            ..Config::default()
        });
        Self {
            scene,
            repository: repository.expect("a port of the loopback is free"),
        }
    }

    /// Answers as these say, and everything else with 404.
    fn behaving(self, rules: &[(&str, Value)]) -> Self {
        let rule = |(path, act): &(&str, Value)| {
            let act: Act = serde_json::from_value(act.clone()).expect("an act");
            Rule::on(path, act)
        };
        let rules = rules.iter().map(rule).collect();
        self.repository.control().behave_by(rules);
        self
    }

    fn join(&self, more: &[&str], env: &[(&str, &str)]) -> Said {
        let (origin, url) = (self.scene.origin.url(), self.url());
        let ca = self.scene.path("ca.pem").display().to_string();
        let mut args = vec!["--dry-run", "--join", "--master-ip", "127.0.0.1"];
        args.extend(["--master-url", &origin, "--node-name", "edge-1"]);
        args.extend(["--skip-check", "disk,size,ports,redis"]);
        args.extend(more);
        let mut all = vec![
            ("STREAMHUB_MASTER_TOKEN", TOKEN),
            ("STREAMHUB_DOCKER_REPO_URL", url.as_str()),
            // The system's own store of certificates.
            ("SSL_CERT_FILE", ca.as_str()),
        ];
        all.extend(env);
        self.scene.run(&args, &all)
    }

    fn url(&self) -> String {
        format!("{}/linux/ubuntu", self.repository.url())
    }

    fn section(&self, title: &str, said: &Said) -> String {
        self.scene
            .section(title, said)
            .replace(&self.url(), "https://<repository>")
    }
}

fn file(body: &str) -> Value {
    json!({"act": "status", "status": 200, "body": body, "content_type": "application/octet-stream"})
}

fn good() -> Vec<(&'static str, Value)> {
    vec![(GPG, file(KEY)), (RELEASE, file(""))]
}

#[test]
fn a_repository_that_can_not_be_used_is_found_before_anything_is_changed() {
    let two = KEY.repeat(2);
    let cut = &KEY[..1000];
    let redirect =
        json!({"act": "redirect", "status": 302, "location": "https://login.example.com/"});
    let mut all = String::new();
    for (title, rules) in [
        ("it answers 404", vec![]),
        ("a redirect", vec![(GPG, redirect)]),
        (
            "a page of a network that wants a login",
            vec![(GPG, json!({"act": "captive_portal"}))],
        ),
        ("a second key", vec![(GPG, file(&two))]),
        ("a key that is cut off", vec![(GPG, file(cut))]),
        ("a huge key", vec![(GPG, json!({"act": "huge"}))]),
        ("nothing for this system", vec![(GPG, file(KEY))]),
    ] {
        let offered = Offered::new().behaving(&rules);
        let said = offered.join(&["--docker-source", "docker"], &[]);
        assert_eq!(said.code, 3, "{title}: {}", said.stderr);
        all += &offered.section(title, &said);
    }

    let offered = Offered::new().behaving(&good());
    let other_ca = offered.scene.path("other.pem").display().to_string();
    offered
        .scene
        .write("other.pem", Authority::new().certificate());
    let docker = |env: &[(&str, &str)]| offered.join(&["--docker-source", "docker"], env);
    let other = [("STREAMHUB_DOCKER_KEY_FINGERPRINT", OTHER)];
    let mut add = |title: &str, code: i32, said: &Said| {
        assert_eq!(said.code, code, "{title}: {}", said.stderr);
        all += &offered.section(title, said);
    };
    add("another key", 3, &docker(&other));
    add(
        "another key, and the distribution will do",
        0,
        &offered.join(&[], &other),
    );
    add(
        "an authority that nobody trusts",
        3,
        &docker(&[("SSL_CERT_FILE", &other_ca)]),
    );
    let nobody = [(
        "STREAMHUB_DOCKER_REPO_URL",
        "https://127.0.0.1:1/linux/ubuntu",
    )];
    add("nobody", 3, &docker(&nobody));
    offered
        .scene
        .write("etc/apt/sources.list.d/docker.sources", "Types: deb\n");
    add("a stranger's source", 3, &docker(&[]));
    std::fs::remove_file(offered.scene.path("etc/apt/sources.list.d/docker.sources"))
        .expect("it is there");
    offered
        .scene
        .write("etc/apt/keyrings/docker.asc", "a key\n");
    add("a stranger's key", 3, &docker(&[]));
    std::fs::remove_file(offered.scene.path("etc/apt/keyrings/docker.asc")).expect("it is there");
    offered
        .scene
        .write("etc/os-release", "ID=ubuntu\nVERSION_ID=24.04\n");
    add("a system without a name", 3, &docker(&[]));
    snapshot("docker_repository", &all);
}

#[test]
fn the_plan_says_where_docker_will_come_from() {
    let offered = Offered::new().behaving(&good());
    let asked = || {
        let seen = offered.repository.control().log();
        seen.iter().filter(|request| request.path == GPG).count()
    };
    let line = |args: &[&str], env: &[(&str, &str)]| {
        let said = offered.join(args, env);
        assert_eq!(said.code, 0, "{}", said.stderr);
        let lines: Vec<&str> = said
            .stdout
            .lines()
            .skip_while(|line| !line.contains("docker engine and compose plugin"))
            .take(2)
            .collect();
        lines
            .join("\n")
            .replace(&offered.url(), "https://<repository>")
    };
    let mut all = String::new();
    for args in [
        vec![],
        vec!["--docker-source", "docker"],
        vec!["--docker-source", "distro"],
        vec!["--skip-check", "docker-repository"],
    ] {
        all += &format!("# {}\n{}\n", args.join(" "), line(&args, &[]));
    }
    assert_eq!(
        asked(),
        2,
        "where nothing is to come from it, it is not asked"
    );
    let other = [("STREAMHUB_DOCKER_KEY_FINGERPRINT", OTHER)];
    all += &format!("# another key\n{}\n", line(&[], &other));
    snapshot("docker_plan", &all);
}

#[test]
fn what_stands_in_the_way_of_the_docker_that_was_asked_for_is_named_before_anything_is_changed() {
    let offered = Offered::new().behaving(&good());
    offered.scene.script(
        "stubs/dpkg-query",
        "echo containerd installed\necho runc installed",
    );
    let said = offered.join(&["--docker-source", "docker"], &[]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    let lines = [
        "error [docker] --docker-source says whose Docker to install, and apt would have to remove what is here of another: containerd runc",
        "apt-get remove containerd runc",
    ];
    for line in lines {
        assert!(said.stderr.contains(line), "{}", said.stderr);
    }
    // Left to itself it comes from where they came.
    let said = offered.join(&[], &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
}
