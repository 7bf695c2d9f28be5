//! A certificate authority that speaks ACME, on a host of the lab: Debian's Pebble, the test server of Let's Encrypt. It
//! proves a name as that does, by a request to port 80 of the host that the name leads to.

use serde_json::json;
use standins::tls::Authority;

use crate::base::tool;
use crate::command::HostCommand;
use crate::host::Host;

const PORT: u16 = 14000;
/// Where it tells its own root; for this host alone.
const MANAGEMENT: u16 = 15000;
/// At the end of the lines that say where names lead.
const MARK: &str = "# acme";

/// The server; gone when its host is.
pub struct Acme<'a> {
    host: &'a Host,
    authority: Authority,
}

impl<'a> Acme<'a> {
    /// Starts it on any host, which may do other things too.
    pub fn serve(host: &'a Host) -> Self {
        let authority = Authority::new();
        let ip = host.ip().to_string();
        let identity = authority.sign(&[&ip, "localhost"]);
        host.push(&tool("pebble"), "/root/pebble");
        host.write("/root/acme.pem", identity.certificate, 0o644);
        host.write("/root/acme.key", identity.key, 0o600);
        let config = json!({ "pebble": {
            "listenAddress": format!("0.0.0.0:{PORT}"),
            "managementListenAddress": format!("127.0.0.1:{MANAGEMENT}"),
            "certificate": "/root/acme.pem",
            "privateKey": "/root/acme.key",
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        host.write("/root/pebble.json", config.to_string(), 0o644);
        // It would wait at random and refuse one request in twenty, for clients' authors. The C library reads
        // /etc/hosts anew for each name, which Go's own look-up does not.
        host.sh_ok(&format!(
            "systemd-run --quiet --unit=lab-acme --setenv=PEBBLE_VA_NOSLEEP=1 --setenv=PEBBLE_WFE_NONCEREJECT=0 \
                 --setenv=GODEBUG=netdns=cgo /root/pebble -config /root/pebble.json
             for try in $(seq 200); do
                 curl --silent --insecure --output /dev/null https://127.0.0.1:{PORT}/dir && exit
                 sleep 0.05
             done
             journalctl --unit=lab-acme >&2; exit 1"
        ));
        Self { host, authority }
    }

    /// Its directory's address, as clients are given it.
    pub fn directory(&self) -> String {
        format!("https://{}:{PORT}/dir", self.host.ip())
    }

    /// Who vouches for that address, as PEM.
    pub fn authority(&self) -> &str {
        self.authority.certificate()
    }

    /// The run of a client that gets its certificates here, and trusts that address.
    pub fn given_to(&self, client: &Host, run: HostCommand) -> HostCommand {
        const FILE: &str = "/root/acme-ca.pem";
        client.write(FILE, self.authority(), 0o644);
        run.env("STREAMHUB_ACME_DIRECTORY", &self.directory())
            .env("STREAMHUB_ACME_CA_FILE", FILE)
    }

    /// Who vouches for what it issues, as PEM: another authority, made at its start.
    pub fn issuer(&self) -> String {
        let root = format!("https://127.0.0.1:{MANAGEMENT}/roots/0");
        self.host
            .sh_ok(&format!("curl --silent --fail --insecure {root}"))
    }

    /// Lets a name lead to a host: what its DNS says from now on.
    pub fn lead(&self, name: &str, to: &Host) {
        self.lead_to(name, &to.ip().to_string());
    }

    fn lead_to(&self, name: &str, ip: &str) {
        self.host.sh_ok(&format!(
            "grep -v ' {name} {MARK}$' /etc/hosts >/tmp/hosts; echo '{ip} {name} {MARK}' >>/tmp/hosts
             cat /tmp/hosts >/etc/hosts"
        ));
    }

    /// Issues nothing any more: every name leads nowhere, until it is led to a host again.
    pub fn refuse_everything(&self) {
        // Nothing of the client's answers on the server's own loopback.
        self.host.sh_ok(&format!(
            "sed 's/^[^ ]* \\(.* {MARK}\\)$/127.0.0.1 \\1/' /etc/hosts >/tmp/hosts; cat /tmp/hosts >/etc/hosts"
        ));
    }

    /// Answers nobody from now on.
    pub fn down(&self) {
        self.host.sh_ok("systemctl stop lab-acme");
    }
}
