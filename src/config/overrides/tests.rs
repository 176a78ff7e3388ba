//! Which override applies, and the warnings about those that cannot.

use super::*;
use crate::config::{Config, Problem, tests::load_text};

const MINUTE: Duration = Duration::from_mins(1);

fn load(overrides: &str) -> Config {
    let targets = "targets: [{name: prod, namespaces: {include: [billing, 'etl-*'], exclude: ['*-scratch']}}, \
                   {name: poll, jobs: [{namespace: reports, name: nightly}]}]";
    let yaml = format!("{targets}\noverrides: {overrides}");
    load_text(&yaml).unwrap_or_else(|error| panic!("{error}"))
}

/// The overrides of `yaml` for the workload `prod`, `vendor-a`, `cronjob`, `db-backup`.
fn resolve(yaml: &str) -> Override {
    let config = load(yaml);
    let overrides = config.overrides;
    overrides.resolve(Some("prod"), "vendor-a", "cronjob", "db-backup")
}

#[test]
fn every_key_of_an_override_is_loaded() {
    let found = resolve(
        "[{match: {target: prod, namespace: 'vendor-*', workload_type: cronjob, workload: '*-backup'}, \
         set: {max_duration: 2h, max_success_age: 26h, start_grace: 0s, max_failures: 1, severity: page, \
         runbook: 'https://example.com/a b', ignore: false}}]",
    );
    assert_eq!(
        found,
        Override {
            max_duration: Some(MINUTE * 120),
            max_success_age: Some(MINUTE * 60 * 26),
            start_grace: Some(Duration::ZERO),
            max_failures: Some(1),
            severity: Some("page".to_owned()),
            runbook: Some("https://example.com/a b".to_owned()),
            ignore: Some(false),
        }
    );
}

#[test]
fn an_override_matches_when_all_its_patterns_match() {
    for (matching, matches) in [
        ("{}", true),
        ("{target: 'p*'}", true),
        ("{target: poll}", false),
        ("{namespace: vendor-a}", true),
        ("{namespace: vendor}", false),
        ("{workload_type: '*job'}", true),
        ("{workload_type: job}", false),
        ("{workload: 'db-*'}", true),
        ("{workload: backup}", false),
        ("{namespace: 'vendor-*', workload: '*-restore'}", false),
    ] {
        let found = resolve(&format!(
            "[{{match: {matching}, set: {{max_failures: 2}}}}]"
        ));
        assert_eq!(found.max_failures, matches.then_some(2), "{matching}");
    }
}

#[test]
fn the_first_match_wins_key_by_key() {
    let found = resolve(
        "[{match: {workload: other}, set: {severity: none, max_failures: 9}}, \
         {match: {workload: '*-backup'}, set: {severity: page}}, \
         {match: {namespace: 'vendor-*'}, set: {severity: ticket, ignore: true}}, \
         {match: {}, set: {ignore: false, max_duration: 1m}}]",
    );
    assert_eq!(
        found,
        Override {
            severity: Some("page".to_owned()),
            ignore: Some(true),
            max_duration: Some(MINUTE),
            ..Override::default()
        }
    );
}

#[test]
fn a_target_without_a_name_has_the_empty_name() {
    for (pattern, matches) in [("'*'", true), ("prod", false)] {
        let yaml = format!("overrides: [{{match: {{target: {pattern}}}, set: {{ignore: true}}}}]");
        let overrides = load_text(&yaml).unwrap().overrides;
        let found = overrides.resolve(None, "a", "job", "b");
        assert_eq!(found.ignore, matches.then_some(true), "{pattern}");
    }
}

#[test]
fn what_cannot_match_or_has_no_effect_is_a_warning() {
    let first = "match: {namespace: 'etl-*'}, set: {max_failures: 1}";
    for (overrides, expected) in [
        (
            "[{match: {target: prd}, set: {ignore: true}}]",
            vec!["overrides[0].match.target: matches no target; there are `prod`, `poll`"],
        ),
        (
            "[{match: {target: 'p*', namespace: payroll}, set: {ignore: true}}]",
            vec!["overrides[0].match.namespace: matches no namespace that is read"],
        ),
        (
            "[{match: {target: prod, namespace: reports}, set: {ignore: true}}]",
            vec!["overrides[0].match.namespace: matches no namespace that is read"],
        ),
        (
            "[{match: {target: poll, namespace: 'etl-*'}, set: {ignore: true}}]",
            vec!["overrides[0].match.namespace: matches no namespace that is read"],
        ),
        (
            "[{match: {namespace: 'etl-scratch'}, set: {ignore: true}}]",
            vec!["overrides[0].match.namespace: matches no namespace that is read"],
        ),
        (
            "[{match: {namespace: 'a-*-scratch'}, set: {ignore: true}}]",
            vec!["overrides[0].match.namespace: matches no namespace that is read"],
        ),
        (
            "[{match: {target: prod, namespace: 'vendor-*'}, set: {ignore: true}}]",
            vec!["overrides[0].match.namespace: matches no namespace that is read"],
        ),
        ("[{match: {namespace: 're*'}, set: {ignore: true}}]", vec![]),
        ("[{match: {namespace: 'b*'}, set: {ignore: true}}]", vec![]),
        ("[{match: {namespace: etl-a}, set: {ignore: true}}]", vec![]),
        (
            "[{match: {}, set: {ignore: true}}]",
            vec!["overrides[0].set.ignore: ignores every workload, so that none has series"],
        ),
        (
            "[{match: {workload: a}, set: {ignore: false}}, {match: {}, set: {ignore: true}}]",
            vec![],
        ),
        (
            &format!(
                "[{{{first}}}, {{match: {{namespace: etl-a}}, set: {{max_failures: 2, severity: page}}}}]"
            ),
            vec![
                "overrides[1].set.max_failures: has no effect: overrides[0] matches the same workloads and sets it",
            ],
        ),
        (
            &format!("[{{{first}}}, {{match: {{namespace: '*'}}, set: {{max_failures: 2}}}}]"),
            vec![],
        ),
    ] {
        let warnings = load(overrides).warnings;
        let shown: Vec<_> = warnings.iter().map(Problem::to_string).collect();
        assert_eq!(shown.len(), expected.len(), "{overrides}: {shown:?}");
        for (shown, expected) in shown.iter().zip(expected) {
            assert!(shown.ends_with(expected), "{overrides}: {shown}");
        }
    }
}
