//! A registry on a host of the lab, in the place of Docker Hub and of `registry.example.com`: what is newer than the
//! images that hosts have from the start.

use crate::host::Host;
use crate::images::Image;

const SERVER: &str = include_str!("registry.py");
/// Where [`crate::images::CORE`] is.
const NAME: &str = "registry.example.com";

/// The registry; gone when its host is.
pub struct Registry<'a> {
    host: &'a Host,
}

impl<'a> Registry<'a> {
    /// Serves it from a host with Docker. There is nothing in it yet.
    pub fn serve(host: &'a Host) -> Self {
        host.write("/root/registry.py", SERVER, 0o644);
        host.sh_ok(
            "mkdir -p /srv/registry
             systemd-run --quiet --unit=lab-registry python3 /root/registry.py /srv/registry
             until curl --silent --fail --output /dev/null http://127.0.0.1/v2/; do sleep 0.05; done",
        );
        Self { host }
    }

    /// Offers this image from now on, in the place of an earlier one of its name and tag.
    pub fn publish(&self, image: &Image) {
        self.host.import(image);
        let reference = image.reference();
        let path = reference.strip_prefix(&format!("{NAME}/"));
        let path = path.unwrap_or(reference).replace(':', "/");
        // Docker Hub's own images are in a library.
        let of_library = if reference.contains('/') {
            ""
        } else {
            "library/"
        };
        self.host.sh_ok(&format!(
            "set -e
             to=/srv/registry/{of_library}{path}; mkdir -p $to.new
             docker save {reference} | tar --extract --directory $to.new
             rm -rf $to; mv $to.new $to"
        ));
    }

    /// Has a host's engine, which is restarted, pull from here and ask nobody else.
    pub fn stands_in_at(&self, client: &Host) {
        let ip = self.host.ip();
        let config = format!(
            r#"{{"registry-mirrors": ["http://{ip}"], "insecure-registries": ["{ip}", "{NAME}"]}}"#
        );
        client.write("/etc/docker/daemon.json", config, 0o644);
        client.sh_ok(&format!(
            "echo '{ip} {NAME}' >>/etc/hosts; echo '127.0.0.1 registry-1.docker.io auth.docker.io' >>/etc/hosts
             systemctl restart docker"
        ));
    }

    /// What it has been asked for so far, as `GET /v2/livekit/ingress/manifests/latest`.
    pub fn requests(&self) -> Vec<String> {
        let said = self
            .host
            .sh_ok("journalctl --output=cat --unit=lab-registry");
        let asked = said.lines().filter_map(|line| line.split('"').nth(1));
        asked
            .filter_map(|request| request.strip_suffix(" HTTP/1.1"))
            .map(str::to_owned)
            .collect()
    }
}
