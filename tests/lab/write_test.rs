//! What becomes of files when the disk refuses, and in which order they are written.

use serde_json::json;

use crate::cluster::{API_SECRET, Origin, edge};
use crate::command::HostCommand;
use crate::host::Host;
use crate::images::CORE;
use crate::origin_host::origin_host;

/// Each file that a join writes, in the order in which it comes to be.
const FILES: &[&str] = &[
    "/etc/streamhub/receipt.json",
    "/etc/sysctl.d/99-streamhub-webrtc.conf",
    "/usr/local/bin/streamhub-install",
    "/opt/streamhub/.env",
    "/etc/streamhub/heartbeat.env",
    "/opt/streamhub/docker-compose.yml",
    "/etc/systemd/system/streamhub-heartbeat.service",
    "/etc/systemd/system/streamhub-heartbeat.timer",
];
/// The steps of a write, and what each fails with.
const STEPS: &[(&str, &str, &str)] = &[
    ("write", "ENOSPC", "No space left on device"),
    ("fsync", "EIO", "Input/output error"),
    ("rename,renameat,renameat2", "EDQUOT", "Disk quota exceeded"),
];

/// Where a file is put together before it takes its name.
fn unfinished(file: &str) -> String {
    let (dir, name) = file.rsplit_once('/').expect("it is absolute");
    format!("{dir}/.{name}.new")
}

fn traced(run: HostCommand, how: &[&str]) -> HostCommand {
    run.under(&[&["strace", "--quiet=all"], how].concat())
}

/// Lets each step of writing these files fail, in the order in which a run comes to them.
#[track_caller]
fn fails_at_each_step(host: &Host, files: &[&str], run: impl Fn() -> HostCommand) {
    for file in files {
        for (calls, error, says) in STEPS {
            // What the run before this one had to make is made; it got no further than this file.
            let before = host.run(["sha256sum", file]).stdout;
            let inject = format!("inject={calls}:error={error}:when=1+");
            let path = unfinished(file);
            let how = [
                "--output=/dev/null",
                "-P",
                &path,
                "--trace",
                calls,
                "-e",
                &inject,
            ];
            let output = traced(run(), &how).run();
            let when = format!("{error} at {calls} of {file}");
            assert_eq!(output.code, 1, "{when}: {output:?}");
            let what = format!("writing {file}");
            assert!(output.stderr.contains(&what), "{when}: {}", output.stderr);
            assert!(output.stderr.contains(says), "{when}: {}", output.stderr);
            assert_eq!(host.run(["sha256sum", file]).stdout, before, "{when}");
            assert!(!host.has(&path), "{when}");
        }
    }
}

/// Where a small disk is mounted, with a file that fills it to the last page.
const SMALL: &str = "/srv/small";
const FILL: &str = "dd if=/dev/zero of=/srv/small/filler bs=4k 2>/dev/null || :";
const FREE: &str = "rm /srv/small/filler";

fn mount_small_disk(host: &Host) {
    host.sh_ok(&format!(
        "mkdir {SMALL}; mount -t tmpfs -o size=256k,mode=755 tmpfs {SMALL}"
    ));
}

/// A run that the full disk ends as it writes this file, with its name and the reason.
#[track_caller]
fn is_full(run: HostCommand, file: &str) {
    let output = run.run().expect_code(1);
    output.expect_said(&[&format!("writing {file}"), "No space left on device"]);
}

#[test]
fn a_write_that_fails_at_any_step_leaves_the_old_file_and_names_it() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    fails_at_each_step(&host, FILES, || host.join(&origin));
    host.joined(&origin);
}

#[test]
fn a_full_disk_leaves_what_was_there_and_the_next_run_completes_it() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    mount_small_disk(&host);
    host.sh_ok(FILL);
    let dir = "/srv/small/streamhub";
    let run = || {
        let run = host.join(&origin).args(["--dir", dir]);
        run.args(["--skip-check", "disk"])
    };
    // tmpfs has room for a directory's entry, and not for a page.
    is_full(run(), &format!("{dir}/.env"));
    assert_eq!(host.sh_ok(&format!("ls -A {dir}")), "", "no half a file");
    host.sh_ok(FREE);
    run().run().expect_code(0);

    let env = host.read(&format!("{dir}/.env"));
    let containers = host.containers();
    origin.rotate(&json!({ "api_secret": "ExampleRotatedSecretOf40Characters00000" }));
    host.sh_ok(FILL);
    is_full(run(), &format!("{dir}/.env"));
    assert_eq!(host.read(&format!("{dir}/.env")), env);
    assert!(env.contains(API_SECRET), "the old one stays");
    assert_eq!(
        host.sh_ok(&format!("ls -A {dir}")),
        ".env\ndata\ndocker-compose.yml\n"
    );
    assert_eq!(host.containers(), containers);
    host.sh_ok(FREE);
    run().run().expect_code(0);
    assert_ne!(host.read(&format!("{dir}/.env")), env);
}

