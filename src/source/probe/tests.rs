//! Which Jobs can be probed. `tests/it/probe.rs` probes an API.

use super::*;
use crate::config::{self, Inputs};

/// The settings of the only target in `yaml`.
fn settings(target: &str) -> ProbeSettings {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("exporter.yaml");
    std::fs::write(&file, format!("targets: [{{{target}}}]")).unwrap();
    let inputs = Inputs {
        file: Some(file),
        ..Inputs::default()
    };
    let config = config::load(&inputs).unwrap_or_else(|error| panic!("{error}"));
    let target = &config.targets[0];
    ProbeSettings::from_config(&config, &target.mode, target.probes)
}

#[test]
fn configured_jobs_can_be_probed_and_others_if_the_target_allows_it() {
    const JOBS: &str = "jobs: [{namespace: etl, name: load}]";
    const ANY: &str = "poll: {probe_any: true}";
    for (target, job, refusal) in [
        (JOBS.to_owned(), "etl/load", None),
        (JOBS.to_owned(), "etl/other", Some("is not configured")),
        (JOBS.to_owned(), "web/load", Some("is not configured")),
        (format!("{JOBS}, {ANY}"), "web/other", None),
        (
            "mode: watch".to_owned(),
            "etl/load",
            Some("is not configured"),
        ),
        (
            "mode: poll".to_owned(),
            "etl/load",
            Some("is not configured"),
        ),
        (format!("mode: watch, {ANY}"), "etl/load", None),
        (format!("mode: poll, {ANY}"), "etl/load", None),
        (
            format!("namespaces: {{include: ['et*']}}, {ANY}"),
            "etl/load",
            None,
        ),
        (
            format!("namespaces: {{exclude: [etl]}}, {ANY}"),
            "etl/load",
            Some("does not read namespace `etl`"),
        ),
    ] {
        let (namespace, name) = job.split_once('/').unwrap();
        let job = JobReference::parse(namespace, name).unwrap();
        match (settings(&target).check(&job), refusal) {
            (Ok(()), None) => {}
            (Err(error), Some(expected)) => {
                assert!(error.to_string().contains(expected), "{target}: {error}");
            }
            (result, _) => panic!("{target}: {result:?}"),
        }
    }
}

#[test]
fn a_refusal_names_the_key_that_allows_it() {
    let job = JobReference::parse("etl", "load").unwrap();
    for (target, key) in [
        ("mode: watch", "`poll.probe_any: true`"),
        (
            "namespaces: {include: [web]}, poll: {probe_any: true}",
            "`namespaces`",
        ),
    ] {
        let refusal = settings(target).check(&job).unwrap_err();
        assert!(refusal.hint().contains(key), "{}", refusal.hint());
    }
}
