//! The reference of all families, `docs/metrics.md`, written from the tables that `/metrics` is rendered from.
//!
//! Examples are rendered too, from a target made up for it, so they cannot differ from what users see.

use std::time::Duration;

use bytes::BytesMut;
use prometheus::proto::{LabelPair, Metric, MetricFamily};

use super::{
    Format, example,
    family::{Family, Kind, Row, Table, View},
    history, ksm,
    own::{self, Own},
};
use crate::{
    history::StatusSnapshot,
    model::{CronJob, Job},
    store::{ConfiguredJob, CronJobRecord, TargetSnapshot, WorkloadRecord},
};

const INTRODUCTION: &str = "\
<!-- Written by `UPDATE_GOLDEN=1 cargo test` from the tables in src/metrics. Changes belong there. -->

# Metrics

`/metrics` shows these families in the Prometheus text format or in OpenMetrics, whichever the scraper asks for.

- What the API leaves out is left out here: a value that is not known is never shown as 0. A family without any series is
  left out as a whole.
- Series about a target or its objects have the label `target`: the name of the target in the configuration. A single
  target without a name has no such label.
- All times are seconds since the epoch, all durations are seconds.
- Labels that the configuration takes from the objects (`labels`) are on `batch_job_info`, `batch_cronjob_info` and
  `batch_workload_info`; with `label_scope: all` on all series about a Job, a CronJob or a workload. What an object does
  not have is an empty value.
";

const JOBS: &str = "\
One Job object is one run. A Job that finished and was deleted keeps its series for a while (`retain_deleted`), so that
its end is seen even if it is deleted at once. `workload_type` and `workload` name what the run belongs to: the kind, in
lower case, and the name of the Job's controlling owner, or `job` and the Job's own name. The API leaves out active,
succeeded and failed pods when there are none, so these are 0 then; ready and terminating pods it gives, or does not know.";

const CONFIGURED: &str = "\
For the jobs that the configuration of a polled target names, whether or not they exist yet.";

const CRONJOBS: &str = "\
One `CronJob` object. Its runs are above, with `workload_type=\"cronjob\"` and its name as `workload`.";

const SCHEDULES: &str = "\
What follows from the schedule of a `CronJob`, reckoned as the CronJob controller of Kubernetes 1.36 does. The object tells
when it last started a run; a resume, another schedule and the end of a run that was in the way are taken note of when they
are seen. So after a restart of the exporter, what was due before may look missed until the next start, unless the
`CronJob` has a `startingDeadlineSeconds`.";

const WORKLOADS: &str = "\
A workload is what runs belong to: the controlling owner of their Jobs, else the Job itself (`workload_type=\"job\"`), or
all Jobs with the same value of the label that `workload_label` names (`workload_type=\"group\"`). Series about a workload
outlive its Jobs; once neither a Job nor a `CronJob` of it is left, they stay for a while (`retain_workloads`).

Counters and histograms begin at 0 when a workload is first seen, which OpenMetrics tells (`_created`). Runs that had ended
by then are not counted, but are looked at for what is last. Durations have the buckets of `metrics.run_duration_buckets`.";

const MIRRORED_JOBS: &str = "\
With `metrics.kube_state_metrics.enabled`, these families have the names, labels and values that kube-state-metrics 2.20
gives them, odd ones included; see [its guide](kube-state-metrics.md). They show the Jobs that exist, however the other
families are set. There are no mapped labels on them.";

const MIRRORED_CRONJOBS: &str = "\
The same for CronJobs.";

const TARGETS: &str = "\
How reading the targets goes. These series stay when a target fails: `/metrics` answers with status 200 then, too.";

const HISTORY: &str = "\
The file in which runs and totals survive the process ([history.md](history.md)); only where one is configured, and \
without the label `target`.";

const OWN: &str = "\
About the process, whatever its targets; without the label `target`.";

