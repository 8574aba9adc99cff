//! TLS in front of a server on this machine, with its own certificate authority.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::io::Write;
use std::sync::Arc;
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A server on `localhost` that terminates TLS and forwards the plain bytes. It stops when the test's runtime ends.
#[derive(Debug)]
pub struct Tls {
    /// The URL at which it listens.
    pub endpoint: String,
    bundle: NamedTempFile,
}

impl Tls {
    /// Starts a server in front of `endpoint`, such as `http://127.0.0.1:8000`.
    pub async fn before(endpoint: &str) -> Self {
        let behind = endpoint.strip_prefix("http://").unwrap().to_owned();
        let (config, authority) = certified();
        let mut bundle = NamedTempFile::new().unwrap();
        bundle.write_all(authority.as_bytes()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(acceptor.clone(), client, behind.clone()));
            }
        });
        Self { endpoint, bundle }
    }

    /// Returns the path of the authority's PEM file: a value for `AWS_CA_BUNDLE`.
    pub fn bundle(&self) -> &str {
        self.bundle.path().to_str().unwrap()
    }
}

/// Returns a server's configuration for `localhost`, and the PEM certificate of the authority that signed it.
fn certified() -> (ServerConfig, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    (config, root)
}

async fn pass_on(acceptor: TlsAcceptor, client: TcpStream, behind: String) {
    let _ = client.set_nodelay(true);
    // Either end may close the connection at any time. A client that does not trust the certificate closes it here.
    let Ok(mut client) = acceptor.accept(client).await else {
        return;
    };
    let Ok(mut server) = TcpStream::connect(behind).await else {
        return;
    };
    let _ = server.set_nodelay(true);
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}
