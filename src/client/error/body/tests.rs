//! The documented error bodies of CCI, of the gateway in front of it and of IAM, and arbitrary bodies.

use http::HeaderMap;

use super::super::{Error, Failure, Status};
use crate::{
    client::{Request, Scope},
    model::{Resource, Verb},
};

mod arbitrary;

const REQUEST_ID: &str = "3a5d9c3b6f2e4d1c8b7a6f5e4d3c2b1a";

fn error(code: u16, body: impl AsRef<[u8]>) -> Error {
    let request = Request {
        verb: Verb::Get,
        resource: Resource::Jobs,
        scope: Scope::Namespace("reports".to_owned()),
        name: Some("nightly".to_owned()),
    };
    let status = Status::of_response(code, &HeaderMap::new(), body.as_ref());
    Error {
        request: Box::new(request),
        failure: Failure::Status(Box::new(status)),
    }
}

/// A body of the gateway, with its fields in both orders.
fn gateway(code: &str, message: &str) -> [String; 2] {
    [
        format!(r#"{{"error_msg":"{message}","error_code":"{code}","request_id":"{REQUEST_ID}"}}"#),
        format!(r#"{{"error_code":"{code}","request_id":"{REQUEST_ID}","error_msg":"{message}"}}"#),
    ]
}

fn kubernetes(code: u16, reason: &str, error_code: &str, message: &str) -> String {
    format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"{message}","reason":"{reason}","code":{code},"errorCode":"{error_code}"}}"#
    )
}

/// Status, number, message, and a part of the hint.
const GATEWAY: [(u16, &str, &str, &str); 15] = [
    (
        404,
        "0101",
        "The API does not exist or has not been published in the environment",
        "no such API",
    ),
    (494, "0201", "Request headers too large", "too large"),
    (502, "0201", "Backend unavailable", ""),
    (
        401,
        "0301",
        "Incorrect IAM authentication information: verify aksk signature fail",
        "secret key",
    ),
    (
        401,
        "0301",
        "Incorrect IAM authentication information: AK access failed to reach the limit,forbidden",
        "locked for five minutes",
    ),
    (
        401,
        "0301",
        "Incorrect IAM authentication information: decrypt token fail",
        "one region",
    ),
    (
        401,
        "0301",
        "Incorrect IAM authentication information: x-auth-token not found",
        "`token_header`",
    ),
    (
        401,
        "0301",
        "Incorrect IAM authentication information: something new",
        "credentials were rejected",
    ),
    (
        403,
        "0302",
        "The IAM user is not authorized to access the API.",
        "permissions for CCI",
    ),
    (403, "0306", "API access denied.", "permissions for CCI"),
    (401, "0307", "The token must be updated.", "one region"),
    (
        429,
        "0308",
        "The throttling threshold has been reached: policy ip over ratelimit,limit:5,time:5 second",
        "requests_per_second",
    ),
    (403, "0310", "The project is unavailable.", "frozen"),
    (500, "0601", "Internal server error.", ""),
    (
        503,
        "0613",
        "The IAM service is currently unavailable.",
        "by itself",
    ),
];

#[test]
fn errors_of_the_gateway_are_read_in_all_regions() {
    for (status, number, message, hint) in GATEWAY {
        for prefix in ["APIGW", "APIG", "APIC"] {
            let code = format!("{prefix}.{number}");
            for body in gateway(&code, message) {
                let error = error(status, body);
                let text = error.to_string();
                let end = format!(": {message} ({code}, request {REQUEST_ID})");
                assert!(text.ends_with(&end), "{text}");
                assert!(!error.is_job_not_found(), "{text}");
                let found = error.hint().unwrap_or_default();
                assert!(found.contains(hint), "{text}: {found}");
                assert_eq!(found.is_empty(), hint.is_empty(), "{text}: {found}");
                assert!(!error.fingerprint().contains(REQUEST_ID));
            }
        }
    }
}

