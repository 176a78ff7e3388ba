//! What the table shows, whatever an API has, and the exit code.

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::{
    model::{
        Change, FailureReason, FeedError, FeedHandle, FeedScope, Job, JobState, NoopJournal,
        RestoredState, Sink as _, Uid, Update, WorkloadRef,
    },
    store::{StoreSettings, TargetStore},
};

/// When the Jobs ended.
const END: i64 = 1_795_392_060;

/// Two minutes later.
fn clock() -> Timestamp {
    Timestamp::from_second(END + 120).unwrap()
}

/// A target that is read, with these Jobs.
fn target(name: Option<&str>, jobs: Vec<Job>) -> (Arc<TargetStore>, FeedHandle) {
    let settings = StoreSettings {
        clock,
        ..StoreSettings::default()
    };
    let store = TargetStore::restored(
        name.map(Into::into),
        Arc::new(settings),
        RestoredState::default(),
        Arc::new(NoopJournal),
    );
    let store = Arc::new(store);
    let feed = store.clone().register(FeedScope::Jobs(None));
    feed.push(Update::Jobs(Change::Replaced(jobs)));
    (store, feed)
}

fn job(name: &str, state: JobState) -> Job {
    let workload = WorkloadRef {
        kind: "job".into(),
        name: name.into(),
    };
    let failed = state == JobState::Failed;
    Job {
        state,
        start: Some(END - 60).into(),
        state_since: Some(END).into(),
        failure: failed.then_some(FailureReason::DeadlineExceeded),
        ..Job::new("etl".into(), name.into(), Uid::parse(name), workload)
    }
}

fn report(stores: &[&TargetStore], flags: &StatusFlags) -> StatusReport {
    let read = stores.iter().map(|store| ReadTarget {
        target: store.complete_snapshot(),
        complete: store.is_read(),
    });
    StatusReport::new(read.collect(), flags)
}

fn flags() -> StatusFlags {
    StatusFlags {
        config_file: None,
        kubeconfig: None,
        context: None,
        target: None,
        namespace: None,
        workload: None,
        output: OutputFormat::Table,
        wait: None,
        timeout: None,
    }
}

fn table(stores: &[&TargetStore], style: table::Style) -> String {
    table::render(&report(stores, &flags()), style)
}

#[test]
fn the_exit_code_says_what_is_worst() {
    let (fine, _) = target(None, vec![job("a", JobState::Complete)]);
    let (failing, feed) = target(None, vec![job("a", JobState::Failed)]);
    let code = |store| report(&[store], &flags()).code();
    assert_eq!(code(&fine), 0);
    assert_eq!(code(&failing), PROBLEM);
    let (unread, _) = target(Some("b"), Vec::new());
    let cronjobs = unread.clone().register(FeedScope::CronJobs(None));
    assert_eq!(report(&[&failing, &unread], &flags()).code(), UNREADABLE);
    cronjobs.push(Update::CronJobs(Change::Replaced(Vec::new())));
    assert_eq!(code(&unread), UNREADABLE, "schedules are not judged yet");
    // A list that was read stays complete when what follows fails.
    feed.push(Update::Failed(FeedError::default()));
    assert_eq!(code(&failing), PROBLEM);
}

#[test]
fn only_the_selected_workloads_count() {
    let (store, _) = target(
        None,
        vec![job("a", JobState::Failed), job("b", JobState::Complete)],
    );
    for (workload, namespace, names, code) in [
        (None, None, &["a", "b"][..], PROBLEM),
        (Some("a"), None, &["a"], PROBLEM),
        (Some("b"), Some("etl"), &["b"], 0),
        (None, Some("other"), &[], 0),
    ] {
        let flags = StatusFlags {
            workload: workload.map(str::to_owned),
            namespace: namespace.map(str::to_owned),
            ..flags()
        };
        let report = report(&[&store], &flags);
        let rows = report.overview.rows.iter();
        let shown: Vec<_> = rows.map(|row| &*row.id.name).collect();
        assert_eq!(shown, names);
        assert_eq!(report.code(), code, "{workload:?} {namespace:?}");
    }
}

#[test]
fn control_characters_of_names_and_errors_do_not_reach_the_terminal() {
    let hostile = "\x1b]0;owned\x07\r\n\u{202e}\u{85}";
    let (store, _) = target(Some(hostile), vec![job(hostile, JobState::Running)]);
    let feed = store.clone().register(FeedScope::CronJobs(None));
    feed.push(Update::Failed(FeedError::new(hostile, None)));
    for stores in [&[&*store][..], &[&*store, &*store]] {
        let text = table(stores, table::Style::default());
        let is_control = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(is_control), "{text:?}");
        assert!(text.contains("\\u{1b}]0;owned"), "{text}");
        let text = json::render(&report(stores, &flags()));
        assert!(!text.contains(is_control), "{text:?}");
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["workloads"][0]["workload"], hostile);
        assert_eq!(document["targets"][0]["failures"][0]["error"], hostile);
    }
}

