//! A journal that keeps what notes say, as a file would.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use job_status_exporter::model::{
    self, Journal, JournalEntry, RestoredState, Seconds, Totals, UID_RETENTION, Uid, WorkloadId,
};

/// What one process noted, and when.
#[derive(Debug, Default)]
pub(crate) struct Notebook(Mutex<(Seconds, Vec<(Seconds, JournalEntry)>)>);

/// What is kept of all processes.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// With when each was last there; `None` while it is.
    workloads: HashMap<WorkloadId, (Totals, Option<Seconds>)>,
    /// With when their Jobs went; `None` while they are there.
    runs: HashMap<Uid, Option<Seconds>>,
}

impl Journal for Notebook {
    fn note(&self, note: JournalEntry) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = notes.0;
        notes.1.push((now, note));
    }
}

impl Notebook {
    pub(crate) fn set_clock(&self, now: Seconds) {
        self.0.lock().unwrap().0 = now;
    }

    pub(crate) fn notes(&self) -> usize {
        self.0.lock().unwrap().1.len()
    }
}

impl Kept {
    /// Takes in the first notes of a process, which was killed right after the last of them.
    pub(crate) fn take_in(&mut self, notebook: &Notebook, notes: usize, killed: Seconds) {
        let mut there = HashSet::new();
        for (now, note) in &notebook.0.lock().unwrap().1[..notes] {
            match note {
                JournalEntry::Finished { run, .. } => {
                    self.runs.insert(run.uid.clone(), None);
                    there.insert(run.uid.clone());
                }
                JournalEntry::Present(uid) => {
                    self.runs.insert(uid.clone(), None);
                    there.insert(uid.clone());
                }
                JournalEntry::Gone(uid) => {
                    self.runs.insert(uid.clone(), Some(*now));
                }
                JournalEntry::Left(workload) => {
                    if let Some((_, left)) = self.workloads.get_mut(workload) {
                        *left = Some(*now);
                    }
                }
                JournalEntry::Synced => {
                    let unseen = self.runs.iter_mut().filter(|(uid, _)| !there.contains(uid));
                    unseen.for_each(|(_, gone)| *gone = gone.or(Some(*now)));
                }
                JournalEntry::Changed { .. } => {}
            }
            if let JournalEntry::Finished {
                workload, totals, ..
            }
            | JournalEntry::Changed { workload, totals } = note
            {
                let now = (totals.clone(), None);
                self.workloads.insert(workload.clone(), now);
            }
        }
        for (_, left) in self.workloads.values_mut() {
            *left = left.or(Some(killed));
        }
    }

    /// What the next process gets to know, which starts `now`. The store looks at the real clock: that is when it starts.
    pub(crate) fn recall(&mut self, now: Seconds, since: Seconds) -> RestoredState {
        let lag = Seconds::try_from(UID_RETENTION.as_secs()).unwrap();
        self.runs
            .retain(|_, gone| gone.is_none_or(|gone| now < gone + lag));
        let ahead = model::now().as_second() - now;
        let workload = |(id, (totals, left)): (&WorkloadId, &(Totals, Option<Seconds>))| {
            (id.clone(), totals.clone(), left.unwrap_or(now) + ahead)
        };
        RestoredState {
            since,
            workloads: self.workloads.iter().map(workload).collect(),
            runs: self.runs.keys().cloned().collect(),
        }
    }
}
