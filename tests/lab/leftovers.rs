//! What a host leaves on this machine, and taking it away: at its end, or when the run that started it is dead.
//!
//! Each run has a directory named after its process, and in it one directory for each host, named after the machine.
//! All that a host is made of follows from those two names and the record that its container writes there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::network::{link_exists, link_of};
use crate::place::{directory, lock};
use crate::process::{Process, attempt};
use crate::{cgroups, disk, link, wait};

/// Starts a process of this machine for a host: it records itself first, so that a sweep finds it.
pub const BOOT_SCRIPT: &str = include_str!("boot.sh");

/// This run's directory.
pub fn run_directory() -> PathBuf {
    let own = Process::of(std::process::id() as i32).expect("this process runs");
    let dir = directory("runs").join(own.to_text());
    fs::create_dir_all(&dir).expect("the lab's directory is writable");
    dir
}

/// Where a host's container records itself.
pub fn record(host_dir: &Path) -> PathBuf {
    host_dir.join("container")
}

/// The process of the container's manager, while it runs.
pub fn container(host_dir: &Path) -> Option<Process> {
    recorded(&record(host_dir))
}

/// The process that recorded itself in this file, while it runs.
pub fn recorded(record: &Path) -> Option<Process> {
    let text = fs::read_to_string(record).ok()?;
    Process::from_text(&text).filter(|p| p.is_alive())
}

/// Removes the hosts of runs whose process is gone.
pub fn sweep() {
    let _lock = lock("sweep");
    for run in fs::read_dir(directory("runs"))
        .expect("it was just created")
        .flatten()
    {
        let name = run.file_name().to_string_lossy().into_owned();
        if Process::from_text(&name).is_some_and(Process::is_alive) {
            continue;
        }
        for host in fs::read_dir(run.path()).into_iter().flatten().flatten() {
            remove_host(&host.path());
        }
        let _ = fs::remove_dir(run.path());
    }
}

/// Ends every process of a host and waits until its link is gone. Its disk stays.
pub fn stop(host_dir: &Path) {
    let machine = machine(host_dir);
    link::remove_relay(host_dir, &machine);
    if let Some(manager) = container(host_dir) {
        // The host's init takes every process of the host with it; its manager then has nothing left to wait for.
        let inits = manager.children();
        for init in &inits {
            init.signal(Signal::SIGKILL);
        }
        if !wait::until(Duration::from_secs(5), || !manager.is_alive()) {
            manager.signal(Signal::SIGKILL);
        }
        wait::until(Duration::from_secs(5), || {
            !inits.iter().any(|i| i.is_alive())
        });
    }
    let link = link_of(&machine);
    if !wait::until(Duration::from_secs(2), || !link_exists(&link)) {
        let _ = attempt("ip", &["link", "delete", &link]);
    }
    // A process that was killed leaves its cgroup a moment after it has gone.
    wait::until(Duration::from_secs(5), || cgroups::remove(&machine));
    let _ = fs::remove_file(record(host_dir));
    let _ = fs::remove_dir(format!("/run/systemd/nspawn/propagate/{machine}"));
}

/// Removes a host with all that it left.
pub fn remove_host(host_dir: &Path) {
    stop(host_dir);
    disk::remove(host_dir);
}

fn machine(host_dir: &Path) -> String {
    let name = host_dir.file_name().expect("a host's directory has a name");
    name.to_string_lossy().into_owned()
}
