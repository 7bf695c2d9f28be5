//! What a host is to be like before it boots for the first time.

use std::fs;
use std::path::PathBuf;

use crate::base::Layer;
use crate::disk::{Overlay, mount_overlay};
use crate::host::Host;
use crate::images::{self, Image};
use crate::leftovers;
use crate::network::{self, Address, GATEWAY, PREFIX};
use crate::process::must;

/// Made by [`Host::named`], used up by [`Setup::boot`].
#[derive(Debug)]
pub struct Setup {
    name: String,
    layer: Layer,
    images: Vec<Image>,
    size: Size,
}

/// How much of this machine a host seems to have: all of it where nothing is said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size {
    pub cores: Option<usize>,
    pub memory_mib: Option<u64>,
}

impl Host {
    /// A bare server with this hostname; see [`Setup`] for more.
    pub fn named(name: &str) -> Setup {
        Setup {
            name: name.to_owned(),
            layer: Layer::Bare,
            images: Vec::new(),
            size: Size::default(),
        }
    }
}

impl Setup {
    /// With Docker installed and running. Without this, a host has only the packages in apt's cache.
    pub fn with_docker(mut self) -> Self {
        self.layer = Layer::Docker;
        self
    }

    /// With all that an origin needs from apt, Docker included, so that a test does not wait for it.
    pub fn with_origin_packages(mut self) -> Self {
        self.layer = Layer::Origin;
        self
    }

    /// With these images in Docker's storage, whether Docker is installed already or by the test.
    pub fn with_images(mut self, images: Vec<Image>) -> Self {
        self.images = images;
        self
    }

    /// With this many cores, of those that this machine has.
    pub fn with_cores(mut self, cores: usize) -> Self {
        self.size.cores = Some(cores);
        self
    }

    /// With this much memory, as far as `/proc/meminfo` goes: what is there to use is not bounded.
    pub fn with_memory_mib(mut self, mib: u64) -> Self {
        self.size.memory_mib = Some(mib);
        self
    }

    pub fn boot(self) -> Host {
        leftovers::sweep();
        network::set_up();
        let layers = self.layer.directories();
        let docker_storage = images::storage(&self.images);
        let address = Address::take();
        let dir = leftovers::run_directory().join(address.machine());
        let disk = Overlay::create(&dir);
        mount_overlay(&layers, &disk);
        let mut host = Host::on_disk(&self.name, address, dir, disk, layers, self.size);
        prepare_disk(&host);
        prepare_docker(&host, docker_storage);
        host.start();
        host
    }
}

const OUTSIDE: &[&str] = &[
    "download.docker.com",
    "api.ipify.org",
    "github.com",
    "codeload.github.com",
    "www.streamhub.studio",
    "acme-v02.api.letsencrypt.org",
    "acme-staging-v02.api.letsencrypt.org",
];

fn prepare_disk(host: &Host) {
    let write = |path: &str, text: &[u8]| {
        fs::write(host.disk.root.join(path), text).expect("the disk is writable");
    };
    write("etc/resolv.conf", &resolv_conf());
    write("etc/hostname", format!("{}\n", host.name()).as_bytes());
    // Docker's own repository is asked for where Docker is missing, a look-up service for a host's public address, a
    // forge for StreamHub's source and Let's Encrypt for a certificate. Here nobody answers for them, and nothing
    // leaves the lab.
    let hosts = format!(
        "127.0.0.1 localhost {}\n127.0.1.1 {}\n::1 localhost\n",
        OUTSIDE.join(" "),
        host.name()
    );
    write("etc/hosts", hosts.as_bytes());
    let network = format!(
        "[Match]\nName=host0\n\n[Network]\nAddress={}/{PREFIX}\nGateway={GATEWAY}\nIPv6AcceptRA=no\n",
        host.ip()
    );
    write("etc/systemd/network/10-lab.network", network.as_bytes());
}

/// Docker's directories are no part of the overlay: its own layers are overlays, which cannot be kept on one.
fn prepare_docker(host: &Host, storage: Option<PathBuf>) {
    let make = |dir: PathBuf| fs::create_dir_all(dir).expect("the lab's directory is writable");
    make(host.storage("containerd"));
    match storage {
        None => make(host.storage("docker")),
        Some(template) => {
            let (from, to) = (template, host.storage("docker"));
            let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
            must("cp", &["--archive", "--reflink=auto", &from, &to]);
        }
    }
}

/// What names the servers that a host can reach too: not a resolver on this machine's loopback.
fn resolv_conf() -> Vec<u8> {
    let behind_stub = fs::read("/run/systemd/resolve/resolv.conf");
    behind_stub
        .or_else(|_| fs::read("/etc/resolv.conf"))
        .expect("this machine has a resolv.conf")
}
