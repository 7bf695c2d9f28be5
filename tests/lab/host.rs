//! One host: how it boots, stops, and goes away.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::cgroups;
use crate::disk::Overlay;
use crate::leftovers::{self, BOOT_SCRIPT};
use crate::network::{Address, BRIDGE};
use crate::process::Process;
use crate::setup::Size;
use crate::wait;

/// Ample: a boot takes a second, but test processes share the machine's processors.
const BOOT_LIMIT: Duration = Duration::from_secs(90);
const BOOT_ATTEMPTS: usize = 3;

/// A host that runs until it is dropped.
#[derive(Debug)]
pub struct Host {
    name: String,
    pub(crate) address: Address,
    dir: PathBuf,
    pub(crate) disk: Overlay,
    /// What the disk is an overlay of, topmost first.
    pub(crate) layers: Vec<PathBuf>,
    size: Size,
    init: Option<Process>,
    /// What was started for the host, to be reaped when it stops.
    started: Mutex<Vec<Child>>,
}

impl Host {
    /// One that has never booted.
    pub(crate) fn on_disk(
        name: &str,
        address: Address,
        dir: PathBuf,
        disk: Overlay,
        layers: Vec<PathBuf>,
        size: Size,
    ) -> Self {
        Self {
            name: name.to_owned(),
            address,
            dir,
            disk,
            layers,
            size,
            init: None,
            started: Mutex::default(),
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

    /// Where on this machine the host has what is not on its disk, Docker's `/var/lib/docker` for one.
    pub(crate) fn storage(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// What keeps a command to the host's cores.
    pub(crate) fn core_limit(&self) -> Vec<String> {
        let last = self.size.cores.map(|cores| cores.max(1) - 1);
        last.map_or_else(Vec::new, |last| {
            ["taskset", "--cpu-list", &format!("0-{last}")]
                .map(str::to_owned)
                .into()
        })
    }

    /// Keeps a process of this machine that was started for the host, and that ends when the host stops.
    pub(crate) fn keep(&self, child: Child) {
        self.started
            .lock()
            .expect("nobody panics holding it")
            .push(child);
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
        let started = self.started.get_mut().expect("nobody panics holding it");
        for mut child in started.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.init = None;
    }

    /// Stops it as an operator does, and boots it again.
    pub fn reboot(&mut self) {
        let manager = leftovers::container(&self.dir).expect("the host runs");
        // It may be gone before it could answer.
        let _ = self.command(["systemctl", "--no-block", "reboot"]).run();
        // nspawn ends at a reboot, and leaves booting again to who started it. A unit may take 90 s to stop.
        let stopped = wait::until(Duration::from_secs(120), || !manager.is_alive());
        assert!(stopped, "{} does not shut down", self.name);
        self.kill();
        self.start();
    }

    fn try_start(&mut self) -> Result<(), String> {
        let console = self.dir.join("console");
        let output = fs::File::create(&console).expect("the lab's directory is writable");
        let errors = output.try_clone().expect("a file can be opened twice");
        let mut command = self.boot_command();
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let manager = command.spawn().expect("there is a shell");
        let manager_pid = manager.id() as i32;
        self.keep(manager);
        let mut ended = false;
        let up = wait::until(BOOT_LIMIT, || {
            ended = Process::of(manager_pid).is_none();
            ended || self.is_up(manager_pid)
        });
        if ended || !up {
            return Err(fs::read_to_string(console).unwrap_or_default());
        }
        self.pretend_memory();
        Ok(())
    }

    fn boot_command(&self) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", BOOT_SCRIPT, "boot.sh"]);
        command.arg(leftovers::record(&self.dir));
        command.args(cgroups::create(&self.address.machine()));
        command.arg("--").args(self.core_limit());
        command.args([
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
        // It sets an ordinary container's environment itself; the rest is nobody's business in there.
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
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
        let state = self.run(["systemctl", "is-system-running"]).stdout;
        matches!(state.trim(), "running" | "degraded")
    }

    fn pretend_memory(&self) {
        let Some(mib) = self.size.memory_mib else {
            return;
        };
        let total = mib * 1024;
        let real = fs::read_to_string("/proc/meminfo").expect("/proc is mounted");
        let bounded = real.lines().map(|line| {
            let mut words = line.split_whitespace();
            let kib = words.nth(1).and_then(|n| n.parse::<u64>().ok());
            match (line.split_once(':'), kib) {
                (Some((name, _)), Some(kib)) if name == "MemTotal" || kib > total => {
                    format!("{name}:{total:>15} kB\n")
                }
                _ => format!("{line}\n"),
            }
        });
        self.write("/run/lab/meminfo", bounded.collect::<String>(), 0o444);
        self.sh_ok("mount --bind /run/lab/meminfo /proc/meminfo");
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
