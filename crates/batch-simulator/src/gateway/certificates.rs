//! A generated certificate authority, and the server certificate that it signs.
//!
//! Each [`super::Gateway`] generates its own. The keys are in memory only. Clients get the authority as PEM.

use std::{io, net::Ipv4Addr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring::default_provider,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// The certificate of a loopback server, and its authority.
pub(super) struct Certificates {
    pub(super) acceptor: TlsAcceptor,
    pub(super) ca_pem: String,
}

// === impl Certificates ===

impl Certificates {
    pub(super) fn generate() -> io::Result<Self> {
        let (ca_pem, leaf, key) = sign().map_err(io::Error::other)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config
                    .with_no_client_auth()
                    .with_single_cert(vec![leaf.der().clone()], key)
            })
            .map_err(io::Error::other)?;
        // Only HTTP/1.1: signatures over HTTP/2, which has no Host header, are not documented.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca_pem,
        })
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

/// The authority as PEM, and a certificate for loopback with its key.
fn sign() -> Result<(String, rcgen::Certificate, KeyPair), rcgen::Error> {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name
        .push(DnType::CommonName, "simulated gateway CA");
    let ca_key = KeyPair::generate()?;
    let authority = pem(ca.self_signed(&ca_key)?.der());

    let mut leaf = CertificateParams::new(vec!["localhost".to_owned()])?;
    let loopback = SanType::IpAddress(Ipv4Addr::LOCALHOST.into());
    leaf.subject_alt_names.push(loopback);
    leaf.distinguished_name
        .push(DnType::CommonName, "simulated gateway");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &Issuer::new(ca, ca_key))?;
    Ok((authority, certificate, key))
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}
