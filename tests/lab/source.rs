//! Where hosts get StreamHub's source from: a host that serves the lab's tree (`streamhub_tree/`) as a git repository and
//! as a tarball, over HTTP and TLS.

use std::fs;
use std::path::Path;

use standins::tls::Authority;

use crate::command::HostCommand;
use crate::host::Host;
use crate::images::tree;
use crate::process::must;

const SERVER: &str = include_str!("source.py");
/// The version of the tree as it lies here.
pub const FIRST_VERSION: &str = "0.1.0";
/// Only one version has it: `server/only-in-0.1.0.js`.
const ONLY: &str = "server/only-in";

/// The tree on a host that serves it; gone when its host is.
pub struct Source<'a> {
    host: &'a Host,
    authority: Authority,
}

impl<'a> Source<'a> {
    /// Serves the first version from a host with git ([`crate::setup::Setup::with_origin_packages`]).
    pub fn serve(host: &'a Host) -> Self {
        let source = Self {
            host,
            authority: Authority::new(),
        };
        let ip = host.ip().to_string();
        let identity = source.authority.sign(&[&ip]);
        host.write("/root/source.pem", identity.certificate, 0o644);
        host.write("/root/source.key", identity.key, 0o600);
        host.write("/root/source.py", SERVER, 0o644);
        host.sh_ok(
            "set -e
             mkdir -p /srv/source
             git init --quiet --bare --initial-branch=main /srv/source/streamhub.git
             git init --quiet --initial-branch=main /srv/tree
             cd /srv/tree
             git config user.name Example; git config user.email source@example.com",
        );
        copy(&tree(""), &host.disk.root.join("srv/tree"));
        source.publish(FIRST_VERSION);
        host.sh_ok(
            "systemd-run --quiet --unit=lab-source python3 /root/source.py /srv/source 8090
             systemd-run --quiet --unit=lab-source-tls python3 /root/source.py /srv/source 8490 /root/source.pem /root/source.key
             until ss -ltn | grep -q :8090 && ss -ltn | grep -q :8490; do sleep 0.05; done",
        );
        source
    }

    /// Makes this the newest version, in both forms.
    pub fn publish(&self, version: &str) {
        self.host.sh_ok(&format!(
            r#"set -e
             cd /srv/tree
             sed -i 's/"version": "[^"]*"/"version": "{version}"/' server/package.json
             rm -f {ONLY}-*
             echo '// {version}' >{ONLY}-{version}.js
             git add --all
             git commit --quiet --message "StreamHub {version}"
             git push --quiet /srv/source/streamhub.git main
             git --git-dir=/srv/source/streamhub.git update-server-info
             git archive --format=tar.gz --prefix=streamhub-main/ --output=/srv/source/streamhub.tar.gz main"#
        ));
    }

    /// Changes the tree by a script that runs in it; the next [`Self::publish`] brings that out.
    pub fn edit(&self, script: &str) {
        self.host.sh_ok(&format!("set -e; cd /srv/tree; {script}"));
    }

    pub fn git_url(&self) -> String {
        format!("http://{}:8090/streamhub.git", self.host.ip())
    }

    /// With all files in one directory, as a forge packs them.
    pub fn tarball_url(&self) -> String {
        format!("http://{}:8090/streamhub.tar.gz", self.host.ip())
    }

    pub fn tarball_sha256(&self) -> String {
        let said = self.host.sh_ok("sha256sum </srv/source/streamhub.tar.gz");
        said[..64].to_owned()
    }

    /// The same two over TLS, for a host that [`Self::vouch_at`] was called for.
    pub fn over_tls(url: &str) -> String {
        url.replace("http://", "https://").replace(":8090", ":8490")
    }

    /// Lets a host trust it, as any web site: in the system's own store.
    pub fn vouch_at(&self, client: &Host) {
        client.trust("source", self.authority.certificate());
    }

    /// The run that gets StreamHub's source from here, by git where it may, else as the tarball.
    pub fn given_to(&self, run: HostCommand) -> HostCommand {
        run.env("STREAMHUB_REPO_URL", &self.git_url())
            .env("STREAMHUB_SRC_URL", &self.tarball_url())
    }

    /// What it has been asked for so far, as `GET /streamhub.tar.gz`.
    pub fn requests(&self) -> Vec<String> {
        let said = self
            .host
            .sh_ok("journalctl --output=cat --unit=lab-source --unit=lab-source-tls");
        let asked = said.lines().filter_map(|line| line.split('"').nth(1));
        asked
            .filter_map(|request| request.strip_suffix(" HTTP/1.1"))
            .map(str::to_owned)
            .collect()
    }

    /// Answers nobody from now on.
    pub fn down(&self) {
        self.host.sh_ok("systemctl stop lab-source lab-source-tls");
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("it is there").flatten() {
        let (path, to) = (entry.path(), to.to_string_lossy());
        must("cp", &["--archive", &path.to_string_lossy(), &to]);
    }
    // As root made them, whoever checked this repository out.
    must("chown", &["--recursive", "0:0", &to.to_string_lossy()]);
}
