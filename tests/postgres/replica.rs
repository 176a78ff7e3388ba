//! Exporters with their history in a database, and what their metrics show.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    SYNCED,
    cluster::Cluster,
    database::{Database, LONGEST_WAIT},
    jobs::{Totals, add},
    process::{Exporter, Setup},
};

/// What is configured beside the usual. All of it is YAML.
#[derive(Clone, Copy, Default)]
pub(crate) struct Extra<'a> {
    /// The name of the target; none by default.
    pub(crate) target: Option<&'a str>,
    /// More keys of `history.postgres`, each with a comma before it.
    pub(crate) postgres: &'a str,
    /// More keys of the document.
    pub(crate) document: &'a str,
}

/// Keeps its history in this database.
pub(crate) fn setup(cluster: &Cluster, database: &Database) -> Setup {
    setup_with(cluster, database, &database.url(), Extra::default())
}

/// The same with another URL.
pub(crate) fn setup_by(cluster: &Cluster, database: &Database, url: &str) -> Setup {
    setup_with(cluster, database, url, Extra::default())
}

/// The runs of a workload that are kept are fewer than there are. The totals count all runs anyway.
pub(crate) fn setup_with(
    cluster: &Cluster,
    database: &Database,
    url: &str,
    extra: Extra<'_>,
) -> Setup {
    let Extra {
        target,
        postgres,
        document,
    } = extra;
    let name = target.map(|name| format!("name: {name}, "));
    let name = name.unwrap_or_default();
    let config = format!(
        "web: {{listen_address: \"127.0.0.1:0\"}}\n\
         targets: [{{{name}kubernetes: {{kubeconfig: kubeconfig}}}}]\n\
         history: {{postgres: {{url_file: url, ca_file: ca.crt{postgres}}}, runs_per_workload: 5}}\n\
         {document}\n"
    );
    Setup::new()
        .kubeconfig("kubeconfig", &cluster.url(), "{}")
        .file("url", url)
        .file("ca.crt", &database.server.authority())
        .config(&config)
}

/// Starts an exporter and waits until it has read the API.
pub(crate) async fn synced(setup: Setup) -> Exporter {
    let mut exporter = setup.start().await;
    exporter.logged(SYNCED).await;
    exporter
}

/// Ends an exporter in order, so that it writes what it has.
pub(crate) async fn terminate(exporter: Exporter) {
    exporter.signal(&["TERM"]);
    let exited = exporter.exit().await;
    assert_eq!(exited.status.code(), Some(0), "{:#?}", exited.log);
}

/// Kills an exporter and waits until it is gone.
pub(crate) async fn kill(exporter: Exporter) {
    exporter.signal(&["KILL"]);
    let _ = exporter.exit().await;
}

/// Asserts that a process exits as for a configuration error, and returns its log.
pub(crate) async fn refused(setup: Setup) -> String {
    let exited = setup.spawn().exit().await;
    let log = exited.log.join("\n");
    assert_eq!(exited.status.code(), Some(2), "{log}");
    assert!(log.lines().any(|line| line.starts_with("error: ")), "{log}");
    assert!(!log.contains("p@ss") && !log.contains("p%40ss"), "{log}");
    log
}

/// Succeeded and failed runs of each workload by `batch_workload_runs_total`.
pub(crate) fn totals(metrics: &str) -> Totals {
    let mut totals = Totals::new();
    for line in metrics.lines() {
        let Some(rest) = line.strip_prefix("batch_workload_runs_total{") else {
            continue;
        };
        let (labels, value) = rest.split_once("} ").unwrap();
        let label = |name: &str| {
            let (_, rest) = labels.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0
        };
        let count = value.parse().unwrap();
        let counts = match label("result") {
            "succeeded" => (count, 0),
            "failed" => (0, count),
            _ => (0, 0),
        };
        let workload = (label("namespace"), label(",workload"));
        add(&mut totals, workload, counts);
    }
    totals
}

/// The value of a family of the history, `job_status_exporter_history_NAME`, without labels.
pub(crate) fn history(metrics: &str, name: &str) -> Option<u64> {
    let prefix = format!("job_status_exporter_history_{name} ");
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(&prefix))?;
    Some(value.parse().unwrap())
}

/// Waits until the metrics are as `holds` says, and returns them.
pub(crate) async fn eventually(exporter: &Exporter, holds: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + LONGEST_WAIT;
    loop {
        let metrics = exporter.scrape().await;
        if holds(&metrics) {
            return metrics;
        }
        assert!(Instant::now() < deadline, "{metrics}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until an exporter shows these totals and has written everything.
pub(crate) async fn shows(exporter: &Exporter, truth: &Totals) {
    eventually(exporter, |metrics| {
        totals(metrics) == *truth
            && history(metrics, "up") == Some(1)
            && history(metrics, "waiting_runs") == Some(0)
    })
    .await;
}
