//! A certificate for an origin's name, by certbot through nginx. One that is there is kept, and one that
//! can't be had leaves a site that works without.

mod caddy;
mod judge;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::ensure;

pub use caddy::{CaddyCertificate, caddy_volume};
use judge::judge;

use super::site::pieces::Standing;
use super::site::{configuration, nginx, site_path};
use super::{Change, Resource};
use crate::exec::Program;
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;
use crate::{signals, ui};

const LIVE: &str = "/etc/letsencrypt/live";
const RENEWAL: &str = "/etc/letsencrypt/renewal";
const SYSTEM_TRUST: &str = "/etc/ssl/certs/ca-certificates.crt";
/// An ACME server takes seconds; one that hangs is waited for no longer.
const LIMIT: Duration = Duration::from_secs(240);

/// How long certbot's certificate for a name is still valid; `None` where there is none.
///
/// # Errors
/// If it can't be read.
pub fn certificate_ends(host: &Host, domain: &str) -> Result<Option<Duration>> {
    let path = Path::new(LIVE).join(domain).join("fullchain.pem");
    let pem = host.read(&path)?;
    pem.map(|pem| judge::left(&pem, SystemTime::now()))
        .transpose()
}

/// A certificate for a name, used by its site in nginx.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The origin's domain: a name, never an address.
    pub domain: String,
    /// What the file of its site is called.
    pub site: String,
    /// Whom the ACME server may write to.
    pub email: String,
    /// Another ACME server than Let's Encrypt, by the URL of its directory.
    pub directory: Option<String>,
    /// That server was named just now: a good certificate of another one is replaced. Later runs keep what is good.
    pub is_named: bool,
    /// The authority that vouches for that server, where the system's store does not.
    pub ca_file: Option<PathBuf>,
}

/// What is to be done for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Asked of the ACME server.
    Obtain,
    /// The same, for one that is good and of another server than the one that was asked for.
    Replace,
    /// There already, and only to be put into the site.
    Install,
}

impl Certificate {
    fn step(&self, host: &Host) -> Result<Option<Step>> {
        let site = host.read_text(&site_path(&self.site))?.unwrap_or_default();
        let replace = self.is_named && self.is_of_another_server(host)?;
        let replace = replace.then_some(Step::Replace);
        for path in configuration::certificates(&site, &self.domain) {
            if self.is_good(host, &path)? {
                // An operator's own is nobody's to replace.
                return Ok(replace.filter(|_| path.starts_with(self.live())));
            }
        }
        let is_there = self.is_good(host, &self.live().join("fullchain.pem"))?;
        Ok(Some(match replace {
            _ if !is_there => Step::Obtain,
            Some(replace) => replace,
            None => Step::Install,
        }))
    }

