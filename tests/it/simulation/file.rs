//! A model of the history file: it keeps what the journal has, and deletes what the store allows it to delete.

use std::collections::HashMap;

use job_status_exporter::model::{
    Departure, Journal, JournalEntry, Name, RestoredState, RestoredWorkload, Run, RunEvent,
    Seconds, StoreLookup, Uid, WorkloadId, WorkloadState,
};
use parking_lot::Mutex;

/// The entries of one process, with their times.
#[derive(Debug, Default)]
pub(crate) struct TimedJournal(Mutex<(Seconds, Vec<(Seconds, JournalEntry)>)>);

/// The content of the file.
#[derive(Debug, Default)]
pub(crate) struct FileModel {
    /// States, and when and how each workload left; `None` while it exists.
    workloads: HashMap<WorkloadId, (WorkloadState, Option<(Seconds, Departure)>)>,
    /// Namespace and name of the Job of each run.
    runs: HashMap<Uid, (Name, Name)>,
    /// Those of owners.
    owner_runs: HashMap<Uid, Run>,
}

impl Journal for TimedJournal {
    fn append(&self, entry: JournalEntry) {
        let (now, entries) = &mut *self.0.lock();
        entries.push((*now, entry));
    }
}

impl TimedJournal {
    pub(crate) fn set_clock(&self, now: Seconds) {
        self.0.lock().0 = now;
    }

    /// The events of the process.
    pub(crate) fn events(&self) -> Vec<RunEvent> {
        let events = |(_, entry): &(Seconds, JournalEntry)| match entry {
            JournalEntry::Counted(event) => Some(RunEvent::clone(event)),
            _ => None,
        };
        self.0.lock().1.iter().filter_map(events).collect()
    }
}

impl FileModel {
    /// Writes all entries of a process, and deletes every run that the store does not count, as if all limits were 0.
    pub(crate) fn write(&mut self, now: Seconds, journal: &TimedJournal, store: &dyn StoreLookup) {
        for (time, entry) in &journal.0.lock().1 {
            match entry {
                JournalEntry::RunFinished { workload, run, .. } => {
                    let job = (workload.namespace.clone(), run.job_name.clone());
                    self.runs.insert(run.uid.clone(), job);
                    if run.jobs.is_some() {
                        let before = self.owner_runs.insert(run.uid.clone(), (**run).clone());
                        let key = before.map_or(run.sort_key(), |before| before.sort_key());
                        assert_eq!(run.sort_key(), key, "it would be another row");
                    }
                }
                JournalEntry::WorkloadGone(workload, departure) => {
                    if let Some((_, left)) = self.workloads.get_mut(workload) {
                        *left = Some((*time, *departure));
                    }
                }
                JournalEntry::WorkloadChanged { .. }
                | JournalEntry::Counted(_)
                | JournalEntry::Synced
                | JournalEntry::Relabelled(_) => {}
            }
            if let JournalEntry::RunFinished {
                workload, state, ..
            }
            | JournalEntry::WorkloadChanged { workload, state } = entry
            {
                let exists = (state.clone(), None);
                self.workloads.insert(workload.clone(), exists);
            }
        }
        self.runs
            .retain(|uid, (namespace, job)| store.is_counted(namespace, job, uid));
        self.owner_runs.retain(|uid, _| self.runs.contains_key(uid));
        for (id, (_, left)) in &mut self.workloads {
            assert_eq!(store.has_workload(id), left.is_none(), "{id:?}");
            // If the process is killed, this is when the workload last existed.
            *left = left.or(Some((now, Departure::Cleanup)));
        }
    }

    /// The state that a process restores that starts `now`.
    pub(crate) fn restore(&self, now: Seconds, since: Seconds) -> RestoredState {
        let workloads = self.workloads.iter().map(|(id, (state, left))| {
            let (left, departure) = left.unwrap_or((now, Departure::Cleanup));
            RestoredWorkload {
                id: id.clone(),
                state: state.clone(),
                last_existed: left,
                departure,
            }
        });
        RestoredState {
            since,
            workloads: workloads.collect(),
            runs: self.runs.keys().cloned().collect(),
            owner_runs: self.owner_runs.values().cloned().collect(),
            ..RestoredState::default()
        }
    }
}
