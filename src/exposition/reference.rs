//! The reference of all families, `docs/metrics.md`, written from the tables that `/metrics` is rendered from.
//!
//! Examples are rendered too, from a small store made up here, so they cannot differ from what users see.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use jiff::Timestamp;

use super::{
    family::{Family, Record},
    own::{self, Own},
};
use crate::{
    model::{
        Activity, Change, Code, CompletionMode, ConcurrencyPolicy, CronJob, FailureReason, FeedId,
        FeedScope, Job, JobState, PodCounts, Sink, Uid, Update, Verb, Workload,
    },
    store::{ConfiguredJob, Retention, Slice, SliceSnapshot},
};

const INTRODUCTION: &str = "\
<!-- Written by `UPDATE_GOLDEN=1 cargo test` from the tables in src/exposition. Changes belong there. -->

# Metrics

`/metrics` shows these families in the Prometheus text format or in OpenMetrics, whichever the scraper asks for.

- What the API leaves out is left out here: no series ever has a 0 for something unknown. A family without any series is
  left out as a whole.
- Every series about a target or its objects has the label `target`, the target's name in the configuration. The single
  target of a configuration without names has none, and its series have no such label.
- All times are seconds since the epoch, all durations are seconds.
";

const JOBS: &str = "\
One Job object is one run. A Job that finished and was deleted keeps its series for a while (`retain_deleted`), so that
its end is seen even if it is deleted at once. `workload_type` and `workload` name what the run belongs to: the kind, in lower
case, and the name of the Job's controlling owner, or `job` and the Job's own name.";

const CONFIGURED: &str = "\
For the jobs that the configuration of a polled target names, whether or not they exist yet.";

const TARGETS: &str = "\
How reading the targets goes. These series stay when a target fails: `/metrics` answers with status 200 then, too.";

/// All families as a Markdown document.
#[must_use]
pub fn reference() -> String {
    let example = example();
    let mut text = INTRODUCTION.to_owned();
    section::<Job>("Jobs", JOBS, &example, &mut text);
    section::<ConfiguredJob>("Configured jobs", CONFIGURED, &example, &mut text);
    section::<CronJob>("CronJobs", "", &example, &mut text);
    section::<SliceSnapshot>("Targets", TARGETS, &example, &mut text);
    own_section(&mut text);
    text
}

fn section<R: Record>(title: &str, about: &str, example: &SliceSnapshot, text: &mut String) {
    open_section(title, about, text);
    let identity: Vec<String> = R::IDENTITY
        .iter()
        .map(|(label, _)| format!("`{label}`"))
        .collect();
    if !identity.is_empty() {
        *text += &format!("\nLabels of all of them: {}.\n", identity.join(", "));
    }
    *text += TABLE;
    let mut examples = String::new();
    for row in R::ROWS {
        let (name, kind, help) = (row.name(), row.kind().as_str(), row.help());
        *text += &table_row(name, kind, row.labels(), help);
        let mut page = BytesMut::new();
        for block in 0..row.blocks(example) {
            row.render(example, block, &mut page);
        }
        examples += &first_line(&page);
    }
    *text += &format!("\n```\n{examples}```\n");
}

fn own_section(text: &mut String) {
    open_section("The exporter itself", "", text);
    *text += TABLE;
    for family in Own::of_this_process().families() {
        let labels = family.get_metric().first().map(|metric| metric.get_label());
        let labels = labels.unwrap_or_default().iter();
        let labels: Vec<&str> = labels.map(|label| label.name()).collect();
        let kind = own::kind(&family).as_str();
        *text += &table_row(family.name(), kind, &labels, family.help());
    }
    let own = Own::new("0.1.0", "1f0c9ab");
    own.observe(Duration::from_micros(700));
    let mut examples = String::new();
    for family in own.families() {
        let mut page = BytesMut::new();
        own::samples(&family, &mut page);
        examples += &first_line(&page);
    }
    *text += &format!("\n```\n{examples}```\n");
}

const TABLE: &str = "\n| Family | Type | Further labels | Meaning |\n|---|---|---|---|\n";

