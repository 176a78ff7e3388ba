//! Content negotiation: chooses format and compression from `Accept` and `Accept-Encoding` (RFC 9110, section 12).
//!
//! There is no 406 response. A client that accepts no available format gets plain text, as from other exporters.

use http::{
    HeaderMap,
    header::{ACCEPT, ACCEPT_ENCODING, HeaderName},
};

use crate::metrics::Format;

/// Compression of a response body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

/// One element of an `Accept` or `Accept-Encoding` header.
struct Element<'a> {
    /// Media range or content coding.
    name: &'a str,
    version: Option<&'a str>,
    /// The parameters `proto` and `encoding` of protobuf.
    proto: Option<&'a str>,
    encoding: Option<&'a str>,
    /// Weight `q` in thousandths.
    quality: u16,
}

/// How a client rates a media type.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Rating {
    specificity: Specificity,
    quality: u16,
}

/// The kind of media range that matches a media type.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    #[default]
    NoMatch,
    AnyType,
    AnySubtype,
    Type,
    TypeAndVersion,
}

/// The format for a scrape: the one with the highest quality. If the text formats are equal, `OpenMetrics` only if the client
/// names it. Protobuf only if the client names it and prefers it to both.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let open_metrics = rate(headers, "application", "openmetrics-text", "1.0.0");
    let text = rate(headers, "text", "plain", "0.0.4");
    let preferred = open_metrics.quality.max(text.quality);
    if elements(headers, &ACCEPT)
        .any(|element| element.names_protobuf() && element.quality > preferred)
    {
        return Format::Protobuf;
    }
    let wins_tie =
        open_metrics.specificity >= Specificity::Type && open_metrics.quality == text.quality;
    if open_metrics.quality > 0 && (open_metrics.quality > text.quality || wins_tie) {
        Format::OpenMetrics
    } else {
        Format::Text
    }
}

/// Gzip if the client accepts it, unless the client prefers `identity`.
pub(super) fn encoding(headers: &HeaderMap) -> Encoding {
    let quality = |codings: &[&str]| {
        elements(headers, &ACCEPT_ENCODING)
            .filter(|element| {
                codings
                    .iter()
                    .any(|coding| element.name.eq_ignore_ascii_case(coding))
            })
            .map(|element| element.quality)
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

/// The rating of a media type. The most specific range decides, not the one with the highest quality.
fn rate(headers: &HeaderMap, kind: &str, subtype: &str, version: &str) -> Rating {
    elements(headers, &ACCEPT)
        .map(|element| Rating {
            specificity: element.specificity(kind, subtype, version),
            quality: element.quality,
        })
        .filter(|rating| rating.specificity != Specificity::NoMatch)
        .max()
        .unwrap_or_default()
}

fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Element<'a>> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Element::parse)
}

// === impl Element ===

impl<'a> Element<'a> {
    /// `None` if the element is invalid. Other parameters, such as `escaping` and `charset`, are ignored.
    fn parse(element: &'a str) -> Option<Self> {
        let mut parts = element.split(';').map(str::trim);
        let mut parsed = Self {
            name: parts.next().filter(|name| !name.is_empty())?,
            version: None,
            proto: None,
            encoding: None,
            quality: 1000,
        };
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let (name, value) = (name.trim_end(), value.trim_start());
            if name.eq_ignore_ascii_case("q") {
                parsed.quality = quality(value)?;
            } else if name.eq_ignore_ascii_case("version") {
                parsed.version = Some(value.trim_matches('"'));
            } else if name.eq_ignore_ascii_case("proto") {
                parsed.proto = Some(value.trim_matches('"'));
            } else if name.eq_ignore_ascii_case("encoding") {
                parsed.encoding = Some(value.trim_matches('"'));
            }
        }
        Some(parsed)
    }

    /// Whether this is protobuf with the message and the encoding that Prometheus reads.
    fn names_protobuf(&self) -> bool {
        self.name
            .eq_ignore_ascii_case("application/vnd.google.protobuf")
            && self.proto == Some("io.prometheus.client.MetricFamily")
            && self.encoding == Some("delimited")
    }

    fn specificity(&self, kind: &str, subtype: &str, version: &str) -> Specificity {
        let Some((range_kind, range_subtype)) = self.name.split_once('/') else {
            return Specificity::NoMatch;
        };
        if range_kind == "*" && range_subtype == "*" {
            return Specificity::AnyType;
        }
        if !range_kind.eq_ignore_ascii_case(kind) {
            return Specificity::NoMatch;
        }
        if range_subtype == "*" {
            return Specificity::AnySubtype;
        }
        if !range_subtype.eq_ignore_ascii_case(subtype) {
            return Specificity::NoMatch;
        }
        match self.version {
            None => Specificity::Type,
            Some(requested) if requested == version => Specificity::TypeAndVersion,
            Some(_) => Specificity::NoMatch,
        }
    }
}

/// Parses a weight such as `0`, `0.25` or `1.000` to thousandths. RFC 9110 allows three decimals; further ones are ignored.
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
