//! Both styles of the metadata service, and servers without an agency.

use secrecy::ExposeSecret as _;

use super::{
    super::tests::{Script, answer},
    *,
};

const KEYS: &str = r#"{"credential":{"access":"AK","secret":"SK","securitytoken":"STS","expires_at":"2026-01-05T09:05:22.000000Z"}}"#;
const DATE: &str = "Date: Sun, 04 Jan 2026 09:05:22 GMT\r\n";

async fn ask(answers: Vec<String>) -> (Result<Issued<KeyPair>, NotIssued>, Vec<String>) {
    let server = Script::new(answers);
    let outcome = Metadata::new(format!("http://{}", server.address))
        .issue()
        .await;
    (outcome, server.requests())
}

#[tokio::test]
async fn newer_hosts_give_keys_for_a_session_token_and_older_ones_without() {
    for (session, carried) in [
        (answer(200, "", "session"), true),
        (answer(405, "", ""), false),
    ] {
        let (outcome, requests) = ask(vec![session, answer(200, DATE, KEYS)]).await;
        let issued = outcome.unwrap_or_else(|error| panic!("{error:?}"));
        let KeyPair {
            access_key,
            secret_key,
            security_token,
        } = issued.item;
        assert_eq!(access_key, "AK");
        assert_eq!(secret_key.expose_secret(), "SK");
        assert_eq!(security_token.unwrap().expose_secret(), "STS");
        assert_eq!(issued.life, Duration::from_hours(24));
        assert!(requests[0].starts_with("PUT /meta-data/latest/api/token HTTP/1.1\r\n"));
        assert!(requests[0].contains("x-metadata-token-ttl-seconds: 21600\r\n"));
        assert!(requests[1].starts_with("GET /openstack/latest/securitykey HTTP/1.1\r\n"));
        assert_eq!(
            requests[1].contains("x-metadata-token: session\r\n"),
            carried
        );
    }
}

#[tokio::test]
async fn a_server_without_an_agency_or_without_sense_is_told() {
    let old = || answer(405, "", "");
    for (answers, said) in [
        (
            vec![old(), answer(404, "", "")],
            "404 Not Found: this server has no agency",
        ),
        (
            vec![old(), answer(200, "", "<html>")],
            "something else than a key pair",
        ),
        (vec![answer(500, "", "")], "500 Internal Server Error"),
        (
            vec![answer(200, "", "session"), old()],
            "405 Method Not Allowed",
        ),
        (vec![String::new()], "works on elastic cloud servers alone"),
    ] {
        let error = ask(answers).await.0.err().unwrap();
        assert!(
            error.why.contains(said) && !error.refused,
            "{said}: {}",
            error.why
        );
    }
}