/// Status, reason, code, message, and a part of the hint.
const CCI: [(u16, &str, &str, &str, &str); 10] = [
    (
        400,
        "BadRequest",
        "CCI.01.400105",
        "must specify namespace name through fieldSelector",
        "`namespaces.include`",
    ),
    (
        401,
        "Unauthorized",
        "CCI.01.401102",
        "user has no agency to cci",
        "CCI console",
    ),
    (
        403,
        "Forbidden",
        "CCI.01.403122",
        "user has no agency to cci",
        "CCI console",
    ),
    (
        404,
        "NotFound",
        "CCI.01.404101",
        "no agency found for user",
        "CCI console",
    ),
    (
        403,
        "Forbidden",
        "CCI.01.403103",
        "token of another domain",
        "another account",
    ),
    (
        403,
        "Forbidden",
        "CCI.01.403104",
        "current user has no right",
        "CCI:namespaceSubResource:Get",
    ),
    (
        403,
        "Forbidden",
        "CCI.01.403113",
        "insufficient operation permission",
        "CCI:namespaceSubResource:Get",
    ),
    (
        403,
        "Forbidden",
        "CCI.01.403114",
        "insufficient operation permission",
        "CCI:namespaceSubResource:List",
    ),
    (
        500,
        "InternalError",
        "CCI.01.500101",
        "find no cluster endpoint for namespace",
        "of this region",
    ),
    (
        409,
        "Conflict",
        "CCI.02.409101",
        "object is being changed",
        "",
    ),
];

#[test]
fn errors_of_cci_never_mean_a_missing_job() {
    for (status, reason, code, message, hint) in CCI {
        let error = error(status, kubernetes(status, reason, code, message));
        let text = error.to_string();
        assert!(text.ends_with(&format!(": {message} ({code})")), "{text}");
        assert!(!error.is_job_not_found(), "{text}");
        let found = error.hint().unwrap_or_default();
        assert!(found.contains(hint), "{text}: {found}");
        assert_eq!(found.is_empty(), hint.is_empty(), "{text}: {found}");
    }
}

