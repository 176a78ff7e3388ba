//! More workloads than the budget allows.

use super::*;

fn target_for(workloads: usize) -> Target {
    let settings = StoreSettings {
        workloads,
        ..StoreSettings::default()
    };
    target_of(settings, RestoredState::default(), Arc::new(NoopJournal))
}

/// The names of the workloads that are shown.
fn names(target: &Target) -> Vec<String> {
    let shown = shown(target);
    shown
        .iter()
        .map(|name| name.trim_start_matches("job/").to_owned())
        .collect()
}

/// A Job that is its own workload.
fn single(name: &str, job: Job) -> Job {
    of("job", name, named(name, name, job))
}

fn dropped(target: &Target) -> u64 {
    target.store.snapshot().status.dropped_workloads
}

#[tokio::test(start_paused = true)]
async fn the_oldest_of_those_that_are_gone_leave_first_and_those_that_fail_last() {
    let target = target_for(4);
    for (name, job) in [
        ("a", failed(1)),
        ("b", complete(2)),
        ("c", complete(3)),
        ("d", complete(4)),
    ] {
        let job = single(name, job);
        apply(&target, job.clone());
        advance(Duration::from_secs(1)).await;
        delete(&target, job);
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(names(&target), ["a", "b", "c", "d"]);
    apply(&target, single("e", running(5)));
    assert_eq!(names(&target), ["a", "c", "d", "e"]);
    apply(&target, single("f", running(6)));
    apply(&target, single("g", running(7)));
    assert_eq!(names(&target), ["a", "e", "f", "g"]);
    assert_eq!(dropped(&target), 3);
    apply(&target, single("h", running(8)));
    assert_eq!(names(&target), ["e", "f", "g", "h"]);
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_exists_and_fails_is_always_shown() {
    let target = target_for(3);
    for number in 1..=4 {
        apply(&target, single(&format!("fine-{number}"), running(number)));
    }
    assert_eq!(names(&target), ["fine-1", "fine-2", "fine-3"]);
    assert_eq!(dropped(&target), 1);
    apply(&target, single("fails", failed(5)));
    assert_eq!(names(&target), ["fails", "fine-1", "fine-2"]);
    // An omitted workload is shown once it fails.
    apply(&target, single("fine-4", failed(4)));
    assert_eq!(names(&target), ["fails", "fine-1", "fine-4"]);
    // Those that fail may exceed the budget.
    for name in ["fine-2", "fine-3"] {
        apply(&target, single(name, failed(2)));
    }
    assert_eq!(names(&target), ["fails", "fine-2", "fine-3", "fine-4"]);
    assert_eq!(dropped(&target), 4);
    // With room again, everything is shown, with its totals.
    for name in ["fails", "fine-2"] {
        delete(&target, single(name, failed(2)));
    }
    assert_eq!(names(&target), ["fine-1", "fine-3", "fine-4"]);
}

#[tokio::test(start_paused = true)]
async fn many_one_shot_jobs_stay_within_the_budget() {
    let target = target_for(1_000);
    for number in 0..20_000 {
        let job = single(&format!("once-{number}"), complete(number));
        apply(&target, job.clone());
        delete(&target, job);
    }
    assert!(shown(&target).len() <= 1_000);
    assert_eq!(dropped(&target) + shown(&target).len() as u64, 20_000);
}
