//! Who may look at the pages, as configured: the settings of the server, and the API that checks bearer tokens.
//!
//! The API has a client of its own beside the one that reads the target. So requests to the exporter, which anybody can send,
//! never use up the rate limit of the target.

use std::sync::Arc;

use crate::{
    client::{AccessReviewer, Api, ConnectionBudget, Endpoint, RateLimit},
    config::{Config, WebFile},
    server::{AccessSettings, KubernetesAuthSettings},
    store::TargetStore,
};

/// A review takes two requests, and is valid for a minute.
const REQUESTS_PER_SECOND: f64 = 20.0;

/// The client that checks bearer tokens. Its requests count as those of the target of `store`.
pub(super) fn reviewer(
    endpoint: Endpoint,
    store: Arc<TargetStore>,
    budget: &ConnectionBudget,
) -> Arc<dyn AccessReviewer> {
    let limit = RateLimit::new(REQUESTS_PER_SECOND);
    Arc::new(Api::new(endpoint, store, Some(limit)).with_budget(budget.clone()))
}

/// The settings of the server.
pub(super) fn settings(
    config: &Config,
    file: &WebFile,
    reviewer: Option<Arc<dyn AccessReviewer>>,
) -> AccessSettings {
    let auth = config.web.kubernetes_auth.as_ref();
    AccessSettings {
        users: file.users.clone(),
        headers: file.headers.clone(),
        rate_limit: file.rate_limit,
        kubernetes: auth
            .zip(reviewer)
            .map(|(auth, reviewer)| KubernetesAuthSettings {
                reviewer,
                outage_grace: auth.outage_grace,
            }),
        authenticate_probes: config.web.authenticate_probes,
    }
}
