//! Where a source comes from, and what is refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::super::*;
use super::scene::{DIR, Scene, Server, fault, sha256};

#[test]
fn a_fresh_host_fetches_once_and_a_rerun_never_asks_again() {
    let scene = Scene::new(&[("run.sh", "#!/bin/sh\n"), ("docs/guide.md", "Example\n")]);
    let run = scene.repository().join("run.sh");
    fs::set_permissions(run, fs::Permissions::from_mode(0o755)).unwrap();
    symlink("docs/guide.md", scene.repository().join("README.md")).unwrap();
    let commit = scene.commit();

    let tree = scene.tree(false);
    let wanted = Change::Create(Some(format!(
        "fetch it from {}\n",
        scene.upstream().repository
    )));
    assert_eq!(tree.probe(&scene.host).unwrap(), wanted);
    assert_eq!(
        fs::read_dir(scene.real("")).unwrap().count(),
        0,
        "a probe writes"
    );
    tree.apply(&scene.host).unwrap();

    let mode = |path| fs::metadata(scene.real(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (mode("run.sh"), mode("docs/guide.md"), mode("docs")),
        (0o755, 0o644, 0o755)
    );
    assert_eq!(scene.text("README.md"), "Example\n");
    assert!(!scene.has(".git") && !scene.has(STAGING));
    assert_eq!(scene.marker().version, Version::Commit(commit));

    scene.take_upstream_away();
    assert_eq!(scene.tree(false).probe(&scene.host).unwrap(), Change::None);
}

#[test]
fn what_the_tree_says_of_its_files_runs_and_changes_nothing() {
    let says = "* text eol=crlf filter=evil\nhidden export-ignore\nversion export-subst\n";
    let scene = Scene::new(&[
        (".gitattributes", says),
        ("hidden", "here\n"),
        ("version", "$Format:%H$\n"),
    ]);
    scene.install();
    assert_eq!(scene.text("hidden"), "here\n");
    assert_eq!(scene.text("version"), "$Format:%H$\n");
}

#[test]
fn git_asks_over_no_transport_that_runs_a_program() {
    for url in ["ssh://nobody@127.0.0.1:9/r", "ext::touch%20x"] {
        let url: Url = url.parse().unwrap();
        let said = format!("{:#}", git::Repository(&url).newest().unwrap_err());
        assert!(said.contains("not allowed"), "{said}");
    }
}

#[test]
fn an_archive_serves_where_git_does_not() {
    let scene = Scene::new(&[]);
    let archive = scene.archive();
    let server = Server::of(archive.clone());
    let tree = SourceTree::new(DIR, scene.only_tarball(&server.url), false);
    tree.apply(&scene.host).unwrap();
    assert_eq!(scene.text("deploy/Dockerfile"), "FROM scratch\n");
    let marker = scene.marker();
    assert_eq!(marker.version, Version::Archive(sha256(&archive)));
    assert_eq!(marker.from, server.url);

    let tree = SourceTree::new(DIR, scene.only_tarball(&server.url), true);
    let Change::Update(words) = tree.probe(&scene.host).unwrap() else {
        panic!("an archive does not tell its version");
    };
    assert!(
        words.ends_with(&format!("fetch {} again\n", server.url)),
        "{words}"
    );
    assert_eq!(server.downloaded(), 1, "a probe does not download");
}

#[test]
fn a_pinned_archive_is_held_to_its_pin_and_git_is_not_asked() {
    let scene = Scene::new(&[]);
    let archive = scene.archive();
    scene.publish(&[("new.txt", "git has more\n")], &[]);
    let server = Server::of(archive.clone());
    let pinned = |sha256: &str| Source {
        tarball: server.url.parse().unwrap(),
        sha256: Some(sha256.to_owned()),
        ..scene.upstream()
    };
    let other = sha256(b"another");
    let before = scene.files();
    let tree = SourceTree::new(DIR, pinned(&other), false);
    let said = fault(&tree.apply(&scene.host).unwrap_err());
    for part in [&other, &sha256(&archive)] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(scene.files(), before);

    let right = pinned(&sha256(&archive));
    SourceTree::new(DIR, right.clone(), false)
        .apply(&scene.host)
        .unwrap();
    assert!(!scene.has("new.txt"), "the pin was passed by");
    let asked = server.asked();
    let again = SourceTree::new(DIR, right, true);
    assert_eq!(again.probe(&scene.host).unwrap(), Change::None);
    let Change::Update(words) = SourceTree::new(DIR, pinned(&other), true)
        .probe(&scene.host)
        .unwrap()
    else {
        panic!("another pin is another version");
    };
    assert!(words.contains(&other), "{words}");
    assert_eq!(server.asked(), asked);
}

#[test]
fn a_source_that_can_not_be_had_leaves_the_host_as_it_was() {
    let scene = Scene::new(&[]);
    let elsewhere = Server::of(scene.archive());
    let moved = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        elsewhere.url
    );
    let before = scene.files();
    for (answer, says) in [
        (moved, "which is not followed"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "empty",
        ),
        (
            "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "404",
        ),
    ] {
        let server = Server::answering(answer.into_bytes());
        let tree = SourceTree::new(DIR, scene.only_tarball(&server.url), false);
        let said = fault(&tree.apply(&scene.host).unwrap_err());
        assert!(said.contains(says) && said.contains("git"), "{said}");
        assert_eq!(scene.files(), before);
    }
    assert_eq!(elsewhere.asked(), 0);

    // A refresh says so before anything is changed.
    scene.install();
    let server = Server::answering(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_vec());
    let tree = SourceTree::new(DIR, scene.only_tarball(&server.url), true);
    let said = fault(&tree.probe(&scene.host).unwrap_err());
    assert!(said.contains("404") && said.contains("git"), "{said}");
    scene.take_upstream_away();
    let before = scene.files();
    let said = fault(&scene.tree(true).probe(&scene.host).unwrap_err());
    assert!(said.contains("can't be fetched"), "{said}");
    assert_eq!(scene.files(), before);
}

#[test]
fn what_is_not_streamhubs_is_refused() {
    let scene = Scene::new(&[("notes", "text\n")]);
    scene.install();
    let before = scene.files();
    for gone in ["deploy/Dockerfile", "docker-compose.yml"] {
        scene.publish(&[], &[gone]);
        let said = fault(&scene.tree(true).apply(&scene.host).unwrap_err());
        assert!(
            said.contains("it has no docker-compose.yml or no deploy/Dockerfile"),
            "{said}"
        );
        assert_eq!(scene.files(), before);
        scene.publish(&[(gone, "back\n")], &[]);
    }
    symlink("../../outside", scene.repository().join("out")).unwrap();
    scene.commit();
    let said = fault(&scene.tree(true).apply(&scene.host).unwrap_err());
    assert!(said.contains("leads out of it"), "{said}");
    assert_eq!(scene.files(), before);
}
