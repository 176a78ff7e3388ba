//! Tables of headers, some of them from real clients.

use http::HeaderValue;

use super::{
    Encoding::{Gzip, Identity},
    Format::{OpenMetrics, Protobuf, Text},
    *,
};

fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
    lines
        .iter()
        .map(|line| {
            let value = HeaderValue::from_bytes(line.as_bytes()).expect("a header value");
            (name.clone(), value)
        })
        .collect()
}

#[test]
fn the_format_follows_accept() {
    let cases: &[(&[&str], Format)] = &[
        // Prometheus 3, 2.42 and 2.5; curl, nothing, Firefox; Prometheus that prefers protobuf.
        (
            &[
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            ],
            OpenMetrics,
        ),
        (
            &[
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            ],
            OpenMetrics,
        ),
        (
            &[
                "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            ],
            Text,
        ),
        (&["*/*"], Text),
        (&[], Text),
        (
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            Text,
        ),
        (
            &[
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            ],
            Protobuf,
        ),
        // OpenMetrics by name, without a version, in other spellings.
        (&["application/openmetrics-text"], OpenMetrics),
        (
            &["Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.1"],
            OpenMetrics,
        ),
        (
            &["application/openmetrics-text;version=1.0.0;charset=utf-8"],
            OpenMetrics,
        ),
        (&["application/*"], OpenMetrics),
        // Equal quality.
        (&["application/openmetrics-text,text/plain"], OpenMetrics),
        (&["text/plain, application/openmetrics-text"], OpenMetrics),
        (&["*/*, application/openmetrics-text;q=1.0"], OpenMetrics),
        (&["application/*, text/*"], Text),
        // Quality decides, also across header lines; a specific range overrides a wildcard.
        (&["application/openmetrics-text;q=0.5,text/plain"], Text),
        (
            &["text/plain;q=0.5", "application/openmetrics-text;q=0.6"],
            OpenMetrics,
        ),
        (&["*/*;q=0.9, text/plain;q=0.1"], OpenMetrics),
        (&["*/*, application/openmetrics-text;q=0"], Text),
        (
            &[
                "application/openmetrics-text;q=0.9,application/openmetrics-text;version=1.0.0;q=0.1,text/*;q=0.5",
            ],
            Text,
        ),
        // No available format.
        (&["application/json"], Text),
        (&["application/openmetrics-text;version=2.0.0"], Text),
        (&["application/openmetrics-text;q=0"], Text),
        (&["text/plain;q=0,application/openmetrics-text;q=0"], Text),
        // Invalid values.
        (&[""], Text),
        (&[",;,/,=;q=,;q=1"], Text),
        (&["application/openmetrics-text;q=2"], Text),
        (&["application/openmetrics-text;q=-1,*/*;q=0.1"], Text),
        (&["application/openmetrics-text;q=NaN"], Text),
        (&["openmetrics"], Text),
        (
            &[
                "application/openmetrics-text\u{ff}",
                "application/openmetrics-text",
            ],
            OpenMetrics,
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(format(&headers(&ACCEPT, lines)), *expected, "{lines:?}");
    }
}

#[test]
fn protobuf_is_for_clients_that_prefer_it() {
    const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    let cases: &[(&str, Format)] = &[
        // Prometheus 3 with native histograms or created timestamps, and Prometheus 1.
        (
            "{};q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            Protobuf,
        ),
        (
            "{};q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
            Protobuf,
        ),
        ("{}", Protobuf),
        ("{};q=0.1", Protobuf),
        ("text/plain;q=0.5,{}", Protobuf),
        ("{};escaping=underscores;q=0.6,*/*;q=0.5", Protobuf),
        (
            "Application/Vnd.Google.Protobuf; Encoding=\"delimited\" ; Proto=io.prometheus.client.MetricFamily",
            Protobuf,
        ),
        // Others prefer text, or do not care.
        ("{},text/plain", Text),
        ("{},application/openmetrics-text", OpenMetrics),
        ("{};q=0.5,text/plain;q=0.6", Text),
        ("{};q=0.5,*/*;q=0.6", Text),
        ("{};q=0", Text),
        ("*/*", Text),
        ("application/*", OpenMetrics),
        // Other messages and encodings.
        ("application/vnd.google.protobuf", Text),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
            Text,
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
            Text,
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.write.v2.Request;encoding=delimited",
            Text,
        ),
        (
            "application/x-protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            Text,
        ),
    ];
    for (accept, expected) in cases {
        let accept = accept.replace("{}", PROTOBUF);
        let headers = headers(&ACCEPT, &[&accept]);
        assert_eq!(format(&headers), *expected, "{accept}");
    }
}

#[test]
fn the_encoding_follows_accept_encoding() {
    let cases: &[(&[&str], Encoding)] = &[
        (&[], Identity),
        (&[""], Identity),
        (&["gzip"], Gzip),
        (&["GZip"], Gzip),
        (&["x-gzip"], Gzip),
        (&["gzip, deflate, br, zstd"], Gzip),
        (&["deflate", "gzip"], Gzip),
        (&["deflate, br"], Identity),
        (&["*"], Gzip),
        (&["*;q=0"], Identity),
        (&["gzip;q=0"], Identity),
        (&["gzip;q=0.000, *"], Identity),
        (&["gzip;q=0.001"], Gzip),
        (&["*;q=0, gzip"], Gzip),
        (&["identity"], Identity),
        (&["gzip;q=0.5, identity;q=0.8"], Identity),
        (&["gzip;q=0.8, identity;q=0.5"], Gzip),
        (&["gzip, identity"], Gzip),
        (&["identity;q=0"], Identity),
        (&["gzip;q=high"], Identity),
        (&["gzipped"], Identity),
    ];
    for (lines, expected) in cases {
        let headers = headers(&ACCEPT_ENCODING, lines);
        assert_eq!(encoding(&headers), *expected, "{lines:?}");
    }
}

#[test]
fn weights_are_parsed_to_thousandths() {
    let cases = [
        ("0", Some(0)),
        ("1", Some(1000)),
        ("1.", Some(1000)),
        ("0.5", Some(500)),
        ("0.05", Some(50)),
        ("0.1239", Some(123)),
        ("1.000", Some(1000)),
        ("1.001", None),
        ("2", None),
        ("-0", None),
        ("", None),
        (".5", None),
        ("0.5x", None),
        ("0,5", None),
    ];
    for (text, expected) in cases {
        assert_eq!(quality(text), expected, "{text}");
    }
}
