//! Tests of a whole target over real HTTP, with scripted responses.

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::*;
use crate::{
    client::{
        Api, Endpoint,
        proxy::Protocol,
        testing::{Authority, TlsServer, params, pem, proxy, server_config},
    },
    config::{AccessKey, KeyAuth, Project, TokenAuth},
    model::{ClientEvent, Code, EventCounter},
};

mod shared;

pub(super) use crate::client::testing::{ScriptedServer, response};

/// Records the events.
#[derive(Default)]
struct Recorder(Mutex<Vec<ClientEvent>>);

impl EventCounter for Recorder {
    fn count(&self, event: ClientEvent) {
        self.0.lock().push(event);
    }
}

impl Recorder {
    fn codes(&self) -> Vec<Code> {
        let events = self.0.lock();
        let code = |event: &ClientEvent| match event {
            ClientEvent::Request { code, .. } => Some(*code),
            _ => None,
        };
        events.iter().filter_map(code).collect()
    }
}

/// The error that reading this Job ends with.
async fn failure(api: &Api, job: &str) -> String {
    let outcome = api.job_status("n", job, TIMEOUT).await;
    outcome.unwrap_err().to_string()
}

fn with_key(address: SocketAddr, folder: &Path) -> CciConfig {
    fs::write(folder.join("sk"), "secret-key\n").unwrap();
    CciConfig {
        endpoint: format!("http://{address}/base/").parse().unwrap(),
        ca_file: None,
        auth: CciAuth::AccessKey(KeyAuth {
            access_key: AccessKey::Given("AK".to_owned()),
            secret_key_file: folder.join("sk"),
            project_id: "0123".to_owned(),
            security_token_file: None,
        }),
    }
}

fn with_token(cci: SocketAddr, iam: SocketAddr, folder: &Path) -> CciConfig {
    fs::write(folder.join("password"), "pass word\n").unwrap();
    CciConfig {
        endpoint: format!("http://{cci}").parse().unwrap(),
        ca_file: None,
        auth: CciAuth::Token(TokenAuth {
            iam_endpoint: format!("http://{iam}").parse().unwrap(),
            domain: "acme".to_owned(),
            username: "exporter".to_owned(),
            password_file: folder.join("password"),
            project: Project::Name("cn-north-4".to_owned()),
            agency: None,
            header: http::HeaderName::from_static("x-auth-token"),
        }),
    }
}

fn api(settings: &CciConfig) -> (Api, Arc<Recorder>) {
    let cci = Arc::new(Cci::new(settings, &mut SharedCredentials::default()));
    let recorder = Arc::new(Recorder::default());
    let api = Api::new(Endpoint::Cci(cci), recorder.clone(), None);
    (api, recorder)
}

const TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_target_with_an_access_key_signs_requests_and_stops_after_a_rejection() {
    let folder = tempfile::tempdir().unwrap();
    let body = r#"{"error_msg":"Incorrect IAM authentication information: verify aksk signature fail","error_code":"APIGW.0301","request_id":"0123"}"#;
    let server = ScriptedServer::new(vec![response(200, "", "{}"), response(401, "", body)]);
    let address = server.address;
    let (api, recorder) = api(&with_key(address, folder.path()));
    assert_eq!(
        &api.job_status("n", "pi", TIMEOUT).await.unwrap()[..],
        b"{}"
    );
    let error = failure(&api, "pi").await;
    assert!(
        error.starts_with(
            "get status of job `pi` in namespace `n`: 401 Unauthorized: Incorrect IAM"
        ) && error.contains("(APIGW.0301, request 0123); no request is sent before 2"),
        "{error}"
    );
    // The server has stopped, so a request would fail with another error.
    let requests = server.requests();
    let error = failure(&api, "other").await;
    assert!(
        error.contains("the next attempt is made after 2"),
        "{error}"
    );
    assert_eq!(recorder.codes(), [Code::Ok, Code::Unauthorized]);

    let head = requests[0].to_ascii_lowercase();
    assert!(
        head.starts_with("get /base/apis/batch/v1/namespaces/n/jobs/pi/status http/1.1\r\n"),
        "{head}"
    );
    for line in [
        format!("\r\nhost: {address}\r\n"),
        "\r\nx-project-id: 0123\r\n".to_owned(),
        "\r\nuser-agent: job-status-exporter/".to_owned(),
        "\r\nauthorization: sdk-hmac-sha256 access=ak, signedheaders=host;x-project-id;x-sdk-date, signature=".to_owned(),
    ] {
        assert!(head.contains(&line), "{line}: {head}");
    }
    assert_eq!(head.matches("\r\nhost:").count(), 1);
}

