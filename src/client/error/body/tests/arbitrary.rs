//! For any body, the parser does not panic, and the message fits into a log line.

use proptest::prelude::*;

use super::*;

/// Arbitrary JSON, in which the names that the parser knows are frequent.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "kind",
            "code",
            "reason",
            "message",
            "details",
            "errorCode",
            "retryAfterSeconds",
            "error_code",
            "error_msg",
            "request_id",
            "error",
            "title",
            "encoded_authorization_message",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::from("Status")),
        "[ -~]{0,300}(ak|sk|x-auth-token|\\||SDK-HMAC-| fail)[:=]?[ -~]{0,300}"
            .prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn check(code: u16, body: &[u8]) -> Result<(), TestCaseError> {
    let error = error(code, body);
    let text = error.to_string();
    prop_assert!(!text.contains(char::is_control), "{:?}", text);
    prop_assert!(text.chars().count() < 900, "{} characters", text.len());
    prop_assert!(!error.fingerprint().is_empty());
    let _ = error.hint();
    let event = Status::of_event(body).to_string();
    prop_assert!(event.chars().count() < 900 && !event.contains(char::is_control));
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_make_a_short_message_on_one_line(code in 100..1000_u16, body in prop::collection::vec(any::<u8>(), 0..2000)) {
        check(code, &body)?;
    }

    #[test]
    fn any_json_makes_a_short_message_on_one_line(code in 100..1000_u16, body in json()) {
        check(code, body.to_string().as_bytes())?;
    }

    #[test]
    fn a_token_is_never_repeated(begin in "[ -~]{0,50}", token in "[A-Za-z0-9+/_-]{254,600}", end in "[ -~]{0,50}") {
        let text = error(401, format!("{begin} {token} {end}")).to_string();
        prop_assert!(!text.contains(&token[..40]), "{}", text);
    }
}