#[test]
fn lines_fit_the_terminal() {
    let (store, _) = target(None, vec![job(&"n".repeat(253), JobState::Failed)]);
    for width in [30, 80, 200] {
        let style = table::Style {
            width: Some(width),
            ..table::Style::default()
        };
        let text = table(&[&store], style);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(width), "{text}");
    }
    let text = table(&[&store], table::Style::default());
    assert!(text.contains(&"n".repeat(253)), "no terminal, no limit");
    // What is most important stays.
    let (store, _) = target(None, vec![job(&"n".repeat(30), JobState::Failed)]);
    for (width, headings) in [
        (
            97,
            "STATE WORKLOAD TYPE LAST RUN DURATION IN A ROW NEXT DUE",
        ),
        (91, "STATE WORKLOAD LAST RUN DURATION IN A ROW NEXT DUE"),
        (70, "STATE WORKLOAD LAST RUN IN A ROW NEXT DUE"),
    ] {
        let style = table::Style {
            width: Some(width),
            ..table::Style::default()
        };
        let text = table(&[&store], style);
        let words = text.lines().next().unwrap().split_whitespace();
        assert_eq!(words.collect::<Vec<_>>().join(" "), headings, "{text}");
    }
}

#[test]
fn colours_are_for_terminals_only() {
    let (store, _) = target(
        None,
        vec![job("a", JobState::Failed), job("b", JobState::Complete)],
    );
    let plain = table(&[&store], table::Style::default());
    assert!(!plain.contains('\x1b'), "{plain:?}");
    let colored = table::Style {
        colors: true,
        ..table::Style::default()
    };
    let colored = table(&[&store], colored);
    assert!(colored.contains("\x1b[31mfailing  \x1b[0m"), "{colored:?}");
    assert!(colored.contains("\x1b[32msucceeded\x1b[0m"), "{colored:?}");
    let without = ["31", "32", "0"].iter().fold(colored, |text, code| {
        text.replace(&format!("\x1b[{code}m"), "")
    });
    assert_eq!(without, plain);
}

#[test]
fn a_target_that_cannot_be_read_shows_each_error_once_with_its_hint() {
    let (store, _) = target(Some("prod"), Vec::new());
    for namespace in ["a", "b"] {
        let scope = FeedScope::CronJobs(Some(namespace.into()));
        let feed = store.clone().register(scope);
        let error = FeedError::new("list: 403 Forbidden", Some("grant list"));
        feed.push(Update::Failed(error));
    }
    let text = table(&[&store], table::Style::default());
    assert_eq!(text.matches("403 Forbidden").count(), 1, "{text}");
    assert!(
        text.starts_with("target prod: 2 of 3 feeds fail\n"),
        "{text}"
    );
    assert!(text.contains("  list: 403 Forbidden\n  hint: grant list\n"));
    assert!(text.ends_with("no workloads\n1 of 1 targets not read completely\n"));
}

#[test]
fn more_workloads_than_a_page_has_are_all_shown() {
    let jobs = (0..250).map(|number| job(&format!("j{number}"), JobState::Complete));
    let (store, _) = target(None, jobs.collect());
    let text = table(&[&store], table::Style::default());
    assert_eq!(text.matches("etl/j").count(), 250);
    assert!(text.ends_with("250 workloads: 250 succeeded\n"), "{text}");
}

#[test]
fn programs_get_what_the_api_has_of_the_workloads_that_are_shown_and_whether_each_target_was_read()
{
    let (store, _) = target(
        None,
        vec![job("a", JobState::Failed), job("b", JobState::Complete)],
    );
    store.clone().register(FeedScope::CronJobs(None));
    let flags = StatusFlags {
        workload: Some("a".to_owned()),
        ..flags()
    };
    let text = json::render(&report(&[&store], &flags));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let workloads = document["workloads"].as_array().unwrap();
    assert_eq!(workloads.len(), 1, "{text}");
    let workload = &workloads[0];
    assert_eq!(workload["state"], "failing");
    assert_eq!(workload["last_run_failure_reason"], "DeadlineExceeded");
    assert_eq!(workload["last_run_end"], "2026-11-23T00:01:00Z");
    assert_eq!(workload["findings"][0]["code"], "run_failed");
    assert_eq!(document["summary"]["workloads"], 2);
    assert_eq!(document["summary"]["states"]["failing"], 1);
    let target = &document["targets"][0];
    assert_eq!(
        (&target["complete"], &target["feeds"]),
        (&false.into(), &2.into())
    );
    assert_eq!(target["objects"]["jobs"], 2);
}
