//! Published and computed signatures, and arbitrary requests.

use std::collections::BTreeMap;

use http::Uri;
use proptest::prelude::*;

use super::*;

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    ak: String,
    sk: String,
    date: String,
    signed_headers: String,
    canonical_request: String,
    string_to_sign: String,
    authorization: String,
}

#[test]
fn every_step_matches_the_vectors() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!(
        "../../../../../tests/fixtures/cci/signing-vectors.json"
    ))
    .unwrap();
    assert!(vectors.len() >= 13);
    for vector in vectors {
        let name = &vector.name;
        let to_sign: Vec<_> = vector.signed_headers.split(';').collect();
        let headers: Vec<_> = vector
            .headers
            .iter()
            .filter(|(name, _)| to_sign.contains(&name.to_ascii_lowercase().as_str()))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let body = vector.body.as_deref().unwrap_or_default();
        let hash = hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
        let payload = vector.headers.get("X-Sdk-Content-Sha256");
        let url: Uri = vector.url.parse().unwrap();
        let input = SigningInput {
            method: &vector.method,
            uri: &CanonicalUri::new(url.path(), url.query()),
            headers: &headers,
            payload: payload.unwrap_or(&hash),
            date: &vector.date,
        };
        let canonical = canonical_request(&input);
        assert_eq!(canonical, vector.canonical_request, "{name}");
        let to_sign = string_to_sign(&vector.date, &canonical);
        assert_eq!(to_sign, vector.string_to_sign, "{name}");
        let authorization = sign(&input, &vector.ak, &vector.sk);
        assert_eq!(authorization, vector.authorization, "{name}");
    }
}

#[test]
fn the_empty_payload_has_the_hash_of_no_bytes() {
    assert_eq!(
        EMPTY_PAYLOAD,
        hex(digest::digest(&digest::SHA256, b"").as_ref())
    );
}

/// Path and query as sent, and the two lines of the canonical request.
fn sent_and_signed(path: &str, query: Option<&str>) -> (String, String, String) {
    let uri = CanonicalUri::new(path, query);
    let input = SigningInput {
        method: "get",
        uri: &uri,
        headers: &[("X-Sdk-Date", "20260102T030405Z")],
        payload: EMPTY_PAYLOAD,
        date: "20260102T030405Z",
    };
    let canonical = canonical_request(&input);
    let mut lines = canonical.split('\n').map(str::to_owned).skip(1);
    let (path, query) = (lines.next().unwrap(), lines.next().unwrap());
    (uri.path_and_query(), path, query)
}

#[test]
fn unusual_paths_and_queries_have_one_canonical_form() {
    for (path, query, sent) in [
        ("", None, "/"),
        ("/", Some(""), "/"),
        ("/a%2fb/%7e/c d", None, "/a%2Fb/~/c%20d"),
        ("//a/", None, "//a/"),
        ("/a/../b/.", None, "/a/../b/."),
        ("/%zz/%", None, "/%25zz/%25"),
        ("/%ff", None, "/%FF"),
        ("/a", Some("watch"), "/a?watch="),
        ("/a", Some("b=2&&a=1&B=3&a=0&="), "/a?=&B=3&a=0&a=1&b=2"),
        ("/a", Some("x=a=b&y=a+b"), "/a?x=a%3Db&y=a%2Bb"),
    ] {
        assert_eq!(sent_and_signed(path, query).0, sent, "{path} {query:?}");
    }
}

proptest! {
    #[test]
    fn the_signed_path_and_query_are_sent(path in "(/.{0,12}){0,4}", query in proptest::option::of("\\PC{0,40}|([a-z%=&+ ]{0,30})")) {
        let (sent, signed_path, signed_query) = sent_and_signed(&path, query.as_deref());
        // It is a valid URI, and unchanged by parsing.
        let uri: Uri = sent.parse().unwrap();
        prop_assert_eq!(uri.path_and_query().unwrap().as_str(), &sent);
        let sent_path = uri.path();
        prop_assert_eq!(signed_path.trim_end_matches('/'), sent_path.trim_end_matches('/'));
        prop_assert!(signed_path.ends_with('/') && signed_path.len() - sent_path.len() <= 1);
        prop_assert_eq!(uri.query().unwrap_or_default(), &signed_query);
        // A server that parses it and computes the signature gets the same form.
        prop_assert_eq!(CanonicalUri::new(uri.path(), uri.query()).path_and_query(), sent);
        // Decoding gives the original path.
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<_>>();
        let given = if path.is_empty() { "/" } else { path.as_str() };
        prop_assert_eq!(decoded(sent_path), decoded(given));
    }
}
