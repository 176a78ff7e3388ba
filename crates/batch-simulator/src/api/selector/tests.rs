//! Tests of `super`.

use serde_json::json;

use super::*;

fn job(namespace: &str, name: &str, labels: &serde_json::Value) -> Object {
    let value = json!({"metadata": {"namespace": namespace, "name": name, "labels": labels}});
    Object::new(Kind::Job, value, 1)
}

fn filter(labels: &str, fields: &str) -> Result<Filter, ApiError> {
    Filter::parse(Kind::Job, None, labels, fields)
}

#[test]
fn label_selectors_select() {
    let object = job("etl", "load", &json!({"tier": "batch", "team": "core"}));
    for (selector, expected) in [
        ("", true),
        ("tier=batch", true),
        ("tier==batch", true),
        ("tier = batch , team = core", true),
        ("tier=other", false),
        ("tier=", false),
        ("tier!=other", true),
        ("absent!=other", true),
        ("tier!=batch", false),
        ("tier in (web, batch)", true),
        ("tier in (web)", false),
        ("absent in (web)", false),
        ("tier notin (web)", true),
        ("absent notin (web)", true),
        ("tier notin (web,batch)", false),
        ("tier", true),
        ("absent", false),
        ("!absent", true),
        ("! tier", false),
        ("tier=batch,team!=core", false),
        ("app.kubernetes.io/name", false),
    ] {
        assert_eq!(
            filter(selector, "").unwrap().matches(&object),
            expected,
            "{selector}"
        );
    }
}

#[test]
fn field_selectors_select() {
    let object = job("etl", "load", &json!({}));
    for (selector, expected) in [
        ("metadata.name=load", true),
        ("metadata.name==load", true),
        ("metadata.name!=load", false),
        ("metadata.name!=other", true),
        ("metadata.name=load,metadata.namespace=etl", true),
        ("metadata.name=load,metadata.namespace!=etl", false),
        ("metadata.namespace=billing", false),
    ] {
        assert_eq!(
            filter("", selector).unwrap().matches(&object),
            expected,
            "{selector}"
        );
    }
}

#[test]
fn a_namespace_selects_only_itself() {
    let filter = Filter::parse(Kind::Job, Some("etl"), "", "").unwrap();
    assert!(filter.matches(&job("etl", "load", &json!({}))));
    assert!(!filter.matches(&job("etl-2", "load", &json!({}))));
    assert_eq!(filter.prefix(), "etl/");
}

#[test]
fn invalid_label_selectors_get_the_errors_of_kubernetes() {
    for (selector, message) in [
        (
            "a===b,,",
            "unable to parse requirement: found '=', expected: identifier",
        ),
        (
            "a in (b",
            "unable to parse requirement: found '', expected: ',' or ')'",
        ),
        (
            "a in b",
            "unable to parse requirement: found 'b' expected: '('",
        ),
        (
            "a bb",
            "unable to parse requirement: found 'bb', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ("!a,,b", "found ',', expected: identifier after ','"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        (
            "=",
            "unable to parse requirement: found '=', expected: identifier",
        ),
    ] {
        let error = filter(selector, "").unwrap_err();
        assert_eq!(error, ApiError::bad_request(message), "{selector}");
    }
    for selector in ["-a=b", "a/=b", "ü=b", "(", "a)", "a>1"] {
        assert!(filter(selector, "").is_err(), "{selector}");
    }
}

#[test]
fn invalid_field_selectors_get_the_errors_of_kubernetes() {
    assert_eq!(
        filter("", "spec.nothing=x").unwrap_err(),
        ApiError::bad_request("field label \"spec.nothing\" not supported for Job")
    );
    assert_eq!(
        filter("", "abc").unwrap_err(),
        ApiError::bad_request("invalid selector: 'abc'; can't understand 'abc'")
    );
    let error = Filter::parse(Kind::CronJob, None, "", "status.successful=1").unwrap_err();
    let message = "\"status.successful\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"";
    assert_eq!(error, ApiError::bad_request(message));
}
