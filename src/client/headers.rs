//! HTTP headers of requests and responses.

use http::{HeaderMap, HeaderValue, header};
use jiff::{Timestamp, fmt::rfc2822};

use crate::protobuf::CONTENT_TYPE;

/// How the body of a response is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyFormat {
    /// JSON: a whole text, or one event a line.
    #[default]
    Json,
    /// Protocol Buffers as Kubernetes writes them: a whole object, or events with their length before them.
    Protobuf,
}

impl BodyFormat {
    /// The value of `Accept` for this format. JSON is fine in any case: servers and gateways may have nothing else.
    pub(super) fn accept(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/vnd.kubernetes.protobuf, application/json",
        }
    }

    /// The format that the server names. Gateways name all kinds of types for JSON.
    pub(super) fn of_response(headers: &HeaderMap) -> Self {
        let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let name = value.and_then(|value| value.split(|byte| *byte == b';').next());
        match name {
            Some(name)
                if name
                    .trim_ascii()
                    .eq_ignore_ascii_case(CONTENT_TYPE.as_bytes()) =>
            {
                Self::Protobuf
            }
            _ => Self::Json,
        }
    }
}

/// The `Date` header: the server's clock.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    parse_date(headers.get(header::DATE)?.to_str().ok()?)
}

/// Parses a date in a header.
pub(super) fn parse_date(date: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_server_says_how_a_body_is_written() {
        let format = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            BodyFormat::of_response(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)]))
        };
        for value in [
            "application/vnd.kubernetes.protobuf",
            "application/vnd.kubernetes.protobuf;stream=watch",
            "Application/vnd.Kubernetes.protobuf ; stream=watch",
        ] {
            assert_eq!(format(value), BodyFormat::Protobuf, "{value}");
        }
        for value in [
            "application/json",
            "text/html",
            "",
            "application/vnd.kubernetes.protobuf2",
            "application/json;profile=application/vnd.kubernetes.protobuf",
        ] {
            assert_eq!(format(value), BodyFormat::Json, "{value}");
        }
        assert_eq!(BodyFormat::of_response(&HeaderMap::new()), BodyFormat::Json);
    }
}
