//! The reference of all families, `docs/metrics.md`, generated from the tables that `/metrics` is rendered from.
//!
//! The examples are rendered from an example snapshot, so they match the output of a scrape.

use bytes::BytesMut;

use crate::config::LabelScope;

use super::{
    example,
    families::{Condition, TABLES, TableEntry},
    format::Format,
    snapshot::ScrapeSnapshot,
    table::{Family, PlainBlocks, View},
};

const INTRODUCTION: &str = "\
<!-- Written by `UPDATE_GOLDEN=1 cargo test` from the tables in src/metrics/families. Make changes there. -->

# Metrics

`/metrics` shows these families in the Prometheus text format, in OpenMetrics or in protobuf, depending on the request.

- Values that the API omits are absent, never 0. A family without series is absent.
- Series about a target or its objects have the label `target`: the name of the target in the configuration. A single target
  without a name has no such label.
- Histograms that are also native are native histograms in protobuf if `metrics.native_histograms` says so; see
  [install.md](install.md#native-histograms). Their native buckets are those of schema 3: each is 9 % wider than the one before.
- All times are seconds since the epoch, all durations are seconds.
- The mapped labels (`labels` in the configuration) are on `batch_job_info`, `batch_cronjob_info` and `batch_workload_info`.
  With `label_scope: all`, they are on all series about a Job, a CronJob or a workload. A label that an object does not have
  is empty.
";

/// All families as a Markdown document. The families of kube-state-metrics come last.
#[must_use]
pub fn reference() -> String {
    let (ksm, own): (Vec<_>, Vec<_>) = TABLES
        .iter()
        .partition(|table| table.condition == Condition::KubeStateMetrics);
    let (own_example, ksm_example) = (example::snapshot(), example::ksm::snapshot());
    let own = own.into_iter().map(|table| chapter(table, &own_example));
    let ksm = ksm.into_iter().map(|table| chapter(table, &ksm_example));
    let chapters: String = own.chain(ksm).collect();
    format!("{INTRODUCTION}{chapters}")
}

/// The reference of one table.
fn chapter(table: &TableEntry, example: &ScrapeSnapshot) -> String {
    let families = table.families();
    let rows: String = families.iter().map(|family| table_row(*family)).collect();
    let examples: String = families
        .iter()
        .map(|family| first_line(*family, example))
        .collect();
    let (title, about) = (table.title, table.about);
    let labels = match quoted(&table.identity()) {
        none if none.is_empty() => none,
        labels => format!("\n\nLabels of all series: {labels}."),
    };
    format!(
        "\n## {title}\n\n{about}{labels}\n\n\
         | Family | Type | Further labels | Meaning |\n|---|---|---|---|\n{rows}\n\
         ```\n{examples}```\n"
    )
}

fn table_row(family: &dyn Family) -> String {
    let (name, kind, help) = (family.name(), family.kind().as_str(), family.help());
    let native = if family.has_native_form() {
        " Also native."
    } else {
        ""
    };
    let labels = quoted(family.labels());
    format!("| `{name}` | {kind} | {labels} | {help}{native} |\n")
}

fn quoted(labels: &[&str]) -> String {
    let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
    labels.join(", ")
}

/// The first sample of a family.
fn first_line(family: &dyn Family, example: &ScrapeSnapshot) -> String {
    let view = View {
        format: Format::Text,
        label_scope: LabelScope::default(),
    };
    let (mut buffer, mut plain) = (BytesMut::new(), PlainBlocks::default());
    let blocks = family.blocks(example, 0).unwrap_or(0);
    for block in 0..blocks {
        family.render(view, example, 0, block, &mut plain, &mut buffer);
    }
    let text = String::from_utf8_lossy(&buffer);
    text.lines()
        .next()
        .map_or_else(String::new, |line| format!("{line}\n"))
}
