//! Which client certificates are accepted. The rules are those of Go, whose users the configuration file is made for.
//!
//! They differ from those of rustls in three points. Go can accept any certificate without verification. A certificate that is
//! itself in the client CA is accepted. And a certificate for any purpose may be that of a client.
//!
//! In each mode, the client proves that it has the key of its certificate.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage};

use super::{
    error::{PemItem, TlsError},
    pem::Pem,
};
use crate::{
    config::{ClientAuth, TlsConfig},
    x509::{Certificate, alternative_names},
};

/// Maximum size of the names of the client CAs that clients are told. Their place in the message has 64 KiB.
const MAX_HINT_BYTES: usize = 16 * 1024;

/// This many names of a certificate are in the log when none of them is allowed.
const LOGGED_NAMES: usize = 8;

/// Accepts or rejects the certificate of a client.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    required: bool,
    verifies: bool,
    /// The certificates of the client CA.
    trusted: Vec<CertificateDer<'static>>,
    authorities: RootCertStore,
    /// The names of the authorities, by which a client can choose among its certificates.
    hints: Vec<DistinguishedName>,
    /// Empty if any name is allowed.
    allowed_names: Vec<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// A client certificate that no rule of `client_allowed_sans` allows.
#[derive(Debug, thiserror::Error)]
#[error("the client certificate has none of the allowed alternative names, it has {0:?}")]
struct NameNotAllowed(Vec<String>);

/// The purposes that a client certificate and its issuers may have.
struct ForClients;

impl ClientVerifier {
    /// The verifier. `None` if no certificate is requested.
    pub(super) fn new(
        config: &TlsConfig,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Result<Option<Self>, TlsError> {
        let (required, verifies) = match config.client_auth {
            ClientAuth::None | ClientAuth::Request => (false, false),
            ClientAuth::RequireAny => (true, false),
            ClientAuth::VerifyIfGiven => (false, true),
            ClientAuth::RequireAndVerify => (true, true),
        };
        // Otherwise a client could leave out the certificate that would be rejected.
        if !required && !config.client_allowed_sans.is_empty() {
            return Err(TlsError::NamesWithoutCertificate);
        }
        if config.client_auth == ClientAuth::None {
            return Ok(None);
        }
        let mut trusted = Vec::new();
        let mut authorities = RootCertStore::empty();
        if let Some(client_ca) = &config.client_ca {
            let pem = Pem::read(PemItem::ClientCa, client_ca)?;
            trusted = pem.certificates()?;
            for certificate in &trusted {
                authorities.add(certificate.clone()).map_err(|error| {
                    TlsError::InvalidCertificate {
                        name: pem.name.clone(),
                        reason: error.to_string(),
                    }
                })?;
            }
        } else if verifies {
            return Err(TlsError::NoClientCa);
        }
        let mut hints = authorities.subjects();
        if hints.iter().map(|hint| hint.as_ref().len()).sum::<usize>() > MAX_HINT_BYTES {
            hints.clear();
        }
        Ok(Some(Self {
            required,
            verifies,
            trusted,
            authorities,
            hints,
            allowed_names: config.client_allowed_sans.clone(),
            algorithms,
        }))
    }

    /// The certificates of the client CA.
    pub(super) fn trusted(&self) -> &[CertificateDer<'static>] {
        &self.trusted
    }

    /// Checks that an authority signed the certificate for clients.
    fn verify_chain(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let certificate = EndEntityCert::try_from(certificate).map_err(rejection)?;
        certificate
            .verify_for_usage(
                self.algorithms.all,
                &self.authorities.roots,
                intermediates,
                now,
                ForClients,
                None,
                None,
            )
            .map(drop)
            .map_err(rejection)
    }

    fn verify_names(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        if self.allowed_names.is_empty() {
            return Ok(());
        }
        let names = alternative_names(certificate).ok_or(CertificateError::BadEncoding)?;
        if names.iter().any(|name| self.allowed_names.contains(name)) {
            return Ok(());
        }
        let logged = names.into_iter().take(LOGGED_NAMES).collect();
        let error = OtherError(Arc::new(NameNotAllowed(logged)));
        Err(CertificateError::Other(error).into())
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.verifies {
            if self.trusted.contains(end_entity) {
                verify_trusted(end_entity, now)?;
            } else {
                self.verify_chain(end_entity, intermediates, now)?;
            }
        }
        self.verify_names(end_entity)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ExtendedKeyUsageValidator for ForClients {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        /// `anyExtendedKeyUsage`.
        const ANY: &[usize] = &[2, 5, 29, 37, 0];
        let mut is_empty = true;
        let mut present = Vec::new();
        for purpose in purposes {
            is_empty = false;
            let purpose = purpose?.to_decoded_oid();
            if purpose == ANY || purpose == KeyUsage::CLIENT_AUTH_REPR {
                return Ok(());
            }
            present.push(purpose);
        }
        if is_empty {
            return Ok(());
        }
        let context = webpki::RequiredEkuNotFoundContext {
            required: KeyUsage::client_auth(),
            present,
        };
        Err(webpki::Error::RequiredEkuNotFoundContext(context))
    }
}

/// Checks validity and purpose of a certificate that is itself in the client CA.
fn verify_trusted(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or(Error::FailedToGetCurrentTime)?;
    if now < read.not_before {
        return Err(CertificateError::NotValidYet.into());
    }
    if !read.is_valid_at(now) {
        return Err(CertificateError::Expired.into());
    }
    if !read.is_for_clients {
        return Err(CertificateError::InvalidPurpose.into());
    }
    Ok(())
}

/// The error that selects the alert for the client.
fn rejection(error: webpki::Error) -> Error {
    use webpki::Error as Rejected;
    match error {
        Rejected::BadDer | Rejected::BadDerTime | Rejected::TrailingData(_) => {
            CertificateError::BadEncoding
        }
        Rejected::CertExpired { .. } => CertificateError::Expired,
        Rejected::CertNotValidYet { .. } => CertificateError::NotValidYet,
        Rejected::UnknownIssuer => CertificateError::UnknownIssuer,
        Rejected::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Rejected::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    }
    .into()
}
