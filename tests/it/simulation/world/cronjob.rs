//! The `CronJob` of a workload, as its status reports the Jobs.

use std::collections::BTreeSet;

use fastrand::Rng;
use job_status_exporter::model::{ConcurrencyPolicy, CronJob, Job, JobState, Name, Seconds, Uid};

use super::{Behaviour, DAY, END, Life};

impl Behaviour {
    /// The `CronJob` of these Jobs. Some servers report its last success, some do not. Some writes of its status are lost.
    pub(super) fn cronjob(
        &self,
        rng: &mut Rng,
        jobs: &[Life<Job>],
        reports_success: bool,
        lost: &mut BTreeSet<(Name, Seconds)>,
    ) -> Life<CronJob> {
        let uid = format!("cronjob-{}", self.workload.name);
        let mut cronjob = CronJob::new(
            self.namespace.clone(),
            self.workload.name.clone(),
            Uid::parse(&uid),
            format!("@every {}s", self.period).as_str().into(),
        );
        let created = self.first_due - self.period;
        cronjob.created = Some(created);
        cronjob.concurrency_policy = self.forbid.then_some(ConcurrencyPolicy::Forbid);
        let mut changes = Vec::new();
        for job in jobs.iter().filter_map(|life| Some(&life.states.last()?.1)) {
            if let (Some(due), Some(at)) = (job.due.get(), job.created.get()) {
                if rng.u8(..10) > 0 {
                    changes.push((at, CronJobChange::Started(due)));
                } else {
                    lost.insert((self.workload.name.clone(), due));
                }
            }
            if let Some(end) = job.end().filter(|_| reports_success && !job.manual)
                && job.state == JobState::Complete
            {
                changes.push((end, CronJobChange::Succeeded(end)));
            }
        }
        if let Some((from, to)) = self.suspended {
            changes.push((from, CronJobChange::Suspended(true)));
            changes.push((to, CronJobChange::Suspended(false)));
        }
        changes.retain(|(at, _)| *at < self.until);
        changes.sort_by_key(|(at, _)| *at);
        let mut states = vec![(created, cronjob.clone())];
        for (at, change) in changes {
            match change {
                CronJobChange::Started(due) => {
                    cronjob.last_schedule = cronjob.last_schedule.max(Some(due));
                }
                CronJobChange::Succeeded(end) => cronjob.last_success = Some(end),
                CronJobChange::Suspended(suspended) => cronjob.suspended = suspended,
            }
            states.push((at, cronjob.clone()));
        }
        let gone = if self.until == END {
            END + DAY
        } else {
            self.until
        };
        Life { states, gone }
    }
}

/// A change of a `CronJob`.
enum CronJobChange {
    Started(Seconds),
    Succeeded(Seconds),
    Suspended(bool),
}
