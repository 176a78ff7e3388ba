//! Another configuration while the process runs.

use std::fs;

use batch_simulator::api::Kind;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Cluster, Exporter, SYNCED, Setup, process::Line};
use crate::server::client::{Response, TEST_TIMEOUT};

mod files;
mod targets;

/// Log message after a reload.
const RELOADED: &str = "configuration reloaded";
/// Log message after a reload that was refused.
const REFUSED: &str =
    "configuration not reloaded: the one before stays in force until the problems are solved";

/// A configuration of one target with further settings.
fn config(more: &str) -> String {
    format!(
        "web: {{listen_address: \"127.0.0.1:0\", enable_lifecycle: true}}\n\
         targets: [{{name: one, kubernetes: {{kubeconfig: one}}}}]\n{more}\n"
    )
}

/// Starts an exporter of `cluster`, and waits until it has read it.
async fn start(cluster: &Cluster, setup: Setup) -> Exporter {
    let setup = setup.kubeconfig("one", &cluster.url(), "{}");
    let mut exporter = setup.start().await;
    exporter.logged(SYNCED).await;
    exporter
}

/// Reloads with this configuration by HTTP.
async fn reload(exporter: &Exporter, config: &str) -> Response {
    exporter.replace("exporter.yaml", config);
    let response = timeout(TEST_TIMEOUT, exporter.request("POST", "/-/reload"));
    response.await.expect("an answer in time")
}

/// Reloads, and returns the changes.
async fn reloaded(exporter: &Exporter, config: &str) -> String {
    let response = reload(exporter, config).await;
    let text = response.text();
    assert_eq!(response.status, 200, "{text}");
    let changes = text.strip_prefix("configuration reloaded\n");
    changes.unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// Waits until the metrics satisfy `expected`. Each scrape until then has to satisfy `always`.
async fn eventually(
    exporter: &Exporter,
    always: impl Fn(&str) -> bool,
    expected: impl Fn(&str) -> bool,
) {
    let wait = async {
        loop {
            let scrape = exporter.scrape().await;
            assert!(always(&scrape), "{scrape}");
            if expected(&scrape) {
                return;
            }
        }
    };
    let waited = timeout(TEST_TIMEOUT, wait).await;
    waited.expect("the metrics change in time");
}

fn is_loaded(scrape: &str) -> bool {
    let name = "job_status_exporter_config_last_reload_successful ";
    let line = scrape.lines().find(|line| line.starts_with(name));
    line.unwrap().ends_with(" 1")
}

#[tokio::test]
async fn thresholds_and_families_change_in_place_by_sighup() {
    let cluster = Cluster::start().await;
    cluster.add_job("etl", "load");
    let mut exporter = start(&cluster, Setup::new().config(&config(""))).await;
    let requests = cluster.api.requests().len();
    let threshold = r#"batch_workload_threshold_seconds{target="one",namespace="etl",workload_type="job",workload="load",threshold="max_duration"} 7200"#;
    assert!(!exporter.scrape().await.contains(threshold));
    exporter.replace(
        "exporter.yaml",
        &config("thresholds: {max_duration: 2h}\nmetrics: {exclude: [batch_job_created_*]}"),
    );
    exporter.signal(&["HUP"]);
    let line = exporter.logged(RELOADED).await;
    assert_eq!(line.text("changes"), "changed: thresholds, metrics");
    let scrape = exporter.scrape().await;
    assert!(scrape.contains(threshold), "{scrape}");
    assert!(!scrape.contains("batch_job_created_"), "{scrape}");
    // The watches go on: nothing was read again.
    assert_eq!(cluster.api.requests().len(), requests);
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_as_a_whole_with_every_problem() {
    let cluster = Cluster::start().await;
    let mut exporter = start(&cluster, Setup::new().config(&config(""))).await;
    let before = exporter.scrape().await;
    assert!(is_loaded(&before));
    let response = reload(
        &exporter,
        &config("thresholds: {max_duration: 2h}\nstale_afer: 5m\nretain_deleted: s3cret"),
    )
    .await;
    assert_eq!(response.status, 500);
    for problem in ["stale_afer: ", "retain_deleted: "] {
        assert!(response.text().contains(problem), "{}", response.text());
        let logged = |line: &str| line.contains(problem) && line.contains("ERROR");
        exporter.until(logged).await;
    }
    exporter.logged(REFUSED).await;
    let refused = exporter.scrape().await;
    assert!(!is_loaded(&refused));
    assert!(!refused.contains("batch_workload_threshold_seconds"));

    // A kubeconfig that cannot be used is a problem too, beside those of the web configuration file.
    let other = config("").replace("kubeconfig: one", "kubeconfig: absent");
    let other = other.replace("web: {", "web: {config_file: web.yaml, ");
    let response = reload(&exporter, &other).await;
    assert_eq!(response.status, 500);
    for problem in ["target one: ", "web.yaml: cannot be read"] {
        assert!(response.text().contains(problem), "{}", response.text());
    }

    assert_eq!(reloaded(&exporter, &config("")).await, "nothing changed\n");
    assert!(is_loaded(&exporter.scrape().await));
}

/// What the API tells of the configuration.
async fn shown_config(exporter: &Exporter) -> Value {
    let response = exporter.get("/api/v1/config").await;
    assert_eq!(response.status, 200, "{}", response.text());
    let mut answer: Value = serde_json::from_str(response.text()).unwrap();
    answer["data"].take()
}

/// A setting in force.
fn setting<'a>(config: &'a Value, key: &str) -> &'a Value {
    let mut settings = config["settings"].as_array().unwrap().iter();
    let setting = settings.find(|setting| setting["key"] == key);
    setting.unwrap_or_else(|| panic!("no {key} in {config:#}"))
}

