//! Credentials that expire, change or are never valid.

use std::{fs, path::Path};

use job_status_exporter::{
    client::Endpoint,
    config::PollConfig,
    model::{Code, Verb},
};
use tempfile::TempDir;

use super::*;
use crate::exporter::{POLL, polled};

/// Writes a kubeconfig for `server` with this `user`.
fn kubeconfig(directory: &Path, server: &Server, user: &str) -> Endpoint {
    let path = directory.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{name: c, cluster: {{server: \"{}\"}}}}]\n\
         users: [{{name: u, user: {user}}}]\n\
         contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\n",
        server.address
    );
    fs::write(&path, text).unwrap();
    Endpoint::Kubernetes {
        kubeconfig: Some(path),
        context: None,
    }
}

/// A server that accepts only the token in the file `valid` of the directory.
async fn server(directory: &TempDir, valid: &str) -> Server {
    let file = directory.path().join("valid");
    fs::write(&file, valid).unwrap();
    Server::start(move |request| {
        let token = format!("Bearer {}", fs::read_to_string(&file).unwrap());
        if request.header("authorization") == Some(token.as_str()) {
            Answer::json(&job("a"))
        } else {
            Answer::whole(
                401,
                &[],
                r#"{"kind":"Status","reason":"Unauthorized","code":401}"#,
            )
        }
    })
    .await
}

fn write(directory: &TempDir, file: &str, text: &str) {
    fs::write(directory.path().join(file), text).unwrap();
}

/// An exec plugin that returns the token in the file `token` of the directory, and counts its runs.
fn plugin(directory: &TempDir) -> String {
    let script = r#"cd "$(dirname "$0")"
echo run >>runs
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$(cat token)"
"#;
    write(directory, "plugin", script);
    let path = directory.path().join("plugin");
    format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: [\"{}\"]}}}}",
        path.display()
    )
}

/// The number of runs of the plugin.
fn runs(directory: &TempDir) -> usize {
    let runs = fs::read_to_string(directory.path().join("runs"));
    runs.unwrap_or_default().lines().count()
}

/// Settings with a long timeout.
fn long_timeout() -> PollConfig {
    PollConfig {
        timeout: 10 * SECOND,
        ..POLL
    }
}

#[tokio::test]
async fn a_changed_token_file_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, "first").await;
    write(&directory, "token", "first\n");
    let user = format!(
        "{{tokenFile: \"{}\"}}",
        directory.path().join("token").display()
    );
    let endpoint = kubeconfig(directory.path(), &server, &user);
    let mut exporter = Exporter::start(endpoint, polled(&["etl/a"], POLL));
    exporter.eventually(Exporter::up, true).await;
    // The server may accept the new token before or after the file has it.
    write(&directory, "token", "second");
    write(&directory, "valid", "second");
    let with = |token: &str| {
        let requests = server.requests("");
        let token = format!("Bearer {token}");
        requests
            .iter()
            .filter(|r| r.header("authorization") == Some(&token))
            .count()
    };
    exporter.eventually(|_| with("second") >= 2, true).await;
    exporter.eventually(Exporter::up, true).await;
}

#[tokio::test]
async fn rejected_credentials_of_an_exec_plugin_are_renewed_and_the_request_is_retried() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, "first").await;
    write(&directory, "token", "first");
    let endpoint = kubeconfig(directory.path(), &server, &plugin(&directory));
    let mut exporter = Exporter::start(endpoint, polled(&["etl/a"], long_timeout()));
    exporter.eventually(Exporter::up, true).await;
    exporter
        .eventually(|_| server.requests("").len() >= 3, true)
        .await;
    write(&directory, "token", "second");
    exporter.throughout(SECOND / 2, Exporter::up, true).await;
    assert_eq!(runs(&directory), 1, "the first token is still valid");
    write(&directory, "valid", "second");
    let before = server.requests("").len();
    while server.requests("").len() < before + 4 {
        assert!(exporter.up(), "the renewal causes no failure");
        exporter.step().await;
    }
    assert_eq!(runs(&directory), 2);
    assert_eq!(exporter.requests(Verb::Get, Code::Unauthorized), 0);
}

