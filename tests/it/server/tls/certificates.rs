//! Certificates of servers, clients and authorities.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

/// A certificate authority.
pub(crate) struct Authority {
    pub(crate) certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its intermediates, and its key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// The certificate of `exporter.example`.
pub(crate) fn server_params() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["exporter.example".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// The certificate of a client with these names.
pub(crate) fn client_params(names: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

pub(crate) fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    params
}

/// A key that was made for tests, since rcgen makes none of this kind.
pub(crate) fn rsa_key() -> KeyPair {
    let pem = include_str!("../../../fixtures/tls/rsa.key");
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    KeyPair::try_from(&der).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("an authority")
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap().der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn issue(&self, params: &CertificateParams) -> Identity {
        self.issue_for(&KeyPair::generate().unwrap(), params)
    }

    pub(crate) fn issue_for(&self, key: &KeyPair, params: &CertificateParams) -> Identity {
        let certificate = params.signed_by(key, &self.issuer).unwrap();
        Identity::new(certificate.der().clone(), key)
    }

    /// A certificate by an intermediate authority with these purposes.
    pub(crate) fn issue_through(
        &self,
        purposes: Vec<ExtendedKeyUsagePurpose>,
        params: &CertificateParams,
    ) -> Identity {
        let mut between = CertificateParams::default();
        between.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        between.extended_key_usages = purposes;
        let key = KeyPair::generate().unwrap();
        let certificate = between.signed_by(&key, &self.issuer).unwrap();
        let intermediate = Self {
            certificate: certificate.der().clone(),
            issuer: Issuer::new(between, key),
        };
        let mut identity = intermediate.issue(params);
        identity.chain.push(intermediate.certificate);
        identity
    }

    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }
}

impl Identity {
    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        Self {
            chain: vec![certificate],
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }

    pub(crate) fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self::new(params.self_signed(&key).unwrap().der().clone(), &key)
    }

    pub(crate) fn chain_pem(&self) -> String {
        let all = self.chain.iter().map(|der| pem("CERTIFICATE", der));
        all.collect()
    }

    pub(crate) fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.key.secret_der())
    }
}