#[tokio::test]
async fn the_api_shows_the_configuration_in_force_and_the_last_reload() {
    let cluster = Cluster::start().await;
    let exporter = start(&cluster, Setup::new().config(&config(""))).await;
    let key = "thresholds.max_duration";
    let before = shown_config(&exporter).await;
    assert_eq!(setting(&before, key)["origin"]["kind"], "default");
    assert_eq!(before["last_reload"], Value::Null);

    reloaded(&exporter, &config("thresholds: {max_duration: 2h}")).await;
    let loaded = shown_config(&exporter).await;
    let changed = setting(&loaded, key);
    assert_eq!(changed["value"], "2h");
    let file = exporter.path("exporter.yaml");
    assert_eq!(loaded["file"], json!(file));
    let origin = json!({"kind": "set", "source": file, "line": 3});
    assert_eq!(changed["origin"], origin);
    let reload = &loaded["last_reload"];
    assert_eq!(reload["succeeded"], true);
    let text = "configuration reloaded\nchanged: thresholds";
    assert_eq!(reload["text"], text);
    assert_eq!(loaded["started"], before["started"]);

    let broken = config("thresholds: {max_duration: 3h}\nstale_afer: 5m\nretain_deleted: s3cret");
    assert_eq!(self::reload(&exporter, &broken).await.status, 500);
    let refused = shown_config(&exporter).await;
    let reload = &refused["last_reload"];
    assert_eq!(reload["succeeded"], false);
    let text = reload["text"].as_str().unwrap();
    for problem in ["stale_afer: ", "retain_deleted: "] {
        assert!(text.contains(problem), "{text}");
    }
    for field in ["settings", "loaded", "file", "warnings"] {
        assert_eq!(refused[field], loaded[field], "{field}");
    }
}

#[tokio::test]
async fn requests_for_a_reload_need_the_flag() {
    let cluster = Cluster::start().await;
    let without = config("").replace(", enable_lifecycle: true", "");
    let exporter = start(&cluster, Setup::new().config(&without)).await;
    let response = exporter.request("POST", "/-/reload").await;
    assert_eq!(response.status, 403);
    let setup = Setup::new().config(&without);
    let exporter = start(&cluster, setup.argument("--web.enable-lifecycle")).await;
    assert_eq!(exporter.request("PUT", "/-/reload").await.status, 200);
    assert_eq!(exporter.get("/-/reload").await.status, 405);
}

#[tokio::test]
async fn a_change_of_a_target_that_needs_no_new_read_is_answered() {
    let cluster = Cluster::start().await;
    let exporter = start(&cluster, Setup::new().config(&config(""))).await;
    let requests = cluster.api.requests().len();
    let target =
        |more: &str| config("").replace("kubeconfig: one}", &format!("kubeconfig: one}}, {more}"));
    for (new, key) in [
        (
            "controller_time_zone: Europe/Berlin",
            "targets[].controller_time_zone",
        ),
        (
            "controller_time_zone: Europe/Berlin, poll: {probe_any: true}",
            "targets[].poll",
        ),
    ] {
        let expected = format!("changed: {key}\n");
        assert_eq!(reloaded(&exporter, &target(new)).await, expected);
    }
    assert_eq!(cluster.api.requests().len(), requests);
}

#[tokio::test]
async fn what_needs_a_restart_is_answered_and_logged_and_the_rest_is_applied() {
    let cluster = Cluster::start().await;
    let mut exporter = start(&cluster, Setup::new().config(&config(""))).await;
    let new = config("history: {path: history.redb}\nretain_deleted: 1m");
    let new = new.replace("web: {", "web: {telemetry_path: /m, ");
    let expected = "changed: retain_deleted\nneeds a restart: web.telemetry_path, history\n";
    assert_eq!(reloaded(&exporter, &new).await, expected);
    for key in ["web.telemetry_path", "history"] {
        let warning =
            format!("`{key}` changed: this needs a restart, until then it stays as it was");
        assert_eq!(exporter.logged(&warning).await.text("level"), "WARN");
    }
    assert_eq!(exporter.get("/m").await.status, 404);
    assert_eq!(exporter.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn the_level_of_the_log_changes_unless_a_flag_sets_it() {
    let cluster = Cluster::start().await;
    let mut exporter = start(&cluster, Setup::new().config(&config(""))).await;
    let debug = config("log: {level: debug}");
    assert_eq!(reloaded(&exporter, &debug).await, "changed: log.level\n");
    cluster.add_job("etl", "load");
    let is_debug = |line: &str| Line::parse(line).text("level") == "DEBUG";
    exporter.until(is_debug).await;

    // A level of a flag is the same before and after, so that the file changes nothing.
    let setup = Setup::new().config(&config(""));
    let exporter = start(&cluster, setup.argument("--log.level=info")).await;
    assert_eq!(reloaded(&exporter, &debug).await, "nothing changed\n");
}
