//! The lab: whole hosts, booted on this machine, for the tests that need the truth.
//!
//! A *lab host* is a systemd-nspawn container with an init of its own: systemd as pid 1, its own network namespace and
//! firewall, its own Docker daemon, an address on a bridge that all hosts share and a way out through this machine. Its
//! disk is an overlay of a base that is built once, so that a host is there in about a second and whatever a test does
//! to it can be read off the overlay's upper directory ([`host::Host::tree`]).
//!
//! **Lab hosts are Debian packages under Ubuntu's os-release.** Debian 13 is close enough to Ubuntu 24.04 in systemd,
//! apt, ufw and Docker for what is tested here, and it is what a Debian machine can build; but the packages' names and
//! versions are Debian's (`docker-compose`, not `docker-compose-v2`), and there is no snap, netplan, AppArmor,
//! needrestart or systemd-resolved. What depends on one of those is not proven here.
//!
//! What else differs from a server:
//! - Hosts share this machine's kernel, clock and memory. The clock cannot be set. Kernel settings outside the network
//!   namespace (`/proc/sys/net/core`, for one) are read-only.
//! - A hard stop kills every process at once but keeps what the kernel holds of unwritten pages: whether a program
//!   syncs what it writes shows in a trace of its system calls, not here.
//! - A command that a test runs is in the host's namespaces but in none of its cgroups, like nothing on a server. A
//!   process whose cgroup matters is started with `systemd-run`.
//!
//! What an origin needs from elsewhere is on other hosts of the lab: StreamHub's source ([`source::Source`]), a
//! certificate authority ([`acme::Acme`]) and newer images ([`registry::Registry`]). A host that is to become one,
//! with all packages and images, is [`origin_host::origin_host`].
//!
//! Needed, as root on a Debian or Ubuntu machine: debootstrap, systemd-container, iproute2, iptables, python3 and tar.
//! What is built is kept in `$STREAMHUB_LAB_DIR`, by default `/var/cache/streamhub-lab`; the mirror is the one that this
//! machine's apt uses, or `$STREAMHUB_LAB_MIRROR`. Any number of test processes may run at once. A host is gone when it
//! is dropped, so one in a `static` never is; what a killed run leaves, the next one takes away.

#![forbid(unsafe_code)]

mod acme;
mod adoption_test;
mod allow_edge_test;
mod base;
mod bench_page;
mod bench_test;
mod bootstrap_test;
mod bundle_test;
mod caddy_test;
mod campaign;
mod cgroups;
mod cluster;
mod command;
mod containers_test;
mod crash_test;
mod demo;
mod diagnosis;
mod disk;
mod docker_engine_test;
mod docker_install_test;
mod docker_repository;
mod docker_source_test;
mod docker_trust_test;
mod doctor_origin_test;
mod doctor_test;
mod dry_run_test;
mod engine_trouble_test;
mod env_readers_test;
mod env_test;
mod events;
mod fence_test;
mod files;
mod firewall_test;
mod guide_test;
mod heartbeat_test;
mod host;
mod host_test;
mod hostile_network_test;
mod images;
mod join_forms_test;
mod join_leaves_test;
mod join_test;
mod kill_campaign_test;
mod leftovers;
mod link;
mod measure;
mod network;
mod network_test;
mod nodes_test;
mod observed;
mod origin_adoption_test;
mod origin_away_test;
mod origin_host;
mod origin_host_test;
mod origin_kill_test;
mod origin_redis_test;
mod origin_settings_test;
mod origin_test;
mod origin_token_test;
mod origin_update_test;
mod output_test;
#[path = "../pages/mod.rs"]
mod pages;
mod place;
mod ports_test;
mod power_cut_test;
mod predecessor;
mod predecessor_origin;
mod preflight_test;
mod problems;
mod process;
mod program;
mod proxy_test;
mod questions_test;
mod recovery_test;
mod redis_path_test;
mod registry;
mod rerun_test;
mod rotate_kill_test;
mod rotate_test;
mod rotation_test;
mod running;
mod scene;
mod secrets_test;
mod setup;
mod shown;
mod site;
mod source;
mod source_tree_test;
mod status_test;
mod strace;
mod terminal;
mod tour;
mod tour_installs;
mod tour_life;
mod tree;
mod unhealthy_test;
mod uninstall;
mod uninstall_kill_test;
mod uninstall_origin_test;
mod uninstall_test;
mod wait;
mod write_test;
