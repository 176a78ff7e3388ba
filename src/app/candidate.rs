//! A configuration that was loaded and checked, at the start or for a reload. Nothing of it is in force yet.

use super::{
    Descriptors, Error,
    changes::{self, Changes},
    check::Checks,
    plan::TargetPlan,
};
use crate::{
    config::{self, Config, ConfigInForce, Inputs},
    model,
    server::LoadedConfig,
};

/// A configuration that may come into force.
pub(super) struct Candidate {
    pub(super) config: Config,
    /// The same for people.
    pub(super) loaded: LoadedConfig,
    /// What will run for each target, in the order of the configuration.
    pub(super) plans: Vec<TargetPlan>,
    /// What the configuration refers to.
    pub(super) checks: Checks,
    /// What it changes. Without a configuration in force, nothing.
    pub(super) changes: Changes,
    /// What the limit of open files leaves for it.
    pub(super) descriptors: Descriptors,
}

impl Candidate {
    /// Loads and checks the configuration. What needs a restart stays as `in_force` has it.
    pub(super) async fn load(inputs: &Inputs, in_force: Option<&Config>) -> Result<Self, Error> {
        let (loaded, origins) = config::load_with_origins(inputs).map_err(Error::Config)?;
        let (config, changes) = match in_force {
            Some(in_force) => changes::merge(in_force, loaded),
            None => (loaded, Changes::default()),
        };
        let mut plans = TargetPlan::from_config(&config);
        let mut checks = Checks::run(&config, &mut plans).await;
        let descriptors = Descriptors::raise(&config);
        checks.warnings.extend(descriptors.warning(&plans));
        let in_force = ConfigInForce::new(
            &config,
            inputs.file.clone(),
            &origins,
            &changes.need_restart,
        );
        let loaded = LoadedConfig {
            in_force,
            loaded: model::now(),
            warnings: checks.warnings.clone(),
        };
        Ok(Self {
            config,
            loaded,
            plans,
            checks,
            changes,
            descriptors,
        })
    }
}
