//! The ticks of a workload: the outcomes of its last runs and due times.

use super::*;
use crate::store::memory_journal::MemoryJournal;

/// Minutes since [`SINCE`] of the due time, and the outcome.
fn ticks(target: &Target) -> Vec<(Seconds, &'static str)> {
    let ticks = tick(target).state.ticks;
    ticks
        .iter()
        .map(|it| ((it.due() - SINCE) / 60, it.outcome.as_str()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn finished_runs_have_ticks_in_order_and_deleted_ones_too() {
    let target = target();
    sync(&target);
    list(&target, [running(1), running(2), running(3)]);
    apply(&target, failed(2));
    delete(&target, running(3));
    apply(&target, complete(1));
    apply(&target, complete(1));
    let expected = [(1, "succeeded"), (2, "failed"), (3, "deleted")];
    assert_eq!(ticks(&target), expected);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_gone_between_two_lists_has_no_tick() {
    let target = target();
    sync(&target);
    list(&target, [running(1)]);
    list(&target, [complete(2)]);
    assert_eq!(ticks(&target), [(2, "succeeded")]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ended_before_the_first_read_has_a_tick() {
    let target = target();
    list(&target, [complete(-5), failed(-4)]);
    assert_eq!(counts(&target), (0, 0, 0, 0));
    assert_eq!(ticks(&target), [(-5, "succeeded"), (-4, "failed")]);
}

#[tokio::test(start_paused = true)]
async fn a_manual_run_has_a_tick_that_says_so() {
    let target = target();
    let manual = Job {
        manual: true,
        due: None.into(),
        ..complete(1)
    };
    apply(&target, manual);
    let ticks = tick(&target).state.ticks;
    assert!(ticks.iter().all(|tick| tick.manual));
    assert_eq!(ticks.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_ignored_for_a_while_has_one_tick() {
    let target = target();
    apply(&target, complete(1));
    apply(&target, ignored(complete(1)));
    apply(&target, complete(1));
    assert_eq!(ticks(&target), [(1, "succeeded")]);
}

/// The earlier process wrote the run, and the API still shows its Job.
#[tokio::test(start_paused = true)]
async fn ticks_of_an_earlier_process_come_first_and_its_runs_show_once() {
    let journal = Arc::new(MemoryJournal::default());
    let before = target_with(RestoredState::default(), journal.clone(), false);
    list(&before, [complete(1), failed(2)]);
    let state = tick(&before).state;
    let restored = RestoredState {
        workloads: vec![RestoredWorkload {
            id: tick(&before).id,
            state,
            last_existed: 0,
            departure: Departure::Cleanup,
        }],
        runs: vec![Uid::parse("tick-1"), Uid::parse("tick-2")],
        ..RestoredState::default()
    };
    let adopting = target_with(
        RestoredState {
            delayed: true,
            ..RestoredState::default()
        },
        journal.clone(),
        false,
    );
    list(&adopting, [failed(2), complete(3)]);
    adopting.store.adopt(restored.clone());
    let later = target_with(restored, journal, false);
    list(&later, [failed(2), complete(3)]);
    let expected = [(1, "succeeded"), (2, "failed"), (3, "succeeded")];
    assert_eq!(ticks(&adopting), expected);
    assert_eq!(ticks(&later), expected);
}
