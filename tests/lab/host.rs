//! One host: how it is set up, boots, stops, and goes away.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::base::Layer;
use crate::cgroups;
use crate::disk::{Overlay, mount_overlay};
use crate::images::{self, Image};
use crate::leftovers::{self, gone_within};
use crate::network::{self, Address, BRIDGE, GATEWAY, PREFIX};
use crate::process::{Process, must};

/// Ample: a boot takes a second, but test processes share the machine's processors.
const BOOT_LIMIT: Duration = Duration::from_secs(90);
const BOOT_ATTEMPTS: usize = 3;

/// What a host is to be like. Made by [`Host::named`], used up by [`Setup::boot`].
#[derive(Debug)]
pub struct Setup {
    name: String,
    layer: Layer,
    images: Vec<Image>,
}

impl Setup {
    /// With Docker installed and running. Without this, a host has only the packages in apt's cache.
    pub fn with_docker(mut self) -> Self {
        self.layer = Layer::Docker;
        self
    }

    /// With these images in Docker's storage, whether Docker is installed already or by the test.
    pub fn with_images(mut self, images: Vec<Image>) -> Self {
        self.images = images;
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
        let mut host = Host {
            name: self.name,
            address,
            dir,
            disk,
            layers,
            manager: None,
            init: None,
        };
        host.prepare_disk(docker_storage);
        host.start();
        host
    }
}

/// A host that runs until it is dropped.
#[derive(Debug)]
pub struct Host {
    name: String,
    pub(crate) address: Address,
    dir: PathBuf,
    pub(crate) disk: Overlay,
    /// What the disk is an overlay of, topmost first.
    pub(crate) layers: Vec<PathBuf>,
    manager: Option<Child>,
    init: Option<Process>,
}

impl Host {
    /// A bare server with this hostname; see [`Setup`] for more.
    pub fn named(name: &str) -> Setup {
        Setup {
            name: name.to_owned(),
            layer: Layer::Bare,
            images: Vec::new(),
        }
    }

