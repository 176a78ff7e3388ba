//! A file of the history that can be read only after the start, or that is lost.

use super::*;
use crate::store::memory_journal::MemoryJournal;

impl MemoryJournal {
    /// What a file has that these entries were written to.
    fn file(&self) -> RestoredState {
        let mut file = persistence::restore(&self.entries());
        file.since = SINCE;
        file
    }
}

/// When the later process begins to read: after the fourth run ended, before the fifth did.
const LATER: Seconds = SINCE + 300;

/// What an earlier process wrote: it saw the first two runs end, and the third start.
fn earlier() -> RestoredState {
    let journal = Arc::new(MemoryJournal::default());
    let target = target_with(RestoredState::default(), journal.clone(), false);
    list(&target, [complete(1)]);
    apply(&target, failed(2));
    apply(&target, running(3));
    journal.file()
}

fn later(restored: RestoredState) -> (Target, Arc<MemoryJournal>) {
    let journal = Arc::new(MemoryJournal::default());
    (target_with(restored, journal.clone(), false), journal)
}

/// What the later process sees. The third and the fourth run ended while no process ran.
fn see(target: &Target, result: fn(Seconds) -> Job) {
    list(target, [failed(2), failed(3), failed(4), running(5)]);
    apply(target, result(5));
    apply(target, running(6));
    delete(target, running(6));
    apply(target, failed(7));
    apply(target, named("by-hand", "by-hand", complete(8)));
}

#[tokio::test(start_paused = true)]
async fn counters_are_those_of_a_process_that_read_the_file_at_its_start() {
    for result in [complete, failed] {
        let (in_time, _) = later(earlier());
        see(&in_time, result);
        let expected = tick(&in_time).state;

        let delayed = RestoredState {
            since: LATER,
            delayed: true,
            ..RestoredState::default()
        };
        let (target, journal) = later(delayed);
        see(&target, result);
        assert!(!target.store.snapshot().counters_known);
        target.store.adopt(earlier());
        assert!(target.store.snapshot().counters_known);
        let adopted = tick(&target).state;
        let totals = Totals {
            first_seen: expected.totals.first_seen,
            ..adopted.totals.clone()
        };
        assert_eq!(totals, expected.totals);

        // The file has it all, so that the next process counts nothing twice.
        let file = journal.file();
        let (next, _) = later(file);
        list(
            &next,
            [failed(2), failed(3), failed(4), result(5), failed(7)],
        );
        assert_eq!(tick(&next).state.totals, adopted.totals);
    }
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_only_the_file_has_is_restored() {
    let delayed = RestoredState {
        since: LATER,
        delayed: true,
        ..RestoredState::default()
    };
    let (target, _) = later(delayed);
    target.store.adopt(earlier());
    list(&target, [failed(2), complete(5)]);
    let (succeeded, failed, ..) = counts(&target);
    assert_eq!((succeeded, failed), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn runs_that_only_the_file_has_stay_counted_until_everything_was_read() {
    let delayed = RestoredState {
        since: LATER,
        delayed: true,
        ..RestoredState::default()
    };
    let (target, _) = later(delayed);
    target.store.adopt(earlier());
    // The API cannot be read for so long.
    advance(2 * UID_RETENTION).await;
    list(&target, [complete(1), failed(2)]);
    let (succeeded, failures, ..) = counts(&target);
    assert_eq!((succeeded, failures), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_file_is_written_with_everything_that_is_known() {
    let (target, journal) = later(earlier());
    see(&target, complete);
    journal.take();
    target.store.report_all();
    let (next, _) = later(journal.file());
    list(
        &next,
        [failed(2), failed(3), failed(4), complete(5), failed(7)],
    );
    assert_eq!(tick(&next).state.totals, tick(&target).state.totals);
}
