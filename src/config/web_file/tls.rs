//! `tls_server_config`: the certificate of the server, the certificates of clients, and what TLS may negotiate.
//!
//! A section that has any key must have a certificate and a key: no mistake in it turns TLS off.

use std::path::Path;

use super::{
    names::{
        CIPHER_SUITES, CLIENT_AUTH, CURVES, CipherSuite, ClientAuth, Curve, TlsVersion, VERSIONS,
    },
    pem::{self, PemKeys, PemSetting, PemSource},
};
use crate::config::reader::{Node, Section};

/// The keys of the certificate.
const CERTIFICATE: PemKeys = PemKeys {
    inline: "cert",
    file: "cert_file",
    label: "CERTIFICATE",
};
/// The keys of the private key.
const KEY: PemKeys = PemKeys {
    inline: "key",
    file: "key_file",
    label: "PRIVATE KEY",
};
/// The keys of the certificate authorities of clients.
const CLIENT_CA: PemKeys = PemKeys {
    inline: "client_ca",
    file: "client_ca_file",
    label: "CERTIFICATE",
};

/// What TLS does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate of the server, then those of intermediate authorities.
    pub certificate: PemSource,
    /// The private key of the certificate.
    pub key: PemSource,
    /// The authorities that sign certificates of clients. Always there if these are verified.
    pub client_ca: Option<PemSource>,
    /// Which certificates clients have to send.
    pub client_auth: ClientAuth,
    /// One of these must be a subject alternative name of the certificate of the client: a DNS name, IP address, e-mail address
    /// or URI. Empty to allow all. Not empty only if `client_auth` requires a certificate.
    pub client_allowed_sans: Vec<String>,
    /// The lowest version.
    pub min_version: TlsVersion,
    /// The highest version, not lower than `min_version`.
    pub max_version: TlsVersion,
    /// The suites for TLS 1.2, in the order of preference; empty for all. Suites of TLS 1.3 in it have no effect, as in Go: TLS
    /// 1.3 always has all of its suites. If there are only such, TLS 1.2 cannot be negotiated.
    pub cipher_suites: Vec<CipherSuite>,
    /// Whether the order of the server decides, or that of the client.
    pub prefer_server_cipher_suites: bool,
    /// The curves for the key exchange, in the order of preference; empty for all.
    pub curves: Vec<Curve>,
}

impl TlsConfig {
    /// The defaults, with this certificate and its key.
    #[must_use]
    pub fn new(certificate: PemSource, key: PemSource) -> Self {
        Self {
            certificate,
            key,
            client_ca: None,
            client_auth: ClientAuth::None,
            client_allowed_sans: Vec::new(),
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            cipher_suites: Vec::new(),
            prefer_server_cipher_suites: true,
            curves: Vec::new(),
        }
    }

    /// The files of certificates and of the key.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let sources = [
            Some(&self.certificate),
            Some(&self.key),
            self.client_ca.as_ref(),
        ];
        sources.into_iter().flatten().filter_map(PemSource::file)
    }
}

/// Reads `tls_server_config`. `None` for no TLS, or if a problem was reported.
pub(super) fn read(node: &Node<'_>, http2: bool) -> Option<TlsConfig> {
    let section = node.section()?;
    if section.is_empty() {
        node.warn("has no certificate, so TLS is off");
        return None;
    }
    let certificate = required(&section, &CERTIFICATE);
    let key = required(&section, &KEY);
    let client_ca = pem::read(&section, &CLIENT_CA);
    let client_auth = client_auth(&section);
    if let Some(client_auth) = client_auth {
        check_client_ca(&section, &client_ca, client_auth);
    }
    let client_allowed_sans = client_allowed_sans(&section, client_auth);
    let versions = versions(&section);
    let suites = match section.get("cipher_suites") {
        Some(node) => CIPHER_SUITES.read_list(&node),
        None => Some(Vec::new()),
    };
    if let (Some(versions), Some(suites)) = (versions, &suites) {
        check_suites(&section, versions, suites, http2);
    }
    let prefer_server = section
        .get("prefer_server_cipher_suites")
        .and_then(|node| node.boolean());
    let curves = match section.get("curve_preferences") {
        Some(node) => CURVES.read_list(&node),
        None => Some(Vec::new()),
    };
    let (min_version, max_version) = versions?;
    Some(TlsConfig {
        certificate: certificate?,
        key: key?,
        client_ca: client_ca.valid(),
        client_auth: client_auth?,
        client_allowed_sans,
        min_version,
        max_version,
        cipher_suites: suites?,
        prefer_server_cipher_suites: prefer_server.unwrap_or(true),
        curves: curves?,
    })
}