fn open_section(title: &str, about: &str, text: &mut String) {
    *text += &format!("\n## {title}\n");
    if !about.is_empty() {
        *text += &format!("\n{about}\n");
    }
}

fn table_row(name: &str, kind: &str, labels: &[&str], help: &str) -> String {
    let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "))
}

fn first_line(page: &BytesMut) -> String {
    let text = String::from_utf8_lossy(page);
    text.lines()
        .next()
        .map_or_else(String::new, |line| format!("{line}\n"))
}

/// A target of which every family has something to show.
pub(super) fn example() -> SliceSnapshot {
    let configured = FeedScope::Job {
        namespace: "reports".into(),
        name: "nightly-report".into(),
    };
    let feeds = vec![FeedScope::Jobs, FeedScope::CronJobs, configured];
    let retention = Retention {
        deleted: Duration::from_secs(120),
        stale_after: Duration::from_secs(600),
    };
    let slice = Arc::new(Slice::new(None, feeds, retention));
    let jobs = vec![failed_job(), suspended_job()];
    slice.push(FeedId(0), Update::Jobs(Change::Replaced(jobs)));
    let cronjobs = vec![cronjob()];
    slice.push(FeedId(1), Update::CronJobs(Change::Replaced(cronjobs)));
    slice.push(FeedId(2), Update::JobAbsent);
    slice.count(Activity::Request {
        verb: Verb::List,
        code: Code::Ok,
        duration: Duration::from_millis(20),
    });
    let mut snapshot = slice.snapshot();
    snapshot.status.last_success = Timestamp::from_second(1_795_445_740).ok();
    snapshot
}

/// An Indexed run of a `CronJob` that failed.
pub(super) fn failed_job() -> Job {
    Job {
        namespace: "reports".into(),
        name: "nightly-report-29924095".into(),
        uid: Uid::parse("4ba7b5e6-d01a-4327-95ea-e845886801bc"),
        workload: Workload {
            kind: "cronjob".into(),
            name: "nightly-report".into(),
        },
        managed_by: None,
        state: JobState::Failed,
        failure: Some(FailureReason::FailedIndexes),
        completion_mode: Some(CompletionMode::Indexed),
        pods: PodCounts {
            active: 0,
            succeeded: 4,
            failed: 2,
            ready: Some(0),
            terminating: Some(0),
        },
        created: Some(1_795_445_699),
        start: Some(1_795_445_700),
        end: Some(1_795_445_736),
        suspended: None,
        active_deadline: Some(3600),
        parallelism: Some(3),
        completions: Some(5),
        backoff_limit: Some(6),
        completed_indexes: Some(4),
        failed_indexes: Some(1),
    }
}

/// A Job of its own that nobody has let run yet.
pub(super) fn suspended_job() -> Job {
    Job {
        namespace: "etl".into(),
        name: "import".into(),
        uid: Uid::parse("0c8aa9b5-5d5e-4b22-8a83-5f3cbb0a1ad4"),
        workload: Workload {
            kind: "job".into(),
            name: "import".into(),
        },
        managed_by: None,
        state: JobState::Suspended,
        failure: None,
        completion_mode: None,
        pods: PodCounts::default(),
        created: None,
        start: None,
        end: None,
        suspended: Some(1_795_445_640),
        active_deadline: None,
        parallelism: None,
        completions: None,
        backoff_limit: None,
        completed_indexes: None,
        failed_indexes: None,
    }
}

/// A `CronJob` with everything set.
pub(super) fn cronjob() -> CronJob {
    CronJob {
        namespace: "reports".into(),
        name: "nightly-report".into(),
        uid: Uid::parse("9d3b5a52-52d8-4b0c-8f2d-6a1f6e0a7c11"),
        schedule: "15 2 * * *".into(),
        time_zone: Some("Europe/Berlin".into()),
        concurrency_policy: Some(ConcurrencyPolicy::Forbid),
        suspended: false,
        created: Some(1_795_000_000),
        last_schedule: Some(1_795_445_700),
        last_success: Some(1_795_359_342),
        active_jobs: 2,
        starting_deadline: Some(600),
        successful_history_limit: Some(3),
        failed_history_limit: Some(1),
    }
}
