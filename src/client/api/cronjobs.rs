//! Which version of the batch API is asked for: the network's part of [`super::super::version`].

use std::time::Duration;

use super::Api;
use crate::{
    client::{
        Error, Failure, Request, Scope,
        version::{Verdict, Version},
    },
    model::{Resource, Verb},
};

impl Api {
    /// The version of the batch API to ask for.
    pub(super) fn first_version(&self, request: &Request) -> Result<Version, Error> {
        match request.resource {
            Resource::Jobs => Ok(Version::V1),
            Resource::CronJobs => self
                .cronjobs
                .first()
                .ok_or_else(|| Error::not_served(request.clone())),
        }
    }

    /// What is to be made of an outcome, perhaps an error, in this version of the batch API. May ask the server what it has.
    pub(super) async fn judge(
        &self,
        version: Version,
        request: &Request,
        error: Option<&Error>,
        patience: Duration,
    ) -> Verdict {
        if request.resource == Resource::Jobs {
            if error.is_none() {
                self.cronjobs.note_jobs();
            }
            return Verdict::Stands;
        }
        let verdict = self.cronjobs.judge(version, error);
        let (Verdict::Discover, Some(error)) = (verdict, error) else {
            return verdict;
        };
        let _one_at_a_time = self.discovery.lock().await;
        // Somebody else may have asked in the meantime.
        match self.cronjobs.judge(version, Some(error)) {
            Verdict::Discover => {}
            verdict => return verdict,
        }
        let in_v1 = self.has_cronjobs(Version::V1, patience).await;
        self.cronjobs.discovered(error, in_v1)
    }

    /// Whether the server says that it has `CronJobs` in this version of the batch API.
    async fn has_cronjobs(&self, version: Version, patience: Duration) -> Result<bool, Failure> {
        #[derive(serde::Deserialize)]
        struct Resources {
            resources: Vec<Named>,
        }
        #[derive(serde::Deserialize)]
        struct Named {
            name: String,
        }
        let request = Request {
            verb: Verb::Get,
            resource: Resource::CronJobs,
            scope: Scope::All,
            name: None,
        };
        let body = self.read(request, version.path(), patience).await;
        let body = body.map_err(|error| error.failure)?;
        let Resources { resources } =
            serde_json::from_slice(&body).map_err(|error| Failure::Nonsense(error.to_string()))?;
        let name = Resource::CronJobs.as_str();
        Ok(resources.iter().any(|resource| resource.name == name))
    }
}
