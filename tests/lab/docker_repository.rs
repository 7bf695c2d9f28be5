//! A repository like Docker's own, served over TLS by a host of the lab.

use std::fs;

use standins::tls::Authority;

use crate::command::HostCommand;
use crate::host::Host;
use crate::place::built_once;
use crate::process::must;

const SCRIPT: &str = include_str!("docker_repository.sh");
/// What clients call the host that serves it.
const NAME: &str = "packages.example.com";
pub const URL: &str = "https://packages.example.com/linux/ubuntu";
/// What the program writes where it adds this repository.
pub const SOURCE: &str = "/etc/apt/sources.list.d/docker.sources";
pub const KEY: &str = "/etc/apt/keyrings/docker.asc";

/// Serves files below `/srv`, and notes each request in the journal.
const SERVER: &str = r#"
import functools, http.server, ssl
http.server.SimpleHTTPRequestHandler.protocol_version = "HTTP/1.1"
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/srv")
server = http.server.ThreadingHTTPServer(("", 443), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/root/packages.pem", "/root/packages.key")
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"#;

/// The repository on a host.
pub struct Repository<'a> {
    host: &'a Host,
    authority: Authority,
}

impl<'a> Repository<'a> {
    /// Serves it from this host.
    pub fn serve(host: &'a Host) -> Self {
        let built = built_once(
            "docker-repository",
            &[&made_of(), SCRIPT.as_bytes()],
            |dir| {
                let packer = Host::named("packer").boot();
                packer.script(SCRIPT).ok();
                let from = packer.disk.root.join("srv").display().to_string();
                must("cp", &["--archive", &from, &dir.to_string_lossy()]);
            },
        );
        let to = host.disk.root.display().to_string();
        let from = built.join("srv").display().to_string();
        must("cp", &["--archive", "--reflink=auto", &from, &to]);
        let authority = Authority::new();
        let identity = authority.sign(&[NAME]);
        host.write("/root/packages.pem", identity.certificate, 0o644);
        host.write("/root/packages.key", identity.key, 0o600);
        host.write("/root/packages.py", SERVER, 0o644);
        host.sh_ok(
            "systemd-run --quiet --unit=lab-packages --setenv=PYTHONUNBUFFERED=1 python3 /root/packages.py
             until ss -ltn | grep -q :443; do sleep 0.05; done",
        );
        Self { host, authority }
    }

    /// Tells a client by which name it is found and whose certificate to trust.
    pub fn introduce_to(&self, client: &Host) {
        let line = format!("{} {NAME}", self.host.ip());
        client.sh_ok(&format!("echo {line} >>/etc/hosts"));
        client.trust("packages", self.authority.certificate());
    }

    /// The run that takes this repository for Docker's.
    pub fn given_to(&self, run: HostCommand) -> HostCommand {
        let key = self.host.read("/srv/keys/fingerprint");
        run.env("STREAMHUB_DOCKER_REPO_URL", URL)
            .env("STREAMHUB_DOCKER_KEY_FINGERPRINT", key.trim())
    }

    /// Serves this file of `/srv/keys` as the key from now on.
    pub fn serve_key(&self, name: &str) {
        self.host
            .sh_ok(&format!("cp /srv/keys/{name} /srv/linux/ubuntu/gpg"));
    }

    /// Serves this file as the signed list of lists.
    pub fn serve_release(&self, path: &str) {
        self.host.sh_ok(&format!(
            "cp {path} /srv/linux/ubuntu/dists/noble/InRelease"
        ));
    }

    /// What it has been asked for so far.
    pub fn requests(&self) -> Vec<String> {
        let said = self
            .host
            .sh_ok("journalctl --output=cat --unit=lab-packages");
        let asked = said.lines().filter(|line| line.contains("HTTP/1.1\""));
        asked.map(str::to_owned).collect()
    }
}

/// The source of what [`offer_beside`] offers.
pub const BESIDE: &str = "/etc/apt/sources.list.d/beside.list";

/// Has a host's apt know empty packages that are newer than everybody else's, each with what it depends on.
pub fn offer_beside(host: &Host, packages: &[(&str, &str)]) {
    for (name, depends) in packages {
        let control = format!(
            "Package: {name}\nVersion: 99:1\nArchitecture: amd64\nMaintainer: Example <packages@example.com>\n\
             Depends: libc6{}{depends}\nDescription: newer\n",
            if depends.is_empty() { "" } else { ", " },
        );
        host.write(
            &format!("/srv/beside/{name}/DEBIAN/control"),
            control,
            0o644,
        );
    }
    host.sh_ok(&format!(
        "set -e; cd /srv/beside
         for package in */; do dpkg-deb --build $package . >/dev/null; done
         for deb in *.deb; do
             dpkg-deb --field $deb
             printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' $deb $(stat --format %s $deb) $(sha256sum <$deb | cut -c1-64)
         done >Packages
         echo 'deb [trusted=yes] file:/srv/beside ./' >{BESIDE}"
    ));
}

/// What is packed: the packages in a bare host's cache.
fn made_of() -> Vec<u8> {
    let mut names: Vec<String> = crate::base::Layer::Bare
        .directories()
        .iter()
        .filter_map(|layer| fs::read_dir(layer.join("var/cache/apt/archives")).ok())
        .flat_map(|files| files.flatten())
        .map(|file| file.path().display().to_string())
        .collect();
    names.sort();
    names.join("\n").into_bytes()
}
