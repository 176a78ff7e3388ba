//! Which clients may connect: each way to authenticate with each kind of certificate.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, SanType};

use super::{
    certificates::{client_params, expired},
    *,
};

use ClientAuth::{None as NoAuth, Request, RequireAndVerify, RequireAny, VerifyIfGiven};
use ExtendedKeyUsagePurpose::{Any, ClientAuth as ForClients, CodeSigning, ServerAuth};

/// What a client presents.
struct Credentials {
    what: &'static str,
    identity: Option<Identity>,
    /// Whether it passes a verification.
    is_verified: bool,
}

/// A server that trusts the clients of an authority, and one self-signed certificate.
struct Setup {
    server: ServerSide,
    credentials: Vec<Credentials>,
}

fn setup() -> Setup {
    let clients = Authority::new();
    let mut params = named();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let trusted = Identity::self_signed(&params);
    let trusted_expired = Identity::self_signed(&expired(params.clone()));
    params.extended_key_usages = vec![ServerAuth];
    let trusted_for_servers = Identity::self_signed(&params);
    let mut client_ca = clients.pem();
    for trusted in [&trusted, &trusted_expired, &trusted_for_servers] {
        client_ca.push_str(&trusted.chain_pem());
    }
    let mut server = ServerSide::new();
    server.tls.client_ca = Some(PemSource::Inline(client_ca.into()));
    let mut credentials = issued(&clients);
    credentials.extend([
        ("none", None, true),
        ("self-signed and trusted", Some(trusted), true),
        ("trusted and expired", Some(trusted_expired), false),
        ("trusted for servers", Some(trusted_for_servers), false),
    ]);
    let credentials = credentials.into_iter();
    let credentials = credentials.map(|(what, identity, is_verified)| Credentials {
        what,
        identity,
        is_verified,
    });
    Setup {
        server,
        credentials: credentials.collect(),
    }
}

/// Certificates that are not in the client CA, and whether they pass a verification by `clients`.
fn issued(clients: &Authority) -> Vec<(&'static str, Option<Identity>, bool)> {
    let with_purposes = |purposes: &[ExtendedKeyUsagePurpose]| {
        let mut params = named();
        params.extended_key_usages = purposes.to_vec();
        clients.issue(&params)
    };
    let through = |purpose| clients.issue_through(vec![purpose], &named());
    let other = Authority::new().issue(&named());
    [
        ("of the authority", clients.issue(&named()), true),
        ("for nothing special", with_purposes(&[]), true),
        ("for anything", with_purposes(&[CodeSigning, Any]), true),
        ("for servers", with_purposes(&[ServerAuth]), false),
        ("through an issuer of clients", through(ForClients), true),
        ("through an issuer of anything", through(Any), true),
        ("through an issuer of servers", through(ServerAuth), false),
        ("of another authority", other, false),
        ("expired", clients.issue(&expired(named())), false),
        ("self-signed", Identity::self_signed(&named()), false),
    ]
    .map(|(what, identity, is_verified)| (what, Some(identity), is_verified))
    .into()
}

