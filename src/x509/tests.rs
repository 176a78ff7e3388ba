//! What is read from certificates that rcgen makes.

use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
    date_time_ymd,
};

use super::*;

/// A certificate of version 3 without its version, as if it were of version 1. Its signature is wrong.
pub(crate) fn version_1(der: &[u8]) -> Vec<u8> {
    const VERSION: [u8; 5] = [0xa0, 3, 2, 1, 2];
    let sequence = |content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[0x30, 0x82], &length[..], content].concat()
    };
    let at = der.windows(5).position(|bytes| bytes == VERSION).unwrap();
    sequence(&sequence(&der[at + 5..]))
}

fn certificate(from: i32, to: i32) -> Vec<u8> {
    let mut params = CertificateParams::new(vec!["api.example".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 2, 3), date_time_ymd(to, 11, 29));
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

#[test]
fn version_and_validity_are_read_in_both_forms_of_time() {
    for (from, to) in [(1999, 2049), (2026, 2050), (1950, 4096)] {
        let read = Certificate::read(&certificate(from, to)).unwrap();
        assert_eq!(read.version, 3);
        assert_eq!(
            read.not_before.to_string(),
            format!("{from}-02-03T00:00:00Z")
        );
        assert_eq!(read.not_after.to_string(), format!("{to}-11-29T00:00:00Z"));
    }
}

#[test]
fn a_certificate_says_whether_it_is_for_servers_or_clients() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, ServerAuth};
    for (purposes, servers, clients) in [
        (vec![], true, true),
        (vec![ServerAuth], true, false),
        (vec![ClientAuth, ServerAuth], true, true),
        (vec![CodeSigning, Any], true, true),
        (vec![ClientAuth], false, true),
        (vec![CodeSigning], false, false),
    ] {
        let mut params = CertificateParams::new(vec!["api.example".to_owned()]).unwrap();
        params.is_ca = IsCa::ExplicitNoCa;
        params.extended_key_usages = purposes;
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let read = Certificate::read(certificate.der()).unwrap();
        let usages = &params.extended_key_usages;
        assert_eq!(read.is_for_servers, servers, "{usages:?}");
        assert_eq!(read.is_for_clients, clients, "{usages:?}");
    }
}

fn named(names: Vec<SanType>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

/// A certificate whose alternative names are these bytes.
fn with_names(content: &[u8]) -> Vec<u8> {
    let mut params = CertificateParams::default();
    let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], content.to_vec());
    params.custom_extensions = vec![extension];
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

#[test]
fn alternative_names_of_each_kind_are_read() {
    let ip = |text: &str| SanType::IpAddress(text.parse().unwrap());
    let der = named(vec![
        SanType::DnsName("client.example".try_into().unwrap()),
        SanType::Rfc822Name("ops@example.org".try_into().unwrap()),
        SanType::URI("spiffe://example/ns/a".try_into().unwrap()),
        ip("192.0.2.7"),
        ip("2001:db8:0:0:0:0:0:1"),
        ip("::ffff:192.0.2.8"),
        SanType::OtherName((vec![1, 2, 3], "left out".to_owned().into())),
    ]);
    let expected = [
        "client.example",
        "ops@example.org",
        "spiffe://example/ns/a",
        "192.0.2.7",
        "2001:db8::1",
        "192.0.2.8",
    ];
    assert_eq!(alternative_names(&der).unwrap(), expected);
    assert_eq!(alternative_names(&named(Vec::new())).unwrap(), [""; 0]);
}

#[test]
fn malformed_alternative_names_are_refused() {
    assert_eq!(
        alternative_names(&with_names(b"\x30\x03\x82\x01a")).unwrap(),
        ["a"]
    );
    for malformed in [
        &b"\x30\x03\x82\x01\xe9"[..],
        b"\x30\x03\x82\x02a",
        b"\x30\x05\x87\x03abc",
        b"\x31\x03\x82\x01a",
        b"",
    ] {
        let names = alternative_names(&with_names(malformed));
        assert_eq!(names, None, "{malformed:?}");
    }
}

#[test]
fn a_certificate_with_an_extension_twice_is_refused() {
    let mut params = CertificateParams::default();
    let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], b"\x30\0".to_vec());
    params.custom_extensions = vec![extension.clone(), extension];
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    assert_eq!(alternative_names(certificate.der()), None);
}

#[test]
fn a_certificate_is_valid_from_its_first_to_its_last_second() {
    let read = Certificate::read(&certificate(2026, 2027)).unwrap();
    let second = jiff::SignedDuration::from_secs(1);
    for (at, valid) in [
        (read.not_before - second, false),
        (read.not_before, true),
        (read.not_after, true),
        (read.not_after + second, false),
    ] {
        assert_eq!(read.is_valid_at(at), valid, "{at}");
    }
}

#[test]
fn a_certificate_without_a_version_has_version_1() {
    let der = certificate(2026, 2027);
    let first = version_1(&der);
    assert_eq!(Certificate::read(&first).unwrap().version, 1);
}

#[test]
fn what_is_cut_off_or_something_else_is_no_certificate() {
    let der = certificate(2026, 2027);
    for length in 0..der.len() {
        assert_eq!(Certificate::read(&der[..length]), None, "{length}");
    }
    assert_eq!(Certificate::read(b"-----BEGIN CERTIFICATE-----"), None);
    assert_eq!(Certificate::read(&[0x30, 0x84, 0, 0, 0, 1, 0]), None);
}
