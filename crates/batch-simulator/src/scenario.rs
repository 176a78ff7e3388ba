//! A small busy cluster that runs on a [`SimulatedApi`]. It shows every state that a dashboard or a test needs.
//!
//! - [`workloads`]: the `CronJobs` and Jobs as tables.
//! - [`cronjob`]: the `CronJob` controller. [`standalone_job`]: Jobs that no `CronJob` creates.
//! - [`job_run`]: one Job from its creation to its end, in the steps of a 1.36 control plane.
//! - [`pods`]: the pods of a Job, which say why it fails or waits.
//! - [`manifest`] and [`status`]: the JSON of the objects.
//!
//! All random choices come from one seed, tokio's clock times everything, and the number of objects is bounded.

use std::{convert::Infallible, future::Future, pin::Pin, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use tokio::time::sleep;

use super::api::{InvalidObject, Kind, SimulatedApi};

mod cronjob;
mod job_run;
mod manifest;
mod pods;
mod standalone_job;
mod status;
mod workloads;

/// The settings of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct ScenarioSettings {
    /// Seed of all random choices except uids, which the API generates.
    pub seed: u64,
}

/// The namespace and name of a Job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedJob {
    /// Its namespace.
    pub namespace: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// Jobs to poll by name. They are repeatedly deleted and created again with another uid. The last one never exists.
pub const POLLED_JOBS: [NamedJob; 4] = [
    NamedJob {
        namespace: "reports",
        name: "board-report",
    },
    NamedJob {
        namespace: "billing",
        name: "invoice-backfill",
    },
    NamedJob {
        namespace: "etl",
        name: "reindex-search",
    },
    NamedJob {
        namespace: "reports",
        name: "quarterly-close",
    },
];

/// The API, and random numbers for one workload.
#[derive(Debug)]
struct Context {
    api: SimulatedApi,
    rng: fastrand::Rng,
}

/// Runs one workload until an error.
type WorkloadFuture = Pin<Box<dyn Future<Output = Result<Infallible, InvalidObject>> + Send>>;

// === impl ScenarioSettings ===

impl Default for ScenarioSettings {
    fn default() -> Self {
        Self { seed: 36 }
    }
}

/// Runs until it is dropped. Returns only an error: the API rejects an object.
pub async fn run(
    api: SimulatedApi,
    settings: ScenarioSettings,
) -> Result<Infallible, InvalidObject> {
    for namespace in workloads::namespaces() {
        api.apply(Kind::Namespace, json!({"metadata": {"name": namespace}}))?;
    }
    let mut rng = fastrand::Rng::with_seed(settings.seed);
    // Each workload has its own fork, so that its choices do not depend on the others.
    let mut context = || Context {
        api: api.clone(),
        rng: rng.fork(),
    };
    let mut running: FuturesUnordered<WorkloadFuture> = FuturesUnordered::new();
    for cronjob in &workloads::CRONJOBS {
        running.push(Box::pin(cronjob::control(context(), cronjob)));
    }
    for job in &workloads::STANDALONE_JOBS {
        running.push(Box::pin(standalone_job::repeat(context(), job)));
    }
    match running.next().await {
        Some(ended) => ended,
        None => std::future::pending().await,
    }
}

// === impl Context ===

impl Context {
    fn fork(&mut self) -> Self {
        Self {
            api: self.api.clone(),
            rng: self.rng.fork(),
        }
    }

    /// Waits for `seconds`, plus or minus a quarter.
    async fn wait(&mut self, seconds: f64) {
        let factor = 0.75 + 0.5 * self.rng.f64();
        sleep(Duration::from_secs_f64(seconds * factor)).await;
    }
}

#[cfg(test)]
mod tests;
