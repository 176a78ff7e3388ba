//! `/workloads/{target}/{namespace}/{type}/{name}`: all that is known about one workload.

use askama::Template;

use super::{
    Site,
    frame::{Frame, Section, target_name},
    links,
    look::Look,
    moment::Moment,
    promql::{self, Question},
    timeline::{self, Timeline},
};
use crate::{
    model::{FailureReason, LastRun, Name, Seconds},
    status::{
        Finding, RunState, TargetHealth, WorkloadDetail, WorkloadRun, WorkloadStatus, phrases,
    },
    store::Threshold,
};

/// Rows of the table of runs that are open at first.
const OPEN_RUNS: usize = 20;

/// The page.
#[derive(Template)]
#[template(path = "workload.html")]
pub(super) struct WorkloadPage {
    frame: Frame,
    detail: WorkloadDetail,
    target: String,
    look: Look,
    state: &'static str,
    notices: Vec<Notice>,
    /// Where to look first.
    command: Option<String>,
    /// Text, and whether it is an address.
    runbook: Option<(Name, bool)>,
    facts: Vec<Fact>,
    limits: Vec<Limit>,
    /// The first runs, and the others.
    runs: Vec<RunRow>,
    more_runs: Vec<RunRow>,
    has_schedule: bool,
    upcoming: Vec<(String, Moment)>,
    questions: Vec<Question>,
    charted: usize,
}

/// A finding in words.
struct Notice {
    look: Look,
    text: String,
    alert: Option<&'static str>,
    since: Option<Moment>,
}

/// A name and its value, with something to add.
struct Fact {
    name: &'static str,
    value: String,
    code: bool,
    more: Option<String>,
    moment: Option<Moment>,
}

/// A threshold.
struct Limit {
    name: &'static str,
    value: String,
    source: String,
}

/// A run.
struct RunRow {
    look: Look,
    state: &'static str,
    due: Option<(String, Moment)>,
    start: Option<Moment>,
    /// How long after its due time it started.
    delay: Option<String>,
    end: Option<Moment>,
    duration: Option<String>,
    reason: Option<&'static str>,
    /// What its pods say.
    cause: Option<String>,
    job_name: Option<Name>,
    exists: bool,
    manual: bool,
}

impl WorkloadPage {
    pub(super) fn new(
        path: &str,
        detail: WorkloadDetail,
        health: &[TargetHealth],
        site: &Site,
    ) -> Self {
        let status = &detail.status;
        let now = detail.now;
        let title = format!("{}/{}", status.id.namespace, status.id.name);
        let zone = status.zone();
        let runs = detail.runs.iter().map(|run| RunRow::new(run, status, now));
        let mut runs: Vec<_> = runs.collect();
        let more_runs = runs.split_off(runs.len().min(OPEN_RUNS));
        let upcoming = detail.upcoming.iter();
        Self {
            frame: Frame::new(path, Section::Workloads, title, health, now, site),
            target: target_name(status.target.as_deref()).to_owned(),
            look: status.state.into(),
            state: phrases::state(status.state),
            notices: notices(status, now),
            command: command(&detail),
            runbook: status.runbook.clone().map(|text| {
                let is_address = links::web_address(&text).is_some();
                (text, is_address)
            }),
            facts: facts(&detail),
            limits: limits(status),
            has_schedule: status.schedule.is_some(),
            upcoming: upcoming
                .map(|at| (phrases::due(*at, now, &zone), Moment::relative(*at, now)))
                .collect(),
            questions: promql::questions(status),
            charted: detail.runs.len().min(timeline::MAX_RUNS),
            runs,
            more_runs,
            detail,
        }
    }

    fn timeline(&self) -> Timeline<'_> {
        Timeline {
            runs: &self.detail.runs,
            limit: self.detail.status.thresholds.max_duration,
        }
    }
}

fn notices(status: &WorkloadStatus, now: Seconds) -> Vec<Notice> {
    let as_of = status.as_of.unwrap_or(now);
    let zone = status.zone();
    let notice = |finding: &Finding| Notice {
        look: finding.level().into(),
        text: phrases::finding(finding, as_of, &zone),
        alert: finding.alert(),
        since: finding.since().map(|at| Moment::relative(at, now)),
    };
    status.findings.iter().map(notice).collect()
}

/// The command that shows more about the Job that matters most: the one at work if something is wrong with it, else the last one
/// that failed. `None` if all is well.
fn command(detail: &WorkloadDetail) -> Option<String> {
    let status = &detail.status;
    if !status.state.is_problem() {
        return None;
    }
    let namespace = shell_word(&status.id.namespace);
    let job = |states: &[RunState]| {
        let runs = detail.runs.iter();
        let mut runs = runs.filter(|run| run.exists && states.contains(&run.state));
        runs.find_map(|run| run.job_name.as_deref())
    };
    let failed = job(&[RunState::Failed]);
    let active = job(&[RunState::Running, RunState::Pending, RunState::Ending]);
    let has_failed = status.last.as_ref().is_some_and(|last| !last.succeeded);
    let found = if has_failed {
        failed.or(active)
    } else {
        active.or(failed)
    };
    if let Some(job) = found {
        let job = shell_word(job);
        return Some(format!("kubectl -n {namespace} describe job {job}"));
    }
    let cronjob = status
        .schedule
        .is_some()
        .then(|| shell_word(&status.id.name))?;
    Some(format!("kubectl -n {namespace} describe cronjob {cronjob}"))
}