    /// Its private address on the network that all hosts share.
    pub fn ip(&self) -> Ipv4Addr {
        self.address.ip()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its pid 1, as this machine counts.
    pub(crate) fn init(&self) -> Process {
        self.init
            .expect("the host runs: it was started and not killed")
    }

    /// Where its `/var/lib/docker` and the like are on this machine.
    pub(crate) fn storage(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Boots it from its disk, as it was left.
    pub fn start(&mut self) {
        assert!(self.init.is_none(), "{} runs already", self.name);
        for attempt in 1..=BOOT_ATTEMPTS {
            let fault = match self.try_start() {
                Ok(()) => return,
                Err(fault) => fault,
            };
            self.kill();
            assert!(
                attempt < BOOT_ATTEMPTS,
                "{} does not boot: {fault}",
                self.name
            );
            eprintln!("lab: {} boots again: {fault}", self.name);
        }
    }

    /// Stops it as pulling the plug would: no process gets to say a word.
    pub fn kill(&mut self) {
        leftovers::stop(&self.dir);
        if let Some(mut manager) = self.manager.take() {
            let _ = manager.kill();
            let _ = manager.wait();
        }
        self.init = None;
    }

    /// Stops it as an operator does, and boots it again.
    pub fn reboot(&mut self) {
        let manager = leftovers::container(&self.dir).expect("the host runs");
        // It may be gone before it could answer.
        let _ = self.command(["systemctl", "--no-block", "reboot"]).run();
        // nspawn ends at a reboot, and leaves booting again to who started it. A unit may take 90 s to stop.
        let stopped = gone_within(Duration::from_secs(120), || !manager.is_alive());
        assert!(stopped, "{} does not shut down", self.name);
        self.kill();
        self.start();
    }

    fn prepare_disk(&self, docker_storage: Option<PathBuf>) {
        let root = &self.disk.root;
        fs::copy(resolv_conf(), root.join("etc/resolv.conf"))
            .expect("this machine has a resolv.conf");
        fs::write(root.join("etc/hostname"), format!("{}\n", self.name))
            .expect("the disk is writable");
        let hosts = format!(
            "127.0.0.1 localhost\n127.0.1.1 {}\n::1 localhost\n",
            self.name
        );
        fs::write(root.join("etc/hosts"), hosts).expect("the disk is writable");
        let network = format!(
            "[Match]\nName=host0\n\n[Network]\nAddress={}/{PREFIX}\nGateway={GATEWAY}\nIPv6AcceptRA=no\n",
            self.ip()
        );
        fs::write(root.join("etc/systemd/network/10-lab.network"), network)
            .expect("the disk is writable");
        fs::create_dir_all(self.storage("containerd")).expect("the lab's directory is writable");
        let docker = self.storage("docker");
        match docker_storage {
            None => fs::create_dir_all(docker).expect("the lab's directory is writable"),
            Some(template) => {
                let (from, to) = (template.to_string_lossy(), docker.to_string_lossy());
                must("cp", &["--archive", "--reflink=auto", &from, &to]);
            }
        }
    }

    fn try_start(&mut self) -> Result<(), String> {
        let console = self.dir.join("console");
        let output = fs::File::create(&console).expect("the lab's directory is writable");
        let mut command = Command::new("sh");
        command.args(["-c", include_str!("boot.sh"), "boot.sh"]);
        command.arg(leftovers::record(&self.dir));
        command.args(cgroups::create(&self.address.machine()));
        command.args([
            "--",
            "systemd-nspawn",
            "--boot",
            "--quiet",
            "--register=no",
            "--keep-unit",
        ]);
        command.args(["--capability=all", "--drop-capability=CAP_SYS_TIME"]);
        command.args([
            "--system-call-filter=@keyring bpf add_key keyctl",
            "--bind=/dev/kmsg",
        ]);
        command.args(["--resolv-conf=off", "--console=passive"]);
        command.arg(format!("--network-bridge={BRIDGE}"));
        command.arg(format!("--machine={}", self.address.machine()));
        command.arg(format!("--hostname={}", self.name));
        command.arg(format!("--directory={}", self.disk.root.display()));
        for name in ["docker", "containerd"] {
            let source = self.storage(name);
            command.arg(format!("--bind={}:/var/lib/{name}", source.display()));
        }
        command.stdin(Stdio::null());
        command.stdout(output.try_clone().expect("a file can be opened twice"));
        command.stderr(output);
        // It sets an ordinary container's environment itself; the rest is nobody's business in there.
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let manager = self
            .manager
            .insert(command.spawn().expect("there is a shell"));

        let manager_pid = manager.id() as i32;
        let mut ended = false;
        let up = gone_within(BOOT_LIMIT, || {
            ended = matches!(
                self.manager.as_mut().map(Child::try_wait),
                Some(Ok(Some(_)))
            );
            ended || self.is_up(manager_pid)
        });
        if up && !ended {
            return Ok(());
        }
        Err(fs::read_to_string(console).unwrap_or_default())
    }

    /// Whether systemd has done all that it wants to do at a boot.
    fn is_up(&mut self, manager: i32) -> bool {
        if self.init.is_none() {
            let children = Process::of(manager)
                .map(Process::children)
                .unwrap_or_default();
            self.init = children.into_iter().find(|c| c.is_init_of_namespace());
        }
        // Before that, its namespaces are not set up, and a command would run somewhere else.
        let is_systemd = |init: Process| {
            fs::read_to_string(format!("/proc/{}/comm", init.pid)).is_ok_and(|c| c == "systemd\n")
        };
        if !self.init.is_some_and(is_systemd) {
            return false;
        }
        let state = self
            .command(["systemctl", "is-system-running"])
            .run()
            .stdout;
        matches!(state.trim(), "running" | "degraded")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let console = fs::read_to_string(self.dir.join("console")).unwrap_or_default();
            eprintln!("lab: the console of {}:\n{console}", self.name);
        }
        self.kill();
        leftovers::remove_host(&self.dir);
    }
}

/// The file that names servers which a host can reach too: not a resolver on this machine's loopback.
fn resolv_conf() -> &'static str {
    let behind_stub = "/run/systemd/resolve/resolv.conf";
    if fs::exists(behind_stub).unwrap_or(false) {
        return behind_stub;
    }
    "/etc/resolv.conf"
}
