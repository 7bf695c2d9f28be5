//! What a refresh replaces, removes and leaves alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::super::*;
use super::scene::{DIR, Scene, fault};

/// The operator's and ours, which a source may hold as well.
const KEPT: &[&str] = &[
    ".env",
    "data/app.sqlite",
    "notes.local",
    "deploy/site.local/nginx.conf",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.streamhub.yml",
    "..env.new",
];

#[test]
fn a_refresh_mirrors_the_source_and_says_from_where_to_where() {
    let scene = Scene::new(&[
        ("same.txt", "same\n"),
        ("changed.txt", "old\n"),
        ("old/deep/gone.txt", "gone\n"),
    ]);
    let old = scene.git(&["rev-parse", "HEAD"]);
    scene.install();
    scene.write("old/operators.txt", "mine\n");
    scene.write("empty/kept.txt", "");
    fs::remove_file(scene.real("empty/kept.txt")).unwrap();
    let new = scene.publish(
        &[("changed.txt", "new\n"), ("added/new.txt", "new\n")],
        &["old/deep/gone.txt"],
    );
    let (same, changed) = (scene.inode("same.txt"), scene.inode("changed.txt"));

    assert_eq!(scene.tree(false).probe(&scene.host).unwrap(), Change::None);
    let tree = scene.tree(true);
    let words = format!(
        "from commit {old} to commit {new}, of {}\n",
        scene.upstream().repository
    );
    assert_eq!(tree.probe(&scene.host).unwrap(), Change::Update(words));
    assert_eq!(
        scene.text("changed.txt"),
        "old\n",
        "a probe changes the tree"
    );
    tree.apply(&scene.host).unwrap();

    assert_eq!(scene.text("changed.txt"), "new\n");
    assert_eq!(scene.text("added/new.txt"), "new\n");
    assert!(!scene.has("old/deep"), "what the source dropped is there");
    assert_eq!(scene.text("old/operators.txt"), "mine\n");
    assert!(scene.has("empty"));
    assert_eq!(
        scene.inode("same.txt"),
        same,
        "an unchanged file was replaced"
    );
    assert_ne!(
        scene.inode("changed.txt"),
        changed,
        "a file was written in place"
    );
    assert_eq!(scene.tree(true).probe(&scene.host).unwrap(), Change::None);
}

#[test]
fn what_is_the_operators_or_ours_is_never_touched() {
    let scene = Scene::new(&[]);
    scene.install();
    for path in KEPT {
        scene.write(path, "mine\n");
    }
    let sources: Vec<_> = KEPT.iter().map(|path| (*path, "theirs\n")).collect();
    scene.publish(&sources, &[]);
    scene.refresh();
    for path in KEPT {
        assert_eq!(scene.text(path), "mine\n", "{path}");
    }
    scene.publish(&[], KEPT);
    scene.refresh();
    for path in KEPT {
        assert!(scene.has(path), "{path}");
    }
    // A record that says otherwise is no reason either.
    let mut marker = scene.marker();
    marker.files.extend(KEPT.iter().map(PathBuf::from));
    marker.save(&scene.host, Path::new(DIR)).unwrap();
    scene.publish(&[("more", "")], &[]);
    scene.refresh();
    for path in KEPT {
        assert!(scene.has(path), "{path}");
    }
}

#[test]
fn a_changed_mode_is_mirrored_and_an_edited_file_too() {
    let scene = Scene::new(&[("run.sh", "#!/bin/sh\n"), ("edited", "source\n")]);
    scene.install();
    scene.write("edited", "edit\n");
    let run = scene.repository().join("run.sh");
    fs::set_permissions(run, fs::Permissions::from_mode(0o755)).unwrap();
    scene.commit();
    scene.refresh();
    let mode = fs::metadata(scene.real("run.sh"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o755);
    // The same length, and so only its bytes tell.
    scene.write("edited", "sourca\n");
    scene.publish(&[("more", "")], &[]);
    scene.refresh();
    assert_eq!(scene.text("edited"), "source\n");
}

#[test]
fn a_file_becomes_a_directory_and_a_directory_a_file() {
    let scene = Scene::new(&[("one", "file\n"), ("two/a/file", "file\n")]);
    scene.install();
    scene.publish(&[], &["one", "two/a/file"]);
    fs::remove_dir_all(scene.repository().join("two")).unwrap();
    scene.publish(&[("one/file", "file\n"), ("two", "file\n")], &[]);
    scene.refresh();
    assert_eq!(scene.text("one/file"), "file\n");
    assert_eq!(scene.text("two"), "file\n");
}

/// Puts something into the tree.
type Put<'a> = &'a dyn Fn(&Scene);

#[test]
fn what_the_operator_put_in_the_way_is_named_and_nothing_changed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let out = elsewhere.path();
    let cases: [(&str, Put<'_>); 4] = [
        ("new", &|scene| scene.write("new/mine", "mine\n")),
        ("new", &|scene| fs::create_dir(scene.real("new")).unwrap()),
        ("below", &|scene| scene.write("below", "mine\n")),
        ("below", &|scene| symlink(out, scene.real("below")).unwrap()),
    ];
    for (name, put) in cases {
        let scene = Scene::new(&[]);
        scene.install();
        put(&scene);
        scene.publish(&[("new", "file\n"), ("below/new", "file\n")], &[]);
        let before = scene.files();
        let said = fault(&scene.tree(true).apply(&scene.host).unwrap_err());
        assert!(
            said.starts_with("NotReady") && said.contains("is in the way"),
            "{said}"
        );
        assert!(
            said.contains(&format!("mv {DIR}/{name} {DIR}/{name}.old")),
            "{said}"
        );
        assert_eq!(scene.files(), before);
    }
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn nothing_is_removed_outside_of_the_tree() {
    let scene = Scene::new(&[("docs/guide.md", "guide\n")]);
    scene.install();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("guide.md"), "mine\n").unwrap();
    fs::write(scene.host.path("/opt/mine"), "mine\n").unwrap();
    fs::remove_dir_all(scene.real("docs")).unwrap();
    symlink(elsewhere.path(), scene.real("docs")).unwrap();
    let mut marker = scene.marker();
    marker.files.insert("../mine".into());
    marker.files.insert("deploy/../../mine".into());
    marker.files.insert("/opt/mine".into());
    marker.save(&scene.host, Path::new(DIR)).unwrap();
    scene.publish(&[], &["docs/guide.md"]);
    scene.refresh();
    assert!(elsewhere.path().join("guide.md").exists());
    assert!(scene.host.path("/opt/mine").exists());
    assert!(scene.has("docs"));
}

#[test]
fn a_directory_that_others_can_write_to_is_refused() {
    let scene = Scene::new(&[("docs/guide.md", "guide\n")]);
    scene.install();
    scene.publish(&[("docs/guide.md", "new\n")], &[]);
    fs::set_permissions(scene.real("docs"), fs::Permissions::from_mode(0o777)).unwrap();
    let said = fault(&scene.tree(true).apply(&scene.host).unwrap_err());
    assert!(said.contains("world-writable"), "{said}");
    assert_eq!(scene.text("docs/guide.md"), "guide\n");
    fs::set_permissions(scene.real(""), fs::Permissions::from_mode(0o777)).unwrap();
    let said = fault(&scene.tree(false).probe(&scene.host).unwrap_err());
    assert!(said.contains("world-writable"), "{said}");
}
