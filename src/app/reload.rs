//! Loads the configuration again while the exporter runs.
//!
//! A configuration with any problem is refused as a whole, and the one before stays in force. A right one is applied with the least
//! disturbance: what did not change goes on.

use std::path::PathBuf;

use tracing::{error, info, warn};

use super::{
    Error, StartProblem,
    candidate::Candidate,
    changes::{Changes, applied_in_place, selects_other_objects},
    exporter::{self, Exporter},
    file_watch::{FileWatch, WatchedFile},
    plan::TargetPlan,
    targets::RunningTarget,
    triggers::{Trigger, Triggers},
    web::{PreparedWeb, UnusableWeb},
};
use crate::{
    config::{Config, Inputs, TargetConfig},
    history::HistorySettings,
    metrics::MetricsSettings,
    model,
    server::{ReloadHandle, ReloadOutcome, ReloadReport},
    store::ObjectSelection,
    telemetry::LogLevelHandle,
};

/// Reloads the configuration of an exporter.
pub(super) struct Reloader {
    inputs: Inputs,
    triggers: Triggers,
    /// For requests by HTTP, if they are enabled.
    handle: Option<ReloadHandle>,
    log_level: LogLevelHandle,
    /// The configuration file, if its changes are a trigger.
    watched: Option<PathBuf>,
    /// Whether the last attempt to load the configuration succeeded.
    config_loaded: bool,
    /// Whether the last attempt to load the web configuration file succeeded.
    web_loaded: bool,
}

impl Reloader {
    /// Reloads what `inputs` name. `config_file` is watched, as it was before it was read; and so are `web_files`.
    pub(super) fn new(
        inputs: Inputs,
        log_level: LogLevelHandle,
        handle: Option<ReloadHandle>,
        mut triggers: Triggers,
        config_file: Option<WatchedFile>,
        web_files: Vec<WatchedFile>,
    ) -> Self {
        triggers.web_files = FileWatch::new(web_files);
        let watched = config_file.as_ref().map(|file| file.path().to_owned());
        triggers.config_file = FileWatch::new(config_file.into_iter().collect());
        Self {
            inputs,
            triggers,
            handle,
            log_level,
            watched,
            config_loaded: true,
            web_loaded: true,
        }
    }

    /// The handle for requests by HTTP, if they are enabled.
    pub(super) fn handle(&self) -> Option<ReloadHandle> {
        self.handle.clone()
    }

    /// Waits for what asks for a reload.
    pub(super) async fn next_trigger(&mut self) -> Trigger {
        self.triggers.next().await
    }

    /// Loads again what the trigger is about, and applies it. Logs the outcome, and answers a request with it.
    pub(super) async fn reload(&mut self, exporter: &mut Exporter, trigger: Trigger) {
        info!(cause = %trigger, "loading the configuration again");
        // After a configuration that was refused, what was wrong may have been in these files.
        let result = if matches!(trigger, Trigger::WebFiles) && self.config_loaded {
            let result = self.load_web(exporter);
            self.web_loaded = result.is_ok();
            result
        } else {
            let result = self.load(exporter, &trigger).await;
            self.config_loaded = result.is_ok();
            self.web_loaded |= result.is_ok();
            result
        };
        exporter
            .metrics
            .set_config_loaded(self.config_loaded && self.web_loaded);
        match &result {
            Ok(changes) => log_changes(changes),
            Err(error) => log_problems(error),
        }
        let outcome = outcome(result);
        exporter.record.record_reload(ReloadReport {
            at: model::now(),
            outcome: outcome.clone(),
        });
        if let Trigger::Request(request) = trigger {
            // The client may be gone.
            let _ = request.send(outcome);
        }
    }

