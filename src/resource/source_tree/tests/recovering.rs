//! Trees that a predecessor left, and runs that were cut off.

use std::fs;
use std::os::unix::fs::symlink;

use super::super::*;
use super::scene::{CORE, DIR, Scene, fault};

#[test]
fn a_tree_without_git_is_adopted_as_it_is_and_loses_nothing_at_its_refresh() {
    let scene = Scene::new(&[]);
    for (path, text) in CORE {
        scene.write(path, text);
    }
    scene.write("docs/unknown.md", "theirs or mine\n");
    scene.write("deploy/Dockerfile", "FROM old\n");
    assert_eq!(scene.tree(false).probe(&scene.host).unwrap(), Change::None);
    let Change::Update(words) = scene.tree(true).probe(&scene.host).unwrap() else {
        panic!("its first refresh mirrors");
    };
    assert!(
        words.starts_with("from an unknown version to commit "),
        "{words}"
    );
    scene.refresh();
    assert_eq!(scene.text("deploy/Dockerfile"), "FROM scratch\n");
    assert_eq!(scene.text("docs/unknown.md"), "theirs or mine\n");
}

#[test]
fn a_checkout_is_adopted_and_loses_only_what_git_knows() {
    let scene = Scene::new(&[("gone.txt", "gone\n"), ("data/.gitkeep", "")]);
    let old = scene.git(&["rev-parse", "HEAD"]);
    let from = scene.repository().display().to_string();
    scene.git_in(
        &scene.host.path("/opt"),
        &["clone", "--quiet", &from, "streamhub"],
    );
    scene.write("mine.txt", "mine\n");
    assert_eq!(scene.tree(false).probe(&scene.host).unwrap(), Change::None);

    // The newest by its commit, and still what is in the directory may be anything.
    scene.write("deploy/Dockerfile", "FROM edited\n");
    let Change::Update(words) = scene.tree(true).probe(&scene.host).unwrap() else {
        panic!("its first refresh mirrors");
    };
    assert!(
        words.starts_with(&format!("from commit {old} to commit {old}")),
        "{words}"
    );
    scene.publish(&[], &["gone.txt", "data/.gitkeep"]);
    scene.refresh();
    assert!(!scene.has("gone.txt"));
    assert!(scene.has("data/.gitkeep"));
    assert_eq!(scene.text("deploy/Dockerfile"), "FROM scratch\n");
    assert_eq!(scene.text("mine.txt"), "mine\n");
    assert!(scene.has(".git/HEAD"), "an operator's commits are in there");
}

#[test]
fn a_source_can_not_bring_a_repository_of_its_own() {
    // git refuses to hold one; an archive does not.
    assert!(marker::is_kept(Path::new(".git/hooks/post-checkout")));
    assert!(marker::is_kept(Path::new(NAME)));
    assert!(!marker::is_kept(Path::new(".github/workflows/ci.yml")));
    assert!(!marker::is_kept(Path::new("deploy/data/schema.sql")));
    assert!(!marker::is_kept(Path::new(".env.example")));
}

#[test]
fn a_mirror_that_was_cut_off_is_completed_by_the_next_run() {
    let scene = Scene::new(&[("gone.txt", "gone\n"), ("left.txt", "old\n")]);
    scene.install();
    scene.publish(&[("left.txt", "new\n")], &["gone.txt"]);
    let mut marker = scene.marker();
    marker.is_whole = false;
    marker.save(&scene.host, Path::new(DIR)).unwrap();
    scene.write(&format!("{STAGING}/repository/HEAD"), "half\n");

    // A plain run: what is there is no version at all.
    let tree = scene.tree(false);
    let Change::Update(words) = tree.probe(&scene.host).unwrap() else {
        panic!("it has to be completed");
    };
    assert!(words.starts_with("complete what"), "{words}");
    tree.apply(&scene.host).unwrap();
    assert_eq!(scene.text("left.txt"), "new\n");
    assert!(!scene.has("gone.txt") && !scene.has(STAGING));
    assert!(scene.marker().is_whole);
    assert_eq!(scene.tree(true).probe(&scene.host).unwrap(), Change::None);
}

#[test]
fn what_a_killed_fetch_has_left_goes_without_another_one() {
    let scene = Scene::new(&[]);
    scene.install();
    scene.take_upstream_away();
    scene.write(&format!("{STAGING}/source.tar"), "half\n");
    let before = scene.tree(false);
    assert!(matches!(
        before.probe(&scene.host).unwrap(),
        Change::Update(_)
    ));
    before.apply(&scene.host).unwrap();
    assert!(!scene.has(STAGING));
    assert_eq!(scene.tree(false).probe(&scene.host).unwrap(), Change::None);
}

#[test]
fn a_tree_that_lost_what_tells_it_is_fetched_again() {
    let scene = Scene::new(&[]);
    scene.install();
    for (path, text) in CORE {
        fs::remove_file(scene.real(path)).unwrap();
        assert!(matches!(
            scene.tree(false).probe(&scene.host).unwrap(),
            Change::Create(_)
        ));
        scene.install();
        assert_eq!(scene.text(path), *text);
    }
}

#[test]
fn a_record_that_is_a_symlink_or_damaged_is_refused() {
    let scene = Scene::new(&[]);
    fs::write(scene.host.path("/opt/shadow"), "secret\n").unwrap();
    symlink("../shadow", scene.real(NAME)).unwrap();
    let said = fault(&scene.tree(false).apply(&scene.host).unwrap_err());
    assert!(said.contains("is a symlink"), "{said}");
    fs::remove_file(scene.real(NAME)).unwrap();
    scene.write(NAME, "{");
    let said = fault(&scene.tree(false).probe(&scene.host).unwrap_err());
    assert!(
        said.contains("can't be read") && said.contains("mv "),
        "{said}"
    );
}

#[test]
fn a_prebuilt_cores_compose_file_is_not_mirrored_over() {
    let scene = Scene::new(&[]);
    let path = Path::new(DIR).join("docker-compose.yml");
    let ours = b"# Written by streamhub-install\nservices: {}\n";
    scene.host.write(&path, ours, 0o644).unwrap();
    let error = scene.tree(false).probe(&scene.host).unwrap_err();
    assert_eq!(Fault::of(&error).exit, Exit::NotReady);
}

#[test]
fn an_image_is_from_the_tree_only_until_that_is_another() {
    let scene = Scene::new(&[]);
    let dir = Path::new(DIR);
    let is_built = || is_built(&scene.host, dir).unwrap();
    assert!(is_built(), "a tree without a record is a predecessor's");
    scene.install();
    assert!(!is_built(), "an image that an earlier tree has left");
    record_built(&scene.host, dir).unwrap();
    assert!(is_built());
    scene.publish(&[("new", "1\n")], &[]);
    scene.tree(true).apply(&scene.host).unwrap();
    assert!(!is_built(), "an update that was cut off before its build");
}
