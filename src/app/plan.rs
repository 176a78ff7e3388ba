//! What is going to run for each target, before anything of it runs.

use kube_cron::Zone;

use super::Error;
use crate::{
    client::{Endpoint, Failure, SharedCredentials},
    config::{self, Config, Mode},
};

/// One target.
#[derive(Debug)]
pub(super) struct Plan {
    /// Value of the `target` label.
    pub(super) name: Option<String>,
    /// What people call it.
    pub(super) title: String,
    pub(super) endpoint: Endpoint,
    pub(super) mode: Mode,
    /// The cap on requests, where there is one.
    pub(super) requests_per_second: Option<f64>,
    /// The zone of schedules that name none.
    pub(super) controller_zone: Zone,
}

impl Plan {
    /// The plans for all configured targets.
    pub(super) fn of_settings(settings: &Config) -> Vec<Self> {
        let mut shared = SharedCredentials::default();
        let plan = |target| Self::of_target(target, &mut shared);
        settings.targets.iter().map(plan).collect()
    }

    fn of_target(target: &config::TargetConfig, shared: &mut SharedCredentials) -> Self {
        let endpoint = Endpoint::new(&target.endpoint, shared);
        Self {
            controller_zone: target.controller_time_zone.clone(),
            ..Self::new(target.name.clone(), endpoint, target.mode.clone())
        }
    }

    pub(super) fn new(name: Option<String>, endpoint: Endpoint, mode: Mode) -> Self {
        let requests_per_second = match &mode {
            // A watch makes a handful of requests, and its pages of a list wait for one another.
            Mode::Watch(_) => None,
            Mode::PollJobs { poll, .. } | Mode::PollLists { poll, .. } => {
                Some(poll.requests_per_second)
            }
        };
        let title = name.clone().unwrap_or_else(|| "default".to_owned());
        Self {
            name,
            title,
            endpoint,
            mode,
            requests_per_second,
            controller_zone: Zone::default(),
        }
    }

    /// Where the API is; why that cannot be told. Sends nothing.
    pub(super) async fn address(&self) -> Result<String, String> {
        self.endpoint
            .address()
            .await
            .map_err(|failure| match failure {
                // The caller names the target, and no client is created yet.
                Failure::NoClient(text) => text,
                other => other.to_string(),
            })
    }
}

/// Whether all addresses and credentials can be read. A file that is missing now is a mistake to be told now; an API that does
/// not answer is not: that shows on `/metrics`.
pub(super) async fn check(plans: &[Plan]) -> Result<(), Error> {
    let mut problems = Vec::new();
    for plan in plans {
        match plan.address().await {
            Ok(address) => tracing::info!(target = plan.title, address, "target found"),
            Err(problem) => problems.push(format!("target {}: {problem}", plan.title)),
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Targets(problems))
    }
}
