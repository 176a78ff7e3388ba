//! When schedules are judged.

use job_status_exporter::model::{Change, ConcurrencyPolicy, CronJob, Job, Seconds, Update};

use super::{ExpectedState, of_cronjob};

impl ExpectedState {
    /// Judges the schedules that depend on an update.
    pub(super) fn judge_schedules(&mut self, now: Seconds, update: &Update) {
        match update {
            // Nothing else depends on a single Job before everything was received again.
            Update::Jobs(Change::Applied(job) | Change::Deleted(job)) => {
                let place = (job.namespace().clone(), job.workload_id().name);
                let cronjob = self.cronjobs.get(&place).map(|(it, _)| it.clone());
                let forbids =
                    |it: &CronJob| it.concurrency_policy == Some(ConcurrencyPolicy::Forbid);
                if let Some(cronjob) = cronjob.filter(forbids) {
                    self.judge_schedule(now, &cronjob);
                }
            }
            Update::CronJobs(Change::Applied(cronjob)) => self.judge_schedule(now, cronjob),
            Update::Jobs(_) | Update::CronJobs(_) | Update::CaughtUp(_) => {
                let until = self.judged_until();
                let unchanged = until == std::mem::replace(&mut self.judged, until);
                if unchanged && matches!(update, Update::CaughtUp(_)) {
                    return;
                }
                let cronjobs: Vec<_> = self.cronjobs.values().map(|(it, _)| it.clone()).collect();
                for cronjob in cronjobs {
                    self.judge_schedule(now, &cronjob);
                }
            }
            Update::Namespaces(_)
            | Update::Pods(_)
            | Update::JobAbsent
            | Update::Contact
            | Update::Failed(_)
            | Update::Undecodable(_) => {}
        }
    }

    /// Until when all feeds received everything.
    fn judged_until(&self) -> Option<Seconds> {
        let all = self.caught_up.len() == self.feeds;
        self.caught_up.values().min().copied().filter(|_| all)
    }

    fn judge_schedule(&mut self, now: Seconds, cronjob: &CronJob) {
        let until = self.judged_until();
        let holds_up = |job: &Job| {
            *job.workload_name() == *cronjob.name
                && !(job.finished() || job.manual || self.finished.contains(&job.uid))
        };
        let unfinished = cronjob.concurrency_policy.is_some()
            && self.jobs.values().any(|(job, _)| holds_up(job));
        let id = of_cronjob(&cronjob.namespace, &cronjob.name);
        let known = self.workloads.get_mut(&id).expect("known");
        let ended = known.last_run().and_then(Job::end);
        let schedule = &mut known.schedule;
        schedule.observe(cronjob, unfinished, ended, now, until);
    }
}
