//! A refresh that is killed anywhere.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::super::*;
use super::scene::{DIR, Scene};
use crate::host::lock;

const ROUNDS: u32 = 12;
/// Tells the child where its host and its source are.
const ROOT: &str = "SOURCE_TREE_TEST_ROOT";
const REPOSITORY: &str = "SOURCE_TREE_TEST_REPOSITORY";

/// Enough files that a mirror takes a moment; every one differs between two versions, and some have other names.
fn version(n: u32) -> Vec<(String, String)> {
    let text = |i: u32| format!("{n} {i}\n");
    let common = (0..150).map(|i| (format!("src/{i}.js"), text(i)));
    let own = (0..150).map(|i| (format!("only/{n}/{i}.js"), text(i)));
    common.chain(own).collect()
}

fn publish(scene: &Scene, n: u32) {
    let files = version(n);
    let files: Vec<_> = files
        .iter()
        .map(|(p, t)| (p.as_str(), t.as_str()))
        .collect();
    let gone = version(n.wrapping_sub(1));
    let gone: Vec<_> = gone.iter().map(|(p, _)| p.as_str()).collect();
    let gone: Vec<_> = gone
        .into_iter()
        .filter(|p| p.starts_with("only/"))
        .collect();
    scene.publish(&files, if n == 0 { &[] } else { &gone });
}

/// The source's files in the tree, and nobody else's.
fn tree(scene: &Scene) -> BTreeMap<String, String> {
    let top = scene.real("");
    let files = scene.files().into_iter().filter_map(|(path, bytes)| {
        let path = path.strip_prefix(&top).ok()?.to_str()?.to_owned();
        let is_sources = path.starts_with("src/") || path.starts_with("only/");
        is_sources.then(|| (path, String::from_utf8(bytes).unwrap()))
    });
    files.collect()
}

#[test]
fn a_refresh_that_is_killed_leaves_a_whole_tree_or_one_that_the_next_run_completes() {
    let scene = Scene::new(&[]);
    publish(&scene, 0);
    scene.install();
    fs::create_dir(scene.host.path("/run")).unwrap();
    scene.write("src/operators.txt", "mine\n");
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let whole = |n| {
        let mut files: BTreeMap<_, _> = version(n).into_iter().collect();
        files.insert("src/operators.txt".to_owned(), "mine\n".to_owned());
        files
    };
    let (mut cut, mut n) = (0, 0);
    while n < ROUNDS || (cut < 3 && n < 5 * ROUNDS) {
        n += 1;
        publish(&scene, n);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--quiet"])
            .arg("resource::source_tree::tests::killed::refreshes_once")
            .env(ROOT, scene.host.path("/"))
            .env(REPOSITORY, scene.repository())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // In turn: while it is fetched and laid out, while old files go, and while new ones come.
        let has_begun = || match n % 3 {
            0 => scene.has(STAGING),
            1 => !scene.has(&format!("only/{}/0.js", n - 1)),
            _ => scene.has(&format!("only/{n}/0.js")),
        };
        while child.try_wait().unwrap().is_none() && !has_begun() {
            std::thread::sleep(Duration::from_micros(50));
        }
        std::thread::sleep(Duration::from_micros(random.u64(0..3_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        // A git that it left at work ends first, as for any run.
        drop(lock(&scene.host).unwrap());

        let after = tree(&scene);
        let plain = scene.tree(false);
        match plain.need(&scene.host).unwrap() {
            Need::Nothing | Need::Clear => {
                assert!(
                    after == whole(n) || after == whole(n - 1),
                    "round {n}: a mix counts as whole"
                );
            }
            Need::Complete => cut += 1,
            other => panic!("round {n}: {other:?}"),
        }
        for (path, text) in &after {
            let is_one = [n - 1, n].iter().any(|n| whole(*n).get(path) == Some(text));
            assert!(is_one, "round {n}: {path} holds {text:?}");
        }
        if plain.probe(&scene.host).unwrap() != Change::None {
            plain.apply(&scene.host).unwrap();
        }
        scene.refresh();
        assert!(tree(&scene) == whole(n), "round {n} did not converge");
        assert!(!scene.has(STAGING));
        assert_eq!(scene.tree(true).probe(&scene.host).unwrap(), Change::None);
    }
    println!("{cut} of {n} were cut off while files were being moved");
    assert!(cut >= 3, "hardly a kill has met a mirror");
}

#[test]
#[ignore = "run by the test above, to be killed"]
fn refreshes_once() {
    let (Some(root), Some(repository)) = (std::env::var_os(ROOT), std::env::var_os(REPOSITORY))
    else {
        return;
    };
    let source = Source {
        repository: Url::from_file_path(repository).unwrap(),
        tarball: "http://127.0.0.1:9/source.tar.gz".parse().unwrap(),
        sha256: None,
    };
    let host = Host::new(root);
    let _lock = lock(&host).unwrap();
    SourceTree::new(DIR, source, true).apply(&host).unwrap();
}
