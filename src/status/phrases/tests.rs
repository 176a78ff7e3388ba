//! Each phrase, at the borders of its units.

use super::*;
use crate::{
    model::{FailureReason, NotStarted},
    status::{Finding, OverallState, Reach, TargetHealth},
    store::ThresholdSource,
};

/// 2026-11-28 22:43:07 UTC.
const NOW: Seconds = 1_795_905_787;

#[test]
fn a_duration_has_two_units() {
    for (seconds, expected) in [
        (-5, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 m"),
        (242, "4 m 02 s"),
        (3599, "59 m 59 s"),
        (3600, "1 h"),
        (3659, "1 h"),
        (9_660, "2 h 41 m"),
        (86_399, "23 h 59 m"),
        (86_400, "1 d"),
        (9 * 86_400 + 3 * 3600 + 59, "9 d 3 h"),
        (Seconds::MAX, "106751991167300 d 15 h"),
    ] {
        assert_eq!(duration(seconds), expected);
    }
}

#[test]
fn a_relative_time_has_one_unit_and_a_direction() {
    for (distance, expected) in [
        (0, "now"),
        (-1, "1 s ago"),
        (-59, "59 s ago"),
        (-60, "1 min ago"),
        (-779, "12 min ago"),
        (-3600, "1 h ago"),
        (-86_399, "23 h ago"),
        (-86_400, "1 day ago"),
        (-2 * 86_400, "2 days ago"),
        (1, "in 1 s"),
        (120, "in 2 min"),
        (86_400, "in 1 day"),
    ] {
        assert_eq!(relative(NOW + distance, NOW), expected);
    }
    let extremes = [relative(Seconds::MIN, 0), relative(Seconds::MAX, -1)];
    assert!(extremes[0].ends_with(" days ago") && extremes[1].starts_with("in "));
}

#[test]
fn a_time_is_exact_and_in_utc() {
    assert_eq!(time(NOW), "2026-11-28 22:43:07 UTC");
    assert_eq!(time(Seconds::MAX), "9223372036854775807 s");
}

#[test]
fn a_due_time_is_in_its_zone_with_the_day_if_that_is_not_today() {
    let berlin = Zone::named("Europe/Berlin").unwrap();
    // In Berlin it is 23:43:07.
    for (distance, expected) in [
        (-60, "23:42 Europe/Berlin"),
        (1020, "tomorrow 00:00 Europe/Berlin"),
        (-86_400, "yesterday 23:43 Europe/Berlin"),
        (6 * 86_400, "Fri 4 Dec 23:43 Europe/Berlin"),
        (40 * 86_400, "7 Jan 2027 23:43 Europe/Berlin"),
        (-200 * 86_400, "Wed 13 May 00:43 Europe/Berlin"),
    ] {
        assert_eq!(due(NOW - 7 + distance, NOW, &berlin), expected);
    }
    assert_eq!(due(NOW, NOW, &Zone::UTC), "22:43:07 UTC");
    assert_eq!(
        due(Seconds::MAX, NOW, &Zone::UTC),
        "9223372036854775807 s UTC"
    );
}

#[test]
fn brief_findings_leave_out_what_a_row_has_beside_them() {
    let brief = |finding: Finding| brief(&finding, NOW, &Zone::UTC);
    let failed = |since| Finding::RunFailed {
        cause: None,
        failures: 4,
        tolerated: 0,
        reason: FailureReason::DeadlineExceeded,
        since,
    };
    assert_eq!(brief(failed(Some(NOW - 720))), "for 12 min");
    assert_eq!(brief(failed(None)), "");
    let not_succeeding = Finding::NotSucceeding {
        runs: 7,
        tolerated: 2,
        last_success: None,
        since: None,
    };
    assert_eq!(brief(not_succeeding), "7 runs without success");
    let overdue = |reason| Finding::Overdue {
        runs: 1,
        since: Some(NOW - 7),
        reason,
    };
    assert_eq!(
        brief(overdue(Some(NotStarted::Unexplained))),
        "no run for 22:43 UTC"
    );
    assert_eq!(
        brief(overdue(Some(NotStarted::DeadlinePassed))),
        "no run for 22:43 UTC: startingDeadlineSeconds has passed"
    );
    assert_eq!(brief(Finding::InvalidSchedule), "nothing will start");
    let suspended = Finding::Suspended {
        since: NOW - 9 * 86_400,
        forgotten: true,
    };
    assert_eq!(brief(suspended), "for 9 days");
    let too_long = Finding::TooLong {
        start: NOW - 9_660,
        active_for: 9_660,
        max_duration: 7_200,
    };
    assert_eq!(brief(too_long), "a run takes 2 h 41 m, limit 2 h");
}

#[test]
fn findings_are_sentences_with_the_numbers() {
    let failed = |failures, tolerated| Finding::RunFailed {
        cause: None,
        failures,
        tolerated,
        reason: FailureReason::DeadlineExceeded,
        since: None,
    };
    let overdue = |runs, since, reason| Finding::Overdue {
        runs,
        since,
        reason,
    };
    let not_succeeding = |last_success| Finding::NotSucceeding {
        runs: 7,
        tolerated: 2,
        last_success,
        since: None,
    };
    let due = NOW - 7 - 103 * 60;
    for (finding, expected) in [
        (
            failed(4, 0),
            "4 runs in a row failed, 0 are tolerated: activeDeadlineSeconds has passed",
        ),
        (
            failed(1, 0),
            "the last run failed, 0 are tolerated: activeDeadlineSeconds has passed",
        ),
        (
            not_succeeding(None),
            "7 runs in a row failed, were deleted or never started: no success is known",
        ),
        (
            not_succeeding(Some(NOW - 4 * 86_400)),
            "7 runs in a row failed, were deleted or never started: the last success was 4 days ago",
        ),
        (
            overdue(1, Some(due), Some(NotStarted::Unexplained)),
            "no run for 21:00 UTC: no reason is known",
        ),
        (
            overdue(3, Some(due), None),
            "no run for 3 due times since 21:00 UTC",
        ),
        (
            Finding::TooLong {
                start: NOW - 9660,
                active_for: 9660,
                max_duration: 7200,
            },
            "a run takes 2 h 41 m, limit 2 h",
        ),
        (
            Finding::Pending {
                waiting: None,
                job_name: "etl\"<b>".into(),
                start: NOW - 960,
                pending_for: 960,
            },
            "Job etl\"<b> has had no ready pod for 16 m",
        ),
        (
            Finding::StuckEnding {
                job_name: "etl-1".into(),
                since: NOW - 1860,
                ending_for: 1860,
            },
            "the result of Job etl-1 is decided, but its pods have not terminated for 31 m",
        ),
        (
            Finding::NoRecentSuccess {
                deadline: NOW - 90,
                late: 90,
            },
            "the next success is 1 m 30 s late",
        ),
        (
            Finding::Suspended {
                since: NOW - 9 * 86_400,
                forgotten: true,
            },
            "suspended for 9 days, maybe forgotten",
        ),
        (
            Finding::Suspended {
                since: NOW - 1,
                forgotten: false,
            },
            "suspended",
        ),
        (
            Finding::InvalidAnnotations {
                names: vec!["max-duration", "unknown"],
            },
            "invalid annotations are ignored: max-duration, unknown",
        ),
    ] {
        assert_eq!(super::finding(&finding, NOW, &Zone::UTC), expected);
    }
}

#[test]
fn a_target_that_is_down_says_how_old_its_facts_are() {
    let target = |reach, age, synced| TargetHealth {
        name: None,
        shard: None,
        reach,
        synced,
        feeds: 5,
        failing_feeds: 2,
        last_success: None,
        as_of: None,
        age,
        workloads: 0,
        missing_jobs: 0,
    };
    for (target, expected) in [
        (target(Reach::Up, Some(0), true), "up"),
        (target(Reach::Up, None, false), "not read completely yet"),
        (target(Reach::Partly, Some(0), true), "2 of 5 feeds fail"),
        (
            target(Reach::Down, Some(779), true),
            "down, facts are 12 min old",
        ),
        (
            target(Reach::Down, None, false),
            "down, nothing was read yet",
        ),
    ] {
        assert_eq!(health(&target), expected);
    }
}

#[test]
fn states_have_different_names_and_sources_name_the_override() {
    let names = OverallState::ALL.iter().map(|it| state(*it));
    let names: std::collections::BTreeSet<_> = names.collect();
    assert_eq!(names.len(), OverallState::COUNT);
    assert_eq!(source(ThresholdSource::Override(2)), "overrides[2]");
}
