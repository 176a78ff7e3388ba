//! Connections from valid and invalid kubeconfigs.

use std::{fs, path::Path};

use super::*;

/// Writes `user` into a kubeconfig for `server`.
fn kubeconfig(directory: &Path, server: &str, user: &str) -> Endpoint {
    let path = directory.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
         users: [{{name: u, user: {user}}}]\n\
         contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\n"
    );
    fs::write(&path, text).unwrap();
    Endpoint::Kubernetes {
        kubeconfig: Some(path),
        context: None,
    }
}

async fn failure(endpoint: &Endpoint) -> String {
    match endpoint.connect(&ConnectionBudget::default()).await {
        Ok(_) => panic!("it connects"),
        Err(failure) => failure.to_string(),
    }
}

#[tokio::test]
async fn plain_http_is_allowed_for_loopback_only() {
    let directory = tempfile::tempdir().unwrap();
    for server in [
        "https://api.example",
        "http://127.0.0.1:8001",
        "http://[::1]:8001",
        "http://localhost:1",
    ] {
        let endpoint = kubeconfig(directory.path(), server, "{}");
        let address = endpoint.address().await.unwrap();
        assert!(address.starts_with(server), "{address}");
        assert!(endpoint.connect(&ConnectionBudget::default()).await.is_ok());
    }
    for server in [
        "http://10.0.0.1:8001",
        "http://127.0.0.1.example",
        "ftp://127.0.0.1",
    ] {
        let failure = failure(&kubeconfig(directory.path(), server, "{}")).await;
        assert!(failure.contains("must begin with https://"), "{failure}");
    }
}

#[tokio::test]
async fn the_address_in_messages_names_the_proxy_without_its_login() {
    let directory = tempfile::tempdir().unwrap();
    let server = "https://api.example\", proxy-url: \"http://u:s3cret@proxy:3128";
    let endpoint = kubeconfig(directory.path(), server, "{}");
    let address = endpoint.address().await.unwrap();
    assert_eq!(
        address,
        "https://api.example/ through the proxy http://proxy:3128/"
    );
}

#[tokio::test]
async fn a_changed_token_file_needs_a_new_connection() {
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    fs::write(&token, "first\n").unwrap();
    let user = format!("{{tokenFile: \"{}\"}}", token.display());
    let endpoint = kubeconfig(directory.path(), "https://api.example", &user);
    let connection = endpoint
        .connect(&ConnectionBudget::default())
        .await
        .unwrap();
    assert!(connection.is_current());
    fs::write(&token, "first").unwrap(); // the same token
    assert!(connection.is_current());
    fs::write(&token, "second\n").unwrap();
    assert!(!connection.is_current());
    fs::remove_file(&token).unwrap(); // some set-ups delete the file after it was read
    assert!(connection.is_current());
    assert!(
        failure(&endpoint)
            .await
            .contains("cannot read the token file")
    );
}

#[tokio::test]
async fn errors_name_the_file_and_contain_no_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let missing = Endpoint::Kubernetes {
        kubeconfig: Some(directory.path().join("missing")),
        context: None,
    };
    let text = failure(&missing).await;
    assert!(
        text.contains("cannot read the kubeconfig") && text.contains("missing: No such file"),
        "{text}"
    );

    let broken = kubeconfig(
        directory.path(),
        "https://api.example",
        "{token: \"s3cret\nusers: [",
    );
    let text = failure(&broken).await;
    assert!(text.contains("not valid YAML at line"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");

    let endpoint = kubeconfig(directory.path(), "https://api.example", "{}");
    let Endpoint::Kubernetes {
        kubeconfig: path, ..
    } = endpoint
    else {
        panic!()
    };
    let elsewhere = Endpoint::Kubernetes {
        kubeconfig: path,
        context: Some("elsewhere".to_owned()),
    };
    assert!(failure(&elsewhere).await.contains("no context `elsewhere`"));
}

#[tokio::test]
async fn errors_of_exec_plugins_contain_neither_arguments_nor_output() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = |command: &str| {
        let user = format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, {command}}}}}"
        );
        kubeconfig(directory.path(), "https://api.example", &user)
    };
    let failing = "command: sh, args: [-c, \"echo s3cret; echo s3cret >&2; exit 3\"]";
    let text = failure(&plugin(failing)).await;
    assert!(
        text.contains("the exec plugin `sh` of the kubeconfig failed with exit status: 3"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");
    let invalid = failure(&plugin("command: echo, args: [\"s3cret: [\"]")).await;
    assert!(
        invalid.contains("returned no ExecCredential") && !invalid.contains("s3cret"),
        "{invalid}"
    );
    let unfit = r#"command: echo, args: ['{"status": {"token": "s3cret\u0000"}}']"#;
    let unfit = failure(&plugin(unfit)).await;
    assert!(
        unfit.contains("returned a token that contains control characters")
            && !unfit.contains("s3cret"),
        "{unfit}"
    );
    let missing = failure(&plugin("command: /no/such/plugin")).await;
    assert!(
        missing.contains("plugin `/no/such/plugin` of the kubeconfig cannot be started"),
        "{missing}"
    );
}
