//! The names of TLS versions, cipher suites, curves and client authentication, which are those of Go.
//!
//! Go knows more of them than rustls with ring can do. A name that only Go knows is a problem that lists what is possible.

use crate::config::{keys, reader::Node, reader::quoted};

/// A version of TLS, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// Which certificate a client has to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// None is requested.
    #[default]
    None,
    /// One is requested. The client may send any or none.
    Request,
    /// One is required, and not verified.
    RequireAny,
    /// One is requested, and verified if the client sends it.
    VerifyIfGiven,
    /// One is required and verified.
    RequireAndVerify,
}

impl ClientAuth {
    /// Whether a client without a certificate is refused.
    #[must_use]
    pub fn is_required(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }

    /// Whether a certificate that a client sends is verified.
    #[must_use]
    pub fn is_verified(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }

    /// The name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NoClientCert",
            Self::Request => "RequestClientCert",
            Self::RequireAny => "RequireAnyClientCert",
            Self::VerifyIfGiven => "VerifyClientCertIfGiven",
            Self::RequireAndVerify => "RequireAndVerifyClientCert",
        }
    }
}

/// A cipher suite of rustls with ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherSuite {
    /// `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256` of TLS 1.2.
    EcdheEcdsaAes128GcmSha256,
    /// `TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384` of TLS 1.2.
    EcdheEcdsaAes256GcmSha384,
    /// `TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256` of TLS 1.2.
    EcdheEcdsaChacha20Poly1305Sha256,
    /// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` of TLS 1.2.
    EcdheRsaAes128GcmSha256,
    /// `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384` of TLS 1.2.
    EcdheRsaAes256GcmSha384,
    /// `TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256` of TLS 1.2.
    EcdheRsaChacha20Poly1305Sha256,
    /// `TLS_AES_128_GCM_SHA256` of TLS 1.3.
    Aes128GcmSha256,
    /// `TLS_AES_256_GCM_SHA384` of TLS 1.3.
    Aes256GcmSha384,
    /// `TLS_CHACHA20_POLY1305_SHA256` of TLS 1.3.
    Chacha20Poly1305Sha256,
}

impl CipherSuite {
    /// The version of TLS that has it.
    #[must_use]
    pub fn version(self) -> TlsVersion {
        match self {
            Self::Aes128GcmSha256 | Self::Aes256GcmSha384 | Self::Chacha20Poly1305Sha256 => {
                TlsVersion::Tls13
            }
            _ => TlsVersion::Tls12,
        }
    }

    /// Whether HTTP/2 over TLS 1.2 requires it, or its twin for the other kind of key (RFC 9113, section 9.2.2).
    pub(super) fn is_required_by_http2(self) -> bool {
        matches!(
            self,
            Self::EcdheRsaAes128GcmSha256 | Self::EcdheEcdsaAes128GcmSha256
        )
    }
}

/// An elliptic curve of ring for the key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// Curve25519.
    X25519,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
}

/// The names of one kind.
pub(super) struct Names<T: 'static> {
    /// The kind.
    kind: &'static str,
    /// The names with their values.
    supported: &'static [(&'static str, T)],
    /// The supported names for messages.
    list: &'static str,
    /// Names that Go knows, why they are impossible here, and what to write instead.
    unsupported: &'static [(&'static str, &'static str, &'static str)],
}

/// Why TLS 1.0 and 1.1 are impossible.
const OLD_VERSION: &str = "the TLS library has only TLS 1.2 and 1.3";
/// Why suites with CBC are impossible.
const CBC: &str = "the TLS library has no CBC suites";
/// Why suites with an RSA key exchange are impossible.
const RSA_KEY_EXCHANGE: &str =
    "the TLS library has no RSA key exchange, which has no forward secrecy";
/// Why suites with RC4 or 3DES are impossible.
const BROKEN: &str = "the TLS library has neither RC4 nor 3DES";
/// Why a curve is impossible.
const NO_CURVE: &str = "the TLS library does not have it";

/// Versions of TLS.
pub(super) const VERSIONS: Names<TlsVersion> = Names {
    kind: "TLS version",
    list: "TLS12, TLS13",
    supported: &[("TLS12", TlsVersion::Tls12), ("TLS13", TlsVersion::Tls13)],
    unsupported: &[
        ("SSL30", OLD_VERSION, "TLS12"),
        ("TLS10", OLD_VERSION, "TLS12"),
        ("TLS11", OLD_VERSION, "TLS12"),
    ],
};

/// Ways to authenticate clients.
pub(super) const CLIENT_AUTH: Names<ClientAuth> = Names {
    kind: "type of client authentication",
    list: "NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert",
    supported: &[
        ("NoClientCert", ClientAuth::None),
        ("RequestClientCert", ClientAuth::Request),
        ("RequireAnyClientCert", ClientAuth::RequireAny),
        ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven),
        ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerify),
        // An old name of the exporter-toolkit.
        ("RequireClientCert", ClientAuth::RequireAny),
    ],
    unsupported: &[],
};

