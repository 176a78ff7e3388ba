//! A small busy cluster, played on a [`SimulatedApi`]: something of everything that a dashboard or a test wants to see.
//!
//! [`cast`] says who there is, [`cronjob`] plays the `CronJob` controller, [`solo`] Jobs that somebody else makes, [`mod@run`] one Job from its
//! creation to its end, in the steps that a 1.36 control plane shows; [`manifest`] and [`status`] are the JSON. Everything
//! is drawn from one seed and timed by tokio, and the number of objects stays bounded.

use std::{convert::Infallible, future::Future, pin::Pin, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::sleep;

use super::api::{InvalidObject, SimulatedApi};

mod cast;
mod cronjob;
mod manifest;
mod run;
mod solo;
mod status;

/// How to play.
#[derive(Clone, Copy, Debug)]
pub struct ScenarioSettings {
    /// The same seed plays the same story; uids are the API's own affair.
    pub seed: u64,
}

/// A Job by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedJob {
    /// Its namespace.
    pub namespace: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// Jobs that are worth polling by name: they come again and again under the same name with another uid, are absent in
/// between, and the last one never exists.
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

/// What every part of the play needs: the API, and luck of its own.
#[derive(Debug)]
struct Stage {
    api: SimulatedApi,
    rng: fastrand::Rng,
}

/// One CronJob, or one Job that comes again: goes on for as long as it is polled.
type Part = Pin<Box<dyn Future<Output = Result<Infallible, InvalidObject>> + Send>>;

// === impl ScenarioSettings ===

impl Default for ScenarioSettings {
    fn default() -> Self {
        Self { seed: 36 }
    }
}

/// Plays until it is dropped. It ends only with an error, when the API refuses an object.
pub async fn run(
    api: SimulatedApi,
    settings: ScenarioSettings,
) -> Result<Infallible, InvalidObject> {
    let mut rng = fastrand::Rng::with_seed(settings.seed);
    // One fork each: what one part draws does not depend on when the others draw.
    let mut stage = || Stage {
        api: api.clone(),
        rng: rng.fork(),
    };
    let mut parts: FuturesUnordered<Part> = FuturesUnordered::new();
    for cronjob in &cast::CRONJOBS {
        parts.push(Box::pin(cronjob::control(stage(), cronjob)));
    }
    for solo in &cast::SOLOS {
        parts.push(Box::pin(solo::repeat(stage(), solo)));
    }
    match parts.next().await {
        Some(ended) => ended,
        None => std::future::pending().await,
    }
}

// === impl Stage ===

impl Stage {
    fn fork(&mut self) -> Self {
        Self {
            api: self.api.clone(),
            rng: self.rng.fork(),
        }
    }

    /// Waits about so many seconds: a quarter more or less.
    async fn wait(&mut self, seconds: f64) {
        let factor = 0.75 + 0.5 * self.rng.f64();
        sleep(Duration::from_secs_f64(seconds * factor)).await;
    }
}

#[cfg(test)]
mod tests;
