//! Which servers are trusted.

use rcgen::{BasicConstraints, IsCa, date_time_ymd};

use super::*;
use crate::client::testing::{Authority, Identity, params};

fn verify(trusted: &[u8], server: &[u8], name: &str, at: &str) -> Result<(), rustls::Error> {
    let at: Timestamp = at.parse().unwrap();
    let since_epoch = std::time::Duration::from_secs(at.as_second().unsigned_abs());
    Verifier::new(&[trusted.to_vec()])
        .unwrap()
        .verify_server_cert(
            &server.into(),
            &[],
            &name.try_into().unwrap(),
            &[],
            UnixTime::since_unix_epoch(since_epoch),
        )
        .map(drop)
}

const NOW: &str = "2026-11-28T00:00:00Z";

#[test]
fn a_self_signed_certificate_is_trusted_for_its_name_while_it_is_valid() {
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, authority] {
        let mut params = params();
        params.is_ca = is_ca;
        (params.not_before, params.not_after) =
            (date_time_ymd(2026, 1, 1), date_time_ymd(2028, 1, 1));
        let Identity { certificate, .. } = Identity::self_signed(&params);
        let verify = |name, at| verify(&certificate, &certificate, name, at);
        assert_eq!(verify("api.example", NOW), Ok(()));
        for (name, at, expected) in [
            ("other.example", NOW, "NotValidForName"),
            ("api.example", "2025-12-31T00:00:00Z", "NotValidYet"),
            ("api.example", "2028-01-02T00:00:00Z", "Expired"),
        ] {
            let error = verify(name, at).unwrap_err();
            assert!(format!("{error:?}").contains(expected), "{error:?}");
        }
    }
}

#[test]
fn any_other_certificate_needs_a_trusted_authority() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = authority.issue(&params()).certificate;
    assert_eq!(
        verify(&authority.certificate, &server, "api.example", NOW),
        Ok(())
    );
    let untrusted = [
        other.certificate,
        Identity::self_signed(&params()).certificate,
    ];
    for trusted in untrusted {
        let outcome = verify(&trusted, &server, "api.example", NOW);
        assert!(
            matches!(outcome, Err(rustls::Error::InvalidCertificate(_))),
            "{outcome:?}"
        );
    }
}

#[test]
fn what_is_no_certificate_is_an_error() {
    let error = Verifier::new(&[b"something else".to_vec()]).unwrap_err();
    assert!(error.contains("BadEncoding"), "{error}");
}
