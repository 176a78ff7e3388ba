//! Which format and which compression a client wants, by the rules of RFC 9110, section 12.
//!
//! Beside `router`, pure. Never a refusal: a client that names nothing we have gets plain text, as from every exporter, since
//! a scrape that fails on a header helps nobody.

use http::{
    HeaderMap,
    header::{ACCEPT, ACCEPT_ENCODING, HeaderName},
};

use crate::metrics::Format;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Not at all.
    Identity,
    Gzip,
}

/// One element of an `Accept` or `Accept-Encoding` list.
struct Range<'a> {
    name: &'a str,
    version: Option<&'a str>,
    /// In thousandths.
    quality: u16,
}

/// What a client thinks of something we have: how exactly it named it, then how much it wants it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    exactness: u8,
    quality: u16,
}

/// From this exactness on a media type was named, and not just covered by a wildcard.
const NAMED: u8 = 3;

/// The format for a scrape: what is wanted more; when equally, `OpenMetrics` to those who ask for it by name.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let open_metrics = wish(headers, "application", "openmetrics-text", "1.0.0");
    let text = wish(headers, "text", "plain", "0.0.4");
    let by_name = open_metrics.exactness >= NAMED && open_metrics.quality == text.quality;
    if open_metrics.quality > 0 && (open_metrics.quality > text.quality || by_name) {
        Format::OpenMetrics
    } else {
        Format::Text
    }
}

/// Gzip for those who say that they can read it, unless they would rather have it plain.
pub(super) fn encoding(headers: &HeaderMap) -> Encoding {
    let quality = |wanted: &[&str]| {
        ranges(headers, &ACCEPT_ENCODING)
            .filter(|range| {
                wanted
                    .iter()
                    .any(|name| range.name.eq_ignore_ascii_case(name))
            })
            .map(|range| range.quality)
            .max()
    };
    let gzip = quality(&["gzip", "x-gzip"])
        .or_else(|| quality(&["*"]))
        .unwrap_or(0);
    let identity = quality(&["identity"]).unwrap_or(0);
    if gzip > 0 && gzip >= identity {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// The most exact range that covers a media type decides, not the one with the highest quality.
fn wish(headers: &HeaderMap, kind: &str, subtype: &str, version: &str) -> Wish {
    ranges(headers, &ACCEPT)
        .filter_map(|range| {
            let exactness = range.exactness(kind, subtype, version)?;
            Some(Wish {
                exactness,
                quality: range.quality,
            })
        })
        .max()
        .unwrap_or_default()
}

fn ranges<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Range<'a>> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Range::parse)
}

// === impl Range ===

impl<'a> Range<'a> {
    /// `None` for what makes no sense. Parameters other than `version` (`escaping`, `charset`) are no reason not to match.
    fn parse(element: &'a str) -> Option<Self> {
        let mut parts = element.split(';').map(str::trim);
        let mut range = Self {
            name: parts.next().filter(|name| !name.is_empty())?,
            version: None,
            quality: 1000,
        };
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let (name, value) = (name.trim_end(), value.trim_start());
            if name.eq_ignore_ascii_case("q") {
                range.quality = quality(value)?;
            } else if name.eq_ignore_ascii_case("version") {
                range.version = Some(value.trim_matches('"'));
            }
        }
        Some(range)
    }

    fn exactness(&self, kind: &str, subtype: &str, version: &str) -> Option<u8> {
        let (range_kind, range_subtype) = self.name.split_once('/')?;
        if range_kind == "*" && range_subtype == "*" {
            return Some(1);
        }
        if !range_kind.eq_ignore_ascii_case(kind) {
            return None;
        }
        if range_subtype == "*" {
            return Some(2);
        }
        if !range_subtype.eq_ignore_ascii_case(subtype) {
            return None;
        }
        match self.version {
            None => Some(NAMED),
            Some(wanted) => (wanted == version).then_some(NAMED + 1),
        }
    }
}

/// `0`, `0.25`, `1.000`; more than three digits are more than is allowed, but clear.
fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(3)
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, thousandths) {
        ("0", _) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
