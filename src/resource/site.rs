//! nginx in front of an origin's core, as one site among whatever others it serves.
//!
//! The site itself is written once: certbot and the operator edit it. What has to keep up with us is in
//! a file of its own that the site includes, and the cluster's API is a site of its own. What nginx
//! refuses is taken back, and a running nginx is only ever reloaded.

pub(super) mod configuration;
mod existing;
mod neighbours;
pub(super) mod nginx;
pub(super) mod pieces;
mod removal;
mod without_cluster;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use minijinja::context;

use super::{Change, Resource, diff};
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;
use crate::render::render;
use existing::Parts;
use pieces::{Piece, Standing};

pub use removal::SiteParts;
pub use without_cluster::NoClusterSite;

const AVAILABLE: &str = "/etc/nginx/sites-available";
const ENABLED: &str = "/etc/nginx/sites-enabled";
const ROUTES: &str = "/etc/nginx/snippets/streamhub.conf";
const CLUSTER: &str = "streamhub-cluster";
/// All that an edge may ask, of whichever proxy: not the dashboard, nor the rest of the API.
pub const CLUSTER_PATHS: &[&str] = &[
    "/api/v1/cluster/join",
    "/api/v1/cluster/heartbeat",
    "/api/v1/webhooks/livekit",
    "/api/v1/health",
];

/// An origin's site in nginx.
#[derive(Clone, Debug)]
pub struct Site {
    /// What its file is called: [`site_name`].
    pub domain: String,
    /// nginx's `server_name`: the domain, or `_`.
    pub server_name: String,
    /// It answers for every name that no other site does, as an origin without a name must.
    pub is_catch_all: bool,
    /// What certbot has put into it is to go.
    pub without_tls: bool,
    /// Where the core listens on loopback.
    pub core_port: u16,
    /// Where the cluster's API is offered to edges.
    pub cluster: Option<(IpAddr, u16)>,
}

/// Where the site of a domain lies.
pub fn site_path(domain: &str) -> PathBuf {
    Path::new(AVAILABLE).join(domain)
}

/// The files that an origin's site is made of, by its [`site_name`].
pub fn site_files(name: &str) -> [PathBuf; 3] {
    [site_path(name), ROUTES.into(), site_path(CLUSTER)]
}

/// What the file of a domain's site is called: after the domain, or in the upper case in which the predecessor was given it.
///
/// # Errors
/// If nginx's directory can't be read.
pub fn site_name(host: &Host, domain: &str) -> Result<String> {
    let known = host.names_in(Path::new(AVAILABLE))?;
    let mut alike = known
        .iter()
        .filter(|name| name.eq_ignore_ascii_case(domain));
    let exact = known.iter().find(|name| *name == domain);
    let name = exact.or_else(|| alike.next());
    Ok(name.cloned().unwrap_or_else(|| domain.to_owned()))
}

impl Site {
    fn path(&self) -> PathBuf {
        site_path(&self.domain)
    }

    fn link(&self) -> PathBuf {
        Path::new(ENABLED).join(&self.domain)
    }

    /// The site as it is to be: what is there, as far as it leads to StreamHub.
    fn text(&self, host: &Host) -> Result<String> {
        let path = self.path();
        let Some(there) = host.read_ours(&path)? else {
            let has_ipv6 = matches!(host.find(Path::new("/proc/net/if_inet6"))?, Found::File(_));
            let values = context! {
                server_name => self.server_name.as_str(),
                is_catch_all => self.is_catch_all,
                has_ipv6,
            };
            return render("origin/nginx.conf", values);
        };
        let mut there = String::from_utf8_lossy(&there).into_owned();
        if self.without_tls {
            there = existing::without_tls(&there, &self.server_name);
        }
        let name = (!self.is_catch_all).then_some(self.server_name.as_str());
        match existing::parts(&there, name, self.core_port) {
            Parts::Complete => Ok(there),
            Parts::Outdated(text) => Ok(text),
            Parts::Missing => Err(existing::not_ours(&path, &self.domain)),
        }
    }

    /// All that is to stand, in the order in which it is made: the link that enables the site last.
    fn pieces(&self, host: &Host) -> Result<Vec<Piece>> {
        neighbours::refuse_other_layout(host)?;
        let text = self.text(host)?;
        let mut pieces = Vec::new();
        for path in neighbours::to_disable(host, self, &text)? {
            pieces.push(Piece::new(path, Standing::Nothing));
        }
        if existing::includes_routes(&text) {
            let routes = render(
                "origin/nginx-routes.conf",
                context! { core_port => self.core_port },
            )?;
            pieces.push(Piece::text(ROUTES, routes));
        }
        pieces.push(Piece::text(self.path(), text));
        let (cluster, cluster_link) = (site_path(CLUSTER), Path::new(ENABLED).join(CLUSTER));
        match self.cluster {
            Some((address, port)) => {
                let cluster_text = render(
                    "origin/nginx-cluster.conf",
                    context! {
                        address => SocketAddr::new(address, port).to_string(),
                        core_port => self.core_port,
                        paths => CLUSTER_PATHS.to_vec(),
                    },
                )?;
                pieces.push(Piece::text(&cluster, cluster_text));
                pieces.push(Piece::new(cluster_link, Standing::Link(cluster)));
            }
            None => {
                pieces.push(Piece::new(cluster_link, Standing::Nothing));
                pieces.push(Piece::new(cluster, Standing::Nothing));
            }
        }
        pieces.push(Piece::new(self.link(), Standing::Link(self.path())));
        Ok(pieces)
    }

