//! Hosts with and without session tokens, and servers without an agency.

use secrecy::ExposeSecret as _;

use super::{
    super::tests::{ScriptedServer, response},
    *,
};

const KEYS: &str = r#"{"credential":{"access":"AK","secret":"SK","securitytoken":"STS","expires_at":"2026-01-05T09:05:22.000000Z"}}"#;
const DATE: &str = "Date: Sun, 04 Jan 2026 09:05:22 GMT\r\n";

async fn ask(responses: Vec<String>) -> (Result<Issued<KeyPair>, IssueError>, Vec<String>) {
    let server = ScriptedServer::new(responses);
    let outcome = MetadataIssuer::new(format!("http://{}", server.address))
        .issue()
        .await;
    (outcome, server.requests())
}

#[tokio::test]
async fn newer_hosts_need_a_session_token_and_older_ones_do_not() {
    for (session, expects_token) in [
        (response(200, "", "session"), true),
        (response(405, "", ""), false),
    ] {
        let (outcome, requests) = ask(vec![session, response(200, DATE, KEYS)]).await;
        let issued = outcome.unwrap_or_else(|error| panic!("{error:?}"));
        let KeyPair {
            access_key,
            secret_key,
            security_token,
        } = issued.item;
        assert_eq!(access_key, "AK");
        assert_eq!(secret_key.expose_secret(), "SK");
        assert_eq!(security_token.unwrap().expose_secret(), "STS");
        assert_eq!(issued.lifetime, Duration::from_hours(24));
        assert!(requests[0].starts_with("PUT /meta-data/latest/api/token HTTP/1.1\r\n"));
        assert!(requests[0].contains("x-metadata-token-ttl-seconds: 21600\r\n"));
        assert!(requests[1].starts_with("GET /openstack/latest/securitykey HTTP/1.1\r\n"));
        assert_eq!(
            requests[1].contains("x-metadata-token: session\r\n"),
            expects_token
        );
    }
}

#[tokio::test]
async fn a_missing_agency_and_an_invalid_response_are_temporary_errors() {
    let old = || response(405, "", "");
    for (responses, expected) in [
        (
            vec![old(), response(404, "", "")],
            "404 Not Found: this server has no agency",
        ),
        (
            vec![old(), response(200, "", "<html>")],
            "a body that is no key pair",
        ),
        (vec![response(500, "", "")], "500 Internal Server Error"),
        (
            vec![response(200, "", "session"), old()],
            "405 Method Not Allowed",
        ),
        (vec![String::new()], "works on elastic cloud servers only"),
    ] {
        let error = ask(responses).await.0.err().unwrap();
        assert!(
            error.message.contains(expected) && error.rejected.is_none(),
            "{expected}: {}",
            error.message
        );
    }
}
