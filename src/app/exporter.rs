//! The exporter: its stages are built, run until a signal or a failure, and shut down.
//!
//! While it runs, `reload` changes its parts.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    Error, memory,
    plan::TargetPlan,
    reload::Reloader,
    signals::Signals,
    supervisor::{Ended, Supervisor},
    targets::RunningTarget,
    web::{PreparedWeb, ServedWeb},
};
use crate::{
    client::{AccessReviewer, ConnectionBudget},
    config::Config,
    history::{History, HistorySettings, TargetHistory},
    metrics::{Metrics, MetricsSettings},
    model::Name,
    server::{
        ExporterData, ExporterRecord, LoadedConfig, ReloadHandle, Server, ServerSettings,
        TargetProber, readiness::Readiness,
    },
    store::Store,
    telemetry::{self, EventLog},
};

/// The time for the last write to the history. A slower disk must not make the process miss its termination grace period.
const HISTORY_DEADLINE: Duration = Duration::from_secs(5);

/// All stages. The targets are read from its creation on.
pub(super) struct Exporter {
    /// What is in force.
    pub(super) config: Config,
    /// The sources and the history's writer; the simulator in a demo.
    pub(super) tasks: Supervisor,
    /// In the order of the configuration.
    pub(super) targets: Vec<RunningTarget>,
    pub(super) history: Option<History>,
    pub(super) events: Arc<EventLog>,
    pub(super) budget: ConnectionBudget,
    pub(super) store: Arc<Store>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) prober: Arc<TargetProber>,
    pub(super) web: ServedWeb,
    pub(super) readiness: Arc<Readiness>,
    /// What people see of the exporter itself.
    pub(super) record: Arc<ExporterRecord>,
}

impl Exporter {
    /// Builds the stages from left to right. `tasks` are supervised with those of the exporter.
    pub(super) fn build(
        config: Config,
        loaded: LoadedConfig,
        web: PreparedWeb,
        plans: Vec<TargetPlan>,
        mut tasks: Supervisor,
        budget: ConnectionBudget,
    ) -> Result<Self, Error> {
        let events = Arc::new(EventLog::new());
        if config.events.log {
            events.start().map_err(Error::Output)?;
        }
        let (history, continued) = open_history(&config, &plans, &events)?.unzip();
        let mut continued = continued.into_iter().flatten();
        let metrics_settings = MetricsSettings {
            // The targets of the demo are not in the configuration.
            pods: plans.iter().any(|plan| plan.store.pods),
            ..MetricsSettings::from_config(&config)
        };
        let mut targets = Vec::new();
        for plan in plans {
            let continued = history.as_ref().zip(continued.next());
            let mut target = RunningTarget::new(plan, continued, &events);
            target.start(&mut tasks, &budget);
            targets.push(target);
        }
        let reviewer = reviewer(&config, &mut targets, &budget);
        let web = ServedWeb::new(&config, web, reviewer)?;
        let stores = targets.iter().map(|target| target.store.clone());
        let store = Arc::new(Store::new(stores.collect()));
        let mut metrics = Metrics::new(store.clone(), &metrics_settings)
            .with_dropped_log_lines(telemetry::dropped_lines)
            .with_dropped_events(telemetry::dropped_events);
        if let Some(history) = &history {
            tasks.spawn("history writer".to_owned(), history.ended());
            metrics = metrics.with_history(history.status());
        }
        let metrics = Arc::new(metrics);
        tasks.spawn("cache of scrapes".to_owned(), metrics.clone().drop_unused());
        tasks.spawn("free memory".to_owned(), memory::give_back());
        let prober = TargetProber::new(metrics.clone());
        prober.replace_targets(
            targets
                .iter()
                .filter_map(RunningTarget::probe_target)
                .collect(),
        );
        let history_status = history.as_ref().map(History::status);
        Ok(Self {
            record: Arc::new(ExporterRecord::new(loaded, history_status)),
            readiness: Arc::new(Readiness::new(store.clone(), config.web.ready_grace)),
            metrics,
            prober: Arc::new(prober),
            config,
            tasks,
            targets,
            history,
            events,
            budget,
            store,
            web,
        })
    }

