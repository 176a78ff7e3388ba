//! Files that are watched: the configuration, the web configuration file, certificates.

use std::os::unix::fs::symlink;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;
use crate::server::{
    client::request,
    tls::certificates::{Identity, server_params},
};

/// The bcrypt hash of `demo`.
const HASH: &str = "$2b$10$abcdefghijklmnopqrstuu3XEy7sAuqf0awFQrE8Rakk7J.cSBot2";

/// The status of a request for the metrics with this login.
async fn status(exporter: &Exporter, login: &str) -> u16 {
    let mut client = exporter.connect().await;
    let head = request("GET", "/metrics?family[]=job_status_exporter_build_info");
    let login = STANDARD.encode(login);
    let end = format!("\r\nAuthorization: Basic {login}\r\n\r\n");
    let head = head.strip_suffix("\r\n\r\n").unwrap().to_owned();
    client.send(head + &end).await;
    client.response("GET").await.status
}

#[tokio::test]
async fn a_configuration_that_is_swapped_by_a_symbolic_link_is_loaded_on_request() {
    let cluster = Cluster::start().await;
    let setup = Setup::new()
        .config(&config(""))
        .argument("--config.auto-reload");
    let mut exporter = start(&cluster, setup).await;
    let volume = |name: &str, text: &str| {
        fs::create_dir(exporter.path(name)).unwrap();
        fs::write(exporter.path(name).join("exporter.yaml"), text).unwrap();
    };
    let swap = |name: &str| {
        symlink(name, exporter.path("next")).unwrap();
        fs::rename(exporter.path("next"), exporter.path("..data")).unwrap();
    };
    volume("v1", &config("retain_deleted: 1m"));
    volume("v2", &config("retain_deleted: 1m\nstale_after: 20m"));
    volume("v3", "");
    swap("v1");
    fs::remove_file(exporter.path("exporter.yaml")).unwrap();
    symlink("..data/exporter.yaml", exporter.path("exporter.yaml")).unwrap();
    let line = exporter.logged(RELOADED).await;
    assert_eq!(line.text("changes"), "changed: retain_deleted");
    symlink("v2", exporter.path("next")).unwrap();
    fs::rename(exporter.path("next"), exporter.path("..data")).unwrap();
    let line = exporter.logged(RELOADED).await;
    let expected = "targets read again: one; changed: stale_after";
    assert_eq!(line.text("changes"), expected);
    // An empty file would mean the defaults.
    symlink("v3", exporter.path("next")).unwrap();
    fs::rename(exporter.path("next"), exporter.path("..data")).unwrap();
    exporter.logged(REFUSED).await;
    assert!(!is_loaded(&exporter.scrape().await));
}

#[tokio::test]
async fn users_and_headers_change_with_their_file_and_a_broken_one_changes_nothing() {
    let cluster = Cluster::start().await;
    let config = config("").replace("web: {", "web: {config_file: web.yaml, ");
    let alice = format!("basic_auth_users: {{alice: {HASH}}}");
    let setup = Setup::new().config(&config).file("web.yaml", &alice);
    let mut exporter = start(&cluster, setup).await;
    assert_eq!(status(&exporter, "alice:demo").await, 200);
    assert_eq!(status(&exporter, "bob:demo").await, 401);

    let bob = format!(
        "basic_auth_users: {{bob: {HASH}}}\nhttp_server_config: {{headers: {{X-Frame-Options: deny}}}}"
    );
    exporter.replace("web.yaml", &bob);
    let line = exporter.logged(RELOADED).await;
    assert_eq!(line.text("changes"), "changed: web.config_file");
    assert_eq!(status(&exporter, "alice:demo").await, 401);
    assert_eq!(status(&exporter, "bob:demo").await, 200);
    let livez = exporter.get("/livez").await;
    assert_eq!(livez.headers["x-frame-options"], "deny");

    for broken in ["basic_auth_users: {bob: hunter2}", ""] {
        exporter.replace("web.yaml", broken);
        exporter.logged(REFUSED).await;
        assert_eq!(status(&exporter, "bob:demo").await, 200, "{broken}");
        assert_eq!(status(&exporter, "nobody:demo").await, 401, "{broken}");
    }
    exporter.replace("web.yaml", &alice);
    exporter.logged(RELOADED).await;
    assert_eq!(status(&exporter, "alice:demo").await, 200);
    exporter.signal(&["TERM"]);
    let log = exporter.exit().await.log.join("\n");
    assert!(
        !log.contains("hunter2") && !log.contains(&HASH[7..]),
        "{log}"
    );
}

#[tokio::test]
async fn a_configuration_that_was_refused_for_its_web_file_comes_into_force_when_that_is_mended() {
    let cluster = Cluster::start().await;
    let config = |more: &str| config(more).replace("web: {", "web: {config_file: web.yaml, ");
    let setup = Setup::new().config(&config("")).file("web.yaml", "{}");
    let mut exporter = start(&cluster, setup).await;
    exporter.replace("web.yaml", "broken: true");
    exporter.logged(REFUSED).await;
    let response = reload(&exporter, &config("retain_deleted: 1m")).await;
    assert_eq!(response.status, 500);
    exporter.logged(REFUSED).await;
    exporter.replace("web.yaml", "rate_limit: {interval: 1ms, burst: 1000}");
    let line = exporter.logged(RELOADED).await;
    assert_eq!(line.text("changes"), "changed: retain_deleted");
    assert!(is_loaded(&exporter.scrape().await));
}

#[tokio::test]
async fn certificates_are_taken_from_new_files_and_a_key_that_does_not_match_is_refused() {
    let cluster = Cluster::start().await;
    let config = config("").replace("web: {", "web: {config_file: web.yaml, ");
    let [first, second] = [(); 2].map(|()| Identity::self_signed(&server_params()));
    let setup = Setup::new()
        .config(&config)
        .file("web.yaml", "tls_server_config: {cert_file: c, key_file: k}")
        .file("c", &first.chain_pem())
        .file("k", &first.key_pem());
    let mut exporter = start(&cluster, setup).await;
    exporter.replace("c", &second.chain_pem());
    exporter.logged(REFUSED).await;
    exporter.replace("k", &second.key_pem());
    let line = exporter.logged(RELOADED).await;
    assert_eq!(line.text("changes"), "changed: web.config_file");
    // Without TLS after all: that is a switch, and the certificate stays.
    exporter.replace("web.yaml", "{}");
    let line = exporter.logged(RELOADED).await;
    assert_eq!(
        line.text("changes"),
        "changed: web.config_file; needs a restart: web.config_file: with or without tls_server_config"
    );
    assert_eq!(exporter.get("/livez").await.status, 400, "still HTTPS");
}
