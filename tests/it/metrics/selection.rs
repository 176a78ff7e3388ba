//! Which families are shown: as the configuration has it, and as a scrape asks for.

use std::sync::Arc;

use job_status_exporter::{
    config::{self, Pattern},
    metrics::{self, Format, Metrics, Scrape},
    store::Store,
};

use super::read;
use crate::{checker, records};

/// The names of the families that a scrape shows.
fn names(scrape: Scrape) -> Vec<String> {
    let families = checker::check(Format::Text, &read(scrape));
    families.into_keys().collect()
}

#[test]
fn what_the_configuration_excludes_is_not_shown() {
    let shown = |yaml: &str| {
        let inputs = config::Inputs {
            environment: vec![("JOB_STATUS_EXPORTER__METRICS".into(), yaml.into())],
            ..config::Inputs::default()
        };
        let settings = config::load(&inputs).unwrap();
        let slice = records::slice(None, records::jobs(10), vec![records::cronjob("x")]);
        let store = Arc::new(Store::new(vec![slice]));
        let metrics = Metrics::new(store, &metrics::MetricsSettings::from(&settings));
        names(metrics.scrape(Format::Text))
    };
    let all = shown("{}");
    let about_jobs = |name: &String| name.starts_with("batch_job_");
    assert!(all.iter().any(about_jobs));
    let without_jobs: Vec<_> = all
        .iter()
        .filter(|name| !about_jobs(name))
        .cloned()
        .collect();
    assert_eq!(shown("{per_job: none}"), without_jobs);
    assert_eq!(shown("{exclude: ['batch_job_*']}"), without_jobs);
    assert_eq!(
        shown("{include: [batch_job_*_pods, process_open_fds], exclude: [batch_job_active_pods]}"),
        [
            "batch_job_failed_pods",
            "batch_job_ready_pods",
            "batch_job_succeeded_pods",
            "batch_job_terminating_pods",
            "process_open_fds",
        ]
    );
}

#[test]
fn a_scrape_shows_the_families_that_it_asks_for() {
    let slice = records::slice(None, records::jobs(10), vec![records::cronjob("x")]);
    let metrics = super::metrics(vec![slice]);
    let asked = |patterns: &[&str]| {
        let patterns: Vec<_> = patterns.iter().map(|name| Pattern::from(*name)).collect();
        let scrape = metrics.scrape_families(Format::Text, &patterns);
        scrape.map(names).map_err(|unknown| unknown.to_string())
    };
    assert_eq!(
        asked(&["batch_cronjob_info", "process_max*", "batch_*_state"]).unwrap(),
        ["batch_cronjob_info", "batch_job_state", "process_max_fds"]
    );
    assert_eq!(asked(&[]).unwrap(), names(metrics.scrape(Format::Text)));
    assert_eq!(
        asked(&["batch_cronjob_info", "batch_cronjob"]).unwrap_err(),
        "no family is called `batch_cronjob`: /metrics has the names of all"
    );
    assert!(asked(&[""]).is_err());
}

#[test]
fn patterns_without_a_family_are_told() {
    let patterns = |names: &[&str]| names.iter().map(|name| Pattern::from(*name)).collect();
    let families = config::FamilyFilter {
        include: patterns(&["*", "batch_jobs_*"]),
        exclude: patterns(&["kube_job_info", "process_open_fds", "process_shut_fds"]),
    };
    let metrics = super::metrics(Vec::new());
    assert_eq!(
        metrics.idle_patterns(&families),
        ["batch_jobs_*", "process_shut_fds"]
    );
}
