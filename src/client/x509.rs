//! Reads version, validity and purpose of an X.509 certificate. The TLS library does not tell them.
//!
//! It verifies nothing: a certificate is what a server or a kubeconfig presents.

use std::iter;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// What a certificate says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// 1 to 3.
    pub(super) version: u8,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// Whether a server may present it: it says so, or does not say what it is for.
    pub(super) is_for_servers: bool,
}

// Tags of DER (ITU-T X.690).
const INTEGER: u8 = 0x02;
const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT`: the version, which version 1 leaves out.
const VERSION: u8 = 0xa0;
const ISSUER_ID: u8 = 0x81;
const SUBJECT_ID: u8 = 0x82;
/// `[3] EXPLICIT`.
const EXTENSIONS: u8 = 0xa3;

/// `id-ce-extKeyUsage`.
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// `id-kp-serverAuth` and `anyExtendedKeyUsage`.
const FOR_SERVERS: [&[u8]; 2] = [
    &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
    &[0x55, 0x1d, 0x25, 0x00],
];

impl Certificate {
    /// Reads a certificate in DER; `None` if it is none.
    ///
    /// The beginning has a fixed form (RFC 5280, 4.1): version, serial number, algorithm, issuer, validity, subject, key. Two
    /// rare identifiers may precede the extensions.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let mut certificate = Reader(Reader(der).element(SEQUENCE)?);
        let mut fields = Reader(certificate.element(SEQUENCE)?);
        let version = match fields.element(VERSION) {
            Some(version) => *Reader(version).element(INTEGER)?.last()? + 1,
            None => 1,
        };
        fields.element(INTEGER)?;
        fields.element(SEQUENCE)?;
        fields.element(SEQUENCE)?;
        let mut validity = Reader(fields.element(SEQUENCE)?);
        fields.element(SEQUENCE)?;
        fields.element(SEQUENCE)?;
        fields.element(ISSUER_ID);
        fields.element(SUBJECT_ID);
        let is_for_servers = match fields.element(EXTENSIONS) {
            Some(extensions) => is_for_servers(Reader(extensions).element(SEQUENCE)?)?,
            None => true,
        };
        Some(Self {
            version,
            not_before: validity.time()?,
            not_after: validity.time()?,
            is_for_servers,
        })
    }

    /// Whether `now` is between the two times.
    pub(super) fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// Whether these extensions allow a server to present the certificate.
fn is_for_servers(extensions: &[u8]) -> Option<bool> {
    let mut extensions = Reader(extensions);
    while !extensions.0.is_empty() {
        let mut extension = Reader(extensions.element(SEQUENCE)?);
        let is_usage = extension.element(OBJECT_IDENTIFIER)? == EXTENDED_KEY_USAGE;
        // Whether it is critical, which may be left out.
        extension.element(BOOLEAN);
        let value = extension.element(OCTET_STRING)?;
        if is_usage {
            let mut purposes = Reader(Reader(value).element(SEQUENCE)?);
            return Some(
                iter::from_fn(|| purposes.element(OBJECT_IDENTIFIER))
                    .any(|purpose| FOR_SERVERS.contains(&purpose)),
            );
        }
    }
    Some(true)
}

/// Reads elements of DER, one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element if it has this tag. Otherwise nothing is read.
    fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&[actual, length], rest) = self.0.split_first_chunk()?;
        if actual != tag {
            return None;
        }
        let (length, rest) = match usize::from(length) {
            length @ ..=0x7f => (length, rest),
            // The length follows in one to three bytes. Certificates are shorter than 16 MB.
            length @ 0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(length - 0x80)?;
                let sum = |sum, byte: &u8| sum << 8 | usize::from(*byte);
                (bytes.iter().fold(0, sum), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    /// A time in UTC, to the second.
    fn time(&mut self) -> Option<Timestamp> {
        let (year, text) = if let Some(text) = self.element(UTC_TIME) {
            let (year, text) = text.split_first_chunk::<2>()?;
            let year = number(year)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, text)
        } else {
            let text = self.element(GENERALIZED_TIME)?;
            let (year, text) = text.split_first_chunk::<4>()?;
            (number(year)?, text)
        };
        let text = text.strip_suffix(b"Z")?;
        let mut fields = text.chunks(2).map(number);
        let mut next = || i8::try_from(fields.next()??).ok();
        let date = DateTime::new(year, next()?, next()?, next()?, next()?, next()?, 0).ok()?;
        TimeZone::UTC.to_timestamp(date).ok()
    }
}

fn number(digits: &[u8]) -> Option<i16> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd};

    use super::*;
    use crate::client::testing::version_1;

    fn certificate(from: i32, to: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["api.example".to_owned()]).unwrap();
        (params.not_before, params.not_after) =
            (date_time_ymd(from, 2, 3), date_time_ymd(to, 11, 29));
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
    fn a_certificate_says_whether_it_is_for_servers() {
        use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
        for (purposes, expected) in [
            (vec![], true),
            (vec![ServerAuth], true),
            (vec![ClientAuth, ServerAuth], true),
            (vec![ClientAuth, Any], true),
            (vec![ClientAuth], false),
        ] {
            let mut params = CertificateParams::new(vec!["api.example".to_owned()]).unwrap();
            params.is_ca = IsCa::ExplicitNoCa;
            params.extended_key_usages = purposes;
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let read = Certificate::read(certificate.der()).unwrap();
            assert_eq!(
                read.is_for_servers, expected,
                "{:?}",
                params.extended_key_usages
            );
        }
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
}