/// A name as one word of a shell. Names of the API need no quotes; others must do no harm when they are pasted.
fn shell_word(text: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-._".contains(it);
    if text.chars().all(is_plain) && !text.is_empty() {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn facts(detail: &WorkloadDetail) -> Vec<Fact> {
    let status = &detail.status;
    let now = detail.now;
    let mut facts = schedule_facts(detail);
    let mut add =
        |name, value: String, more: Option<String>| facts.push(Fact::new(name, value, more));
    let tolerated = status.thresholds.max_failures;
    add(
        "Failures in a row",
        status.consecutive_failures.to_string(),
        Some(format!("tolerates {tolerated}")),
    );
    if let Some(median) = detail.median_duration {
        let p95 = detail
            .p95_duration
            .map(|it| format!("95 % within {}", phrases::duration(it)));
        add("Usual duration", phrases::duration(median), p95);
    } else if let Some(duration) = status.last.as_ref().and_then(LastRun::duration) {
        add("Last duration", phrases::duration(duration), None);
    }
    let (succeeded, failed, deleted) = status.runs;
    let mut counts = vec![format!("{succeeded} succeeded"), format!("{failed} failed")];
    if deleted > 0 {
        counts.push(format!("{deleted} deleted"));
    }
    if let Some(missed) = status
        .schedule
        .as_ref()
        .map(|it| it.missed)
        .filter(|it| *it > 0)
    {
        counts.push(format!("{missed} missed"));
    }
    add("Counted runs", counts.join(", "), None);
    if let Some(severity) = &status.severity {
        add("Severity of its alerts", severity.to_string(), None);
    }
    for (name, at) in [
        ("Last success", status.last_success),
        ("Last failure", status.last_failure),
        ("Success deadline", status.success_deadline),
        ("Created", status.created),
    ] {
        if let Some(at) = at {
            facts.push(Fact {
                moment: Some(Moment::relative(at, now)),
                ..Fact::new(name, String::new(), None)
            });
        }
    }
    facts
}

fn schedule_facts(detail: &WorkloadDetail) -> Vec<Fact> {
    let Some(schedule) = &detail.status.schedule else {
        return Vec::new();
    };
    let words = match (&detail.schedule_in_words, schedule.valid) {
        (Some(words), _) => Some(words.clone()),
        (None, Some(false)) => Some("invalid".to_owned()),
        (None, _) => None,
    };
    let mut facts = vec![Fact {
        code: true,
        ..Fact::new("Schedule", schedule.written.to_string(), words)
    }];
    let zone = schedule.zone.as_ref().map(|zone| zone.name().to_owned());
    let source = match &schedule.time_zone {
        Some(_) => None,
        None => Some("that of the controller, or of the schedule".to_owned()),
    };
    let written = schedule.time_zone.as_ref().map(ToString::to_string);
    if let Some(zone) = zone.or(written) {
        facts.push(Fact::new("Time zone", zone, source));
    }
    if let Some((at, zone)) = schedule.next.zip(schedule.zone.as_ref()) {
        facts.push(Fact {
            moment: Some(Moment::relative(at, detail.now)),
            ..Fact::new("Next due", phrases::due(at, detail.now, zone), None)
        });
    }
    if let Some(policy) = schedule.policy {
        let deadline = schedule.starting_deadline;
        let more = deadline.map(|it| format!("starts within {}", phrases::duration(it)));
        facts.push(Fact::new(
            "Concurrency policy",
            policy.as_str().to_owned(),
            more,
        ));
    }
    facts
}

fn limits(status: &WorkloadStatus) -> Vec<Limit> {
    let limit = |limit: &crate::status::LimitStatus| Limit {
        name: phrases::threshold(limit.threshold),
        value: match (limit.value, limit.threshold) {
            (None, _) => "no limit".to_owned(),
            (Some(value), Threshold::MaxFailures) => value.to_string(),
            (Some(value), _) => phrases::duration(value),
        },
        source: phrases::source(limit.source),
    };
    status.limits.iter().map(limit).collect()
}

// === impl Fact ===

impl Fact {
    fn new(name: &'static str, value: String, more: Option<String>) -> Self {
        Self {
            name,
            value,
            code: false,
            more,
            moment: None,
        }
    }
}

// === impl RunRow ===

impl RunRow {
    fn new(run: &WorkloadRun, status: &WorkloadStatus, now: Seconds) -> Self {
        let zone = status.zone();
        let delay = run.start.zip(run.due).map(|(start, due)| start - due);
        let cause = run.cause.map(|cause| phrases::cause(cause, run.exit_code));
        let waiting = run
            .waiting
            .map(|reason| phrases::waiting(reason).to_owned());
        Self {
            look: run.state.into(),
            state: phrases::run_state(run.state),
            due: run
                .due
                .map(|at| (phrases::due(at, now, &zone), Moment::relative(at, now))),
            start: run.start.map(|at| Moment::relative(at, now)),
            delay: delay
                .filter(|it| *it >= 0)
                .map(|it| format!("+{}", phrases::duration(it))),
            end: run.end.map(|at| Moment::relative(at, now)),
            duration: run.duration.map(phrases::duration),
            reason: run
                .reason
                .map(FailureReason::as_str)
                .or_else(|| run.not_started.map(phrases::not_started)),
            cause: waiting.or(cause),
            job_name: run.job_name.clone(),
            exists: run.exists,
            manual: run.manual,
        }
    }
}