/// Reads a PEM text that must be there.
fn required(section: &Section<'_>, keys: &PemKeys) -> Option<PemSource> {
    let setting = pem::read(section, keys);
    if matches!(setting, PemSetting::Absent) {
        let PemKeys { inline, file, .. } = keys;
        section
            .node
            .problem(format!("must have one of `{inline}` and `{file}`"));
    }
    setting.valid()
}

/// The node of `client_auth_type`, also if it is not set.
fn client_auth_node<'a>(section: &Section<'a>) -> Node<'a> {
    let node = section.get("client_auth_type");
    node.unwrap_or_else(|| section.missing("client_auth_type"))
}

/// Reads `client_auth_type`. `None` means that a problem was reported.
fn client_auth(section: &Section<'_>) -> Option<ClientAuth> {
    let Some(node) = section.get("client_auth_type") else {
        return Some(ClientAuth::None);
    };
    match node.text()? {
        "" => Some(ClientAuth::None),
        _ => CLIENT_AUTH.read(&node),
    }
}

/// Checks that certificates are verified if and only if there is an authority for them.
fn check_client_ca(section: &Section<'_>, client_ca: &PemSetting, client_auth: ClientAuth) {
    let node = client_auth_node(section);
    let name = client_auth.name();
    match client_ca {
        PemSetting::Valid(_) if client_auth == ClientAuth::None => node.problem_with_hint(
            format!("must request certificates with a client CA, is `{name}`"),
            "write `client_auth_type: RequireAndVerifyClientCert`",
        ),
        PemSetting::Valid(_) if !client_auth.is_verified() => node.warn(format!(
            "`{name}` verifies no certificate, so the client CA has no effect; `RequireAndVerifyClientCert` verifies"
        )),
        PemSetting::Absent if client_auth.is_verified() => {
            node.problem(format!("`{name}` needs `client_ca` or `client_ca_file`"));
        }
        _ => {}
    }
}

/// Reads `client_allowed_sans`.
fn client_allowed_sans(section: &Section<'_>, client_auth: Option<ClientAuth>) -> Vec<String> {
    let Some(node) = section.get("client_allowed_sans") else {
        return Vec::new();
    };
    let Some(items) = node.items() else {
        return Vec::new();
    };
    if items.is_empty() {
        node.problem_with_hint(
            "lists no names, which allows no client",
            "omit the key to allow all",
        );
    }
    match client_auth {
        Some(client_auth) if !client_auth.is_required() => node.problem(
            "needs a `client_auth_type` that requires a certificate: `RequireAndVerifyClientCert` or `RequireAnyClientCert`",
        ),
        Some(ClientAuth::RequireAny) => node.warn(
            "with `RequireAnyClientCert` every client can write these names into a certificate of its own; `RequireAndVerifyClientCert` verifies",
        ),
        _ => {}
    }
    let name = |item: &Node<'_>| {
        let text = item.text()?;
        if text.is_empty() {
            item.problem("must not be empty");
        }
        Some(text.to_owned())
    };
    items.iter().filter_map(name).collect()
}

/// Reads `min_version` and `max_version`. `None` means that a problem was reported.
fn versions(section: &Section<'_>) -> Option<(TlsVersion, TlsVersion)> {
    let [min, max] = [
        ("min_version", TlsVersion::Tls12),
        ("max_version", TlsVersion::Tls13),
    ]
    .map(|(key, default)| match section.get(key) {
        Some(node) => VERSIONS.read(&node),
        None => Some(default),
    });
    let (min, max) = (min?, max?);
    if min > max {
        // Both are set: the defaults are the lowest and the highest version.
        let node = section.get("max_version");
        node.unwrap_or_else(|| section.missing("max_version"))
            .problem("is lower than `min_version`");
        return None;
    }
    Some((min, max))
}

/// Checks that some suite can be negotiated in each version, and those that HTTP/2 requires.
fn check_suites(
    section: &Section<'_>,
    (min, max): (TlsVersion, TlsVersion),
    suites: &[CipherSuite],
    http2: bool,
) {
    let Some(node) = section.get("cipher_suites") else {
        return;
    };
    if suites.is_empty() {
        return;
    }
    let has_any_for_tls12 = suites
        .iter()
        .any(|suite| suite.version() == TlsVersion::Tls12);
    if min == TlsVersion::Tls13 {
        node.warn("has no effect with `min_version: TLS13`: TLS 1.3 always has all of its suites");
    } else if max == TlsVersion::Tls12 && !has_any_for_tls12 {
        node.problem("lists no suite of TLS 1.2, and `max_version` is TLS12");
    } else if http2 && !suites.iter().any(|suite| suite.is_required_by_http2()) {
        node.problem_with_hint(
            "lists no suite that HTTP/2 requires",
            "add `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` or `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`, or set \
             `http_server_config: {http2: false}`",
        );
    } else if !has_any_for_tls12 {
        node.warn("lists only suites of TLS 1.3, so clients with TLS 1.2 cannot connect");
    }
}
