//! The last runs of a workload, as compact as an overview needs them.
//!
//! A [`Tick`] takes 16 bytes, and a workload keeps 20 of them in one shared allocation, so 10,000 `CronJobs` take 3.5 MB, and
//! a copy of the state of a workload copies a pointer. The ticks of runs come back from the history after a restart; those of
//! missed due times and deleted Jobs do not, since the history has no rows for these.

use std::sync::Arc;

use super::{NotStarted, Run, RunResult, RunSortKey, Seconds, Uid};

label_enum! {
    /// The outcome of a due time or a run.
    TickOutcome {
        /// The run succeeded.
        Succeeded = "succeeded",
        /// The run failed.
        Failed = "failed",
        /// The Job was deleted before the run finished.
        Deleted = "deleted",
        /// No run started for the due time.
        Missed = "missed",
    }
}

/// A run that is over, or a due time that got no run.
///
/// Times are kept as unsigned 32-bit seconds since the Unix epoch. Earlier times than that become 0; later ones than
/// February 2106, which only a forged annotation has, become its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    due: u32,
    start: u32,
    /// Of a run its duration in seconds, of a missed due time the position of its reason in [`NotStarted::ALL`].
    /// [`u32::MAX`] if it is unknown.
    detail: u32,
    /// Tells runs apart that were due and started at the same time.
    tag: u16,
    /// Its outcome.
    pub outcome: TickOutcome,
    /// Whether the Job was created manually from a `CronJob`.
    pub manual: bool,
}

/// The latest ticks of a workload in ascending order of [`RunSortKey`], up to [`Ticks::MAX`]. A clone copies a pointer.
///
/// Adding the same run again does not change them, so a run that is read twice shows once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ticks(Arc<[Tick]>);

// === impl Tick ===

impl Tick {
    fn new(key: RunSortKey, detail: Option<Seconds>, tag: u16, outcome: TickOutcome) -> Self {
        Self {
            due: compact(key.due),
            start: compact(key.start),
            detail: detail.map_or(u32::MAX, compact),
            tag,
            outcome,
            manual: false,
        }
    }

    /// The due time, else the start, else the creation.
    #[must_use]
    pub fn due(&self) -> Seconds {
        self.due.into()
    }

    /// The start of the run, or the creation of its Job if it never started; `None` for a missed due time.
    #[must_use]
    pub fn start(&self) -> Option<Seconds> {
        (self.outcome != TickOutcome::Missed).then_some(self.start.into())
    }

    /// The end; `None` if the run never started, or never finished.
    #[must_use]
    pub fn end(&self) -> Option<Seconds> {
        Some(Seconds::from(self.start) + self.duration()?)
    }

    /// Time from the start to the end, in seconds; `None` if either is unknown.
    #[must_use]
    pub fn duration(&self) -> Option<Seconds> {
        let is_known = self.outcome != TickOutcome::Missed && self.detail != u32::MAX;
        is_known.then_some(self.detail.into())
    }

    /// Why nothing had started for a missed due time when it was found to be overdue; `None` for a run.
    #[must_use]
    pub fn not_started(&self) -> Option<NotStarted> {
        let position = usize::try_from(self.detail).ok();
        let reason = NotStarted::ALL.get(position?).copied();
        reason.filter(|_| self.outcome == TickOutcome::Missed)
    }

    /// Whether it stands for a run that finished.
    #[must_use]
    pub fn finished(&self) -> bool {
        matches!(self.outcome, TickOutcome::Succeeded | TickOutcome::Failed)
    }

    /// Whether it stands for the run with this position and uid, or for the due time that this run was late for.
    #[must_use]
    pub fn is_about(&self, key: RunSortKey, uid: &Uid, manual: bool) -> bool {
        self.due == compact(key.due)
            && match self.outcome {
                TickOutcome::Missed => !manual,
                _ => self.start == compact(key.start) && self.tag == tag(uid),
            }
    }

    /// Whether it may stand for the run with this uid. The position of a run whose Jobs are not all known is not known either.
    #[must_use]
    pub fn may_be(&self, uid: &Uid) -> bool {
        self.outcome != TickOutcome::Missed && self.tag == tag(uid)
    }