#[tokio::test]
async fn a_target_with_a_password_gets_a_token_and_reports_its_expiry() {
    let folder = tempfile::tempdir().unwrap();
    let token = "M".repeat(32 * 1024);
    let body = r#"{"token":{"issued_at":"2026-01-04T09:05:22.701000Z","expires_at":"2026-01-05T09:05:22.701000Z"}}"#;
    let iam = ScriptedServer::new(vec![response(
        201,
        &format!("x-subject-token: {token}\r\n"),
        body,
    )]);
    let cci = ScriptedServer::new(vec![
        response(200, "", "{}"),
        response(302, "Location: /elsewhere\r\n", ""),
    ]);
    let (api, recorder) = api(&with_token(cci.address, iam.address, folder.path()));
    assert!(api.job_status("n", "pi", TIMEOUT).await.is_ok());
    let moved = api.job_status("n", "pi", TIMEOUT).await.unwrap_err();
    assert!(moved.to_string().contains("302"), "{moved}");
    let requests = cci.requests();
    assert!(requests[0].contains(&format!("x-auth-token: {token}\r\n")));
    assert_eq!(iam.requests().len(), 1);
    let expiry = CredentialExpiry {
        at: "2026-01-05T09:05:22.701Z".parse().unwrap(),
        renewable: Renewable::Yes,
    };
    let expected = CredentialExpiries::of(Credential::Token, expiry);
    let events = recorder.0.lock();
    let reported = |event: &ClientEvent| matches!(event, ClientEvent::CredentialExpiry(expiries) if *expiries == expected);
    assert!(events.iter().any(reported), "{events:?}");
}

#[tokio::test]
async fn a_revoked_token_is_replaced_once_and_a_second_rejection_ends_the_retries() {
    let folder = tempfile::tempdir().unwrap();
    let token = |token| {
        let body = r#"{"token":{"issued_at":"2026-01-04T09:05:22.701000Z","expires_at":"2026-01-05T09:05:22.701000Z"}}"#;
        response(201, &format!("x-subject-token: {token}\r\n"), body)
    };
    let body = r#"{"error_msg":"The token must be updated.","error_code":"APIGW.0307","request_id":"0123"}"#;
    let rejected = || response(401, "", body);
    let iam = ScriptedServer::new(vec![token("one"), token("two"), token("three")]);
    let cci = ScriptedServer::new(vec![
        rejected(),
        response(200, "", "{}"),
        rejected(),
        rejected(),
    ]);
    let (api, recorder) = api(&with_token(cci.address, iam.address, folder.path()));
    assert!(api.job_status("n", "pi", TIMEOUT).await.is_ok());
    let error = failure(&api, "pi").await;
    assert!(error.contains("a new token was rejected too"), "{error}");
    let error = failure(&api, "pi").await;
    assert!(
        error.contains("the next attempt is made after 2"),
        "{error}"
    );
    assert_eq!(recorder.codes(), [Code::Ok, Code::Unauthorized]);
    let requests = cci.requests();
    for (request, token) in requests.iter().zip(["one", "two", "two", "three"]) {
        assert!(
            request.contains(&format!("x-auth-token: {token}\r\n")),
            "{request}"
        );
    }
    assert_eq!(iam.requests().len(), 3);
}

