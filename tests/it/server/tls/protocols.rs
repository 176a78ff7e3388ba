//! What client and server agree on: the version, the suite, the group and HTTP.

use job_status_exporter::config::{CipherSuite, Curve};
use rustls::{
    CipherSuite as Suite, HandshakeKind, NamedGroup, ProtocolVersion, crypto::CryptoProvider,
};

use super::{certificates::rsa_key, *};

/// A connection with a client that supports these suites of TLS 1.2, or all, and these groups.
async fn agree(
    side: &ServerSide,
    http2: bool,
    change: impl Fn(&mut CryptoProvider),
) -> io::Result<TlsStream<TcpStream>> {
    let (server, _) = start_with(&side.tls, http2).await;
    let mut provider = ring::default_provider();
    change(&mut provider);
    let mut roots = RootCertStore::empty();
    roots.add(side.authority.certificate.clone()).unwrap();
    let mut client = ClientConfig::builder_with_provider(provider.into())
        .with_protocol_versions(BOTH_VERSIONS)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    connect(server.addresses[0], &client).await
}

#[tokio::test]
async fn only_the_configured_versions_are_spoken() {
    use TlsVersion::{Tls12, Tls13};
    let mut side = ServerSide::new();
    for (min, max) in [(Tls12, Tls12), (Tls12, Tls13), (Tls13, Tls13)] {
        (side.tls.min_version, side.tls.max_version) = (min, max);
        let server = side.start().await;
        for (version, name) in [
            (&rustls::version::TLS12, Tls12),
            (&rustls::version::TLS13, Tls13),
        ] {
            let client = side.client_with(&[version], None);
            let outcome = try_livez(server.addresses[0], &client).await;
            let expected = (min..=max).contains(&name);
            assert_eq!(outcome.is_ok(), expected, "{min:?} {max:?} {name:?}");
        }
        let agreed = connect(server.addresses[0], &side.client()).await.unwrap();
        let newest = match max {
            Tls12 => ProtocolVersion::TLSv1_2,
            Tls13 => ProtocolVersion::TLSv1_3,
        };
        assert_eq!(agreed.get_ref().1.protocol_version(), Some(newest));
    }
}

#[tokio::test]
async fn the_order_of_suites_is_that_of_the_server_or_of_the_client() {
    let mut side = ServerSide::new();
    side.tls.max_version = TlsVersion::Tls12;
    side.tls.cipher_suites = vec![
        CipherSuite::EcdheRsaAes128GcmSha256,
        CipherSuite::EcdheEcdsaChacha20Poly1305Sha256,
        CipherSuite::EcdheEcdsaAes128GcmSha256,
    ];
    // The client prefers AES with 256 bits, then with 128.
    for (prefers_server, expected) in [
        (true, Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
        (false, Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ] {
        side.tls.prefer_server_cipher_suites = prefers_server;
        let stream = agree(&side, true, |_| ()).await.unwrap();
        let suite = stream.get_ref().1.negotiated_cipher_suite().unwrap();
        assert_eq!(suite.suite(), expected);
    }
    let refused = agree(&side, true, |client| {
        let not_configured = Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
        client
            .cipher_suites
            .retain(|suite| suite.suite() == not_configured);
    });
    assert!(refused.await.is_err());
}

#[tokio::test]
async fn each_configurable_suite_works() {
    use CipherSuite as Configured;
    let all = [
        (
            Configured::EcdheEcdsaAes128GcmSha256,
            Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ),
        (
            Configured::EcdheEcdsaAes256GcmSha384,
            Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        ),
        (
            Configured::EcdheEcdsaChacha20Poly1305Sha256,
            Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ),
        (
            Configured::EcdheRsaAes128GcmSha256,
            Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ),
        (
            Configured::EcdheRsaAes256GcmSha384,
            Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        ),
        (
            Configured::EcdheRsaChacha20Poly1305Sha256,
            Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ),
    ];
    let mut side = ServerSide::new();
    side.tls.max_version = TlsVersion::Tls12;
    for (number, (configured, expected)) in all.into_iter().enumerate() {
        if number == 3 {
            let rsa = settings(&side.authority.issue_for(&rsa_key(), &server_params()));
            (side.tls.certificate, side.tls.key) = (rsa.certificate, rsa.key);
        }
        side.tls.cipher_suites = vec![configured];
        let stream = agree(&side, true, |_| ()).await.unwrap();
        let suite = stream.get_ref().1.negotiated_cipher_suite().unwrap();
        assert_eq!(suite.suite(), expected);
    }
}

#[tokio::test]
async fn the_suites_of_tls_1_3_stay_when_others_are_configured() {
    let mut side = ServerSide::new();
    side.tls.cipher_suites = vec![CipherSuite::EcdheEcdsaAes128GcmSha256];
    let stream = agree(&side, true, |_| ()).await.unwrap();
    let version = stream.get_ref().1.protocol_version();
    assert_eq!(version, Some(ProtocolVersion::TLSv1_3));
}

#[tokio::test]
async fn only_the_configured_curves_are_used() {
    let mut side = ServerSide::new();
    for (curves, expected) in [
        (vec![], NamedGroup::X25519),
        (vec![Curve::P384], NamedGroup::secp384r1),
        (vec![Curve::P256, Curve::P384], NamedGroup::secp256r1),
        (vec![Curve::X25519], NamedGroup::X25519),
    ] {
        side.tls.curves = curves.clone();
        let stream = agree(&side, true, |_| ()).await.unwrap();
        let group = stream.get_ref().1.negotiated_key_exchange_group();
        assert_eq!(group.unwrap().name(), expected, "{curves:?}");
    }
    let refused = agree(&side, true, |client| {
        client
            .kx_groups
            .retain(|group| group.name() == NamedGroup::secp384r1);
    });
    assert!(refused.await.is_err());
}

#[tokio::test]
async fn http2_is_offered_unless_it_is_disabled() {
    let side = ServerSide::new();
    for (http2, expected) in [(true, &b"h2"[..]), (false, b"http/1.1")] {
        let stream = agree(&side, http2, |_| ()).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(expected));
    }
}

#[tokio::test]
async fn a_client_that_names_no_protocol_gets_http_1() {
    let side = ServerSide::new();
    let server = side.start().await;
    let stream = connect(server.addresses[0], &side.client()).await.unwrap();
    let mut client = client::Client::new(stream);
    for path in ["/livez", "/metrics", "/readyz"] {
        client.send(request("GET", path)).await;
        assert_eq!(client.response("GET").await.status, 200, "{path}");
    }
    client.send(request("GET", "/metrics")).await;
    assert!(client.response("GET").await.body == whole_scrape());
}

#[tokio::test]
async fn a_client_without_certificate_may_resume_its_session() {
    let side = ServerSide::new();
    let server = side.start().await;
    let client = side.client();
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut stream = connect(server.addresses[0], &client).await.unwrap();
        stream.write_all(LIVEZ.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected));
    }
}
