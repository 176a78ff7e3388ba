//! Requests to IAM over HTTP, and its error responses.

use std::fs;

use super::{
    super::tests::{ScriptedServer, response},
    *,
};

const TIMES: &str = r#"{"token":{"issued_at":"2026-01-04T09:05:22.701000Z","expires_at":"2026-01-05T09:05:22.701000Z","methods":["password"]}}"#;
const PASSWORD: &str = "s3cret \"pass\\word";

/// Requests a token from a server with these responses. Returns the outcome, and the requests that the server got.
async fn ask(
    agency: Option<Agency>,
    responses: Vec<String>,
) -> (Result<Issued<SecretString>, IssueError>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("password");
    fs::write(&password_file, format!("{PASSWORD}\r\n")).unwrap();
    let server = ScriptedServer::new(responses);
    let iam = IamIssuer::new(
        IamLogin {
            endpoint: format!("http://{}/", server.address).parse().unwrap(),
            ca_file: None,
            domain: "acme".to_owned(),
            user: "exporter".to_owned(),
            password_file: password_file.clone(),
            project: Project::Id("0123".to_owned()),
            agency,
        },
        Arc::new(UserGuard::new("the user".to_owned())),
        Environment::default(),
    );
    assert!(iam.has_new_secret());
    let outcome = iam.issue().await;
    assert!(!iam.has_new_secret());
    fs::write(&password_file, "another").unwrap();
    assert!(iam.has_new_secret());
    (outcome, server.requests())
}

/// The body of a request.
fn json_of(request: &str) -> Value {
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

fn granted(token: &str) -> String {
    response(201, &format!("X-Subject-Token: {token}\r\n"), TIMES)
}

#[tokio::test]
async fn a_password_gives_a_token_for_a_project() {
    let long = "M".repeat(32 * 1024);
    let (issued, requests) = ask(None, vec![granted(&long)]).await;
    let issued = issued.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(issued.item.expose_secret(), long);
    assert_eq!(issued.lifetime, Duration::from_hours(24));
    assert_eq!(issued.expires_at.to_string(), "2026-01-05T09:05:22.701Z");
    let request = &requests[0];
    assert!(
        request.starts_with("POST /v3/auth/tokens?nocatalog=true HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(!request.to_ascii_lowercase().contains("x-auth-token"));
    assert_eq!(
        json_of(request),
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user":
                {"name": "exporter", "password": PASSWORD, "domain": {"name": "acme"}}}},
            "scope": {"project": {"id": "0123"}},
        }})
    );
}

#[tokio::test]
async fn an_agency_is_assumed_with_a_token_of_the_users_account() {
    let agency = Agency {
        domain: "corp".to_owned(),
        name: "readers".to_owned(),
    };
    let (issued, requests) = ask(Some(agency), vec![granted("own"), granted("corps")]).await;
    assert_eq!(issued.ok().unwrap().item.expose_secret(), "corps");
    assert_eq!(
        json_of(&requests[0])["auth"]["scope"],
        json!({"domain": {"name": "acme"}})
    );
    assert!(requests[1].contains("x-auth-token: own\r\n"));
    assert_eq!(
        json_of(&requests[1]),
        json!({"auth": {
            "identity": {
                "methods": ["assume_role"],
                "assume_role": {"domain_name": "corp", "agency_name": "readers"},
            },
            "scope": {"project": {"id": "0123"}},
        }})
    );
}

#[tokio::test]
async fn rejections_and_temporary_failures_contain_no_secret() {
    let shape = |code: u16, message: &str, title: &str| {
        json!({"error": {"code": code, "message": message, "title": title}}).to_string()
    };
    for (status, body, rejected, expected) in [
        (
            400,
            shape(400, "The request body is invalid", "Bad Request"),
            true,
            "400 Bad Request: The request body is invalid",
        ),
        (
            401,
            shape(401, "The username or password is wrong.", "Unauthorized"),
            true,
            "401 Unauthorized: The username or password is wrong.",
        ),
        (
            401,
            r#"{"error":{"code":"IAM.0001","message":"x"}}"#.to_owned(),
            true,
            "401 Unauthorized: x",
        ),
        (
            403,
            shape(403, "You have no right to do this action", "Forbidden"),
            true,
            "403 Forbidden: You have no right",
        ),
        (
            404,
            shape(404, PASSWORD, "Not Found"),
            true,
            "404 Not Found: ***",
        ),
        (429, String::new(), false, "429 Too Many Requests"),
        (
            500,
            shape(500, "oops", "Internal Server Error"),
            false,
            "500 Internal Server Error: oops",
        ),
        (
            503,
            format!("<html>{PASSWORD}</html>"),
            false,
            "503 Service Unavailable",
        ),
        (302, String::new(), true, "302 Found"),
        (200, TIMES.to_owned(), true, "200 OK"),
        (
            201,
            TIMES.to_owned(),
            false,
            "201 without a token in `X-Subject-Token`",
        ),
    ] {
        let headers = "Location: http://127.0.0.1:1/\r\n";
        let (outcome, _) = ask(None, vec![response(status, headers, &body)]).await;
        let error = outcome.err().unwrap();
        let message = error.message;
        assert_eq!(error.rejected.is_some(), rejected, "{message}");
        assert!(message.contains(expected), "{expected}: {message}");
        assert!(
            message.contains("exporter") && message.contains("acme"),
            "{message}"
        );
        assert!(!message.contains(PASSWORD), "{message}");
    }
}

#[tokio::test]
async fn invalid_responses_are_temporary_failures() {
    let token = "X-Subject-Token: t\r\n";
    for (headers, body) in [
        (token, "{}"),
        (token, "not json"),
        (token, r#"{"token":{"expires_at":"tomorrow"}}"#),
        ("X-Subject-Token: \u{e4}\r\n", TIMES),
        (token, &"x".repeat(2 << 20)),
    ] {
        let (outcome, _) = ask(None, vec![response(201, headers, body)]).await;
        let error = outcome.err().unwrap();
        assert!(error.rejected.is_none(), "{}", error.message);
    }
    // Without `issued_at`, the lifetime starts at the server's date.
    let headers = "X-Subject-Token: t\r\nDate: Mon, 05 Jan 2026 08:05:22 GMT\r\n";
    let body = r#"{"token":{"expires_at":"2026-01-05T09:05:22.000000Z"}}"#;
    let (outcome, _) = ask(None, vec![response(201, headers, body)]).await;
    assert_eq!(outcome.ok().unwrap().lifetime, Duration::from_hours(1));
}

#[tokio::test]
async fn a_closed_connection_is_an_error_without_the_request() {
    let (outcome, _) = ask(None, vec![String::new()]).await;
    let error = outcome.err().unwrap();
    assert!(
        error.message.starts_with("IAM at http://127.0.0.1:"),
        "{}",
        error.message
    );
    assert!(
        error.rejected.is_none() && !error.message.contains("s3cret"),
        "{}",
        error.message
    );
}