    /// Those that do not stand so yet, each with what stands there now.
    fn to_make(&self, host: &Host) -> Result<Vec<(Piece, Standing)>> {
        let mut found = Vec::new();
        for piece in self.pieces(host)? {
            let now = Standing::look(host, &piece.path)?;
            piece.refuse_others(host, &now)?;
            if now != piece.wanted {
                found.push((piece, now));
            }
        }
        Ok(found)
    }

    /// What nginx has to be told although every file is as it should be.
    fn to_take_up(&self, host: &Host) -> Result<Option<&'static str>> {
        let state = nginx::State::look()?;
        if !state.active {
            return Ok(Some("start nginx"));
        }
        if !state.enabled {
            return Ok(Some("have nginx start at a boot"));
        }
        let mut newest = None;
        for piece in self.pieces(host)? {
            newest = newest.max(pieces::changed(host, &piece.path)?);
        }
        // A run that was cut off wrote files that nginx has not read.
        let is_read = newest.is_none_or(|newest| state.is_newer_than(newest));
        Ok((!is_read).then_some("reload nginx"))
    }
}

impl Resource for Site {
    fn name(&self) -> String {
        format!("nginx site {}", self.domain)
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let to_make = self.to_make(host)?;
        if to_make.is_empty() {
            let what = self.to_take_up(host)?;
            return Ok(what.map_or(Change::None, |what| Change::Update(what.to_owned())));
        }
        let detail: String = to_make
            .iter()
            .map(|(piece, now)| in_words(piece, now))
            .collect();
        let is_new = |(piece, now): &(Piece, Standing)| {
            *now == Standing::Nothing && piece.wanted != Standing::Nothing
        };
        Ok(if to_make.iter().any(is_new) {
            Change::Create(Some(detail))
        } else {
            Change::Update(detail)
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let to_make = self.to_make(host)?;
        let taken_up = make(host, &to_make)
            // Its time says that nginx has something to read, also where only another link went.
            .and_then(|()| match to_make.as_slice() {
                [] => Ok(()),
                _ => host.link(&self.link(), &self.path()),
            })
            .and_then(|()| nginx::test())
            .and_then(|()| nginx::take_up());
        if taken_up.is_err() {
            for (piece, before) in to_make.iter().rev() {
                before.make(host, &piece.path)?;
            }
        }
        taken_up
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let owned = |(piece, now): (Piece, Standing)| match (now, piece.wanted) {
            (Standing::Nothing, Standing::Nothing) => None,
            (Standing::Nothing, _) => Some(Owned::File { path: piece.path }),
            (Standing::Link(target), Standing::Nothing)
                if piece.path == neighbours::default_link() =>
            {
                Some(Owned::Unlinked {
                    path: piece.path,
                    target,
                })
            }
            // What stood there before is recorded already, or nobody's that we know.
            _ => None,
        };
        let to_make = self.to_make(host).unwrap_or_default();
        to_make.into_iter().filter_map(owned).collect()
    }
}

fn make(host: &Host, pieces: &[(Piece, Standing)]) -> Result<()> {
    for directory in [AVAILABLE, ENABLED, "/etc/nginx/snippets"] {
        host.make_dir(Path::new(directory), 0o755)?;
    }
    for (piece, _) in pieces {
        piece.wanted.make(host, &piece.path)?;
    }
    Ok(())
}

/// A line or more for the plan.
fn in_words(piece: &Piece, now: &Standing) -> String {
    let path = piece.path.display();
    match (now, &piece.wanted) {
        (_, Standing::Link(to)) => format!("{path} → {}\n", to.display()),
        (_, Standing::Nothing) => format!("no {path} any more\n"),
        (Standing::Text(old), Standing::Text(new)) if piece.path != Path::new(ROUTES) => diff(
            1,
            &String::from_utf8_lossy(old),
            &String::from_utf8_lossy(new),
        ),
        (Standing::Text(_), _) => format!("{path}: new routes\n"),
        (Standing::Nothing | Standing::Link(_), Standing::Text(_)) => format!("{path}\n"),
    }
}

#[cfg(test)]
mod tests;
