//! A certificate authority for a test, and serving with what it signs.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A certificate and its key, each as PEM.
#[derive(Debug, Clone)]
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

/// Signs for the names and addresses it is given.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    /// A new authority that no system trusts.
    ///
    /// # Panics
    /// When the system has no random numbers; the same goes for what it signs.
    pub fn new() -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Example Test Authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Authority {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    /// Its own certificate as PEM: what a client is to trust.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for names and addresses, valid today.
    pub fn sign(&self, names: &[&str]) -> Identity {
        self.leaf(names, (2020, 2090))
    }

    /// One whose time has passed.
    pub fn sign_expired(&self, names: &[&str]) -> Identity {
        self.leaf(names, (2020, 2021))
    }

    fn leaf(&self, names: &[&str], (from, to): (i32, i32)) -> Identity {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names that a certificate can hold");
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a signature");
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Default for Authority {
    fn default() -> Authority {
        Authority::new()
    }
}

/// A connection, plain or not.
pub(crate) trait Wire: Read + Write {
    /// Takes back the timeout that bounds the request: staying silent has none.
    fn wait_forever(&self);
}

impl Wire for TcpStream {
    fn wait_forever(&self) {
        let _ = self.set_read_timeout(None);
    }
}

type Encrypted = StreamOwned<ServerConnection, TcpStream>;

impl Wire for Encrypted {
    fn wait_forever(&self) {
        self.sock.wait_forever();
    }
}

pub(crate) struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    pub(crate) fn new(identity: &Identity) -> io::Result<Acceptor> {
        let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
        let chain = chain
            .collect::<Result<Vec<_>, _>>()
            .map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, key.map_err(io::Error::other)?);
        Ok(Acceptor(Arc::new(config.map_err(io::Error::other)?)))
    }

    pub(crate) fn over(
        &self,
        stream: TcpStream,
        talk: impl FnOnce(&mut Encrypted) -> io::Result<()>,
    ) -> io::Result<()> {
        let connection = ServerConnection::new(self.0.clone()).map_err(io::Error::other)?;
        let mut wire = StreamOwned::new(connection, stream);
        talk(&mut wire)?;
        wire.conn.send_close_notify();
        wire.flush()
    }
}
