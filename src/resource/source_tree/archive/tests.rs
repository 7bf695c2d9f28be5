use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use tar::{Builder, Header};

/// An entry, and its name as it is, which the crate would refuse to write.
fn entry(kind: EntryType, name: &str, link: &str, bytes: &[u8], mode: u32) -> Vec<u8> {
    let mut header = Header::new_gnu();
    let gnu = header.as_gnu_mut().unwrap();
    gnu.name[..name.len()].copy_from_slice(name.as_bytes());
    gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_cksum();
    let mut archive = Builder::new(Vec::new());
    archive.append(&header, bytes).unwrap();
    let whole = archive.into_inner().unwrap();
    // Without the two blocks that end it.
    whole[..whole.len() - 1024].to_vec()
}

fn file(name: &str) -> Vec<u8> {
    entry(EntryType::Regular, name, "", b"text", 0o644)
}

fn symlink(name: &str, target: &str) -> Vec<u8> {
    entry(EntryType::Symlink, name, target, b"", 0o777)
}

fn gzip(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&entries.concat()).unwrap();
    gzip.write_all(&[0; 1024]).unwrap();
    gzip.finish().unwrap()
}

struct Scene {
    host: Host,
    root: tempfile::TempDir,
}

impl Scene {
    fn lay_out_bytes(bytes: &[u8], most: Most) -> (Self, Result<Laid>) {
        let root = tempfile::tempdir().unwrap();
        let host = Host::new(root.path());
        std::fs::create_dir(host.path("/staging")).unwrap();
        std::fs::write(host.path("/staging/archive"), bytes).unwrap();
        let (archive, below) = (Path::new("/staging/archive"), Path::new("/staging/tree"));
        let laid = lay_out(&host, archive, below, most);
        (Self { host, root }, laid)
    }

    fn lay_out(entries: &[Vec<u8>]) -> (Self, Result<Laid>) {
        Self::lay_out_bytes(&gzip(entries), MOST)
    }

    /// What stands in the root beside the staging directory.
    fn outside(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.root.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| !path.ends_with("staging")).collect()
    }
}

fn refusal(entries: &[Vec<u8>]) -> String {
    let (scene, laid) = Scene::lay_out(entries);
    assert!(scene.outside().is_empty(), "{:?}", scene.outside());
    format!("{:#}", laid.expect_err("it must be refused"))
}

#[test]
fn a_tree_has_its_files_symlinks_and_executable_bits() {
    let (scene, laid) = Scene::lay_out(&[
        entry(EntryType::Directory, "dir/", "", b"", 0o700),
        file("dir/plain"),
        entry(EntryType::Regular, "dir/run", "", b"#!/bin/sh", 0o4711),
        symlink("link", "dir/plain"),
        symlink("dir/up", "../dir/./run"),
    ]);
    let laid = laid.unwrap();
    let names: Vec<_> = laid
        .files
        .iter()
        .map(|path| path.to_str().unwrap())
        .collect();
    assert_eq!(names, ["dir/plain", "dir/run", "dir/up", "link"]);
    let mode = |name: &str| {
        let real = scene.host.path(laid.root.join(name));
        std::fs::metadata(real).unwrap().permissions().mode() & 0o7777
    };
    assert_eq!((mode("dir/plain"), mode("dir/run")), (0o644, 0o755));
    assert_eq!(mode("dir"), 0o755);
    let link = std::fs::read_link(scene.host.path(laid.root.join("link"))).unwrap();
    assert_eq!(link, Path::new("dir/plain"));
}

#[test]
fn the_one_directory_that_all_is_in_is_left_out() {
    let (_scene, laid) = Scene::lay_out(&[
        file("streamhub-1/docker-compose.yml"),
        symlink("streamhub-1/deploy/link", "../docker-compose.yml"),
    ]);
    let laid = laid.unwrap();
    assert!(laid.root.ends_with("tree/streamhub-1"));
    let names: Vec<_> = laid
        .files
        .iter()
        .map(|path| path.to_str().unwrap())
        .collect();
    assert_eq!(names, ["deploy/link", "docker-compose.yml"]);
    // A symlink may go up to that directory, and not to the one that it is in.
    let out = refusal(&[
        file("streamhub-1/docker-compose.yml"),
        symlink("streamhub-1/link", "../docker-compose.yml"),
    ]);
    assert!(out.contains("leads out of it"), "{out}");
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in ["../evil", "/evil", "a/../../evil", "a/../evil"] {
        let said = refusal(&[file("fine"), file(name)]);
        assert!(said.contains("leads out of it"), "{name}: {said}");
    }
    let said = refusal(&[file("two\nlines")]);
    assert!(said.contains("control characters"), "{said}");
}

#[test]
fn only_files_directories_and_symlinks_are_taken() {
    for kind in [
        EntryType::Block,
        EntryType::Char,
        EntryType::Fifo,
        EntryType::Link,
    ] {
        let said = refusal(&[file("fine"), entry(kind, "odd", "fine", b"", 0o644)]);
        assert!(said.contains("odd, which is no file"), "{kind:?}: {said}");
    }
}

#[test]
fn symlinks_that_lead_out_are_refused() {
    for (name, target) in [
        ("link", "/etc/shadow"),
        ("link", ".."),
        ("link", "../outside"),
        ("a/link", "../../outside"),
        // What is above another symlink's target is not what is above its name.
        ("a/b/link", "c/../../outside"),
        ("link", ""),
    ] {
        let said = refusal(&[file("fine"), symlink(name, target)]);
        assert!(said.contains("leads out of it"), "{target}: {said}");
    }
}

#[test]
fn nothing_is_written_through_a_symlink_or_twice() {
    for entries in [
        [symlink("a", "b"), file("a/evil")],
        [symlink("a", "b"), file("a")],
        [file("a"), file("a")],
    ] {
        let said = refusal(&entries);
        assert!(said.contains("creating"), "{said}");
    }
}

#[test]
fn more_than_a_source_has_is_refused() {
    let most = Most {
        bytes: 100_000,
        names: 20,
    };
    let big = entry(EntryType::Regular, "big", "", &[0; 200_000], 0o644);
    let (_scene, laid) = Scene::lay_out_bytes(&gzip(&[big]), most);
    assert!(laid.is_err());
    let many: Vec<_> = (0..30).map(|n| file(&n.to_string())).collect();
    let (_scene, laid) = Scene::lay_out_bytes(&gzip(&many), most);
    let said = format!("{:#}", laid.unwrap_err());
    assert!(said.contains("too many files"), "{said}");
    // Behind its end as well.
    let mut padded = many[..3].to_vec();
    padded.push(vec![0; 200_000]);
    let (_scene, laid) = Scene::lay_out_bytes(&gzip(&padded), most);
    let said = format!("{:#}", laid.unwrap_err());
    assert!(said.contains("unpacks to more"), "{said}");
}

#[test]
fn an_archive_that_is_cut_off_or_none_is_refused() {
    let whole = gzip(&[file("one"), file("two")]);
    for end in 1..whole.len() {
        let (_scene, laid) = Scene::lay_out_bytes(&whole[..end], MOST);
        assert!(laid.is_err(), "cut at {end} of {}", whole.len());
    }
    let page = b"<html>Log in to this network</html>".repeat(40);
    let (_scene, laid) = Scene::lay_out_bytes(&page, MOST);
    assert!(laid.is_err());
}
