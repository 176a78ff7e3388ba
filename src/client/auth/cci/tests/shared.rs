//! Several targets with one user or access key.

use super::*;

/// Eight targets that share credentials.
fn eight(settings: impl Fn(usize) -> CciConfig) -> Vec<Api> {
    let mut shared = SharedCredentials::default();
    let target = |number| {
        let cci = Arc::new(Cci::new(&settings(number), &mut shared));
        Api::new(Endpoint::Cci(cci), Arc::new(Recorder::default()), None)
    };
    (0..8).map(target).collect()
}

/// The errors of the targets, sorted. All read at the same time.
async fn failures(targets: &[Api]) -> Vec<String> {
    let all = targets.iter().map(|api| failure(api, "pi"));
    let mut errors = futures_util::future::join_all(all).await;
    errors.sort();
    errors
}

#[tokio::test]
async fn eight_projects_of_one_user_make_one_login_with_a_wrong_password() {
    let body = r#"{"error":{"code":401,"message":"The username or password is wrong."}}"#;
    for (status, headers, expected) in [
        (401, "", "the password was rejected: IAM at"),
        (429, "Retry-After: 120\r\n", "responds with 429"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let iam = ScriptedServer::new(vec![response(status, headers, body)]);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let targets = eight(|number| {
            let mut settings = with_token(nowhere, iam.address, folder.path());
            if let CciAuth::Token(token) = &mut settings.auth {
                token.project = Project::Name(format!("project-{number}"));
            }
            settings
        });
        let errors = failures(&targets).await;
        // The server has stopped: another login would fail with another error.
        assert_eq!(iam.requests().len(), 1);
        let waiting = |error: &&String| {
            error.contains(expected) && error.contains("; the next attempt is made after 2")
        };
        let count = errors.iter().filter(waiting).count();
        assert!(count >= 7, "{errors:#?}");
    }
}

#[tokio::test]
async fn eight_targets_with_one_wrong_secret_key_send_one_request() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = ScriptedServer::new(vec![response(401, "", "")]);
    let targets = eight(|_| with_key(gateway.address, folder.path()));
    let errors = failures(&targets).await;
    assert_eq!(gateway.requests().len(), 1);
    let waiting = |error: &&String| {
        error.contains("with this access key (401); the next attempt is made after 2")
    };
    assert_eq!(errors.iter().filter(waiting).count(), 7, "{errors:#?}");
}
