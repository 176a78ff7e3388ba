//! The web configuration file at the start and with `--config.check`.

use super::{Cluster, Setup};
use crate::server::tls::certificates::{Identity, server_params};

/// The bcrypt hash of `demo`.
const HASH: &str = "$2b$10$abcdefghijklmnopqrstuu3XEy7sAuqf0awFQrE8Rakk7J.cSBot2";

/// Runs a process with this web configuration file. Returns exit code, standard output and standard error.
fn run(web: &str, url: &str, target: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let config = format!(
        "web: {{config_file: web.yaml, listen_address: \"127.0.0.1:0\"}}\n\
         targets: [{{name: one, kubernetes: {{kubeconfig: {target}}}}}]\n"
    );
    let setup = Setup::new()
        .kubeconfig("kubeconfig", url, "{}")
        .config(&config)
        .file("web.yaml", web)
        .argument("--log.level=error");
    let setup = arguments
        .iter()
        .fold(setup, |setup, argument| setup.argument(argument));
    setup.run_text()
}

#[tokio::test]
async fn an_invalid_web_file_prevents_the_start_with_all_its_problems_and_those_of_targets() {
    let cluster = Cluster::start().await;
    let web = "basic_auth_users: {alice: hunter2}\nrate_limit: {interval: 5}\n";
    for arguments in [[].as_slice(), &["--config.check"]] {
        let (code, _, stderr) = run(web, &cluster.url(), "absent", arguments);
        assert_eq!(code, Some(2));
        let lines: Vec<_> = stderr.lines().collect();
        assert_eq!(lines.len(), 8, "{stderr}");
        assert_eq!(lines[0], "error: 2 problems prevent the start");
        assert_eq!(lines[1], "  2 problems in the web configuration file");
        assert!(
            lines[2].starts_with("    /")
                && lines[2].contains("/web.yaml:1:20: basic_auth_users.alice: must be"),
            "{stderr}"
        );
        assert!(
            lines[3].starts_with("      hint: create it with `htpasswd"),
            "{stderr}"
        );
        assert!(
            lines[4].contains("/web.yaml:2:14: rate_limit.interval: "),
            "{stderr}"
        );
        assert_eq!(lines[5], "      hint: write `5s` for seconds");
        assert!(
            lines[6].starts_with("  target one: cannot read the kubeconfig "),
            "{stderr}"
        );
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
    assert_eq!(cluster.api.requests(), [], "the exporter sent requests");
}

#[tokio::test]
async fn a_missing_web_file_prevents_the_start() {
    let cluster = Cluster::start().await;
    let flag = "--web.config.file=/nowhere/web.yaml";
    let (code, stdout, stderr) = run("", &cluster.url(), "kubeconfig", &[flag]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    let expected = "error: 1 problem in the web configuration file\n  /nowhere/web.yaml: cannot be read: No such file";
    assert!(stderr.starts_with(expected), "{stderr}");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_prevents_the_start() {
    let cluster = Cluster::start().await;
    let web = "tls_server_config: {cert_file: absent.crt, key_file: absent.key}";
    for arguments in [[].as_slice(), &["--config.check"]] {
        let (code, _, stderr) = run(web, &cluster.url(), "kubeconfig", arguments);
        assert_eq!(code, Some(2));
        assert!(stderr.starts_with("error: "), "{stderr}");
        assert!(stderr.contains("absent.crt"), "{stderr}");
    }
}

#[tokio::test]
async fn a_check_describes_the_web_file_without_its_secrets() {
    let cluster = Cluster::start().await;
    let directory = tempfile::tempdir().unwrap();
    let identity = Identity::self_signed(&server_params());
    let [certificate, key] = ["c", "k"].map(|name| directory.path().join(name));
    std::fs::write(&certificate, identity.chain_pem()).unwrap();
    std::fs::write(&key, identity.key_pem()).unwrap();
    let web = format!(
        "tls_server_config: {{cert_file: {}, key_file: {}}}\nbasic_auth_users: {{alice: {HASH}}}",
        certificate.display(),
        key.display()
    );
    let (code, stdout, stderr) = run(&web, &cluster.url(), "kubeconfig", &["--config.check"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let key = format!("                key {}\n", key.display());
    for line in [
        "  listen on     https://127.0.0.1:0/metrics\n",
        "  users         alice\n",
        &key,
    ] {
        assert!(stdout.contains(line), "{stdout}");
    }
    assert!(!stdout.contains(&HASH[7..]), "{stdout}");
    let (code, stdout, stderr) = run("", &cluster.url(), "kubeconfig", &["--config.check"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains("  TLS           off\n"), "{stdout}");
}