    /// Whether certbot renews its certificate from another server than the one that was asked for, if one was.
    fn is_of_another_server(&self, host: &Host) -> Result<bool> {
        let renewal = Path::new(RENEWAL).join(format!("{}.conf", self.domain));
        let text = host.read_text(&renewal)?.unwrap_or_default();
        let server = text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == "server").then_some(value.trim())
        });
        Ok(self
            .directory
            .as_deref()
            .zip(server)
            .is_some_and(|(asked, server)| asked != server))
    }

    fn live(&self) -> PathBuf {
        Path::new(LIVE).join(&self.domain)
    }

    fn is_good(&self, host: &Host, path: &Path) -> Result<bool> {
        let Some(pem) = host.read(path)? else {
            return Ok(false);
        };
        Ok(judge(&pem, &self.domain, SystemTime::now()).is_ok())
    }

    fn certbot(&self, step: Step) -> Program {
        let certbot = Program::new("certbot").limit(LIMIT);
        let certbot = match step {
            Step::Install => certbot.args(["install", "--nginx", "--cert-name", &self.domain]),
            Step::Obtain | Step::Replace => certbot
                .args([
                    "--nginx",
                    "-d",
                    &self.domain,
                    "--agree-tos",
                    "-m",
                    &self.email,
                ])
                .arg(match step {
                    Step::Replace => "--force-renewal",
                    _ => "--keep-until-expiring",
                }),
        };
        let mut certbot = certbot.args(["--non-interactive", "--redirect"]);
        if step != Step::Install {
            if let Some(directory) = &self.directory {
                certbot = certbot.args(["--server", directory]);
            }
            if let Some(ca) = &self.ca_file {
                certbot = certbot.env("REQUESTS_CA_BUNDLE", ca);
            }
        }
        certbot
    }

    fn have(&self, host: &Host, step: Step) -> Result<()> {
        let finished = self.certbot(step).run()?;
        ensure!(
            finished.succeeded(),
            reason(&finished.stdout, &finished.stderr)
        );
        let left = self.step(host)?;
        ensure!(
            left.is_none(),
            "certbot is content, and yet the site has no valid certificate"
        );
        Ok(())
    }

    /// certbot's timer renews with the system's trust, and not with what this run was given.
    fn tell_of_renewals(&self, host: &Host, step: Step) -> Result<()> {
        let Some(ca) = self.ca_file.as_ref().filter(|_| step != Step::Install) else {
            return Ok(());
        };
        let trusted = host.read_text(Path::new(SYSTEM_TRUST))?.unwrap_or_default();
        let text = host.read_text(ca)?.unwrap_or_default();
        if !trusted.contains(text.trim()) {
            ui::warn(&format!(
                "this system does not trust the ACME server, so certbot can't renew the certificate by itself: \
                 cp {} /usr/local/share/ca-certificates/acme-ca.crt && update-ca-certificates",
                ca.display()
            ));
        }
        Ok(())
    }

    /// What to say and to do where it can't be had.
    fn degraded(&self, step: Step, why: &anyhow::Error, has_tls: bool) -> String {
        let Self {
            domain, ca_file, ..
        } = self;
        let site = if has_tls {
            "The site is as it was before"
        } else {
            "The site works over plain HTTP"
        };
        let trust = ca_file.as_ref().filter(|_| step != Step::Install);
        let trust = trust.map_or_else(String::new, |ca| {
            format!("REQUESTS_CA_BUNDLE={} ", ca.display())
        });
        format!(
            "no certificate for {domain}: {why:#}. {site}. Once that is mended: {trust}{}",
            self.certbot(step)
        )
    }
}

impl Resource for Certificate {
    fn name(&self) -> String {
        format!("certificate for {}", self.domain)
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        Ok(match self.step(host)? {
            None => Change::None,
            Some(Step::Install) => Change::Update(format!(
                "use the one that is there: {}",
                self.live().display()
            )),
            Some(step) => {
                let from = self.directory.as_deref().unwrap_or("Let's Encrypt");
                let from = format!("from {from}, for {}", self.email);
                match step {
                    Step::Replace => Change::Update(format!("another one {from}")),
                    _ => Change::Create(Some(from)),
                }
            }
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let Some(step) = self.step(host)? else {
            return Ok(());
        };
        // certbot edits both, and one that is killed in the middle puts nothing back.
        let edited = [
            site_path(&self.site),
            PathBuf::from("/etc/nginx/nginx.conf"),
        ];
        let before = edited
            .iter()
            .map(|path| Standing::look(host, path))
            .collect::<Result<Vec<_>>>()?;
        let Err(why) = self.have(host, step) else {
            return self.tell_of_renewals(host, step);
        };
        let site = host.read_text(&edited[0])?.unwrap_or_default();
        let has_tls = !configuration::certificates(&site, &self.domain).is_empty();
        let mut has_changed = false;
        for (path, before) in edited.iter().zip(&before) {
            if Standing::look(host, path)? != *before {
                before.make(host, path)?;
                has_changed = true;
            }
        }
        if has_changed {
            nginx::test().and_then(|()| nginx::take_up())?;
        }
        // What a signal cut off says nothing about the server.
        signals::check()?;
        ui::warn(&self.degraded(step, &why, has_tls));
        Ok(())
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let is_new = matches!(self.step(host), Ok(Some(Step::Obtain)))
            && matches!(host.find(&self.live()), Ok(crate::host::Found::Nothing));
        let name = self.domain.clone();
        is_new
            .then_some(Owned::Certificate { name })
            .into_iter()
            .collect()
    }
}

/// The line or lines of certbot's that say why.
fn reason(stdout: &str, stderr: &str) -> String {
    let said = || stdout.lines().chain(stderr.lines()).map(str::trim);
    let details: Vec<&str> = said()
        .filter_map(|line| line.strip_prefix("Detail: "))
        .collect();
    if !details.is_empty() {
        return details.join("; ");
    }
    let is_chat = |line: &&str| {
        ["Saving debug log", "Ask for help", "See the logfile"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let mut lines = stderr.lines().map(str::trim);
    let last = lines.rfind(|line| !line.is_empty() && !is_chat(line));
    last.unwrap_or("certbot says nothing")
        .trim_end_matches('.')
        .to_owned()
}

#[cfg(test)]
mod tests;