#[tokio::test]
async fn a_missing_or_invalid_file_is_an_error_before_any_request() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let address = async |settings: &CciConfig| {
        let cci = Cci::new(settings, &mut SharedCredentials::default());
        assert!(!format!("{cci:?}").contains("secret-key"));
        let address = Endpoint::Cci(Arc::new(cci)).address().await;
        address.map_err(|failure| failure.to_string())
    };
    let mut key = with_key(nowhere, folder.path());
    assert_eq!(address(&key).await.unwrap(), "http://127.0.0.1:1/base/");
    for (ca, expected) in [
        (None, "No such file"),
        (Some(""), "cannot create a client: "),
        (
            Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "cannot create a client: ",
        ),
    ] {
        let path = folder.path().join("ca");
        if let Some(ca) = ca {
            fs::write(&path, ca).unwrap();
        }
        key.ca_file = Some(path);
        let error = address(&key).await.unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    key.ca_file = None;
    fs::write(folder.path().join("sk"), "\n").unwrap();
    let error = address(&key).await.unwrap_err();
    assert!(error.contains("sk is empty"), "{error}");

    let token = with_token(nowhere, nowhere, folder.path());
    assert!(address(&token).await.is_ok());
    fs::remove_file(folder.path().join("password")).unwrap();
    let error = address(&token).await.unwrap_err();
    assert!(error.contains("cannot read the password file"), "{error}");
}

#[test]
fn targets_with_the_same_login_share_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let (iam, other_iam) = (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
    let mut credentials = SharedCredentials::default();
    let mut settings = with_token(([127, 0, 0, 1], 3).into(), iam, folder.path());
    let _ = Cci::new(&settings, &mut credentials);
    settings.endpoint = "http://127.0.0.1:4".parse().unwrap();
    let _ = Cci::new(&settings, &mut credentials);
    assert_eq!(credentials.tokens.len(), 1);
    let _ = Cci::new(
        &with_token(other_iam, other_iam, folder.path()),
        &mut credentials,
    );
    assert_eq!(credentials.tokens.len(), 2);
}

#[tokio::test]
async fn the_api_and_iam_are_reached_through_the_proxy_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let identity = authority.issue(&params());
    let server = TlsServer::start(server_config(&identity, None), "{}").await;
    let ca_file = folder.path().join("ca.crt");
    fs::write(&ca_file, pem("CERTIFICATE", &authority.certificate)).unwrap();
    for protocol in [Protocol::Http, Protocol::Socks5] {
        let (url, mut seen) = proxy(protocol, server.address, None).await;
        let mut settings = with_key(server.address, folder.path());
        settings.endpoint = "https://api.example".parse().unwrap();
        settings.ca_file = Some(ca_file.clone());
        let mut shared = SharedCredentials {
            environment: Environment::of([("HTTPS_PROXY", url)]),
            ..SharedCredentials::default()
        };
        let cci = Arc::new(Cci::new(&settings, &mut shared));
        let api = Api::new(Endpoint::Cci(cci), Arc::new(Recorder::default()), None);
        api.job_status("n", "pi", TIMEOUT).await.unwrap();
        let seen = seen.join_next().await.unwrap().unwrap();
        assert!(seen.contains("api.example:443"), "{seen}");
    }
    for protocol in [Protocol::Http, Protocol::Socks5] {
        let (url, mut seen) = proxy(protocol, server.address, None).await;
        let mut settings = with_token(server.address, server.address, folder.path());
        settings.ca_file = Some(ca_file.clone());
        if let CciAuth::Token(token) = &mut settings.auth {
            token.iam_endpoint = "https://api.example".parse().unwrap();
        }
        let mut shared = SharedCredentials {
            environment: Environment::of([("https_proxy", url)]),
            ..SharedCredentials::default()
        };
        let cci = Arc::new(Cci::new(&settings, &mut shared));
        let api = Api::new(Endpoint::Cci(cci), Arc::new(Recorder::default()), None);
        // The response is none of IAM.
        let error = failure(&api, "pi").await;
        assert!(
            error.contains("IAM at https://api.example (user"),
            "{error}"
        );
        let seen = seen.join_next().await.unwrap().unwrap();
        assert!(seen.contains("api.example:443"), "{seen}");
    }
}
