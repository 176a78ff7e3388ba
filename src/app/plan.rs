//! The plan for each target: what will run for it, before any of it runs.

use crate::{
    client::{Endpoint, SharedCredentials},
    config::{Config, Mode, ProbeConfig, TargetConfig},
    source::{ProbeSettings, SourceSettings},
    store::{StoreSettings, TargetDescription},
};

/// What will run for one target.
#[derive(Debug)]
pub(super) struct TargetPlan {
    /// Value of the `target` label.
    pub(super) name: Option<String>,
    /// The name in log lines and errors.
    pub(super) title: String,
    pub(super) endpoint: Endpoint,
    /// The address of the API, once it was looked for. With another one the target is another API.
    pub(super) address: Option<String>,
    /// The cap on requests, if there is one.
    pub(super) requests_per_second: Option<f64>,
    pub(super) source: SourceSettings,
    pub(super) probes: ProbePlan,
    pub(super) store: StoreSettings,
}

/// Which Jobs of a target can be probed, and how.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ProbePlan {
    pub(super) settings: ProbeSettings,
    /// The cap on probes alone; `None` if they share that of the polls.
    pub(super) requests_per_second: Option<f64>,
}

impl TargetPlan {
    /// The plans for all configured targets.
    pub(super) fn from_config(config: &Config) -> Vec<Self> {
        let mut credentials = SharedCredentials::default();
        let plan = |target| Self::from_target(config, target, &mut credentials);
        config.targets.iter().map(plan).collect()
    }

    fn from_target(
        config: &Config,
        target: &TargetConfig,
        credentials: &mut SharedCredentials,
    ) -> Self {
        let endpoint = Endpoint::new(&target.endpoint, credentials);
        let (name, mode) = (target.name.clone(), target.mode.clone());
        let mut plan = Self::new(config, name, endpoint, mode, target.probes);
        plan.store.controller_zone = target.controller_time_zone.clone();
        plan
    }

    /// The plan for a target that is not configured by itself.
    pub(super) fn new(
        config: &Config,
        name: Option<String>,
        endpoint: Endpoint,
        mode: Mode,
        probes: ProbeConfig,
    ) -> Self {
        let (requests_per_second, of_probes) = match &mode {
            // A watch makes a handful of requests, and the pages of its list follow one another.
            Mode::Watch(_) => (None, Some(probes.requests_per_second)),
            Mode::PollJobs { poll, .. } | Mode::PollLists { poll, .. } => {
                (Some(poll.requests_per_second), None)
            }
        };
        let probes = ProbePlan {
            settings: ProbeSettings::from_config(config, &mode, probes),
            requests_per_second: of_probes,
        };
        let source = SourceSettings::from_config(config, mode);
        let store = StoreSettings {
            pods: source.mode.reads_pods(),
            reads_nothing: source.is_empty(),
            ..StoreSettings::from_config(config)
        };
        Self {
            title: name.clone().unwrap_or_else(|| "default".to_owned()),
            name,
            endpoint,
            address: None,
            requests_per_second,
            source,
            probes,
            store,
        }
    }

    /// What people see of it.
    pub(super) fn description(&self) -> TargetDescription {
        // The demo does not look for the addresses of its APIs, because it knows them.
        let known = || match &self.endpoint {
            Endpoint::Kubernetes { .. } => None,
            Endpoint::Cci(cci) => Some(cci.address()),
            Endpoint::Address(address) => Some(address.to_string()),
        };
        TargetDescription {
            mode: self.source.mode.clone(),
            cci: matches!(self.endpoint, Endpoint::Cci(_)),
            address: self.address.clone().or_else(known),
        }
    }
}
