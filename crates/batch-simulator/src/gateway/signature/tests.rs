//! The vectors are valid, and a vector with one difference is not.

use serde::Deserialize;

use super::*;

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Vector {
    name: String,
    method: String,
    url: String,
    headers: std::collections::BTreeMap<String, String>,
    body: Option<String>,
    sk: String,
    date: String,
    authorization: String,
    /// Only in vectors with intermediate steps.
    canonical_request: Option<String>,
}

fn vectors() -> Vec<Vector> {
    let files = [
        include_str!("../../../../../tests/fixtures/cci/signing-vectors.json"),
        include_str!("../../../../../tests/fixtures/cci/sdk-signatures.json"),
    ];
    let read = |file| serde_json::from_str::<Vec<Vector>>(file).unwrap();
    files.into_iter().flat_map(read).collect()
}

fn vector(name: &str) -> Vector {
    let mut vectors = vectors().into_iter();
    vectors.find(|vector| vector.name == name).unwrap()
}

/// A vector with a label selector, a limit and a project id.
fn typical() -> Vector {
    vector("cci-list-label-selector-specials")
}

impl Vector {
    fn with<R>(&self, act: impl FnOnce(ReceivedRequest<'_>) -> R) -> R {
        let method: Method = self.method.parse().unwrap();
        let uri: Uri = self.url.parse().unwrap();
        let pair = |(name, value): (&String, &String)| {
            let name: HeaderName = name.parse().unwrap();
            (name, value.parse().unwrap())
        };
        let headers: HeaderMap = self.headers.iter().map(pair).collect();
        let body = self.body.clone().unwrap_or_default().into_bytes();
        act(ReceivedRequest {
            method: &method,
            uri: &uri,
            headers: &headers,
            body: &body,
        })
    }

    /// Seconds after the vector's date.
    fn check_after(&self, seconds: i64) -> Result<(), Mismatch> {
        let now = timestamp(&self.date).unwrap().as_second() + seconds;
        let now = Timestamp::from_second(now).unwrap();
        let authorization = Authorization::parse(&self.authorization)?;
        self.with(|request| authorization.check(request, &self.sk, now))
    }

    fn check(&self) -> Result<(), Mismatch> {
        self.check_after(0)
    }

    /// Signs `canonical` with the key of this vector and `names`.
    fn sign(&mut self, names: &str, canonical: &str) {
        let hash = sha256(canonical.as_bytes());
        let to_sign = format!("SDK-HMAC-SHA256\n{}\n{hash}", self.date);
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.sk.as_bytes());
        let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
        self.authorization =
            format!("SDK-HMAC-SHA256 Access=AK, SignedHeaders={names}, Signature={signature}");
    }
}

fn is_another_signature(result: &Result<(), Mismatch>) -> bool {
    matches!(result, Err(Mismatch::Signature(_)))
}

#[test]
fn all_vectors_are_valid() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 23);
    for vector in vectors {
        assert_eq!(vector.check(), Ok(()), "{}", vector.name);
        let authorization = Authorization::parse(&vector.authorization).unwrap();
        let canonical = vector.with(|request| authorization.canonical_request(request));
        if let Some(expected) = vector.canonical_request {
            assert_eq!(canonical, Ok(expected), "{}", vector.name);
        }
    }
}

#[test]
fn any_difference_invalidates_the_signature() {
    type Change = fn(&mut Vector);
    let changes: [(&str, Change); 12] = [
        ("method", |v| v.method = "DELETE".to_owned()),
        ("path", |v| {
            v.url = v.url.replace("namespace-test", "namespace-prod");
        }),
        ("case of the path", |v| {
            v.url = v.url.replace("/jobs", "/Jobs");
        }),
        ("value", |v| v.url = v.url.replace("limit=500", "limit=501")),
        ("name", |v| v.url = v.url.replace("limit=", "Limit=")),
        ("less", |v| v.url = v.url.replace("limit=500&", "")),
        ("more", |v| v.url.push_str("&watch=1")),
        ("plus for a space", |v| v.url = v.url.replace("%20", "+")),
        ("header", |v| {
            let host = "cci.cn-east-3.myhuaweicloud.com".to_owned();
            v.headers.insert("Host".to_owned(), host);
        }),
        ("project", |v| {
            let project = "1123456789abcdef0123456789abcdef".to_owned();
            v.headers.insert("X-Project-Id".to_owned(), project);
        }),
        ("body", |v| v.body = Some(" ".to_owned())),
        ("secret key", |v| v.sk.push('1')),
    ];
    for (what, change) in changes {
        let mut vector = typical();
        change(&mut vector);
        assert_ne!(vector, typical(), "{what} is not changed");
        assert!(is_another_signature(&vector.check()), "{what}");
    }
}

#[test]
fn each_digit_of_the_signature_counts() {
    for vector in vectors() {
        let at = vector.authorization.len() - 64;
        for digit in at..vector.authorization.len() {
            let mut flipped = vector.clone();
            let was = flipped.authorization.as_bytes()[digit];
            let other = if was == b'0' { "1" } else { "0" };
            flipped.authorization.replace_range(digit..=digit, other);
            assert!(
                is_another_signature(&flipped.check()),
                "{} {digit}",
                vector.name
            );
        }
    }
}

