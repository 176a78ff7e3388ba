//! The command `status`: reads each target once, and prints what the page shows; or waits for the end of one Job.
//!
//! `cli` parses the flags, and the stage `status` judges the workloads. There is no server and no history: the running
//! exporter has the history file open, so only Jobs that exist are known here.
//!
//! - `reading`: starts the sources, and waits until everything was read
//! - `table` and `json`: the output
//! - `wait`: `--wait`

use std::{
    borrow::Cow,
    env,
    io::{self, IsTerminal as _},
    process::ExitCode,
    time::Duration,
};

use super::{Descriptors, Error, StartProblem, plan::TargetPlan, print};
use crate::{
    cli::{LogFlags, OutputFormat, StatusFlags},
    client::Endpoint,
    config::{self, Mode, Pattern},
    model::Seconds,
    status::{Overview, Query, TargetDetail, UNNAMED_TARGET},
    store::TargetSnapshot,
};

mod json;
mod reading;
mod table;
mod wait;

use reading::{ReadTarget, Reading};

/// The default of `--timeout` without `--wait`.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Something fails or is overdue.
const PROBLEM: u8 = 1;
/// The API cannot be read, or not completely.
const UNREADABLE: u8 = 3;

/// Why there is nothing to print.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// No target has this name.
    #[error("there is no target `{name}`")]
    UnknownTarget {
        /// The name of the flag.
        name: String,
        /// The configured names.
        known: Vec<String>,
    },
    /// A Job can be in any of several targets.
    #[error("`--wait` needs `--target`, because there are {} targets", .known.len())]
    SeveralTargets {
        /// The configured names.
        known: Vec<String>,
    },
    /// No workload has this name, although everything was read.
    #[error("there is no workload `{0}`")]
    UnknownWorkload(String),
}

impl StatusError {
    /// What to write instead.
    pub(super) fn hint(&self) -> Cow<'static, str> {
        match self {
            Self::UnknownTarget { known, .. } | Self::SeveralTargets { known } => {
                format!("the targets are: {}", known.join(", ")).into()
            }
            Self::UnknownWorkload(_) => {
                "a workload has the name of its CronJob or other owner, and a Job without an owner has its own".into()
            }
        }
    }
}

/// What is printed.
struct StatusReport {
    overview: Overview,
    /// The targets, in the order of the configuration.
    targets: Vec<ReadTarget<TargetDetail>>,
    /// When they were read, in seconds since the Unix epoch.
    now: Seconds,
}

/// Runs the command.
pub(super) async fn run(flags: &StatusFlags, log: LogFlags) -> Result<ExitCode, Error> {
    let mut config = config::load(&flags.inputs(log)).map_err(Error::Config)?;
    // Who asks for the status of workloads does not ask which shard has them.
    config.sharding = None;
    let mut plans = selected(TargetPlan::from_config(&config), flags)?;
    for plan in &mut plans {
        // One look cannot wait for what may follow.
        plan.store.settling_time = Duration::ZERO;
    }
    if flags.config_file.is_none() {
        for plan in &mut plans {
            apply_to(plan, flags);
        }
    }
    let budget = Descriptors::raise(&config).budget();
    if let Some(job) = &flags.wait {
        let namespace = flags.namespace.as_deref().unwrap_or_default();
        return wait::run(plans, &budget, (namespace, job), flags.timeout).await;
    }
    let plans = with_addresses(plans).await?;
    let timeout = flags.timeout.unwrap_or(READ_TIMEOUT);
    let reading = Reading::start(plans, &budget);
    let read = reading.finish(timeout).await;
    let report = StatusReport::new(read, flags);
    let code = report.code();
    if let Some(workload) = &flags.workload
        && report.overview.rows.is_empty()
        && code != UNREADABLE
    {
        return Err(StatusError::UnknownWorkload(workload.clone()).into());
    }
    print(&match flags.output {
        OutputFormat::Table => table::render(&report, table::Style::of_stdout()),
        OutputFormat::Json => json::render(&report),
    })?;
    Ok(ExitCode::from(code))
}

/// The plans of the targets that the flags select.
fn selected(mut plans: Vec<TargetPlan>, flags: &StatusFlags) -> Result<Vec<TargetPlan>, Error> {
    let name = |plan: &TargetPlan| plan.name.clone().unwrap_or(UNNAMED_TARGET.to_owned());
    let known = plans.iter().map(name).collect();
    match &flags.target {
        Some(target) => {
            plans.retain(|plan| name(plan) == *target);
            if plans.is_empty() {
                let name = target.clone();
                return Err(StatusError::UnknownTarget { name, known }.into());
            }
        }
        None if flags.wait.is_some() && plans.len() > 1 => {
            return Err(StatusError::SeveralTargets { known }.into());
        }
        None => {}
    }
    Ok(plans)
}

/// Applies the flags that kubectl has, too. With `--namespace`, nothing else is read: permissions in the namespace are enough.
fn apply_to(plan: &mut TargetPlan, flags: &StatusFlags) {
    if let Endpoint::Kubernetes {
        kubeconfig,
        context,
    } = &mut plan.endpoint
    {
        if flags.kubeconfig.is_some() {
            kubeconfig.clone_from(&flags.kubeconfig);
        }
        if flags.context.is_some() {
            context.clone_from(&flags.context);
        }
    }
    if let (Mode::Watch(selection), Some(namespace)) = (&mut plan.source.mode, &flags.namespace)
        && selection.namespaces.selects(namespace)
    {
        selection.namespaces.include = vec![Pattern::from(namespace.as_str())];
    }
}

/// Looks for the APIs. A target whose configuration leads to none is an error, as at the start of the exporter.
async fn with_addresses(mut plans: Vec<TargetPlan>) -> Result<Vec<TargetPlan>, Error> {
    let mut problems = Vec::new();
    for plan in &mut plans {
        match plan.endpoint.address().await {
            Ok(address) => plan.address = Some(address),
            Err(failure) => problems.push(StartProblem::of_target(&plan.title, &failure)),
        }
    }
    if problems.is_empty() {
        Ok(plans)
    } else {
        Err(Error::Unusable(problems))
    }
}

// === impl StatusReport ===

impl StatusReport {
    fn new(read: Vec<ReadTarget<TargetSnapshot>>, flags: &StatusFlags) -> Self {
        let query = Query {
            namespace: flags.namespace.clone(),
            ..Query::default()
        };
        let details = read.iter().map(|it| TargetDetail::new(&it.target));
        let details: Vec<_> = details.collect();
        let complete: Vec<_> = read.iter().map(|it| it.complete).collect();
        let now = details.iter().map(|it| it.now).max();
        let snapshots: Vec<_> = read.into_iter().map(|it| it.target).collect();
        let mut overview = Overview::all(&snapshots, &query);
        if let Some(workload) = &flags.workload {
            overview.rows.retain(|row| *row.id.name == **workload);
        }
        let targets = details.into_iter().zip(complete);
        Self {
            overview,
            targets: targets
                .map(|(target, complete)| ReadTarget { target, complete })
                .collect(),
            now: now.unwrap_or_default(),
        }
    }

    /// The exit code. What cannot be read is worse than a problem, because there may be more.
    fn code(&self) -> u8 {
        let mut rows = self.overview.rows.iter();
        if self.targets.iter().any(|target| !target.complete) {
            UNREADABLE
        } else if rows.any(|row| row.state.is_problem()) {
            PROBLEM
        } else {
            0
        }
    }
}

/// Whether standard output is a terminal where colours are wanted. <https://no-color.org>
fn wants_colors() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused
}

#[cfg(test)]
mod tests;