#[test]
fn other_formats_are_read_as_far_as_possible() {
    let iam = |code: &str, message: &str, title: &str| {
        format!(r#"{{"error":{{"code":{code},"message":"{message}","title":"{title}"}}}}"#)
    };
    for (status, body, expected) in [
        (
            401,
            iam("401", "The username or password is wrong.", "Unauthorized"),
            "401 Unauthorized: The username or password is wrong.",
        ),
        (
            403,
            iam(
                r#""IAM.0002""#,
                "You are not authorized to perform the requested action.",
                "Forbidden",
            ),
            "403 Forbidden: You are not authorized to perform the requested action. (IAM.0002)",
        ),
        (
            403,
            r#"{"error_msg":"no permission","encoded_authorization_message":"XXXX"}"#.to_owned(),
            "403 Forbidden: no permission",
        ),
        (
            403,
            r#"{"encoded_authorization_message":"XXXX"}"#.to_owned(),
            "403 Forbidden: refused by a policy",
        ),
        (
            500,
            r#"{"ret":[{"errorMsg":"unknown"}]}"#.to_owned(),
            r#"500 Internal Server Error: {"ret":[{"errorMsg":"unknown"}]}"#,
        ),
        (
            500,
            r#"["a"]"#.to_owned(),
            r#"500 Internal Server Error: ["a"]"#,
        ),
        (
            502,
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n".to_owned(),
            "502 Bad Gateway: <html>  <head><title>502 Bad Gateway</title></head>  </html>",
        ),
        (
            404,
            "404 page not found\n".to_owned(),
            "404 Not Found: 404 page not found",
        ),
        (503, String::new(), "503 Service Unavailable"),
        (494, String::new(), "494"),
    ] {
        let error = error(status, &body);
        assert_eq!(error.failure.to_string(), expected, "{body}");
        assert!(!error.is_job_not_found(), "{body}");
    }
}

#[test]
fn a_404_means_a_missing_job_only_if_kubernetes_reports_it() {
    let not_found = |details: &str, message: &str| {
        format!(
            r#"{{"kind":"Status","status":"Failure","message":"{message}","reason":"NotFound","code":404{details}}}"#
        )
    };
    let job = r#"jobs.batch \"nightly\" not found"#;
    let namespace = r#"namespaces \"reports\" not found"#;
    let resource = "the server could not find the requested resource";
    for (body, absent) in [
        (not_found(r#","details":{"kind":"jobs"}"#, job), true),
        (not_found("", job), true),
        (
            not_found(r#","details":{"kind":"namespaces"}"#, namespace),
            false,
        ),
        (not_found(r#","details":{}"#, resource), false),
        (not_found(r#","errorCode":"CCI.01.404101""#, job), false),
        (not_found("", job).replace("Status", "Stat"), false),
    ] {
        let error = error(404, &body);
        assert_eq!(error.is_job_not_found(), absent, "{body}");
    }
    let error = error(
        404,
        not_found(r#","details":{"kind":"namespaces"}"#, namespace),
    );
    assert_eq!(error.hint(), Some("there is no such namespace"));
}

#[test]
fn request_ids_are_also_read_from_headers() {
    let headers = HeaderMap::from_iter([(
        http::HeaderName::from_static("x-request-id"),
        REQUEST_ID.parse().unwrap(),
    )]);
    let shown = |headers: &HeaderMap, body: &str| {
        Status::of_response(502, headers, body.as_bytes()).to_string()
    };
    assert_eq!(
        shown(&headers, ""),
        format!("502 Bad Gateway (request {REQUEST_ID})")
    );
    let other = r#"{"error_code":"APIGW.0201","error_msg":"down","request_id":"other"}"#;
    assert_eq!(
        shown(&headers, other),
        "502 Bad Gateway: down (APIGW.0201, request other)"
    );
    let odd = HeaderMap::from_iter([(
        http::HeaderName::from_static("x-request-id"),
        "a b; c".parse().unwrap(),
    )]);
    assert_eq!(shown(&odd, ""), "502 Bad Gateway");
}

#[test]
fn keys_tokens_and_the_request_are_redacted() {
    let echo = "verify aksk signature fail, canonicalRequest:GET|/apis/batch/v1/|limit=500|host:cci.example|x-security-token:MIIToken||host|e3b0c442";
    let token = "MIIPAg".repeat(800);
    let bodies = [
        gateway("APIGW.0301", echo)[0].clone(),
        gateway(
            "APIGW.0301",
            "Get secretKey failed,ak:EXAMPLEAK00000000000,err:ak not exist",
        )[0]
        .clone(),
        gateway("APIGW.0301", &format!("bad token {token}"))[0].clone(),
        format!(r#"{{"sent":"x-auth-token: {token}"}}"#),
        format!("GET|/apis/batch|x-security-token:MIIToken|{token}"),
        format!("X-Auth-Token: MIIToken\n{token}"),
    ];
    for body in bodies {
        let details = super::read(body.as_bytes()).details.unwrap_or_default();
        assert!(
            !details.contains("MIIToken") && !details.contains("MIIPAg"),
            "{details}"
        );
        let text = error(401, &body).to_string();
        for hidden in [
            "MIIToken",
            "MIIPAg",
            "EXAMPLEAK00000000000",
            "/apis",
            "e3b0",
            "|",
        ] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
    }
    let key = gateway(
        "APIGW.0301",
        "Get secretKey failed,ak:EXAMPLEAK00000000000,err:ak not exist",
    );
    let error = error(401, &key[0]);
    assert!(
        error.to_string().contains("ak:EXAM…0000,err:ak not exist"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("no such access key"));
}