#[test]
fn parameters_may_come_in_any_order_but_are_signed_sorted() {
    let mut vector = typical();
    let (address, query) = vector.url.split_once('?').unwrap();
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.rotate_left(1);
    let (address, rotated) = (address.to_owned(), pairs.join("&"));
    vector.url = format!("{address}?{rotated}");
    assert_eq!(vector.check(), Ok(()));

    let canonical = vector.canonical_request.clone().unwrap();
    let sorted = canonical.lines().nth(2).unwrap().to_owned();
    assert_ne!(sorted, rotated);
    let names = "host;x-project-id;x-sdk-date";
    vector.sign(names, &canonical);
    assert_eq!(vector.check(), Ok(()), "signed by the test itself");
    vector.sign(names, &canonical.replace(&sorted, &rotated));
    assert!(is_another_signature(&vector.check()), "signed unsorted");
}

#[test]
fn the_trailing_slash_is_signed_even_if_it_is_not_sent() {
    let mut vector = vector("cci-job-status-no-query");
    let canonical = vector.canonical_request.clone().unwrap();
    let names = "host;x-project-id;x-sdk-date";
    vector.sign(names, &canonical.replace("/status/\n", "/status\n"));
    assert!(is_another_signature(&vector.check()));
}

#[test]
fn a_date_is_valid_for_15_minutes_in_both_directions() {
    let vector = typical();
    for within in [-900, -1, 900] {
        assert_eq!(vector.check_after(within), Ok(()), "{within}");
    }
    for outside in [-901, 901, 86_400] {
        let result = vector.check_after(outside);
        assert!(matches!(result, Err(Mismatch::Expired { .. })), "{outside}");
    }
    let expected = "calc aksk signature fail:signature expired, signature time:20260102T030405Z,server time:20260102T031906Z";
    assert_eq!(vector.check_after(901).unwrap_err().to_string(), expected);
}

#[test]
fn another_date_in_the_header_is_another_signature() {
    let mut vector = typical();
    let date = "20260102T030406Z".to_owned();
    vector.headers.insert("X-Sdk-Date".to_owned(), date);
    assert!(is_another_signature(&vector.check()));
    for malformed in [
        "2026-01-02T03:04:05Z",
        "20260102T030405",
        "20261302T030405Z",
        "",
    ] {
        vector
            .headers
            .insert("X-Sdk-Date".to_owned(), malformed.to_owned());
        assert_eq!(vector.check(), Err(Mismatch::Date), "{malformed}");
    }
}

#[test]
fn headers_that_affect_permissions_must_be_signed() {
    let mut vector = vector("published-go-post-date-only");
    assert_eq!(vector.check(), Ok(()));
    vector.headers.insert("Accept".to_owned(), "*/*".to_owned());
    assert_eq!(vector.check(), Ok(()), "does not matter");
    for name in ["x-project-id", "x-security-token", "x-sdk-content-sha256"] {
        let mut unsigned = vector.clone();
        unsigned.headers.insert(name.to_owned(), "value".to_owned());
        assert_eq!(unsigned.check(), Err(Mismatch::Unsigned(name)));
    }
    let canonical = vector.canonical_request.clone().unwrap();
    vector.headers.insert("Host".to_owned(), "h".to_owned());
    vector.sign("host", &canonical);
    assert_eq!(vector.check(), Err(Mismatch::Unsigned("x-sdk-date")));
}

#[test]
fn signed_headers_must_be_sent_once() {
    let mut vector = typical();
    vector.headers.remove("Host");
    assert_eq!(
        vector.check(),
        Err(Mismatch::NotSentOnce("host".to_owned()))
    );

    let vector = typical();
    let authorization = Authorization::parse(&vector.authorization).unwrap();
    let twice = vector.with(|request| {
        let mut headers = request.headers.clone();
        headers.append("host", headers["host"].clone());
        let twice = ReceivedRequest {
            headers: &headers,
            ..request
        };
        authorization.check(twice, &vector.sk, timestamp(&vector.date).unwrap())
    });
    assert_eq!(twice, Err(Mismatch::NotSentOnce("host".to_owned())));
}

#[test]
fn a_sent_body_hash_must_match_the_body() {
    let mut vector = vector("unsigned-payload");
    vector.body = Some("anything".to_owned());
    assert_eq!(vector.check(), Ok(()));
    let hash = sha256(b"another body");
    vector
        .headers
        .insert("X-Sdk-Content-Sha256".to_owned(), hash);
    assert_eq!(vector.check(), Err(Mismatch::Content));
}

#[test]
fn any_other_format_of_the_header_is_invalid() {
    let good = typical().authorization;
    assert!(Authorization::parse(&good).is_ok());
    let signature = &good[good.len() - 64..];
    for bad in [
        String::new(),
        "Bearer token".to_owned(),
        good.replace("SHA256 ", "SHA256, "),
        good.replace("SDK-HMAC-SHA256", "V11-HMAC-SHA256"),
        good.replace(", S", ",S"),
        good.replace("Access=EXAMPLEAK00000000000", "Access="),
        good.replace("host;x-project-id", "x-project-id;host"),
        good.replace("host;", "Host;"),
        good.replace("host;", "host;host;"),
        good.replace("host;", ";host;"),
        good.replace(signature, &signature.to_uppercase()),
        good.replace(signature, &signature[1..]),
        format!("{good} "),
    ] {
        assert_ne!(bad, good);
        assert_eq!(
            Authorization::parse(&bad),
            Err(Mismatch::Authorization),
            "{bad}"
        );
    }
}

#[test]
fn invalid_percent_encodings_are_rejected() {
    for bad in ["%", "%2", "%zz", "%+1", "%ff"] {
        assert_eq!(canonical_path(bad), Err(Mismatch::Encoding), "{bad}");
        assert_eq!(canonical_query(bad), Err(Mismatch::Encoding), "{bad}");
    }
    assert_eq!(canonical_path("").as_deref(), Ok("/"));
    assert_eq!(canonical_path("/a%2fb/%7E").as_deref(), Ok("/a%2Fb/~/"));
}