#[tokio::test]
async fn credentials_that_are_never_valid_are_renewed_only_once() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, "another").await;
    write(&directory, "token", "wrong");
    let endpoint = kubeconfig(directory.path(), &server, &plugin(&directory));
    let jobs: Vec<_> = (0..10).map(|number| format!("etl/job-{number}")).collect();
    let mut exporter = Exporter::start(endpoint, polled(&jobs, long_timeout()));
    exporter
        .eventually(|e| e.requests(Verb::Get, Code::Unauthorized) >= 10, true)
        .await;
    exporter.throughout(2 * SECOND, Exporter::up, false).await;
    let runs = runs(&directory);
    assert_eq!(runs, 2, "at the start, and once after the rejection");
    // Each job at 0 s, and after backoffs of 0.2, 0.4, 0.8 and 1.6 s, which jitter shortens by up to half. Retries come on top.
    let requests = server.requests("").len();
    assert!((30..=64).contains(&requests), "{requests}");
}

#[tokio::test]
async fn an_exec_plugin_that_fails_or_returns_expired_credentials_is_not_run_for_each_request() {
    let expired = |script: &str| {
        let expiry = r#""status":{"expirationTimestamp":"2020-01-01T00:00:00Z","#;
        script.replace(r#""status":{"#, expiry)
    };
    let failing = |script: &str| format!("{script}\nexit 1");
    let broken: [&dyn Fn(&str) -> String; 2] = [&expired, &failing];
    for script in broken {
        let directory = tempfile::tempdir().unwrap();
        let server = server(&directory, "valid-token").await;
        write(&directory, "token", "valid-token");
        let user = plugin(&directory);
        let text = fs::read_to_string(directory.path().join("plugin")).unwrap();
        write(&directory, "plugin", &script(&text));
        let endpoint = kubeconfig(directory.path(), &server, &user);
        let jobs: Vec<_> = (0..20).map(|number| format!("etl/job-{number}")).collect();
        let mut exporter = Exporter::start(endpoint, polled(&jobs, POLL));
        let count = |exporter: &Exporter| {
            exporter.requests(Verb::Get, Code::Ok)
                + exporter.requests(Verb::Get, Code::TransportError)
        };
        exporter.eventually(|e| count(e) >= 40, true).await;
        assert_eq!(runs(&directory), 1);
    }
}

#[tokio::test]
async fn a_hanging_exec_plugin_is_started_once() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, "valid-token").await;
    write(&directory, "token", "valid-token");
    let user = plugin(&directory);
    let script = fs::read_to_string(directory.path().join("plugin")).unwrap();
    // It hangs until the file `go` exists.
    let hanging = script.replace("printf", "while [ ! -e go ]; do sleep 0.05; done; printf");
    write(&directory, "plugin", &hanging);
    let endpoint = kubeconfig(directory.path(), &server, &user);
    let mut exporter = Exporter::start(endpoint, polled(&["etl/a", "etl/b"], POLL));
    exporter
        .eventually(|e| e.requests(Verb::Get, Code::Timeout) >= 5, true)
        .await;
    assert_eq!((runs(&directory), exporter.up()), (1, false));
    write(&directory, "go", "");
    exporter.eventually(Exporter::jobs, in_etl(&["a"])).await;
}

#[tokio::test]
async fn the_rate_limit_applies_to_requests_that_waited_for_credentials() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, "valid-token").await;
    write(&directory, "token", "valid-token");
    let user = plugin(&directory);
    let script = fs::read_to_string(directory.path().join("plugin")).unwrap();
    write(&directory, "plugin", &format!("sleep 0.4\n{script}"));
    let endpoint = kubeconfig(directory.path(), &server, &user);
    let poll = PollConfig {
        requests_per_second: 10.0,
        concurrency: 8,
        ..long_timeout()
    };
    let jobs: Vec<_> = (0..6).map(|number| format!("etl/job-{number}")).collect();
    let mut exporter = Exporter::start(endpoint, polled(&jobs, poll));
    exporter
        .eventually(|_| server.requests("").len() >= 6, true)
        .await;
    let times = server.requests("");
    let spread = (times[5].at - times[0].at).as_secs_f64();
    assert!(spread > 0.4, "{spread} for six requests");
}
