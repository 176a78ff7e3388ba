//! The rules that `dashboards/*.json` follow. `scripts/check-dashboards` evaluates their expressions and checks their types.
//!
//! The rules named `…-rule` are those that Grafana's dashboard linter documents, as far as they apply to dashboards with a
//! Prometheus only.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

mod broken;
mod links;
mod model;
mod panels;
mod queries;
mod structure;
mod variables;

use model::Dashboard;

const NAMES: [&str; 3] = ["batch-overview", "batch-workload", "job-status-exporter"];

/// Returns the problems that a dashboard has.
type Check = fn(&Dashboard) -> Vec<String>;

const RULES: [(&str, Check); 23] = [
    ("identity", structure::identity),
    ("importable", structure::importable),
    ("layout", structure::layout),
    ("uneditable-dashboard", structure::uneditable),
    ("template-datasource-rule", variables::datasource),
    ("template-job-rule", variables::job),
    ("template-instance-rule", variables::instance),
    ("template-label-promql-rule", variables::queries),
    ("template-on-time-change-reload-rule", variables::reload),
    ("all-values", variables::all_values),
    ("defined-variables", variables::defined),
    ("panel-datasource-rule", panels::datasource),
    ("panel-title-description-rule", panels::texts),
    ("panel-units-rule", panels::units),
    ("panel-no-targets-rule", panels::targets),
    ("panel-types", panels::types),
    ("colours", panels::colours),
    ("target-promql-rule", queries::promql),
    ("target-counter-agg-rule", queries::counters),
    ("target-rate-interval-rule", queries::rate_interval),
    ("target-job-rule", queries::job),
    ("target-instance-rule", queries::instance),
    ("links", links::check),
];

/// Rules that a dashboard does not follow, and why.
const EXCLUDED: [(&str, &[&str], &str); 5] = [
    (
        "uneditable-dashboard",
        &NAMES,
        "users adapt the dashboards; a provisioned one is read-only anyway",
    ),
    ("template-job-rule", &WORKLOADS, ABOUT_WORKLOADS),
    ("template-instance-rule", &WORKLOADS, ABOUT_WORKLOADS),
    ("target-job-rule", &WORKLOADS, ABOUT_WORKLOADS),
    ("target-instance-rule", &WORKLOADS, ABOUT_WORKLOADS),
];

const WORKLOADS: [&str; 2] = ["batch-overview", "batch-workload"];
const ABOUT_WORKLOADS: &str =
    "a workload is the same, whichever exporter shows it; job and instance tell exporters apart";

fn excluded(rule: &str, dashboard: &str) -> bool {
    EXCLUDED
        .iter()
        .any(|(name, dashboards, _)| *name == rule && dashboards.contains(&dashboard))
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/dashboards"))
}

fn read(name: &str) -> Dashboard {
    let text = fs::read_to_string(directory().join(name).with_extension("json")).unwrap();
    Dashboard::new(name, serde_json::from_str(&text).unwrap())
}

fn problems(dashboard: &Dashboard) -> Vec<String> {
    let rules = RULES
        .iter()
        .filter(|(rule, _)| !excluded(rule, &dashboard.name));
    rules
        .flat_map(|(rule, check)| {
            check(dashboard)
                .into_iter()
                .map(move |problem| format!("{rule}: {problem}"))
        })
        .collect()
}

#[test]
fn dashboards_follow_the_rules() {
    for name in NAMES {
        let problems = problems(&read(name));
        assert!(problems.is_empty(), "{name}: {problems:#?}");
    }
}

#[test]
fn every_file_is_checked() {
    let files = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let dashboards = files.filter(|file| {
        file.extension()
            .is_some_and(|extension| extension == "json")
    });
    let found: BTreeSet<_> = dashboards
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(found, NAMES.map(str::to_owned).into());
}

#[test]
fn files_are_formatted() {
    for name in NAMES {
        let text = fs::read_to_string(directory().join(name).with_extension("json")).unwrap();
        // The keys of this value are sorted.
        let value: Value = serde_json::from_str(&text).unwrap();
        let formatted = serde_json::to_string_pretty(&value).unwrap() + "\n";
        assert!(
            text == formatted,
            "{name}.json is not sorted, or not indented by two spaces"
        );
    }
}

#[test]
fn exclusions_are_needed() {
    for (rule, dashboards, _) in EXCLUDED {
        let check = RULES.iter().find(|(name, _)| *name == rule).unwrap().1;
        for name in dashboards {
            assert!(!check(&read(name)).is_empty(), "{name} follows {rule}");
        }
    }
}
