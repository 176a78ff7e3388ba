//! The expected missed runs, computed in the simplest way: it keeps every due time that was ever overdue.

use std::collections::BTreeSet;

use job_status_exporter::model::{ConcurrencyPolicy, CronJob, Seconds};

/// The default of `thresholds.start_grace`.
const GRACE: Seconds = 60;

/// What was observed of the schedule of a `CronJob`, and what was overdue.
#[derive(Clone, Default)]
pub(crate) struct ExpectedSchedule {
    suspended: bool,
    resumed: Option<Seconds>,
    blocked: bool,
    unblocked: Option<Seconds>,
    /// Due times that were overdue at any time.
    overdue: BTreeSet<Seconds>,
    /// Those that became overdue after the CronJob was first seen.
    missed: BTreeSet<Seconds>,
    /// Earlier ones were overdue before the CronJob was first seen.
    seen_from: Option<Seconds>,
    /// Due times of scheduled Jobs.
    starts: BTreeSet<Seconds>,
}

impl ExpectedSchedule {
    /// A scheduled Job exists for this due time.
    pub(crate) fn start(&mut self, due: Seconds) {
        self.starts.insert(due);
    }

    /// Whether a scheduled Job for this due time was ever seen.
    pub(crate) fn started(&self, due: Seconds) -> bool {
        self.starts.contains(&due)
    }

    /// Whether the `CronJob` was ever seen to be suspended.
    pub(crate) fn was_suspended(&self) -> bool {
        self.suspended || self.resumed.is_some()
    }

    /// Takes note of a change, and judges the due times until `judged_until`. `unfinished` tells whether a scheduled Job has
    /// not finished; `ended`, when the last finished one did.
    pub(crate) fn observe(
        &mut self,
        cronjob: &CronJob,
        unfinished: bool,
        ended: Option<Seconds>,
        now: Seconds,
        judged_until: Option<Seconds>,
    ) {
        if self.suspended && !cronjob.suspended {
            self.resumed = Some(now);
        }
        self.suspended = cronjob.suspended;
        let Some(judged_until) = judged_until else {
            return;
        };
        let forbid = cronjob.concurrency_policy == Some(ConcurrencyPolicy::Forbid);
        let blocked = forbid && unfinished;
        if self.blocked && !blocked {
            self.unblocked = Some(now);
        }
        self.blocked = blocked;
        if forbid && !blocked {
            self.unblocked = self.unblocked.max(ended);
        }
        self.judge(cronjob, judged_until);
    }

    fn judge(&mut self, cronjob: &CronJob, until: Seconds) {
        self.seen_from.get_or_insert(until - GRACE - 1);
        if self.suspended || self.blocked {
            return;
        }
        let last_start = self.starts.last().copied().max(cronjob.last_schedule);
        let since = last_start.max(cronjob.created).unwrap();
        let after = since.max(self.resumed.unwrap_or(since));
        let period = cronjob.schedule.strip_prefix("@every ").unwrap();
        let period: Seconds = period.strip_suffix('s').unwrap().parse().unwrap();
        let due_times = (1..).map(|number| since + number * period);
        let due_times = due_times.take_while(|due| *due <= until);
        let due_times: Vec<_> = due_times.filter(|due| *due > after).collect();
        for due in &due_times {
            // A run that waited for another one can start when that is over.
            if self.unblocked < Some(*due) && due + GRACE < until {
                self.overdue.insert(*due);
                if Some(*due) > self.seen_from {
                    self.missed.insert(*due);
                }
            }
        }
        if let Some(unblocked) = self.unblocked
            && unblocked + GRACE < until
        {
            let delayed = due_times.iter().rfind(|due| **due <= unblocked);
            if due_times.first() < Some(&unblocked) {
                self.overdue.extend(delayed);
                self.missed.extend(delayed);
            }
        }
    }

    /// The due times that count as missed.
    pub(crate) fn missed(&self) -> impl Iterator<Item = Seconds> {
        self.missed.iter().copied()
    }

    /// The due times that were overdue and got no run.
    pub(crate) fn without_run(&self) -> impl Iterator<Item = Seconds> {
        self.overdue.difference(&self.starts).copied()
    }
}
