//! What becomes of files when the disk refuses, and in which order they are written.

use serde_json::json;

use crate::cluster::{API_SECRET, Origin, TOKEN, edge};
use crate::command::HostCommand;
use crate::host::Host;

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

fn traced(host: &Host, origin: &Origin, how: &[&str]) -> HostCommand {
    host.command(["strace", "--quiet=all"])
        .args(how)
        .args(["/root/streamhub-install", "--join", "--master-ip"])
        .args([origin.host.ip().to_string()])
        .env("STREAMHUB_IP_LOOKUP_URL", "")
        .env("STREAMHUB_MASTER_TOKEN", TOKEN)
}

#[test]
fn a_write_that_fails_at_any_step_leaves_the_old_file_and_names_it() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    for file in FILES {
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
            let output = traced(&host, &origin, &how).run();
            let when = format!("{error} at {calls} of {file}");
            assert_eq!(output.code, 1, "{when}: {output:?}");
            let what = format!("writing {file}");
            assert!(output.stderr.contains(&what), "{when}: {}", output.stderr);
            assert!(output.stderr.contains(says), "{when}: {}", output.stderr);
            assert_eq!(host.run(["sha256sum", file]).stdout, before, "{when}");
            assert!(!host.has(&path), "{when}");
        }
    }
    host.joined(&origin);
}

#[test]
fn a_full_disk_leaves_what_was_there_and_the_next_run_completes_it() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.sh_ok(
        "mkdir /srv/small; mount -t tmpfs -o size=256k,mode=755 tmpfs /srv/small
         dd if=/dev/zero of=/srv/small/filler bs=4k 2>/dev/null || :; ls /srv/small",
    );
    let dir = "/srv/small/streamhub";
    let run = || {
        let run = host.join(&origin).args(["--dir", dir]);
        run.args(["--skip-check", "disk"])
    };
    // tmpfs has room for a directory's entry, and not for a page.
    let first = run().run().expect_code(1);
    assert!(
        first.stderr.contains(&format!("{dir}/.env")),
        "{}",
        first.stderr
    );
    assert!(
        first.stderr.contains("No space left on device"),
        "{}",
        first.stderr
    );
    assert_eq!(host.sh_ok(&format!("ls -A {dir}")), "", "no half a file");
    host.sh_ok("rm /srv/small/filler");
    run().run().expect_code(0);

    let env = host.read(&format!("{dir}/.env"));
    let containers = host.containers();
    origin.rotate(&json!({ "api_secret": "ExampleRotatedSecretOf40Characters00000" }));
    host.sh_ok("dd if=/dev/zero of=/srv/small/filler bs=4k 2>/dev/null || :");
    let second = run().run().expect_code(1);
    assert!(
        second.stderr.contains(&format!("{dir}/.env")),
        "{}",
        second.stderr
    );
    assert_eq!(host.read(&format!("{dir}/.env")), env);
    assert!(env.contains(API_SECRET), "the old one stays");
    assert_eq!(
        host.sh_ok(&format!("ls -A {dir}")),
        ".env\ndata\ndocker-compose.yml\n"
    );
    assert_eq!(host.containers(), containers);
    host.sh_ok("rm /srv/small/filler");
    run().run().expect_code(0);
    assert_ne!(host.read(&format!("{dir}/.env")), env);
}

#[test]
fn a_file_is_written_synced_renamed_and_its_directory_synced() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    let calls = "openat,fchmod,fchmodat,chmod,write,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,close";
    let how = ["--output=/run/calls", "--decode-fds=path", "--trace", calls];
    traced(&host, &origin, &how).run().expect_code(0);
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
