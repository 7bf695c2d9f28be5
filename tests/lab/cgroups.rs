//! A cgroup of its own for each host, in every hierarchy that this machine has: version 2 alone, or version 1 beside it.
//!
//! Two hosts in one cgroup would see, and at a stop kill, each other's services.

use std::fs;
use std::path::{Path, PathBuf};

const ALL_HOSTS: &str = "streamhub-lab";

/// Creates the host's cgroups and returns their directories, one for each hierarchy.
pub fn create(machine: &str) -> Vec<PathBuf> {
    let hierarchies = hierarchies();
    for root in &hierarchies {
        let shared = root.join(ALL_HOSTS);
        let own = shared.join(machine);
        fs::create_dir_all(&own)
            .unwrap_or_else(|e| panic!("cannot create the cgroup {}: {e}", own.display()));
        for (parent, child) in [(root, &shared), (&shared, &own)] {
            if root.join("cgroup.controllers").exists() {
                hand_down_controllers(parent);
            }
            inherit_cpuset(parent, child);
        }
    }
    hierarchies
        .iter()
        .map(|root| root.join(ALL_HOSTS).join(machine))
        .collect()
}

/// Removes them again. Their processes must be gone, which may take a moment: what stays is said by the result.
pub fn remove(machine: &str) -> bool {
    hierarchies()
        .iter()
        .all(|root| remove_with_children(&root.join(ALL_HOSTS).join(machine)))
}

fn hierarchies() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("/proc is mounted");
    mounts
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let is_cgroup = matches!(fields.get(2), Some(&"cgroup" | &"cgroup2"));
            is_cgroup.then(|| PathBuf::from(fields[1]))
        })
        .collect()
}

/// Version 2: a cgroup's children have only the controllers that it hands down. One at a time, since one that cannot be
/// handed down would hold back the rest.
fn hand_down_controllers(cgroup: &Path) {
    let offered = fs::read_to_string(cgroup.join("cgroup.controllers")).unwrap_or_default();
    for controller in offered.split_whitespace() {
        let _ = fs::write(
            cgroup.join("cgroup.subtree_control"),
            format!("+{controller}"),
        );
    }
}

/// Version 1: no process can enter a cpuset that names no processors.
fn inherit_cpuset(parent: &Path, child: &Path) {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if child.join("cgroup.controllers").exists() {
            return;
        }
        let own = fs::read_to_string(child.join(file)).unwrap_or_default();
        if let Ok(value) = fs::read_to_string(parent.join(file))
            && own.trim().is_empty()
        {
            let _ = fs::write(child.join(file), value);
        }
    }
}

fn remove_with_children(cgroup: &Path) -> bool {
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            remove_with_children(&entry.path());
        }
    }
    fs::remove_dir(cgroup).is_ok() || !cgroup.exists()
}