    /// Loads everything and applies it.
    async fn load(&mut self, exporter: &mut Exporter, trigger: &Trigger) -> Result<Changes, Error> {
        let config_file: Vec<_> = self
            .watched
            .iter()
            .map(|path| WatchedFile::now(path))
            .collect();
        self.triggers.config_file = FileWatch::new(config_file.clone());
        if let Trigger::ConfigFile = trigger
            && let Some(problem) = StartProblem::of_empty(&config_file)
        {
            return Err(Error::Unusable(vec![problem]));
        }
        let mut candidate = Candidate::load(&self.inputs, Some(&exporter.config)).await?;
        let web = candidate.checks.web.take();
        for warning in &candidate.checks.warnings {
            warn!("{warning}");
        }
        candidate.checks.outcome()?;
        let web = web.unwrap_or_default();
        let web_files = web.files.clone();
        self.log_level.set(candidate.config.log_level);
        let changes = exporter
            .apply(candidate.config, candidate.plans, web, candidate.changes)
            .await?;
        exporter.record.replace_config(candidate.loaded);
        self.triggers.web_files = FileWatch::new(web_files);
        Ok(changes)
    }

    /// Loads the web configuration file and what it names, and applies it.
    fn load_web(&mut self, exporter: &mut Exporter) -> Result<Changes, Error> {
        let loaded = PreparedWeb::load(&exporter.config.web);
        let loaded = loaded.and_then(|web| match StartProblem::of_empty(&web.files) {
            Some(problem) => Err(UnusableWeb {
                problem,
                files: web.files,
            }),
            None => Ok(web),
        });
        let web = match loaded {
            Ok(web) => web,
            Err(UnusableWeb { problem, files }) => {
                let files = exporter.web.with_files_in_force(files);
                self.triggers.web_files = FileWatch::new(files);
                return Err(Error::Unusable(vec![problem]));
            }
        };
        self.triggers.web_files = FileWatch::new(web.files.clone());
        for warning in &web.warnings {
            warn!("{warning}");
        }
        let need_restart = exporter.web.update(&exporter.config, web)?;
        Ok(Changes {
            applied: vec!["web.config_file"],
            need_restart: need_restart.into_iter().collect(),
            ..Changes::default()
        })
    }
}

impl Exporter {
    /// Puts a configuration in force. `changes` are those that its keys show.
    async fn apply(
        &mut self,
        config: Config,
        plans: Vec<TargetPlan>,
        web: PreparedWeb,
        mut changes: Changes,
    ) -> Result<Changes, Error> {
        if config.events.log {
            self.events.start().map_err(Error::Output)?;
        }
        if let Some(history) = &self.history
            && let Some(settings) = HistorySettings::from_config(&config)
        {
            history.configure(&settings);
        }
        self.apply_targets(&config, plans, &mut changes).await;
        self.web.reviewer = exporter::reviewer(&config, &mut self.targets, &self.budget);
        let need_restart = self.web.update(&config, web)?;
        changes.need_restart.extend(need_restart);
        self.metrics
            .configure(&MetricsSettings::from_config(&config));
        self.config = config;
        Ok(changes)
    }

