//! Findings and the health of targets as sentences without a full stop.

use kube_cron::Zone;

use super::{cause, counted, due, duration, not_started, reason, rough, waiting};
use crate::{
    model::{NotStarted, Seconds},
    status::{Finding, KnownCause, Reach, TargetHealth},
};

/// A finding as of `now`, with times in `zone`: `4 runs in a row failed, 0 are tolerated: activeDeadlineSeconds has passed`.
#[must_use]
pub fn finding(finding: &Finding, now: Seconds, zone: &Zone) -> String {
    match finding {
        Finding::RunFailed { .. }
        | Finding::FailureTolerated { .. }
        | Finding::NotSucceeding { .. }
        | Finding::NoRecentSuccess { .. } => about_results(finding, now),
        Finding::TooLong { .. }
        | Finding::Pending { .. }
        | Finding::StuckEnding { .. }
        | Finding::PilingUp { .. }
        | Finding::SlowerThanUsual { .. } => about_active_runs(finding),
        Finding::Overdue {
            runs,
            since,
            reason: why,
        } => overdue(*runs, since.map(|at| due(at, now, zone)), *why),
        Finding::InvalidSchedule => {
            "the schedule or its time zone is invalid, so the controller starts no runs".to_owned()
        }
        Finding::Blocked { since, blocked_for } => format!(
            "an active run has held up the run of {} for {}, because the policy is Forbid",
            due(*since, now, zone),
            duration(*blocked_for)
        ),
        Finding::RunsMissed { since, .. } => {
            let within = rough(now.saturating_sub(*since));
            format!("3 due times or more got no run in time within {within}")
        }
        Finding::Suspended { since, forgotten } => {
            suspended(now.saturating_sub(*since), *forgotten)
        }
        Finding::InvalidAnnotations { names } => {
            format!("invalid annotations are ignored: {}", names.join(", "))
        }
    }
}

/// The same in a few words, for a row that has the last result and the failures in a row beside it.
#[must_use]
pub fn brief(finding: &Finding, now: Seconds, zone: &Zone) -> String {
    match finding {
        Finding::RunFailed { since, .. } | Finding::FailureTolerated { since, .. } => since
            .map_or_else(String::new, |since| {
                format!("for {}", rough(now.saturating_sub(since)))
            }),
        Finding::NotSucceeding { runs, .. } => {
            format!("{} without success", counted(*runs, "run"))
        }
        Finding::InvalidSchedule => "nothing will start".to_owned(),
        Finding::Overdue {
            runs,
            since,
            reason,
        } => {
            let reason = reason.filter(|it| *it != NotStarted::Unexplained);
            overdue(*runs, since.map(|at| due(at, now, zone)), reason)
        }
        Finding::Blocked { blocked_for, .. } => {
            format!("the next run is held up for {}", rough(*blocked_for))
        }
        Finding::Suspended { since, .. } => suspension(now.saturating_sub(*since)),
        other => self::finding(other, now, zone),
    }
}

/// Findings about runs that are over; empty for others.
fn about_results(finding: &Finding, now: Seconds) -> String {
    match finding {
        Finding::RunFailed {
            failures,
            tolerated,
            reason: why,
            cause: known,
            ..
        }
        | Finding::FailureTolerated {
            failures,
            tolerated,
            reason: why,
            cause: known,
            ..
        } => {
            let failure = failure(*failures, *tolerated, reason(*why));
            match known {
                Some(KnownCause {
                    cause: of_pods,
                    exit_code,
                }) => {
                    format!("{failure} ({})", cause(*of_pods, *exit_code))
                }
                None => failure,
            }
        }
        Finding::NotSucceeding {
            runs, last_success, ..
        } => {
            let last = last_success.map_or_else(
                || "no success is known".to_owned(),
                |at| format!("the last success was {} ago", rough(now.saturating_sub(at))),
            );
            let runs = counted(*runs, "run");
            format!("{runs} in a row failed, were deleted or never started: {last}")
        }
        Finding::NoRecentSuccess { late, .. } => {
            format!("the next success is {} late", duration(*late))
        }
        _ => String::new(),
    }
}

/// Findings about active runs; empty for others.
fn about_active_runs(finding: &Finding) -> String {
    match finding {
        Finding::TooLong {
            active_for,
            max_duration,
            ..
        } => {
            let (active, limit) = (duration(*active_for), duration(*max_duration));
            format!("a run takes {active}, limit {limit}")
        }
        Finding::Pending {
            job_name,
            pending_for,
            waiting,
            ..
        } => {
            let pending = duration(*pending_for);
            let why =
                waiting.map_or_else(String::new, |reason| format!(": {}", self::waiting(reason)));
            format!("Job {job_name} has had no ready pod for {pending}{why}")
        }
        Finding::StuckEnding {
            job_name,
            ending_for,
            ..
        } => {
            let ending = duration(*ending_for);
            format!(
                "the result of Job {job_name} is decided, but its pods have not terminated for {ending}"
            )
        }
        Finding::PilingUp { runs, .. } => format!("{runs} runs are active at once"),
        Finding::SlowerThanUsual {
            active_for,
            longest,
            ..
        } => {
            let (active, longest) = (duration(*active_for), duration(*longest));
            format!("a run takes {active}, the longest of the last ones took {longest}")
        }
        _ => String::new(),
    }
}

fn failure(failures: u64, tolerated: u64, reason: &str) -> String {
    let verb = if tolerated == 1 { "is" } else { "are" };
    match failures {
        0 | 1 => format!("the last run failed, {tolerated} {verb} tolerated: {reason}"),
        _ => format!("{failures} runs in a row failed, {tolerated} {verb} tolerated: {reason}"),
    }
}

fn overdue(runs: u64, first: Option<String>, reason: Option<NotStarted>) -> String {
    let first = first.unwrap_or_else(|| "the last due time".to_owned());
    let runs = match runs {
        1 => format!("no run for {first}"),
        _ => format!("no run for {runs} due times since {first}"),
    };
    match reason {
        Some(reason) => format!("{runs}: {}", not_started(reason)),
        None => runs,
    }
}

fn suspended(for_seconds: Seconds, forgotten: bool) -> String {
    let hint = if forgotten { ", maybe forgotten" } else { "" };
    format!("suspended {}{hint}", suspension(for_seconds))
        .trim_end()
        .to_owned()
}

/// Empty if it was seen just now: it may have been suspended for long before that.
fn suspension(for_seconds: Seconds) -> String {
    if for_seconds < 60 {
        return String::new();
    }
    format!("for {}", rough(for_seconds))
}

/// How a target is: `up`, `2 of 5 feeds fail`, or how old its facts are.
#[must_use]
pub fn health(target: &TargetHealth) -> String {
    let age = |what: &str| match target.age {
        Some(age) => format!("{what}, facts are {} old", rough(age)),
        None => format!("{what}, nothing was read yet"),
    };
    let TargetHealth {
        feeds,
        failing_feeds,
        ..
    } = target;
    match target.reach {
        Reach::Down => age("down"),
        Reach::Partly => format!("{failing_feeds} of {feeds} feeds fail"),
        Reach::Up if !target.synced => "not read completely yet".to_owned(),
        Reach::Up => "up".to_owned(),
    }
}