    /// Its position among the runs of the workload. The creation of a Job is not kept, so its start stands for it.
    #[must_use]
    pub fn position(&self) -> RunSortKey {
        let due = self.due();
        self.start()
            .map_or(RunSortKey::missed(due), |start| RunSortKey {
                due,
                start,
                created: start,
            })
    }

    fn sort_key(&self) -> (u32, u32, u16) {
        (self.due, self.start, self.tag)
    }

    /// Whether this is a missed due time that `other` has or had a run for.
    fn is_superseded_by(&self, other: &Self) -> bool {
        self.outcome == TickOutcome::Missed && self.due == other.due && !other.manual
    }
}

// === impl Ticks ===

impl Ticks {
    /// How many ticks a workload keeps.
    pub const MAX: usize = 20;

    /// The ticks, earliest first.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Tick> {
        self.0.iter()
    }

    /// Number of ticks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a finished run.
    pub fn add_run(&mut self, run: &Run) {
        let outcome = match run.result {
            RunResult::Succeeded => TickOutcome::Succeeded,
            RunResult::Failed => TickOutcome::Failed,
        };
        self.insert(Tick {
            manual: run.manual,
            ..Tick::new(run.sort_key(), run.duration(), tag(&run.uid), outcome)
        });
    }

    /// Adds a run that was deleted before it finished.
    pub fn add_deleted_run(&mut self, key: RunSortKey, uid: &Uid) {
        self.insert(Tick::new(key, None, tag(uid), TickOutcome::Deleted));
    }

    /// Adds a due time that got no run in time, unless one is known.
    pub fn add_missed(&mut self, due: Seconds, reason: NotStarted) {
        let reason = Some(reason as Seconds);
        let tick = Tick::new(RunSortKey::missed(due), reason, 0, TickOutcome::Missed);
        if !self.iter().any(|known| tick.is_superseded_by(known)) {
            self.insert(tick);
        }
    }

    /// A Job exists for this due time: it was late, not missed.
    pub fn remove_missed(&mut self, due: Seconds) {
        let due = compact(due);
        let is_missed = |tick: &Tick| tick.outcome == TickOutcome::Missed && tick.due == due;
        if self.iter().any(is_missed) {
            self.0 = self.0.iter().filter(|it| !is_missed(it)).copied().collect();
        }
    }

    /// Adds the ticks of an earlier process.
    pub fn continue_from(&mut self, earlier: &Self) {
        for tick in earlier.iter() {
            // What this process saw of a run is newer.
            let is_known =
                |known: &Tick| known.sort_key() == tick.sort_key() || tick.is_superseded_by(known);
            if !self.iter().any(is_known) {
                self.insert(*tick);
            }
        }
    }

    /// Inserts a tick. It replaces an earlier one of the same run, and the missed due time of the run.
    fn insert(&mut self, tick: Tick) {
        let is_full = self.len() >= Self::MAX;
        if is_full && self.0[0].sort_key() > tick.sort_key() {
            return;
        }
        let replaced = |it: &Tick| it.sort_key() == tick.sort_key() || it.is_superseded_by(&tick);
        let mut ticks: Vec<Tick> = self.iter().filter(|it| !replaced(it)).copied().collect();
        let position = ticks.partition_point(|other| other.sort_key() <= tick.sort_key());
        ticks.insert(position, tick);
        let excess = ticks.len().saturating_sub(Self::MAX);
        self.0 = ticks[excess..].into();
    }
}

fn compact(seconds: Seconds) -> u32 {
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

/// A short hash of the uid. It is the same in every process, so that a run of the history is recognised.
fn tag(uid: &Uid) -> u16 {
    let fold = |tag: u16, byte: &u8| tag.rotate_left(5) ^ u16::from(*byte);
    match uid {
        Uid::Uuid(bytes) => bytes.iter().fold(0, fold),
        Uid::Other(text) => text.as_bytes().iter().fold(0, fold),
    }
}

#[cfg(test)]
mod tests;
