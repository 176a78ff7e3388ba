//! The queries of `docs/cookbook.md` and of the other guides name only families and labels that exist. `scripts/check-cookbook`
//! evaluates those of the cookbook.

use std::{collections::BTreeSet, fs, path::Path};

use crate::promql::{Families, Selector, references};

/// Guides with queries.
const GUIDES: [&str; 3] = ["alerts.md", "cookbook.md", "workloads.md"];

/// The metric label that the examples map.
const MAPPED: &str = "team";

/// Families of kube-state-metrics and the kubelet that queries join, with the labels that they use. They have `namespace` and `pod` too.
const OTHERS: [(&str, &[&str]); 4] = [
    ("container_cpu_usage_seconds_total", &["container"]),
    ("kube_pod_container_resource_requests", &["resource"]),
    ("kube_pod_container_status_terminated_reason", &["reason"]),
    ("kube_pod_owner", &["owner_kind", "owner_name"]),
];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The queries in the blocks `promql`. A blank line separates two of a block.
fn queries(text: &str) -> Vec<&str> {
    let blocks = text.split("```promql\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("```").unwrap().0);
    blocks
        .flat_map(|block| block.trim().split("\n\n"))
        .collect()
}

/// The names of the recording rules.
fn records() -> BTreeSet<String> {
    let rules = read("config/rules/job-status.rules.yaml");
    let lines = rules.lines().map(str::trim);
    let names = lines.filter_map(|line| line.strip_prefix("- record: "));
    names.map(str::to_owned).collect()
}

/// What is wrong with a query.
fn problems(query: &str, families: &Families, records: &BTreeSet<String>) -> Vec<String> {
    let mut references = match references(query) {
        Ok(references) => references,
        Err(error) => return vec![error],
    };
    for selector in &mut references.selectors {
        if selector.family.ends_with("_info") {
            selector.matchers.retain(|matcher| matcher.label != MAPPED);
        }
    }
    let mut problems: Vec<_> = references
        .selectors
        .iter()
        .filter_map(unknown_label)
        .collect();
    let known = |name: &str| {
        name == MAPPED || records.contains(name) || OTHERS.iter().any(|(family, _)| *family == name)
    };
    problems.extend(families.problems(&references, &known));
    problems
}

/// A matcher of a family of others that has no such label.
fn unknown_label(selector: &Selector) -> Option<String> {
    let (_, labels) = OTHERS
        .iter()
        .find(|(family, _)| *family == selector.family)?;
    let unknown = selector
        .matchers
        .iter()
        .find(|matcher| !labels.contains(&matcher.label.as_str()))?;
    Some(format!(
        "{} has no label {}",
        selector.family, unknown.label
    ))
}

#[test]
fn queries_of_guides_name_only_what_exists() {
    let (families, records) = (Families::documented(), records());
    for guide in GUIDES {
        let text = read(&format!("docs/{guide}"));
        let queries = queries(&text);
        assert!(!queries.is_empty(), "{guide}");
        for query in queries {
            let problems = problems(query, &families, &records);
            assert!(problems.is_empty(), "{guide}: {problems:?}\n{query}");
        }
    }
}

#[test]
fn each_question_of_the_cookbook_has_one_query() {
    let text = read("docs/cookbook.md");
    let sections: Vec<_> = text.split("\n### ").skip(1).collect();
    assert!(sections.len() > 25, "{} questions", sections.len());
    let mut questions = BTreeSet::new();
    for section in sections {
        let question = section.lines().next().unwrap();
        assert_eq!(section.matches("```promql").count(), 1, "{question}");
        assert!(question.ends_with(['?', '.']), "{question}");
        assert!(questions.insert(question), "{question} is there twice");
    }
}

#[test]
fn wrong_names_are_problems() {
    let (families, records) = (Families::documented(), records());
    for (query, expected) in [
        (
            r#"batch_workload_info{team="a"} * on (team) job_status:workload_info"#,
            "",
        ),
        (
            r#"batch_workload_jobs{team="a"}"#,
            "batch_workload_jobs has no label team",
        ),
        (
            r#"kube_pod_owner{owner_kind="Job"} and on (pod) batch_jobs"#,
            "the family batch_jobs is not in docs/metrics.md",
        ),
        (
            r#"kube_pod_owner{owner="Job"}"#,
            "kube_pod_owner has no label owner",
        ),
        (
            "sum by (work_load) (up)",
            "the label work_load is not in docs/metrics.md",
        ),
        (
            "job_status:unknown",
            "the family job_status:unknown is not in docs/metrics.md",
        ),
        ("sum(up", ") is missing"),
    ] {
        let found = problems(query, &families, &records).join("; ");
        assert_eq!(found, expected, "{query}");
    }
    assert_eq!(
        queries("```promql\na\n```\nb\n```promql\nc\n  + d\n\ne\n```\n"),
        ["a", "c\n  + d", "e"]
    );
}
