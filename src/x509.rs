//! Reads version, validity, purpose and alternative names of an X.509 certificate. The TLS library does not tell them.
//!
//! The client and the server share it. It verifies nothing: a certificate is what a peer or a file presents.

use std::{
    iter,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// What a certificate says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// 1 to 3.
    pub(crate) version: u8,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// Whether a server may present it: it says so, or does not say what it is for.
    pub(crate) is_for_servers: bool,
    /// Whether a client may present it: it says so, or does not say what it is for.
    pub(crate) is_for_clients: bool,
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
/// `id-ce-subjectAltName`.
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// `id-kp-serverAuth`.
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
/// `id-kp-clientAuth`.
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
/// `anyExtendedKeyUsage`.
const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

// The kinds of alternative names that are text (RFC 5280, 4.2.1.6), and the one that is an address.
const EMAIL: u8 = 0x81;
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;
const IP_ADDRESS: u8 = 0x87;

impl Certificate {
    /// Reads a certificate in DER; `None` if it is none.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let Fields {
            version,
            mut validity,
            extensions,
        } = Fields::read(der)?;
        let purposes = match find(extensions, EXTENDED_KEY_USAGE)? {
            Some(value) => Some(Reader(value).element(SEQUENCE)?),
            None => None,
        };
        Some(Self {
            version,
            not_before: validity.time()?,
            not_after: validity.time()?,
            is_for_servers: purposes.is_none_or(|purposes| allows(purposes, SERVER_AUTH)),
            is_for_clients: purposes.is_none_or(|purposes| allows(purposes, CLIENT_AUTH)),
        })
    }

    /// Whether `now` is between the two times.
    pub(crate) fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// The subject alternative names of a certificate in DER: DNS names, e-mail addresses, URIs and IP addresses. An IP address has
/// its canonical form; one of IPv4 that is mapped to IPv6 has that of IPv4. Other kinds of names are left out.
///
/// `None` if it is no certificate, or if one of these names is malformed.
pub(crate) fn alternative_names(der: &[u8]) -> Option<Vec<String>> {
    let Some(value) = find(Fields::read(der)?.extensions, SUBJECT_ALTERNATIVE_NAME)? else {
        return Some(Vec::new());
    };
    let mut values = Reader(Reader(value).element(SEQUENCE)?);
    let mut names = Vec::new();
    while !values.0.is_empty() {
        match values.next()? {
            (EMAIL | DNS_NAME | URI, text) if text.is_ascii() => {
                names.push(String::from_utf8(text.to_vec()).ok()?);
            }
            (EMAIL | DNS_NAME | URI, _) => return None,
            (IP_ADDRESS, address) => names.push(ip_address(address)?.to_canonical().to_string()),
            _ => {}
        }
    }
    Some(names)
}

fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    let ipv4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).into());
    let ipv6 = || <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).into());
    ipv4.or_else(|_| ipv6()).ok()
}

/// The parts of a certificate that are of interest.
struct Fields<'a> {
    version: u8,
    validity: Reader<'a>,
    /// Empty if there are none.
    extensions: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The beginning has a fixed form (RFC 5280, 4.1): version, serial number, algorithm, issuer, validity, subject, key. Two
    /// rare identifiers may precede the extensions.
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut certificate = Reader(Reader(der).element(SEQUENCE)?);
        let mut fields = Reader(certificate.element(SEQUENCE)?);
        let version = match fields.element(VERSION) {
            Some(version) => Reader(version).element(INTEGER)?.last()?.checked_add(1)?,
            None => 1,
        };
        fields.element(INTEGER)?;
        fields.element(SEQUENCE)?;
        fields.element(SEQUENCE)?;
        let validity = Reader(fields.element(SEQUENCE)?);
        fields.element(SEQUENCE)?;
        fields.element(SEQUENCE)?;
        fields.element(ISSUER_ID);
        fields.element(SUBJECT_ID);
        let extensions = match fields.element(EXTENSIONS) {
            Some(extensions) => Reader(extensions).element(SEQUENCE)?,
            None => &[],
        };
        Some(Self {
            version,
            validity,
            extensions,
        })
    }
}

/// The value of an extension. The outer `None` is a malformed list, or one that has the extension twice.
#[allow(
    clippy::option_option,
    reason = "`?` takes the outer one, and the inner one is a value"
)]
fn find<'a>(extensions: &'a [u8], wanted: &[u8]) -> Option<Option<&'a [u8]>> {
    let mut extensions = Reader(extensions);
    let mut found = None;
    while !extensions.0.is_empty() {
        let mut extension = Reader(extensions.element(SEQUENCE)?);
        let is_wanted = extension.element(OBJECT_IDENTIFIER)? == wanted;
        // Whether it is critical, which may be left out.
        extension.element(BOOLEAN);
        let value = extension.element(OCTET_STRING)?;
        if is_wanted && found.replace(value).is_some() {
            return None;
        }
    }
    Some(found)
}

/// Whether these extended key usages include `purpose`.
fn allows(usages: &[u8], purpose: &[u8]) -> bool {
    let mut usages = Reader(usages);
    iter::from_fn(|| usages.element(OBJECT_IDENTIFIER))
        .any(|usage| usage == purpose || usage == ANY_USAGE)
}

/// Reads elements of DER, one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element if it has this tag. Otherwise nothing is read.
    fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        if *self.0.first()? != tag {
            return None;
        }
        self.next().map(|(_, content)| content)
    }

    /// Tag and content of the next element.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, length], rest) = self.0.split_first_chunk()?;
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
        Some((tag, content))
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
pub(crate) mod tests;