    /// Changes the targets. Scrapes see each store as it was or as it is from now on, and all targets change at once.
    async fn apply_targets(
        &mut self,
        config: &Config,
        plans: Vec<TargetPlan>,
        changes: &mut Changes,
    ) {
        self.readiness.keep();
        let mut before = std::mem::take(&mut self.targets);
        let mut next = Vec::new();
        for (plan, target_config) in plans.into_iter().zip(&config.targets) {
            let known = before.iter().position(|target| target.name == plan.name);
            next.push(if let Some(position) = known {
                let target = before.swap_remove(position);
                self.next_of(target, plan, config, target_config, changes)
            } else {
                changes.added.push(plan.title.clone());
                (self.new_target(plan), Step::Start)
            });
        }
        let mut cancelled = Vec::new();
        for (target, step) in &mut next {
            if let Step::Reread(..) = step {
                cancelled.extend(target.take_tasks());
            }
        }
        for target in &mut before {
            changes.removed.push(target.title.clone());
            cancelled.extend(target.take_tasks());
        }
        // Nothing of a task reaches a store after this.
        self.tasks.cancel(cancelled).await;
        for target in before {
            if let Some((history, id)) = self.history.as_ref().zip(target.history) {
                history.remove(id);
            }
        }
        for (mut target, step) in next {
            match step {
                Step::Start => target.start(&mut self.tasks, &self.budget),
                Step::Configure(plan) => {
                    target.store.configure(plan.store);
                    target.replan_probes(plan.probes, &self.budget);
                }
                Step::Reread(plan, selection) => {
                    target.store.configure(plan.store.clone());
                    target.store.restart_feeds(selection);
                    target.replan(*plan);
                    target.start(&mut self.tasks, &self.budget);
                }
            }
            self.targets.push(target);
        }
        let stores = self.targets.iter().map(|target| target.store.clone());
        self.store.replace_targets(stores.collect());
        let probed = self.targets.iter().filter_map(RunningTarget::probe_target);
        self.prober.replace_targets(probed.collect());
    }

    /// What happens to a target that goes on.
    fn next_of(
        &self,
        target: RunningTarget,
        plan: TargetPlan,
        config: &Config,
        target_config: &TargetConfig,
        changes: &mut Changes,
    ) -> (RunningTarget, Step) {
        let mut old = self.config.targets.iter();
        let old = old.find(|old| old.name == target.name);
        // The same configuration may lead to another API, for example by another kubeconfig in the same place.
        let other_objects = target.address != plan.address
            || config.sharding != self.config.sharding
            || old.is_some_and(|old| selects_other_objects(old, target_config));
        // What the store ignores is decided when an object arrives.
        let other_ignored = !config.overrides.ignores_same(&self.config.overrides);
        if !other_objects && !other_ignored && target.source == plan.source {
            if let Some(old) = old {
                changes.add_applied(&applied_in_place(old, target_config));
            }
            return (target, Step::Configure(Box::new(plan)));
        }
        changes.reread.push(target.title.clone());
        let selection = if other_objects {
            ObjectSelection::Changed
        } else {
            ObjectSelection::Same
        };
        (target, Step::Reread(Box::new(plan), selection))
    }

    /// A target that was not configured before.
    fn new_target(&self, plan: TargetPlan) -> RunningTarget {
        let history = self.history.as_ref();
        let history = history.map(|history| (history, history.add(plan.name.as_deref())));
        RunningTarget::new(plan, history, &self.events)
    }
}

/// What to do with a target.
enum Step {
    /// Read it for the first time.
    Start,
    /// Change the settings of its store, and what can be probed.
    Configure(Box<TargetPlan>),
    /// Read it again, as planned.
    Reread(Box<TargetPlan>, ObjectSelection),
}

fn log_changes(changes: &Changes) {
    for key in &changes.need_restart {
        warn!("`{key}` changed: this needs a restart, until then it stays as it was");
    }
    info!(
        changes = changes.to_string().trim_end().replace('\n', "; "),
        "configuration reloaded"
    );
}

fn log_problems(problems: &Error) {
    for problem in problems.problems() {
        // A problem has its hint on a line of its own.
        if let Some((problem, hint)) = problem.split_once("\n  hint: ") {
            error!(hint, "{problem}");
        } else {
            error!("{problem}");
        }
    }
    error!(
        "configuration not reloaded: the one before stays in force until the problems are solved"
    );
}

/// The answer to a request.
fn outcome(result: Result<Changes, Error>) -> ReloadOutcome {
    match result {
        Ok(changes) => ReloadOutcome {
            succeeded: true,
            text: format!("configuration reloaded\n{changes}"),
        },
        Err(error) => ReloadOutcome {
            succeeded: false,
            text: format!(
                "configuration not reloaded: the one before stays in force\n{}\n",
                error.problems().join("\n")
            ),
        },
    }
}
