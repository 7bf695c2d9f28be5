//! HTTP as this program speaks it: no redirects, no proxies, bounded in time and size.

mod download;

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use reqwest::Certificate;
use reqwest::blocking::{Client, ClientBuilder, Request, Response};
use reqwest::redirect::Policy;

pub use download::{Bounds, download};

use crate::fault::Result;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// From the first byte sent to the last byte read.
pub const TOTAL_LIMIT: Duration = Duration::from_secs(15);
/// Servers drop a connection that nobody uses, some after 5 s: one is not used again near that moment.
const IDLE_LIMIT: Duration = Duration::from_secs(2);
/// A service of this machine that takes longer hangs.
const LOCAL_LIMIT: Duration = Duration::from_secs(5);
/// No answer that counts is longer.
pub const LONGEST_BODY: u64 = 64 * 1024;

/// A client that trusts the system's certificate authorities and those given.
///
/// # Errors
/// If the TLS library refuses them.
pub fn client(for_tls: bool, more: Vec<Certificate>) -> Result<Client> {
    // Without TLS nothing is verified: the system's hundred certificates need not be read.
    let builder = builder();
    let builder = if for_tls {
        builder.tls_certs_merge(more)
    } else {
        builder.tls_certs_only([])
    };
    builder.build().context("setting up HTTP")
}

/// A client for a service of this machine behind a Unix socket.
///
/// # Errors
/// As [`client`].
pub fn unix_client(socket: PathBuf) -> Result<Client> {
    builder()
        .tls_certs_only([])
        .unix_socket(socket)
        .timeout(LOCAL_LIMIT)
        .build()
        .context("setting up HTTP")
}

fn builder() -> ClientBuilder {
    // A second install of the same provider is refused, and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_LIMIT)
        .timeout(TOTAL_LIMIT)
        .pool_idle_timeout(IDLE_LIMIT)
        .user_agent(concat!("streamhub-install/", env!("CARGO_PKG_VERSION")))
}

/// The certificates of a PEM text.
///
/// # Errors
/// If it holds none, or something else.
pub fn certificates(pem: &str) -> Result<Vec<Certificate>> {
    let found = Certificate::from_pem_bundle(pem.as_bytes()).context("it is no PEM text")?;
    anyhow::ensure!(!found.is_empty(), "it holds no certificate");
    Ok(found)
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub body: Vec<u8>,
    /// Where a redirect points.
    pub location: Option<String>,
    /// What the other side takes for now.
    pub date: Option<SystemTime>,
}

/// Sends a request and reads its answer.
///
/// # Errors
/// If nothing comes, if it takes over 15 s in all, or if the body is over 64 KiB.
pub fn send(client: &Client, request: Request) -> std::result::Result<Answered, NoAnswer> {
    send_for(client, request, LONGEST_BODY)
}

/// The same where an answer that counts may be longer: `longest` bytes.
///
/// # Errors
/// As [`send`].
pub fn send_for(
    client: &Client,
    request: Request,
    longest: u64,
) -> std::result::Result<Answered, NoAnswer> {
    let mut request = request;
    // Set on the request, the limit covers the body as well.
    request.timeout_mut().get_or_insert(TOTAL_LIMIT);
    let response = client
        .execute(request)
        .map_err(|e| NoAnswer::Unreachable(causes(&e)))?;
    read(response, longest)
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("{0}")]
    Unreachable(String),
    #[error("its answer is over {} KiB", .0 / 1024)]
    TooLong(u64),
}

fn read(response: Response, longest: u64) -> std::result::Result<Answered, NoAnswer> {
    let status = response.status().as_u16();
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let location = header("location");
    let date = header("date").and_then(|text| httpdate::parse_http_date(&text).ok());
    let mut body = Vec::new();
    response
        .take(longest + 1)
        .read_to_end(&mut body)
        .map_err(|e| NoAnswer::Unreachable(format!("the answer broke off: {}", causes(&e))))?;
    if body.len() as u64 > longest {
        return Err(NoAnswer::TooLong(longest));
    }
    Ok(Answered {
        status,
        body,
        location,
        date,
    })
}

/// The chain of causes in one line, without what only repeats.
fn causes(error: &dyn std::error::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        // What the layers say of themselves only repeats the address or that it failed.
        let is_noise = ["error sending request", "client error", "tcp connect error"]
            .iter()
            .any(|noise| text.starts_with(noise));
        if !is_noise && !said.iter().any(|s| s.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    if said.is_empty() {
        error.to_string()
    } else {
        said.join(": ")
    }
}
