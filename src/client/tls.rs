//! TLS of connections to an API: as kube sets it up, with one more way to trust a server.
//!
//! kubectl accepts a server whose certificate is itself one of the trusted ones, as self-signed certificates are. rustls only
//! accepts what a trusted certificate authority signed, and rejects an authority's own certificate as `CaUsedAsEndEntity`.

use std::sync::Arc;

use jiff::Timestamp;
use kube::{Config, client::ConfigExt as _};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::error::{Failure, describe};
use crate::x509::Certificate;

/// The TLS settings for `config`.
pub(super) fn client_config(config: &Config) -> Result<ClientConfig, Failure> {
    let mut tls = config
        .rustls_client_config()
        .map_err(|error| Failure::NoClient(describe(&error)))?;
    // kube has a verifier of its own for a file that it reloads.
    if let Some(trusted) = &config.root_cert
        && config.root_cert_file.is_none()
        && !config.accept_invalid_certs
    {
        let verifier = Verifier::new(trusted).map_err(|reason| {
            Failure::NoClient(format!("invalid certificate authority: {reason}"))
        })?;
        tls.dangerous().set_certificate_verifier(Arc::new(verifier));
    }
    Ok(tls)
}

/// Accepts what a trusted authority signed, and the trusted certificates themselves.
#[derive(Debug)]
struct Verifier {
    trusted: Vec<CertificateDer<'static>>,
    by_authority: Arc<WebPkiServerVerifier>,
}

impl Verifier {
    fn new(trusted: &[Vec<u8>]) -> Result<Self, String> {
        let trusted: Vec<CertificateDer<'static>> =
            trusted.iter().cloned().map(Into::into).collect();
        let mut roots = RootCertStore::empty();
        for certificate in &trusted {
            roots
                .add(certificate.clone())
                .map_err(|error| describe(&error))?;
        }
        let by_authority = WebPkiServerVerifier::builder(Arc::new(roots)).build();
        Ok(Self {
            trusted,
            by_authority: by_authority.map_err(|error| describe(&error))?,
        })
    }
}

/// Checks name, validity and purpose of a certificate that is trusted by itself.
fn verify_trusted(
    certificate: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, rustls::Error> {
    verify_server_name(&ParsedCertificate::try_from(certificate)?, server_name)?;
    let invalid = |error: CertificateError| rustls::Error::InvalidCertificate(error);
    let read = Certificate::read(certificate).ok_or(invalid(CertificateError::BadEncoding))?;
    let now = i64::try_from(now.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or(rustls::Error::FailedToGetCurrentTime)?;
    if now < read.not_before {
        return Err(invalid(CertificateError::NotValidYet));
    }
    if !read.is_valid_at(now) {
        return Err(invalid(CertificateError::Expired));
    }
    if !read.is_for_servers {
        return Err(invalid(CertificateError::InvalidPurpose));
    }
    Ok(ServerCertVerified::assertion())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.trusted.contains(end_entity) {
            return verify_trusted(end_entity, server_name, now);
        }
        let authority = &self.by_authority;
        authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let authority = &self.by_authority;
        authority.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let authority = &self.by_authority;
        authority.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests;