/// Cipher suites.
pub(super) const CIPHER_SUITES: Names<CipherSuite> = Names {
    kind: "cipher suite",
    list: "TLS_ECDHE_{ECDSA,RSA}_WITH_{AES_128_GCM_SHA256,AES_256_GCM_SHA384,CHACHA20_POLY1305_SHA256}",
    supported: &[
        (
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            CipherSuite::EcdheEcdsaAes128GcmSha256,
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            CipherSuite::EcdheEcdsaAes256GcmSha384,
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            CipherSuite::EcdheEcdsaChacha20Poly1305Sha256,
        ),
        (
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            CipherSuite::EcdheRsaAes128GcmSha256,
        ),
        (
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            CipherSuite::EcdheRsaAes256GcmSha384,
        ),
        (
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            CipherSuite::EcdheRsaChacha20Poly1305Sha256,
        ),
        ("TLS_AES_128_GCM_SHA256", CipherSuite::Aes128GcmSha256),
        ("TLS_AES_256_GCM_SHA384", CipherSuite::Aes256GcmSha384),
        (
            "TLS_CHACHA20_POLY1305_SHA256",
            CipherSuite::Chacha20Poly1305Sha256,
        ),
    ],
    unsupported: &[
        (
            "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
            CBC,
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
            CBC,
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
            CBC,
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
            BROKEN,
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
            BROKEN,
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
            CBC,
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
            CBC,
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
            CBC,
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        ),
        (
            "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
            BROKEN,
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
            BROKEN,
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "TLS_RSA_WITH_AES_128_CBC_SHA",
            RSA_KEY_EXCHANGE,
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "TLS_RSA_WITH_AES_128_CBC_SHA256",
            RSA_KEY_EXCHANGE,
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "TLS_RSA_WITH_AES_128_GCM_SHA256",
            RSA_KEY_EXCHANGE,
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
        (
            "TLS_RSA_WITH_AES_256_CBC_SHA",
            RSA_KEY_EXCHANGE,
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        ),
        (
            "TLS_RSA_WITH_AES_256_GCM_SHA384",
            RSA_KEY_EXCHANGE,
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        ),
        (
            "TLS_RSA_WITH_RC4_128_SHA",
            BROKEN,
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
    ],
};

/// Curves.
pub(super) const CURVES: Names<Curve> = Names {
    kind: "curve",
    list: "X25519, CurveP256, CurveP384",
    supported: &[
        ("X25519", Curve::X25519),
        ("CurveP256", Curve::P256),
        ("CurveP384", Curve::P384),
    ],
    unsupported: &[
        ("CurveP521", NO_CURVE, "CurveP384"),
        ("SecP256r1MLKEM768", NO_CURVE, "X25519"),
        ("SecP384r1MLKEM1024", NO_CURVE, "X25519"),
        ("X25519MLKEM768", NO_CURVE, "X25519"),
    ],
};

impl<T: Copy + PartialEq> Names<T> {
    /// Reads one name.
    pub(super) fn read(&self, node: &Node<'_>) -> Option<T> {
        let Self { kind, list, .. } = self;
        if node.as_number().is_some() {
            node.problem_with_hint(
                format!("must be a {kind}, is a number"),
                format!("supported: {list}"),
            );
            return None;
        }
        let text = node.text()?;
        let supported = self.supported.iter().map(|(name, _)| *name);
        let unsupported = self.unsupported.iter().find(|(name, ..)| *name == text);
        if let Some((_, value)) = self.supported.iter().find(|(name, _)| *name == text) {
            return Some(*value);
        }
        if let Some((name, reason, instead)) = unsupported {
            let hint = format!("write `{instead}`; supported: {list}");
            node.problem_with_hint(format!("`{name}` is not supported: {reason}"), hint);
            return None;
        }
        let hint = match similar(text, supported) {
            Some(name) => format!("did you mean `{name}`? supported: {list}"),
            None => format!("supported: {list}"),
        };
        node.problem_with_hint(format!("`{}` is not a known {kind}", quoted(text)), hint);
        None
    }

    /// Reads a list of names, each once. `None` means that a problem was reported.
    pub(super) fn read_list(&self, node: &Node<'_>) -> Option<Vec<T>> {
        let mut values = Vec::new();
        let mut is_valid = true;
        for item in node.items()? {
            match self.read(&item) {
                Some(value) if !values.contains(&value) => values.push(value),
                Some(_) => {}
                None => is_valid = false,
            }
        }
        is_valid.then_some(values)
    }
}

/// The name of `supported` that `text` may be meant for. OpenSSL writes `ECDHE-RSA-AES128-GCM-SHA256`.
fn similar(text: &str, supported: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    keys::similar(&text.replace('-', "_"), supported)
}