fn named() -> CertificateParams {
    client_params(vec![dns("client.example")])
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

#[tokio::test]
async fn each_client_auth_type_accepts_what_go_accepts() {
    let mut setup = setup();
    for auth in [NoAuth, Request, RequireAny, VerifyIfGiven, RequireAndVerify] {
        setup.server.tls.client_auth = auth;
        let server = setup.server.start().await;
        for version in BOTH_VERSIONS {
            for Credentials {
                what,
                identity,
                is_verified,
            } in &setup.credentials
            {
                let expected = match auth {
                    NoAuth | Request => true,
                    RequireAny => identity.is_some(),
                    VerifyIfGiven => *is_verified,
                    RequireAndVerify => *is_verified && identity.is_some(),
                };
                let client = setup.server.client_with(&[version], identity.as_ref());
                let outcome = try_livez(server.addresses[0], &client).await;
                assert_eq!(
                    outcome.is_ok(),
                    expected,
                    "{auth:?}, {:?}, {what}: {outcome:?}",
                    version.version
                );
            }
        }
    }
}

#[tokio::test]
async fn one_alternative_name_of_a_client_has_to_be_allowed() {
    let clients = Authority::new();
    let mut setup = ServerSide::new();
    setup.tls.client_ca = Some(PemSource::Inline(clients.pem().into()));
    let kinds = [
        ("client.example", dns("client.example")),
        (
            "192.0.2.7",
            SanType::IpAddress("192.0.2.7".parse().unwrap()),
        ),
        (
            "2001:db8::7",
            SanType::IpAddress("2001:db8::7".parse().unwrap()),
        ),
        (
            "ops@example.org",
            SanType::Rfc822Name("ops@example.org".try_into().unwrap()),
        ),
        (
            "spiffe://example/prometheus",
            SanType::URI("spiffe://example/prometheus".try_into().unwrap()),
        ),
    ];
    for auth in [RequireAny, RequireAndVerify] {
        setup.tls.client_auth = auth;
        for (allowed, _) in &kinds {
            setup.tls.client_allowed_sans = vec!["other".to_owned(), (*allowed).to_owned()];
            let server = setup.start().await;
            for (name, san) in &kinds {
                let names = vec![dns("first.example"), san.clone()];
                let client = clients.issue(&client_params(names));
                let client = setup.client_with(BOTH_VERSIONS, Some(&client));
                let outcome = try_livez(server.addresses[0], &client).await;
                assert_eq!(
                    outcome.is_ok(),
                    name == allowed,
                    "{auth:?} {allowed} {name}: {outcome:?}"
                );
            }
            for names in [
                vec![],
                vec![dns("sub.client.example")],
                vec![dns("CLIENT.example")],
            ] {
                let client = clients.issue(&client_params(names));
                let client = setup.client_with(BOTH_VERSIONS, Some(&client));
                assert!(try_livez(server.addresses[0], &client).await.is_err());
            }
        }
    }
}

#[tokio::test]
async fn an_allowed_name_does_not_replace_the_verification() {
    let mut setup = ServerSide::new();
    setup.tls.client_ca = Some(PemSource::Inline(Authority::new().pem().into()));
    setup.tls.client_auth = RequireAndVerify;
    setup.tls.client_allowed_sans = vec!["client.example".to_owned()];
    let server = setup.start().await;
    let client = Identity::self_signed(&client_params(vec![dns("client.example")]));
    let client = setup.client_with(BOTH_VERSIONS, Some(&client));
    assert!(try_livez(server.addresses[0], &client).await.is_err());
}

#[tokio::test]
async fn a_client_certificate_is_verified_on_each_connection() {
    let clients = Authority::new();
    let mut setup = ServerSide::new();
    setup.tls.client_ca = Some(PemSource::Inline(clients.pem().into()));
    setup.tls.client_auth = RequireAndVerify;
    let server = setup.start().await;
    for version in BOTH_VERSIONS {
        let client = clients.issue(&client_params(Vec::new()));
        let client = setup.client_with(&[version], Some(&client));
        for _ in 0..2 {
            let mut stream = connect(server.addresses[0], &client).await.unwrap();
            stream.write_all(LIVEZ.as_bytes()).await.unwrap();
            let mut response = Vec::new();
            stream.read_to_end(&mut response).await.unwrap();
            let kind = stream.get_ref().1.handshake_kind();
            assert_eq!(kind, Some(rustls::HandshakeKind::Full));
        }
    }
}

#[tokio::test]
async fn a_client_ca_with_more_names_than_a_message_holds_verifies_clients() {
    const AUTHORITIES: usize = 700;
    let clients = Authority::new();
    let mut client_ca = clients.pem();
    let mut size = 0;
    for number in 0..AUTHORITIES {
        let name = format!("{number}{}", "x".repeat(100));
        let other = Authority::named(&name);
        size += name.len();
        client_ca.push_str(&other.pem());
    }
    assert!(size > usize::from(u16::MAX));
    let mut setup = ServerSide::new();
    setup.tls.client_ca = Some(PemSource::Inline(client_ca.into()));
    setup.tls.client_auth = RequireAndVerify;
    let server = setup.start().await;
    for version in BOTH_VERSIONS {
        let client = clients.issue(&named());
        let client = setup.client_with(&[version], Some(&client));
        let status = try_livez(server.addresses[0], &client).await;
        assert_eq!(status.unwrap(), 200);
    }
}
