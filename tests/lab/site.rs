//! Where operators fetch install.sh and the binary from: what `make dist` makes, served over TLS from a host.

use std::fs;

use standins::tls::Authority;
use tempfile::TempDir;

use crate::host::Host;
use crate::program::dist;

const SERVE: &str = include_str!("../bootstrap/serve.py");

/// The site's address and who vouches for it. It is gone when its host is.
pub struct Site {
    authority: Authority,
    /// What stands before `/releases/install.sh`.
    pub root: String,
    /// The same by a server that knows no TLS after 1.1.
    pub old_root: String,
}

impl Site {
    /// Starts it on a host that may do other things too.
    pub fn start(host: &Host) -> Self {
        let ip = host.ip().to_string();
        let site = Self {
            authority: Authority::new(),
            root: format!("https://{ip}:8443"),
            old_root: format!("https://{ip}:8444"),
        };
        let made = TempDir::new().expect("there is room");
        dist(
            &format!("{}/releases", site.root),
            &made.path().join("dist"),
        );
        for file in fs::read_dir(made.path().join("dist"))
            .expect("it was made")
            .flatten()
        {
            host.push(
                &file.path(),
                &format!("/srv/site/{}", file.file_name().display()),
            );
        }
        let identity = site.authority.sign(&[&ip]);
        host.write("/srv/serve.py", SERVE, 0o644);
        host.write("/srv/cert.pem", identity.certificate, 0o644);
        host.write("/srv/key.pem", identity.key, 0o600);
        let serve = |unit: &str, port: u16, newest: &str| {
            host.sh_ok(&format!(
                "systemd-run --quiet --unit={unit} python3 /srv/serve.py /srv/site /srv/cert.pem /srv/key.pem 0.0.0.0 {port} {newest}
                 until curl --silent --insecure --tlsv1.1 --ciphers DEFAULT:@SECLEVEL=0 --output /dev/null \
                       https://127.0.0.1:{port}/releases/install.sh; do sleep 0.05; done"
            ));
        };
        serve("lab-site", 8443, "");
        serve("lab-old-site", 8444, "1.1");
        site
    }

    /// Lets a host trust it, as any web site: in the system's own store.
    pub fn vouch_at(&self, host: &Host) {
        host.trust("site", self.authority.certificate());
    }
}
