//! The simulated cluster of `demo`: an API on a loopback port, and the scenario that runs on it.

use std::{io, net::Ipv4Addr, time::Duration};

use batch_simulator::{
    api::{ApiOptions, SimulatedApi},
    scenario::{self, POLLED_JOBS, ScenarioSettings},
};
use tokio::net::TcpListener;

use crate::{
    app::plan::TargetPlan,
    client::Endpoint,
    config::{Config, JobReference, Mode, PollConfig, ProbeConfig, Selection},
};

/// The poll interval and timeout. It is short, so that changes are visible soon.
const INTERVAL: Duration = Duration::from_secs(2);

/// A simulated cluster. Its port is bound, and `run` starts it.
pub(super) struct SimulatedCluster {
    listener: TcpListener,
    address: http::Uri,
    api: SimulatedApi,
}

impl SimulatedCluster {
    pub(super) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = format!("http://{}/", listener.local_addr()?);
        Ok(Self {
            listener,
            address: address.parse().map_err(io::Error::other)?,
            api: SimulatedApi::new(ApiOptions::default()),
        })
    }

    /// The URL of the API.
    pub(super) fn address(&self) -> &http::Uri {
        &self.address
    }

    /// Two targets: one watches the whole cluster, and one polls a few Jobs by name.
    pub(super) fn plans(&self, config: &Config) -> Vec<TargetPlan> {
        let job = |job: &scenario::NamedJob| JobReference {
            namespace: job.namespace.to_owned(),
            name: job.name.to_owned(),
        };
        let poll = PollConfig {
            interval: INTERVAL,
            timeout: INTERVAL,
            ..PollConfig::default()
        };
        let polled = Mode::PollJobs {
            jobs: POLLED_JOBS.iter().map(job).collect(),
            poll,
        };
        let watched = Mode::Watch(Selection {
            pods: true,
            ..Selection::default()
        });
        let endpoint = || Endpoint::Address(self.address.clone());
        let any_job = ProbeConfig::new(true, PollConfig::default());
        [
            ("watched", watched, any_job),
            ("polled", polled, ProbeConfig::new(false, poll)),
        ]
        .map(|(name, mode, probes)| {
            TargetPlan::new(config, Some(name.to_owned()), endpoint(), mode, probes)
        })
        .into()
    }

    /// Runs until the scenario fails.
    pub(super) async fn run(self) {
        let scenario = scenario::run(self.api.clone(), ScenarioSettings::default());
        tokio::select! {
            () = self.api.serve(self.listener, std::future::pending()) => {}
            Err(error) = scenario => tracing::error!(%error, "simulated cluster failed"),
        }
    }
}