    /// Serves until a signal arrives, then shuts down. A task that ends before that is an error. Without a `reloader` the
    /// configuration stays as it is.
    pub(super) async fn run(
        mut self,
        server: Server,
        mut signals: Signals,
        reloader: Option<Reloader>,
    ) -> Result<(), Error> {
        let stop_serving = CancellationToken::new();
        let mut serving = Supervisor::default();
        let handle = reloader.as_ref().and_then(Reloader::handle);
        serving.spawn(
            "HTTP server".to_owned(),
            server.serve(
                Arc::new(self.data()),
                self.server_settings(handle),
                stop_serving.clone(),
            ),
        );
        let signal = tokio::select! {
            ended = self.work(reloader) => return Err(Error::TaskEnded(ended)),
            ended = serving.first_end() => return Err(Error::TaskEnded(ended)),
            signal = signals.next() => signal,
        };
        self.readiness.drain();
        tracing::info!(signal, "shutting down");
        stop_serving.cancel();
        tokio::select! {
            () = shut_down(serving, self.tasks, self.history) => {}
            signal = signals.another() => return Err(Error::Aborted(signal)),
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// Reloads the configuration whenever something asks for it, until a task ends.
    async fn work(&mut self, reloader: Option<Reloader>) -> Ended {
        let Some(mut reloader) = reloader else {
            return self.tasks.first_end().await;
        };
        loop {
            let trigger = tokio::select! {
                ended = self.tasks.first_end() => return ended,
                trigger = reloader.next_trigger() => trigger,
            };
            reloader.reload(self, trigger).await;
        }
    }

    fn data(&self) -> ExporterData {
        let data = ExporterData::new(
            self.metrics.clone(),
            self.store.clone(),
            self.readiness.clone(),
            self.record.clone(),
        );
        match &self.history {
            Some(history) => data.with_history(history.reader()),
            None => data,
        }
    }

    fn server_settings(&self, reload: Option<ReloadHandle>) -> ServerSettings {
        ServerSettings {
            access: self.web.access.clone(),
            tls: self.web.tls.clone(),
            reload,
            prober: Some(self.prober.clone()),
            ..ServerSettings::from_config(&self.config.web)
        }
    }
}

/// Checks bearer tokens as configured; `None` if nothing does.
pub(super) fn reviewer(
    config: &Config,
    targets: &mut [RunningTarget],
    budget: &ConnectionBudget,
) -> Option<Arc<dyn AccessReviewer>> {
    let auth = config.web.kubernetes_auth.as_ref()?;
    // The configuration was checked: there is such a target, or only one.
    let is_named = |target: &RunningTarget| target.name == auth.target;
    let position = match &auth.target {
        Some(_) => targets.iter().position(is_named)?,
        None => 0,
    };
    Some(targets.get_mut(position)?.reviewer(budget))
}

/// Waits for the server to finish its responses, stops the other tasks, and closes the history.
async fn shut_down(mut serving: Supervisor, tasks: Supervisor, history: Option<History>) {
    serving.first_end().await;
    tasks.stop().await;
    if let Some(history) = history {
        history.close(HISTORY_DEADLINE).await;
    }
}

/// Opens the history, if one is configured, and returns what it has of these targets.
fn open_history(
    config: &Config,
    plans: &[TargetPlan],
    events: &Arc<EventLog>,
) -> Result<Option<(History, Vec<TargetHistory>)>, Error> {
    let Some(settings) = HistorySettings::from_config(config) else {
        return Ok(None);
    };
    let name = |plan: &TargetPlan| plan.name.as_deref().map(Name::from);
    let names: Vec<_> = plans.iter().map(name).collect();
    Ok(Some(History::open(&settings, &names, events.clone())?))
}
