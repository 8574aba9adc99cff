//! The certificates that DynamoDB's own must chain to.

use super::ConfigError;
use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The roots of AWS's endpoints: Amazon Root CA 1 to 4 and Starfield Services Root CA G2
/// (<https://www.amazontrust.com/repository/>).
const AMAZON: &[u8] = include_bytes!("../../roots/amazon-trust-services.pem");

/// The variable that names a file of more roots.
const BUNDLE: &str = "AWS_CA_BUNDLE";

/// What an HTTPS endpoint of DynamoDB must chain to.
///
/// Amazon's roots alone by default: parsing all that an operating system trusts takes longer than everything else
/// before a function's first event. `AWS_CA_BUNDLE` adds to them, for a proxy or an emulator with a
/// certificate of its own.
#[derive(Clone, Debug)]
pub struct Roots(TlsContext);

impl Roots {
    /// Amazon's roots, and those of the PEM file at `bundle`.
    ///
    /// # Errors
    /// The variable `AWS_CA_BUNDLE` where the file cannot be read or does not hold certificates, all of them
    /// whole.
    pub fn read(bundle: Option<&str>) -> Result<Self, ConfigError> {
        let mut store = TrustStore::empty().with_pem_certificate(AMAZON);
        if let Some(path) = bundle {
            let pem = std::fs::read(path)
                .map_err(|cause| ConfigError::unusable(BUNDLE, format!("names a file that cannot be read: {cause}")))?;
            // Checked here, because the SDK panics over it at the first connection.
            check(&pem).map_err(|problem| ConfigError::unusable(BUNDLE, problem))?;
            store.add_pem_certificate(pem);
        }
        let context = TlsContext::builder().with_trust_store(store).build();
        context
            .map(Self)
            .map_err(|cause| ConfigError::unusable(BUNDLE, format!("makes no trust store: {cause}")))
    }

    /// The roots as the SDK's client takes them.
    pub(super) fn context(&self) -> TlsContext {
        self.0.clone()
    }
}

fn check(pem: &[u8]) -> Result<(), &'static str> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| "names a file that is not PEM")?;
        roots
            .add(certificate)
            .map_err(|_| "names a file with a certificate that cannot be read")?;
    }
    if roots.is_empty() {
        return Err("names a file without certificates in PEM");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{AMAZON, Roots};
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use std::collections::HashSet;
    use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

    /// Mozilla's list has 5 roots of Amazon Trust Services. The names stand in the certificates as they are:
    /// of "Starfield …" only the "Services" root belongs to Amazon.
    fn is_amazons(certificate: &CertificateDer<'_>) -> bool {
        let holds = |name: &[u8]| certificate.windows(name.len()).any(|window| window == name);
        holds(b"Amazon Root CA ") || holds(b"Starfield Services Root Certificate Authority - G2")
    }

    #[test]
    fn the_roots_shipped_are_all_of_amazons_in_mozillas_list_and_no_others() {
        let shipped: HashSet<_> = CertificateDer::pem_slice_iter(AMAZON).map(Result::unwrap).collect();
        let listed: HashSet<_> = TLS_SERVER_ROOT_CERTS
            .iter()
            .filter(|root| is_amazons(root))
            .cloned()
            .collect();
        assert_eq!(shipped.len(), 5);
        assert!(shipped == listed);
    }

    #[test]
    fn a_bundle_that_is_none_is_refused_by_the_variables_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, contents: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, contents).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let pem = |contents: &str| format!("-----BEGIN CERTIFICATE-----\n{contents}\n-----END CERTIFICATE-----\n");
        let cut = &AMAZON[..AMAZON.len() - 40];
        for (bundle, problem) in [
            (
                folder.path().join("none").to_str().unwrap().to_owned(),
                "cannot be read",
            ),
            (folder.path().to_str().unwrap().to_owned(), "cannot be read"),
            (file("empty", b""), "without certificates"),
            (file("text", b"not a bundle"), "without certificates"),
            (file("cut", cut), "not PEM"),
            (file("base64", pem("?").as_bytes()), "not PEM"),
            (file("der", pem("AAAA").as_bytes()), "a certificate that cannot be read"),
        ] {
            let error = Roots::read(Some(&bundle)).unwrap_err().to_string();
            assert!(
                error.starts_with("the environment variable AWS_CA_BUNDLE names"),
                "{error}"
            );
            assert!(error.contains(problem) && !error.contains('\n'), "{problem}: {error}");
        }
        assert!(Roots::read(Some(&file("roots", AMAZON))).is_ok());
        assert!(Roots::read(None).is_ok());
    }
}
