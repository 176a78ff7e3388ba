//! Credentials that run out, change or never were good.

use std::{fs, path::Path};

use job_status_exporter::{
    client::Endpoint,
    config::PollConfig,
    model::{Code, Verb},
};
use tempfile::TempDir;

use super::*;
use crate::exporter::{POLL, polled};

/// Writes `user` into a kubeconfig for `server`.
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

/// A server that knows the token in the file `known` of the directory, and nobody else.
async fn server(directory: &TempDir, known: &str) -> Server {
    let file = directory.path().join("known");
    fs::write(&file, known).unwrap();
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

/// An exec plugin that gives the token in the file `token` of the directory, and counts its runs.
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

/// How often the plugin ran. kube runs it more than once for one client.
fn runs(directory: &TempDir) -> usize {
    let runs = fs::read_to_string(directory.path().join("runs"));
    runs.unwrap_or_default().lines().count()
}

fn patient() -> PollConfig {
    PollConfig {
        timeout: 10 * SECOND,
        ..POLL
    }
}

#[tokio::test]
async fn a_token_file_that_changes_is_read_anew() {
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
    // The server may know of the new token before or after the file does.
    write(&directory, "token", "second");
    write(&directory, "known", "second");
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
async fn refused_credentials_of_an_exec_plugin_are_renewed_and_the_request_is_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, "first").await;
    write(&directory, "token", "first");
    let endpoint = kubeconfig(directory.path(), &server, &plugin(&directory));
    let mut exporter = Exporter::start(endpoint, polled(&["etl/a"], patient()));
    exporter.eventually(Exporter::up, true).await;
    exporter
        .eventually(|_| server.requests("").len() >= 3, true)
        .await;
    let build = runs(&directory);
    write(&directory, "token", "second");
    exporter.throughout(SECOND / 2, Exporter::up, true).await;
    assert_eq!(runs(&directory), build, "the first token is still good");
    write(&directory, "known", "second");
    let before = server.requests("").len();
    while server.requests("").len() < before + 4 {
        assert!(exporter.up(), "nobody is to notice");
        exporter.check().await;
    }
    assert_eq!(runs(&directory), 2 * build);
    assert_eq!(exporter.requests(Verb::Get, Code::Unauthorized), 0);
}

#[tokio::test]
async fn credentials_that_are_never_good_are_not_renewed_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, "another").await;
    write(&directory, "token", "wrong");
    let endpoint = kubeconfig(directory.path(), &server, &plugin(&directory));
    endpoint.connect().await.map(drop).unwrap();
    let build = runs(&directory);
    fs::remove_file(directory.path().join("runs")).unwrap();
    let jobs: Vec<_> = (0..10).map(|number| format!("etl/job-{number}")).collect();
    let mut exporter = Exporter::start(endpoint, polled(&jobs, patient()));
    exporter
        .eventually(|e| e.requests(Verb::Get, Code::Unauthorized) >= 10, true)
        .await;
    exporter.throughout(2 * SECOND, Exporter::up, false).await;
    let builds = runs(&directory) / build;
    assert_eq!(builds, 2, "at the start, and once when it was refused");
    // Each job at 0 s, and after waits of up to 0.2, 0.4, 0.8 and 1.6 s, that may be half as long; and what was sent again.
    let requests = server.requests("").len();
    assert!((30..=64).contains(&requests), "{requests}");
}

#[tokio::test]
async fn an_exec_plugin_that_hangs_is_started_once() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, "good").await;
    write(&directory, "token", "good");
    let user = plugin(&directory);
    let script = fs::read_to_string(directory.path().join("plugin")).unwrap();
    // It hangs until it is told to go on.
    let waits = script.replace("printf", "while [ ! -e go ]; do sleep 0.05; done; printf");
    write(&directory, "plugin", &waits);
    let endpoint = kubeconfig(directory.path(), &server, &user);
    let mut exporter = Exporter::start(endpoint, polled(&["etl/a", "etl/b"], POLL));
    exporter
        .eventually(|e| e.requests(Verb::Get, Code::Timeout) >= 5, true)
        .await;
    assert_eq!((runs(&directory), exporter.up()), (1, false));
    write(&directory, "go", "");
    exporter.eventually(Exporter::jobs, names(&["a"])).await;
}

#[tokio::test]
async fn requests_that_waited_for_credentials_together_are_not_sent_together() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory, "good").await;
    write(&directory, "token", "good");
    let user = plugin(&directory);
    let script = fs::read_to_string(directory.path().join("plugin")).unwrap();
    write(&directory, "plugin", &format!("sleep 0.4\n{script}"));
    let endpoint = kubeconfig(directory.path(), &server, &user);
    let poll = PollConfig {
        requests_per_second: 10.0,
        concurrency: 8,
        ..patient()
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
