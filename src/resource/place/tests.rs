use std::fs;

use super::*;

const SIGNED: &str = "# Written by streamhub-install, which replaces this file.\n";

/// A root with an install directory that holds these files.
fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join("opt/streamhub").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn place(recorded: &[&str]) -> Place {
    let dir = PathBuf::from("/opt/streamhub");
    let file = |name: &&str| Owned::File {
        path: dir.join(name),
    };
    Place {
        recorded: recorded.iter().map(file).collect(),
        dir,
        is_tree: false,
        keep_data: false,
    }
}

/// What is left of it, below the root.
fn left(root: &tempfile::TempDir, place: &Place) -> Vec<String> {
    let host = Host::new(root.path());
    if place.is_there(&host).unwrap() {
        place.remove(&host).unwrap();
    }
    assert!(!place.is_there(&host).unwrap(), "a second time");
    let paths = host.list(&place.dir).unwrap();
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(name).collect()
}

const EDGE: &[(&str, &str)] = &[
    (".env", "STREAMHUB_DOMAIN=join-edge-1\n"),
    ("docker-compose.yml", SIGNED),
    ("data/apps/live/recording.mp4", "a recording"),
    ("..env.new", "half of it"),
];

#[test]
fn what_is_ours_goes_with_the_directory() {
    let root = root(EDGE);
    assert_eq!(left(&root, &place(&[".env"])), [""; 0]);
    assert!(!root.path().join("opt/streamhub").exists());
    assert!(root.path().join("opt").exists());
}

#[test]
fn data_and_its_env_are_kept() {
    let root = root(EDGE);
    let place = Place {
        keep_data: true,
        ..place(&[".env", "data"])
    };
    assert_eq!(left(&root, &place), [".env", "data"]);
    let recording = "opt/streamhub/data/apps/live/recording.mp4";
    assert!(root.path().join(recording).exists());
}

#[test]
fn data_is_kept_also_where_its_env_is_lost() {
    let root = root(&EDGE[2..3]);
    let data = Owned::Directory {
        path: "/opt/streamhub/data".into(),
    };
    let place = Place {
        recorded: vec![data],
        keep_data: true,
        ..place(&[])
    };
    assert_eq!(left(&root, &place), ["data"]);
    let recording = "opt/streamhub/data/apps/live/recording.mp4";
    assert!(root.path().join(recording).exists());
}

#[test]
fn nothing_goes_behind_an_operators_link() {
    let root = root(&[(".env", "STREAMHUB_HOST_DATA_DIR=./store/media\n")]);
    let elsewhere = root.path().join("srv/store/media");
    fs::create_dir_all(&elsewhere).unwrap();
    let link = root.path().join("opt/streamhub/store");
    std::os::unix::fs::symlink(root.path().join("srv/store"), link).unwrap();
    assert_eq!(left(&root, &place(&[".env"])), ["store"]);
    assert!(elsewhere.exists());
}

#[test]
fn data_is_where_env_says_it_is() {
    let root = root(&[
        (".env", "STREAMHUB_HOST_DATA_DIR=./media/store\n"),
        ("media/store/a", ""),
        ("data/a", "not StreamHub's"),
    ]);
    let kept = Place {
        keep_data: true,
        ..place(&[".env"])
    };
    assert_eq!(left(&root, &kept), [".env", "data", "media"]);
    assert_eq!(left(&root, &place(&[".env"])), ["data"]);
}

#[test]
fn beside_data_that_lies_deeper_a_strangers_files_stay() {
    let files = [
        (".env", "STREAMHUB_HOST_DATA_DIR=./storage/of/streamhub\n"),
        ("storage/of/streamhub/apps/recording.mp4", "a recording"),
        ("storage/of/others/photo.jpg", "an operator's"),
        ("storage/notes.txt", "an operator's"),
    ];
    let recorded = Owned::Directory {
        path: PathBuf::from("/opt/streamhub/storage/of/streamhub"),
    };
    for keep_data in [true, false] {
        let root = root(&files);
        let mut place = place(&[".env"]);
        place.recorded.push(recorded.clone());
        place.keep_data = keep_data;
        let host = Host::new(root.path());
        let told = place.detail(&host).unwrap().unwrap();
        let stays = "stays, for what is not StreamHub's: storage/notes.txt, storage/of/others\n";
        assert!(told.contains(stays), "{told}");
        left(&root, &place);
        let there = |name| root.path().join("opt/streamhub").join(name).exists();
        assert!(there("storage/notes.txt") && there("storage/of/others/photo.jpg"));
        assert_eq!(there("storage/of/streamhub/apps/recording.mp4"), keep_data);
    }
}

#[test]
fn a_strangers_files_stay_and_the_directory_with_them() {
    let mut files = EDGE.to_vec();
    files.extend([
        ("docker-compose.override.yml", "an operator's"),
        ("backups/monday.tar", "an operator's"),
        ("docker-compose.streamhub.yml", "not signed"),
    ]);
    let root = root(&files);
    assert_eq!(
        left(&root, &place(&[".env"])),
        [
            "backups",
            "docker-compose.override.yml",
            "docker-compose.streamhub.yml"
        ]
    );
}

#[test]
fn of_a_tree_that_nothing_lists_only_streamhubs_names_go() {
    let mut files = EDGE.to_vec();
    files.extend([
        ("server/package.json", "{}"),
        ("deploy/backup.sh", ""),
        ("settings.local", "an operator's"),
        ("backups/monday.tar", "an operator's"),
        ("recordings.zip", "an operator's"),
    ]);
    let root = root(&files);
    std::os::unix::fs::symlink("/etc", root.path().join("opt/streamhub/link")).unwrap();
    let tree = Place {
        is_tree: true,
        ..place(&[".env"])
    };
    assert_eq!(
        left(&root, &tree),
        ["backups", "link", "recordings.zip", "settings.local"]
    );
}

#[test]
fn a_symlink_in_its_place_is_not_followed() {
    let root = root(EDGE);
    let at = root.path().join("opt/streamhub");
    fs::rename(&at, root.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("/elsewhere", &at).unwrap();
    assert!(!place(&[".env"]).is_there(&Host::new(root.path())).unwrap());
    assert!(root.path().join("elsewhere/.env").exists());
}
