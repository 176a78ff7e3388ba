//! Events are what the counters count, one by one, in all processes together.

use std::collections::{HashMap, HashSet};

use job_status_exporter::{
    model::{RunEvent, RunEventKind, WorkloadId},
    store::TargetSnapshot,
};

/// What is counted of a workload: runs that succeeded, failed and were deleted, and due times that were missed.
type Counts = [u64; 4];

/// The events of all processes.
#[derive(Debug, Default)]
pub(crate) struct EventModel {
    /// Those of earlier processes that were written: after the state that counts them was.
    written: Vec<RunEvent>,
}

impl EventModel {
    /// The process was killed. Of these events, those are written that came before the last write to the history.
    pub(crate) fn kill(&mut self, events: Vec<RunEvent>, written: usize) {
        self.written.extend(events.into_iter().take(written));
    }

    /// There is no history: counters restart from zero.
    pub(crate) fn forget(&mut self) {
        self.written.clear();
    }

    /// Compares the counters with the events of earlier processes, and with those of this one.
    pub(crate) fn check(
        &self,
        events: &[RunEvent],
        snapshot: &TargetSnapshot,
    ) -> Result<(), String> {
        let all = || self.written.iter().chain(events);
        let mut finished = HashSet::new();
        for event in all().filter(|event| position(event.kind) < 2) {
            let uid = &event.run.as_ref().expect("a run").uid;
            if !finished.insert(uid) {
                return Err(format!("twice: {event:?}"));
            }
        }
        let mut by_workload: HashMap<&WorkloadId, Vec<&RunEvent>> = HashMap::new();
        for event in all() {
            by_workload.entry(&event.workload).or_default().push(event);
        }
        for workload in snapshot.workloads.iter() {
            let totals = &workload.state.totals;
            let counted = [
                totals.succeeded,
                totals.failed,
                totals.deleted,
                workload.state.schedule.as_deref().map_or(0, |it| it.missed),
            ];
            let mut reported = Counts::default();
            // The counters of a workload that returned after a long time restarted from zero.
            let events = by_workload.get(&workload.id).into_iter().flatten();
            for event in events.filter(|it| it.counted.as_millisecond() >= totals.first_seen) {
                reported[position(event.kind)] += 1;
            }
            if counted != reported {
                let id = &workload.id;
                return Err(format!(
                    "{id:?}: counted {counted:?}, reported {reported:?}"
                ));
            }
        }
        Ok(())
    }
}

fn position(kind: RunEventKind) -> usize {
    match kind {
        RunEventKind::Succeeded => 0,
        RunEventKind::Failed => 1,
        RunEventKind::Deleted | RunEventKind::Disappeared => 2,
        RunEventKind::Missed => 3,
    }
}