/// All families as a Markdown document.
#[must_use]
pub fn reference() -> String {
    let (example, mirrored) = (example::target(), ksm::example());
    [
        INTRODUCTION.to_owned(),
        table::<Job>("Jobs", JOBS, &example),
        table::<ConfiguredJob>("Configured jobs", CONFIGURED, &example),
        table::<CronJob>("CronJobs", CRONJOBS, &example),
        table::<CronJobRecord>("Schedules", SCHEDULES, &example),
        table::<WorkloadRecord>("Workloads", WORKLOADS, &example),
        table::<TargetSnapshot>("Targets", TARGETS, &example),
        history_table(),
        own_table(),
        table::<ksm::KsmJobs>("Jobs as in kube-state-metrics", MIRRORED_JOBS, &mirrored),
        table::<ksm::KsmCronJobs>(
            "CronJobs as in kube-state-metrics",
            MIRRORED_CRONJOBS,
            &mirrored,
        ),
    ]
    .concat()
}

/// The families about one kind of record.
fn table<T: Table>(title: &str, about: &str, example: &TargetSnapshot) -> String {
    let rows: String = T::ROWS
        .iter()
        .map(|row| table_row(row.name(), row.kind(), row.labels(), row.help()))
        .collect();
    let examples: String = T::ROWS
        .iter()
        .map(|row| {
            let mut page = BytesMut::new();
            for block in 0..row.blocks(example) {
                row.render(View::PLAIN, example, block, &mut page);
            }
            first_line(&page)
        })
        .collect();
    let identity: Vec<&str> = T::IDENTITY.iter().map(|(label, _)| *label).collect();
    let about = match quoted(&identity) {
        none if none.is_empty() => about.to_owned(),
        labels => format!("{about}\n\nLabels of all of them: {labels}."),
    };
    section(title, &about, &rows, &examples)
}

/// The families about the history.
fn history_table() -> String {
    let row =
        |row: &Row<StatusSnapshot>| table_row(row.name(), row.kind(), row.labels(), row.help());
    let example = |row| first_line(&history::lines(row, &example::history(), Format::Text));
    let rows: String = StatusSnapshot::ROWS.iter().map(row).collect();
    let examples: String = StatusSnapshot::ROWS.iter().map(example).collect();
    section("The history", HISTORY, &rows, &examples)
}

/// The families of the registry. What they show of a process and a build is made up where it varies.
fn own_table() -> String {
    let row = |family: &MetricFamily| {
        let metric = family.get_metric().first();
        let labels = metric.map(Metric::get_label).unwrap_or_default();
        let labels: Vec<&str> = labels.iter().map(LabelPair::name).collect();
        table_row(family.name(), own::kind(family), &labels, family.help())
    };
    let rows: String = Own::of_this_process().families().iter().map(row).collect();
    let own = Own::new("0.1.0", "1f0c9ab");
    own.observe(Duration::from_micros(700));
    let example = |family: &MetricFamily| {
        let mut page = BytesMut::new();
        own::samples(Format::Text, family, &mut page);
        first_line(&page)
    };
    let examples: String = own.families().iter().map(example).collect();
    section("The exporter itself", OWN, &rows, &examples)
}

fn section(title: &str, about: &str, rows: &str, examples: &str) -> String {
    format!(
        "\n## {title}\n\n{about}\n\n\
         | Family | Type | Further labels | Meaning |\n|---|---|---|---|\n{rows}\n\
         ```\n{examples}```\n"
    )
}

fn table_row(name: &str, kind: Kind, labels: &[&str], help: &str) -> String {
    let (kind, labels) = (kind.as_str(), quoted(labels));
    format!("| `{name}` | {kind} | {labels} | {help} |\n")
}

fn quoted(labels: &[&str]) -> String {
    let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
    labels.join(", ")
}

fn first_line(page: &BytesMut) -> String {
    let text = String::from_utf8_lossy(page);
    text.lines()
        .next()
        .map_or_else(String::new, |line| format!("{line}\n"))
}
