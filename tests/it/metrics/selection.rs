//! Which families are shown, by the configuration and by the parameters of a scrape.

use std::sync::Arc;

use job_status_exporter::{
    config::{self, Pattern},
    metrics::{Format, Metrics, MetricsSettings, Scrape},
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
fn excluded_families_are_not_shown() {
    let shown = |yaml: &str| {
        let inputs = config::Inputs {
            environment: vec![("JOB_STATUS_EXPORTER__METRICS".into(), yaml.into())],
            ..config::Inputs::default()
        };
        let settings = config::load(&inputs).unwrap();
        let target = records::target(None, records::jobs(10), vec![records::cronjob("x")]);
        let store = Arc::new(Store::new(vec![target]));
        let metrics = Metrics::new(store, &MetricsSettings::from_config(&settings));
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
    let spec = [
        "batch_job_parallelism",
        "batch_job_completions",
        "batch_job_backoff_limit",
        "batch_cronjob_successful_jobs_history_limit",
        "batch_cronjob_failed_jobs_history_limit",
    ];
    let of_spec = |name: &String| spec.contains(&name.as_str());
    assert_eq!(all.iter().filter(|name| of_spec(name)).count(), spec.len());
    let without_spec: Vec<_> = all.iter().filter(|name| !of_spec(name)).cloned().collect();
    assert_eq!(shown("{spec: false}"), without_spec);
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
fn a_scrape_shows_the_families_that_it_selects() {
    let target = records::target(None, records::jobs(10), vec![records::cronjob("x")]);
    let metrics = super::metrics(vec![target]);
    let selected = |patterns: &[&str]| {
        let patterns: Vec<_> = patterns.iter().map(|name| Pattern::from(*name)).collect();
        let scrape = metrics.scrape_families(Format::Text, &patterns);
        scrape.map(names).map_err(|unknown| unknown.to_string())
    };
    assert_eq!(
        selected(&["batch_cronjob_info", "process_max*", "batch_*_state"]).unwrap(),
        ["batch_cronjob_info", "batch_job_state", "process_max_fds"]
    );
    assert_eq!(selected(&[]).unwrap(), names(metrics.scrape(Format::Text)));
    assert_eq!(
        selected(&["batch_cronjob_info", "batch_cronjob"]).unwrap_err(),
        "no family is called `batch_cronjob`: /metrics has the names of all"
    );
    assert!(selected(&[""]).is_err());
}

/// Settings with these patterns.
fn settings(include: &[&str], exclude: &[&str]) -> MetricsSettings {
    let patterns = |names: &[&str]| names.iter().map(|name| Pattern::from(*name)).collect();
    MetricsSettings {
        families: config::FamilyFilter {
            include: patterns(include),
            exclude: patterns(exclude),
        },
        ..MetricsSettings::default()
    }
}

#[test]
fn patterns_without_an_effect_are_reported() {
    let unknown = "matches no metric family: docs/metrics.md lists them";
    let disabled = "has no effect: these families need `metrics.kube_state_metrics.enabled: true`";
    let excluded = ["kube_job_info", "process_open_fds", "process_shut_fds"];
    let has_history = false;
    assert_eq!(
        settings(&["*", "batch_jobs_*", "kube_*", "*_history_up"], &excluded).warnings(has_history),
        [
            format!("metrics.include[1]: `batch_jobs_*` {unknown}"),
            format!("metrics.include[2]: `kube_*` {disabled}"),
            "metrics.include[3]: `*_history_up` has no effect: these families need `history`"
                .to_owned(),
            format!("metrics.exclude[2]: `process_shut_fds` {unknown}"),
        ]
    );
    let everything = MetricsSettings {
        kube_state_metrics: true,
        ..settings(&["*", "kube_*", "*_history_up"], &[])
    };
    assert_eq!(everything.warnings(true), [""; 0]);
    let without_jobs = MetricsSettings {
        per_job: false,
        ..settings(&["*", "batch_job_state"], &[])
    };
    assert_eq!(
        without_jobs.warnings(has_history),
        [
            "metrics.include[1]: `batch_job_state` has no effect: `metrics.per_job: none` leaves these families out"
        ]
    );
    let without_spec = MetricsSettings {
        spec: false,
        ..settings(&["*", "batch_job_completions", "batch_job_co*"], &[])
    };
    assert_eq!(
        without_spec.warnings(has_history),
        [
            "metrics.include[1]: `batch_job_completions` has no effect: `metrics.spec: false` leaves these families out"
        ]
    );
}

#[test]
fn a_selection_without_target_up_is_reported_and_an_empty_one_is_known() {
    for (include, exclude, selects_any, reported) in [
        (["*"], [].as_slice(), true, false),
        (["batch_*"], &[], true, true),
        (["*"], &["job_status_exporter_*"], true, true),
        (["*_target_up"], &[], true, false),
        (["kube_*"], &[], false, false),
        (["batch_*"], &["*"], false, false),
    ] {
        let settings = settings(&include, exclude);
        assert_eq!(settings.selects_any(false), selects_any, "{include:?}");
        let warnings = settings.warnings(false);
        let about_target_up =
            |warning: &String| warning.contains("`job_status_exporter_target_up`");
        assert_eq!(
            warnings.iter().any(about_target_up),
            reported,
            "{warnings:?}"
        );
    }
}

#[test]
fn the_families_of_the_history_are_known_only_with_a_history() {
    let name = "job_status_exporter_history_up";
    let target = || vec![records::target(None, Vec::new(), Vec::new())];
    let selected = |metrics: &Metrics| {
        let scrape = metrics.scrape_families(Format::Text, &[Pattern::from(name)]);
        scrape.map(names)
    };
    let metrics = super::metrics(target());
    assert!(selected(&metrics).is_err());
    assert!(!names(metrics.scrape(Format::Text)).contains(&name.to_owned()));
    let metrics = super::metrics(target()).with_history(Arc::default());
    assert_eq!(selected(&metrics).unwrap(), [name]);
    assert!(names(metrics.scrape(Format::Text)).contains(&name.to_owned()));
}
