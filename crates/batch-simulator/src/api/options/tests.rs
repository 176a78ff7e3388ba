//! Tests of `super`.

use super::*;

const PAGE_1: &str = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NDA5OCwic3RhcnQiOiIvYmlsbGluZy9zdXNwZW5kZWQtYWZ0ZXItcnVuXHUwMDAwIn0";
const PAGE_1_EXPIRED: &str = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYmlsbGluZy9zdXNwZW5kZWQtYWZ0ZXItcnVuXHUwMDAwIn0";

#[test]
fn tokens_are_those_of_a_real_server() {
    let token = Continue::after("billing/suspended-after-run", 4098);
    assert_eq!(token.encode(), PAGE_1);
    assert_eq!(token.inconsistent().encode(), PAGE_1_EXPIRED);
    for (text, version) in [(PAGE_1, Some(4098)), (PAGE_1_EXPIRED, None)] {
        let token = Continue::decode(text).unwrap();
        assert_eq!(token.start(), "billing/suspended-after-run\0");
        assert_eq!(token.version(), version);
    }
}

#[test]
fn invalid_tokens_are_rejected() {
    let prefix = "invalid continue token: continue key is not valid: ";
    for (token, why) in [
        (
            "not-a-token",
            "invalid character '\\u009e' looking for beginning of value",
        ),
        ("!!", "illegal base64 data at input byte 0"),
        (
            &BASE64.encode(r#"{"v":"v9","rv":1,"start":"/a/b"}"#),
            "server does not recognize this encoded version",
        ),
    ] {
        let error = Options::parse(&format!("continue={token}"), true).unwrap_err();
        assert_eq!(
            error,
            ApiError::bad_request(format!("{prefix}{why}")),
            "{token}"
        );
    }
}

#[test]
fn reads_what_clients_send() {
    let query = "watch=true&labelSelector=a%3Db%2Cc&fieldSelector=metadata.name%3Dx+y&allowWatchBookmarks=1\
                 &timeoutSeconds=290&resourceVersion=7&pretty=true&limit=500";
    let options = Options::parse(query, false).unwrap();
    assert_eq!(
        options,
        Options {
            watch: true,
            limit: 500,
            version: "7".to_owned(),
            label_selector: "a=b,c".to_owned(),
            field_selector: "metadata.name=x y".to_owned(),
            bookmarks: true,
            timeout: Some(Duration::from_secs(290)),
            ..Options::default()
        }
    );
    assert!(!Options::parse("watch=false", true).unwrap().watch);
    assert!(!Options::parse("watch=0", true).unwrap().watch);
}

#[test]
fn contradictions_of_watches_get_the_errors_of_kubernetes() {
    let invalid = |fields: &[InvalidField]| ApiError::invalid_options(fields);
    let forbidden = |field, why| InvalidField::forbidden(field, why);
    let field = "resourceVersionMatch";
    let match_needed = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    let gate_needed =
        "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
    for (query, watch_list, error) in [
        (
            "watch=1&sendInitialEvents=true",
            true,
            invalid(&[forbidden(field, match_needed)]),
        ),
        (
            "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
            false,
            invalid(&[forbidden("sendInitialEvents", gate_needed)]),
        ),
        (
            "watch=1&sendInitialEvents=true",
            false,
            invalid(&[
                forbidden(field, match_needed),
                forbidden("sendInitialEvents", gate_needed),
            ]),
        ),
    ] {
        assert_eq!(
            Options::parse(query, watch_list).unwrap_err(),
            error,
            "{query}"
        );
    }
}

#[test]
fn contradictions_of_lists_get_the_errors_of_kubernetes() {
    let forbidden = |field, why| {
        let field = InvalidField::forbidden(field, why);
        ApiError::invalid_options(&[field])
    };
    let field = "resourceVersionMatch";
    for (query, error) in [
        (
            "sendInitialEvents=true",
            forbidden(
                "sendInitialEvents",
                "sendInitialEvents is forbidden for list",
            ),
        ),
        (
            "resourceVersionMatch=Exact",
            forbidden(
                field,
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ),
        ),
        (
            "resourceVersionMatch=Foo&resourceVersion=2",
            ApiError::invalid_options(&[InvalidField::unsupported(
                field,
                "Foo",
                "\"Exact\", \"NotOlderThan\", \"\"",
            )]),
        ),
        (
            "limit=x",
            ApiError::bad_request("strconv.ParseInt: parsing \"x\": invalid syntax"),
        ),
        (
            &format!("resourceVersion=5&continue={PAGE_1}"),
            ApiError::bad_request("specifying resource version is not allowed when using continue"),
        ),
    ] {
        assert_eq!(Options::parse(query, true).unwrap_err(), error, "{query}");
    }
}