/// The same two of an origin, on one host: each file that an install writes, and a disk that is full before and after it.
#[test]
fn an_origins_files_are_left_as_they_were_by_a_disk_that_refuses() {
    let host = origin_host("origin");
    mount_small_disk(&host);
    let dir = "/srv/small/streamhub";
    let ip = host.ip().to_string();
    let run = || {
        host.program(["--domain", &ip, "--cluster-redis-bind", &ip, "--dir", dir])
            .args(["--core-image", CORE, "--non-interactive"])
            .args(["--skip-check", "disk"])
    };
    let before_the_directory = &FILES[..3];
    fails_at_each_step(&host, before_the_directory, run);
    host.sh_ok(FILL);
    is_full(run(), &format!("{dir}/docker-compose.yml"));
    assert_eq!(host.sh_ok(&format!("ls -A {dir}")), "", "no half a file");
    host.sh_ok(FREE);
    let in_the_directory = ["docker-compose.yml", ".env", "docker-compose.streamhub.yml"];
    let [base, env, layer] = in_the_directory.map(|name| format!("{dir}/{name}"));
    let site = format!("/etc/nginx/sites-available/{ip}");
    let rest = [
        &base,
        &env,
        "/etc/streamhub/heartbeat.env",
        &layer,
        "/etc/systemd/system/streamhub-heartbeat.service",
        "/etc/systemd/system/streamhub-heartbeat.timer",
        "/etc/nginx/snippets/streamhub.conf",
        &site,
        "/etc/nginx/sites-available/streamhub-cluster",
    ];
    fails_at_each_step(&host, &rest, run);
    run().run().expect_code(0);

    // Installed, and asked for something else.
    let listed = || host.sh_ok(&format!("ls -A {dir}"));
    let (old, containers, files) = (host.read(&env), host.containers(), listed());
    let change = || run().args(["--admin-user", "boss"]);
    host.sh_ok(FILL);
    is_full(change(), &env);
    assert_eq!(host.read(&env), old);
    assert_eq!((host.containers(), listed()), (containers, files));
    host.sh_ok(FREE);
    change().run().expect_code(0);
    assert_eq!(host.setting(dir, "ADMIN_USER"), "boss");
    host.program([""; 0])
        .run()
        .expect_code(0)
        .expect_said(&["nothing to change"]);
}

#[test]
fn a_file_is_written_synced_renamed_and_its_directory_synced() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    let calls = "openat,fchmod,fchmodat,chmod,write,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,close";
    let how = ["--output=/run/calls", "--decode-fds=path", "--trace", calls];
    traced(host.join(&origin), &how).run().expect_code(0);
    let trace = host.read("/run/calls");
    for (file, mode) in [
        ("/opt/streamhub/.env", "0600"),
        ("/etc/streamhub/heartbeat.env", "0600"),
    ] {
        let path = unfinished(file);
        let (dir, _) = file.rsplit_once('/').expect("it is absolute");
        let about: Vec<&str> = trace
            .lines()
            .skip_while(|line| !(line.starts_with("openat") && line.contains(&path)))
            .collect();
        let created = about.first().expect("it is created");
        for part in ["O_CREAT|O_EXCL", &format!(", {mode})")] {
            assert!(created.contains(part), "{created}");
        }
        let wanted = [
            format!("write(<{path}>"),
            format!("fsync(<{path}>"),
            format!("rename(\"{path}\", \"{file}\""),
            format!("fsync(<{dir}>"),
        ];
        let mut rest = about.iter().map(|line| without_number(line));
        for call in &wanted {
            let there = rest.any(|line| line.starts_with(call) && !line.contains("= -1"));
            assert!(
                there,
                "{call} does not follow in\n{}",
                about[..12].join("\n")
            );
        }
        let chmods = trace
            .lines()
            .filter(|line| line.contains("chmod") && line.contains(&path));
        assert_eq!(chmods.count(), 0, "the mode is right from the start");
    }
}

/// `write(7</path>, …` without the descriptor, and the ways to say rename in one form.
fn without_number(line: &str) -> String {
    let (call, rest) = line.split_once('(').unwrap_or((line, ""));
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.replace("AT_FDCWD</>, ", "");
    format!(
        "{}({rest}",
        call.replace("renameat2", "rename")
            .replace("renameat", "rename")
    )
}
