//! Sends requests in the API version that the server supports. [`CronJobSupport`](crate::client::batch_version) decides which
//! one; this module makes the requests.

use std::time::Duration;

use super::{Api, MAX_DISCOVERY};
use crate::{
    client::{
        Error, Failure, Request, Scope,
        batch_version::{BatchVersion, VersionDecision},
    },
    model::{Resource, Verb},
};

impl Api {
    /// Makes a request in the version that the server supports. `attempt` is called again if the first version was wrong.
    pub(super) async fn with_version<T, F>(
        &self,
        request: &Request,
        timeout: Duration,
        attempt: impl Fn(BatchVersion) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut version = self.initial_version(request)?;
        loop {
            let outcome = attempt(version).await;
            let error = outcome.as_ref().err();
            match self.decide(version, request, error, timeout).await {
                VersionDecision::Retry(other) => version = other,
                VersionDecision::NotServed => return Err(Error::not_served(request.clone())),
                VersionDecision::Final | VersionDecision::Discover => return outcome,
            }
        }
    }

    /// The version to try first.
    fn initial_version(&self, request: &Request) -> Result<BatchVersion, Error> {
        match request.resource {
            Resource::Jobs | Resource::Pods | Resource::Namespaces => Ok(BatchVersion::V1),
            Resource::CronJobs => self
                .cronjobs
                .version_to_try()
                .ok_or_else(|| Error::not_served(request.clone())),
        }
    }

    /// Decides what follows from the outcome of a request in `version`. May send a discovery request.
    async fn decide(
        &self,
        version: BatchVersion,
        request: &Request,
        error: Option<&Error>,
        timeout: Duration,
    ) -> VersionDecision {
        if request.resource != Resource::CronJobs {
            if request.resource == Resource::Jobs && error.is_none() {
                self.cronjobs.record_jobs();
            }
            return VersionDecision::Final;
        }
        let decision = self.cronjobs.record(version, error);
        let (VersionDecision::Discover, Some(error)) = (decision, error) else {
            return decision;
        };
        let _guard = self.discovery.lock().await;
        // Another request may have finished discovery while this one waited for the lock.
        match self.cronjobs.record(version, Some(error)) {
            VersionDecision::Discover => {}
            decision => return decision,
        }
        let in_v1 = self.serves_cronjobs(BatchVersion::V1, timeout).await;
        self.cronjobs.record_discovery(error, in_v1)
    }

    /// Whether the server lists `CronJobs` among the resources of this version.
    async fn serves_cronjobs(
        &self,
        version: BatchVersion,
        timeout: Duration,
    ) -> Result<bool, Failure> {
        #[derive(serde::Deserialize)]
        struct ResourceList {
            resources: Vec<ApiResource>,
        }
        #[derive(serde::Deserialize)]
        struct ApiResource {
            name: String,
        }
        let request = Request {
            verb: Verb::Get,
            resource: Resource::CronJobs,
            scope: Scope::All,
            name: None,
        };
        let body = self
            .read(&request, version.path(), MAX_DISCOVERY, timeout)
            .await;
        let body = body.map_err(|error| error.failure)?;
        let ResourceList { resources } = serde_json::from_slice(&body)
            .map_err(|error| Failure::InvalidResponse(error.to_string()))?;
        let name = Resource::CronJobs.as_str();
        Ok(resources.iter().any(|resource| resource.name == name))
    }
}
