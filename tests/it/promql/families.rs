//! The families and labels that expressions may use: those of `docs/metrics.md`, and those that Prometheus makes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{References, Selector};

/// Labels that Prometheus or its service discovery adds to every series.
const SCRAPE_LABELS: [&str; 8] = [
    "cluster",
    "container",
    "endpoint",
    "instance",
    "job",
    "node",
    "pod",
    "service",
];

/// Families that Prometheus makes, and labels that only they have.
const OF_PROMETHEUS: [(&str, &[&str]); 4] = [
    (
        "ALERTS",
        &[
            "alertname",
            "alertstate",
            "severity",
            "target",
            "namespace",
            "workload_type",
            "workload",
        ],
    ),
    ("scrape_duration_seconds", &[]),
    ("scrape_samples_scraped", &[]),
    ("up", &[]),
];

/// The labels of each name that an expression can use. A histogram has the names of its series.
pub(crate) struct Families(BTreeMap<String, BTreeSet<String>>);

impl Families {
    /// Reads the tables of `docs/metrics.md`.
    pub(crate) fn documented() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
        let families = Self::parse(&fs::read_to_string(path).unwrap());
        assert!(families.0.len() > 100, "{} families", families.0.len());
        families
    }

    fn parse(text: &str) -> Self {
        let mut families = BTreeMap::new();
        for (family, labels) in OF_PROMETHEUS {
            families.insert(family.to_owned(), owned(labels.iter().copied()));
        }
        for section in text.split("\n## ").skip(1) {
            let words = section.split_whitespace().collect::<Vec<_>>().join(" ");
            let mut shared = owned([]);
            if !words.contains("do not have the label `target`") {
                shared.insert("target".to_owned());
            }
            if words.contains("the label `shard`") {
                shared.insert("shard".to_owned());
            }
            if let Some(line) = section
                .lines()
                .find_map(|line| line.strip_prefix("Labels of all series: "))
            {
                shared.extend(quoted(line));
            }
            for row in section.lines().filter(|line| line.starts_with("| `")) {
                let cells: Vec<_> = row
                    .split(" | ")
                    .map(|cell| cell.trim_matches(['|', ' ', '`']))
                    .collect();
                let mut labels = shared.clone();
                labels.extend(quoted(row.split('|').nth(3).unwrap_or_default()));
                insert(&mut families, cells[0], cells[1], labels);
            }
        }
        Self(families)
    }

    /// What is wrong with an expression. `extra` are names that are known elsewhere, such as recording rules, and the labels that
    /// they make.
    pub(crate) fn problems(
        &self,
        references: &References,
        extra: &dyn Fn(&str) -> bool,
    ) -> Vec<String> {
        let selectors = references
            .selectors
            .iter()
            .filter(|selector| !extra(&selector.family));
        let mut problems: Vec<_> = selectors
            .flat_map(|selector| self.of_selector(selector))
            .collect();
        let known = |label: &str| {
            label == "le"
                || self.0.keys().any(|family| self.has_label(family, label))
                || extra(label)
        };
        let unknown = references.grouping.iter().filter(|label| !known(label));
        problems
            .extend(unknown.map(|label| format!("the label {label} is not in docs/metrics.md")));
        problems
    }

    fn of_selector(&self, selector: &Selector) -> Vec<String> {
        if !self.0.contains_key(&selector.family) {
            return vec![format!(
                "the family {} is not in docs/metrics.md",
                selector.family
            )];
        }
        let matchers = selector
            .matchers
            .iter()
            .map(|matcher| matcher.label.as_str());
        let unknown = matchers.filter(|label| !self.has_label(&selector.family, label));
        unknown
            .map(|label| format!("{} has no label {label}", selector.family))
            .collect()
    }

    pub(crate) fn has_label(&self, family: &str, label: &str) -> bool {
        SCRAPE_LABELS.contains(&label)
            || self
                .0
                .get(family)
                .is_some_and(|labels| labels.contains(label))
    }
}

fn insert(
    families: &mut BTreeMap<String, BTreeSet<String>>,
    name: &str,
    kind: &str,
    labels: BTreeSet<String>,
) {
    if kind != "histogram" {
        families.insert(name.to_owned(), labels);
        return;
    }
    let mut with_bound = labels.clone();
    with_bound.insert("le".to_owned());
    families.insert(format!("{name}_bucket"), with_bound);
    families.insert(format!("{name}_sum"), labels.clone());
    families.insert(format!("{name}_count"), labels);
}

fn owned<'a>(labels: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    labels.into_iter().map(str::to_owned).collect()
}

/// The words in backquotes.
fn quoted(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

#[test]
fn unknown_families_and_labels_are_problems() {
    let families = Families::documented();
    for (expression, problem) in [
        (
            r#"sum by (cluster, le, instance) (rate(batch_workload_run_duration_seconds_bucket{result="failed",le="1"}[5m]))"#,
            "",
        ),
        (
            r#"batch_job_state{target="a",job_name="b",state="failed"} and on (job) up{job="c"}"#,
            "",
        ),
        (
            r#"max by (cluster, target, shard) (job_status_exporter_target_up{shard="1"})"#,
            "",
        ),
        (
            r#"count by (job) (count_values by (job) ("number", last_over_time(job_status_exporter_shard[5m])))"#,
            "",
        ),
        ("job_status:known", ""),
        (
            "batch_job_stat",
            "the family batch_job_stat is not in docs/metrics.md",
        ),
        (
            "batch_workload_run_duration_seconds",
            "the family batch_workload_run_duration_seconds is not in docs/metrics.md",
        ),
        (
            "batch_workload_active_runs_total",
            "the family batch_workload_active_runs_total is not in docs/metrics.md",
        ),
        (
            "job_status:unknown",
            "the family job_status:unknown is not in docs/metrics.md",
        ),
        (
            r#"batch_job_failed{state="x"}"#,
            "batch_job_failed has no label state",
        ),
        (
            r#"batch_job_failed{shard="1"}"#,
            "batch_job_failed has no label shard",
        ),
        (
            r#"job_status_exporter_history_up{target="x"}"#,
            "job_status_exporter_history_up has no label target",
        ),
        (
            r#"batch_workload_start_delay_seconds_sum{le="1"}"#,
            "batch_workload_start_delay_seconds_sum has no label le",
        ),
        (
            "sum by (work_load) (up)",
            "the label work_load is not in docs/metrics.md",
        ),
    ] {
        let references = super::references(expression).unwrap();
        let found = families
            .problems(&references, &|name| name == "job_status:known")
            .join("; ");
        assert_eq!(found, problem, "{expression}");
    }
}
