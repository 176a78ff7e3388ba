//! Probes of the configured targets. A reload replaces the targets.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use parking_lot::RwLock;
use tokio::time::Instant;

use super::{ProbeError, ProbeRequest, Prober};
use crate::{
    metrics::{Format, Metrics},
    server::data::Chunks,
    source::JobProber,
    store::TargetStore,
};

/// A target whose Jobs can be probed.
#[derive(Clone, Debug)]
pub struct ProbeTarget {
    /// Its store, which knows its name and what is shown of a Job.
    pub store: Arc<TargetStore>,
    /// Reads its Jobs.
    pub prober: Arc<JobProber>,
}

/// Probes Jobs of the targets in force.
#[derive(Debug)]
pub struct TargetProber {
    metrics: Arc<Metrics>,
    /// Replaced as a whole. Never locked across an await.
    targets: RwLock<Vec<ProbeTarget>>,
}

impl TargetProber {
    /// A prober without targets. `metrics` renders the pages.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            targets: RwLock::default(),
        }
    }

    /// Puts other targets in force. Probes under way go on.
    pub fn replace_targets(&self, targets: Vec<ProbeTarget>) {
        *self.targets.write() = targets;
    }

    /// The target of a request, if its Job can be probed.
    fn find(&self, request: &ProbeRequest) -> Result<ProbeTarget, ProbeError> {
        let targets = self.targets.read();
        let wanted = request.target.as_deref();
        let target = targets.iter().find(|target| target.store.name() == wanted);
        let Some(target) = target.cloned() else {
            return Err(match &request.target {
                Some(name) => ProbeError::UnknownTarget(name.escape_debug().to_string()),
                None => ProbeError::NoTarget,
            });
        };
        target.prober.settings().check(&request.job)?;
        Ok(target)
    }

    async fn page(&self, request: ProbeRequest, format: Format) -> Result<Chunks, ProbeError> {
        let ProbeTarget { store, prober } = self.find(&request)?;
        let start = Instant::now();
        let timeout = request.timeout.unwrap_or(Duration::MAX);
        let outcome = prober.probe(&request.job, timeout).await;
        let (success, duration) = (outcome.succeeded(), start.elapsed());
        let labels = &prober.settings().metadata.mapped_labels;
        let view = store.show_probed(&request.job, outcome, labels);
        Ok(Box::new(
            self.metrics.probe(format, view, success, duration),
        ))
    }
}

impl Prober for TargetProber {
    fn targets(&self) -> Vec<Option<String>> {
        let targets = self.targets.read();
        let name = |target: &ProbeTarget| target.store.name().map(str::to_owned);
        targets.iter().map(name).collect()
    }

    fn check(&self, request: &ProbeRequest) -> Result<(), ProbeError> {
        self.find(request).map(drop)
    }

    fn probe(
        &self,
        request: ProbeRequest,
        format: Format,
    ) -> BoxFuture<'_, Result<Chunks, ProbeError>> {
        self.page(request, format).boxed()
    }
}
