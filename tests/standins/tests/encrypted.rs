//! The origin behind TLS, as a client that checks certificates sees it.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use standins::tls::{Authority, Identity};
use standins::{Act, Config, Origin, http};

fn origin(tls: Identity) -> Origin {
    Origin::start(Config {
        tls: Some(tls),
        ..Config::default()
    })
    .unwrap()
}

fn ask(origin: &Origin, name: &str, trusted: &Authority) -> std::io::Result<http::Response> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(trusted.certificate().as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(origin.addr())?;
    let mut stream = StreamOwned::new(connection, stream);
    http::exchange(&mut stream, "GET", "/api/v1/health", &[], b"")
}

#[test]
fn serves_the_names_it_was_signed_for() {
    let authority = Authority::new();
    let origin = origin(authority.sign(&["origin.example.com", "127.0.0.1"]));
    assert!(origin.url().starts_with("https://127.0.0.1:"));
    for name in ["origin.example.com", "127.0.0.1"] {
        assert_eq!(ask(&origin, name, &authority).unwrap().status, 200);
    }
    let error = ask(&origin, "other.example.com", &authority).unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
    let log = origin.control().log();
    assert_eq!(log.iter().filter(|seen| seen.method == "GET").count(), 2);
}

#[test]
fn is_refused_when_expired_or_unknown() {
    let authority = Authority::new();
    let expired = origin(authority.sign_expired(&["127.0.0.1"]));
    let error = ask(&expired, "127.0.0.1", &authority).unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");

    let current = origin(authority.sign(&["127.0.0.1"]));
    let error = ask(&current, "127.0.0.1", &Authority::new()).unwrap_err();
    assert!(!error.to_string().contains("expired"), "{error}");
}

#[test]
fn misbehaves_under_tls_too() {
    let authority = Authority::new();
    let origin = origin(authority.sign(&["127.0.0.1"]));
    origin.control().behave(Act::Truncated);
    assert!(ask(&origin, "127.0.0.1", &authority).is_err());
    origin.control().behave(Act::Close);
    assert!(ask(&origin, "127.0.0.1", &authority).is_err());
}
