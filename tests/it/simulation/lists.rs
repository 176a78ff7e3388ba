//! How lists reach the store: at once, or in pages.

use jiff::Timestamp;
use job_status_exporter::model::{Change, Seconds, Update};

use super::{CRONJOBS, JOBS, Simulation};

impl Simulation {
    pub(super) fn list(&mut self, feed: usize, behind: Seconds) {
        if self.store.is_none() {
            return; // the next process lists when it starts
        }
        let time = self.now - behind;
        self.connected[feed] = true;
        if feed == CRONJOBS {
            let cronjobs = self.world.cronjobs_at(time);
            self.push_list(feed, cronjobs, Update::CronJobs);
        } else {
            let mut jobs = self.world.jobs_at(time, JOBS[feed]);
            self.rng.shuffle(&mut jobs);
            self.push_list(feed, jobs, Update::Jobs);
        }
        self.complete[feed] = behind == 0;
        if behind == 0 {
            self.catch_up(feed);
        }
    }

    /// Pushes a list: at once, or in pages if it repeats an earlier one. One before that may have broken off.
    fn push_list<T: Clone>(
        &mut self,
        feed: usize,
        mut objects: Vec<T>,
        update: fn(Change<T>) -> Update,
    ) {
        let in_place = self.read[feed] && self.rng.bool();
        self.read[feed] = true;
        if in_place {
            self.push(feed, update(Change::ListStarted));
            if self.rng.bool() {
                let part = self.rng.usize(..=objects.len());
                self.push(feed, update(Change::Listed(objects[..part].to_vec())));
                self.push(feed, update(Change::ListStarted));
            }
            while self.rng.u8(..4) > 0 {
                let page = objects.split_off(self.rng.usize(..=objects.len()));
                self.push(feed, update(Change::Listed(page)));
            }
        }
        self.push(feed, update(Change::Replaced(objects)));
    }

    /// The feed has received everything.
    pub(super) fn catch_up(&mut self, feed: usize) {
        let now = Timestamp::from_second(self.now).unwrap();
        self.push(feed, Update::CaughtUp(now));
    }
}
