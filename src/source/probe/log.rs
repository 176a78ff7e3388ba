//! The log lines about probes that fail. A Job that fails the same way as before is not logged again.

use std::{collections::HashMap, error::Error as _};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Reading;
use crate::{
    config::JobReference,
    log_limit::{Admitted, LogLimit},
};

/// How many failing Jobs are remembered. With more, some are logged again.
const MAX_FAILING: usize = 1000;

/// What was logged about the probes of one target.
pub(super) struct ProbeLog {
    target: String,
    /// How each Job failed that failed last time.
    failing: Mutex<HashMap<JobReference, String>>,
    limit: Mutex<LogLimit>,
}

impl ProbeLog {
    pub(super) fn new(target: String) -> Self {
        Self {
            target,
            failing: Mutex::default(),
            limit: Mutex::new(LogLimit::new(Instant::now())),
        }
    }

    /// Logs a failure that was not logged before.
    pub(super) fn record(&self, job: &JobReference, reading: &Reading) {
        let problem = match reading {
            Reading::Absent | Reading::Found(_) => {
                self.failing.lock().remove(job);
                return;
            }
            Reading::Undecodable(error) => error.cause().to_string(),
            Reading::Failed(error) => error.fingerprint(),
        };
        if !self.is_new(job, problem) {
            return;
        }
        let Some(Admitted { left_out }) = self.limit.lock().admit(Instant::now()) else {
            return;
        };
        let (target, namespace, name) = (&self.target, &job.namespace, &job.name);
        match reading {
            Reading::Failed(error) => {
                let hint = error.hint();
                tracing::warn!(target, namespace, job = name, %error, hint, left_out, "probe failed");
            }
            Reading::Undecodable(error) => {
                let cause = error.source();
                tracing::warn!(target, namespace, job = name, %error, cause, left_out, "probe failed");
            }
            Reading::Absent | Reading::Found(_) => {}
        }
    }

    /// Remembers how a Job failed. Returns whether it did not fail like this before.
    fn is_new(&self, job: &JobReference, problem: String) -> bool {
        let mut failing = self.failing.lock();
        if failing.get(job) == Some(&problem) {
            return false;
        }
        if failing.len() >= MAX_FAILING {
            failing.clear();
        }
        failing.insert(job.clone(), problem);
        true
    }
}
