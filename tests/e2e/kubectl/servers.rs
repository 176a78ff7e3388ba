//! Certificates of servers that kubectl and the exporter trust, or do not.

use std::{net::SocketAddr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{Files, Variables};

/// Lists are polled, because the server knows no watches.
const VARIABLES: Variables = &[
    ("KUBECONFIG", "config"),
    (
        "JOB_STATUS_EXPORTER__TARGETS",
        "[{kubernetes: {}, mode: poll}]",
    ),
];

/// The response to every request.
const LIST: &str =
    r#"{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}"#;

/// Starts a server with this certificate. It stops when the set is dropped.
async fn serve(certificate: &[u8], key: &KeyPair) -> (SocketAddr, JoinSet<()>) {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.to_vec().into()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a certificate")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                while stream.read_line(&mut line).await.is_ok_and(|length| length > 2) {
                    line.clear();
                }
                let length = LIST.len();
                let response = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{LIST}"
                );
                // The client may be gone.
                let _ = stream.write_all(response.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (address, tasks)
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// A certificate for 127.0.0.1.
fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    params
}

/// Certificates that servers sign themselves, and whether they are trusted once they are listed.
fn self_signed() -> Vec<(&'static str, CertificateParams, bool)> {
    let with = |change: fn(&mut CertificateParams)| {
        let mut params = params();
        change(&mut params);
        params
    };
    let authority = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    vec![
        ("a leaf", params(), true),
        (
            "an authority for clients",
            with(|params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            false,
        ),
        (
            "no authority",
            with(|params| params.is_ca = IsCa::ExplicitNoCa),
            true,
        ),
        ("an authority", with(authority), true),
        (
            "expired",
            with(|params| params.not_after = date_time_ymd(2020, 1, 1)),
            false,
        ),
        (
            "not yet valid",
            with(|params| params.not_before = date_time_ymd(4000, 1, 1)),
            false,
        ),
        (
            "another name",
            with(|params| {
                params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 2].into())];
            }),
            false,
        ),
        (
            "no name",
            with(|params| params.subject_alt_names.clear()),
            false,
        ),
        (
            "for clients",
            with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            false,
        ),
    ]
}

// kubectl blocks one thread; the server needs another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn self_signed_servers_are_trusted_alike() {
    let files = Files::new().await;
    for (case, params, expected) in self_signed() {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let (address, _server) = serve(certificate.der(), &key).await;
        for (case, trusted, expected) in [
            (case.to_owned(), pem(certificate.der()), expected),
            (
                format!("{case}, beside an unreadable one"),
                pem(b"x") + &pem(certificate.der()),
                expected,
            ),
            (format!("{case}, of the cluster"), String::new(), false),
        ] {
            let cluster = if trusted.is_empty() {
                files.cluster.clone()
            } else {
                files.write("trusted.crt", &trusted);
                "certificate-authority: trusted.crt".to_owned()
            };
            let cluster = format!("server: 'https://{address}', {cluster}");
            files.write_kubeconfig("config", "x", &cluster, "token: any");
            files.assert_reached(&case, VARIABLES, expected).await;
        }
    }
}

// kubectl blocks one thread; the server needs another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_of_an_authority_are_trusted_alike() {
    let files = Files::new().await;
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("a key");
    let root = authority
        .self_signed(&authority_key)
        .expect("a certificate");
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().expect("a key");
    let certificate = params().signed_by(&key, &issuer).expect("a certificate");
    let (address, _server) = serve(certificate.der(), &key).await;
    for (case, trusted, expected) in [
        ("the authority", root.der().to_vec(), true),
        ("the server itself", certificate.der().to_vec(), true),
        ("something else", b"something else".to_vec(), false),
    ] {
        files.write("trusted.crt", &pem(&trusted));
        let cluster = format!("server: 'https://{address}', certificate-authority: trusted.crt");
        files.write_kubeconfig("config", "x", &cluster, "token: any");
        files.assert_reached(case, VARIABLES, expected).await;
    }
}
