//! The exporter: its stages are built, run until a signal or a failure, and shut down.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    Error, access, plan::TargetPlan, signals::Signals, supervisor::Supervisor, web::PreparedWeb,
};
use crate::{
    client::{Api, ConnectionBudget, RateLimit},
    config::Config,
    history::{History, HistorySettings, TargetHistory},
    metrics::{Metrics, MetricsSettings},
    model::Name,
    server::{
        Access, AccessHandle, ExporterData, Server, ServerSettings, TlsHandle, readiness::Readiness,
    },
    source::{self, Source},
    store::{Store, TargetStore},
    telemetry,
};

/// The time for the last write to the history. A slower disk must not make the process miss its termination grace period.
const HISTORY_DEADLINE: Duration = Duration::from_secs(5);

/// All stages, built and not yet running.
pub(super) struct Exporter {
    /// The history's writer, and the simulator in a demo; the sources once they run.
    tasks: Supervisor,
    sources: Vec<source::Task>,
    history: Option<History>,
    readiness: Arc<Readiness>,
    data: ExporterData,
    server: ServerSettings,
}

impl Exporter {
    /// Builds the stages from left to right. `tasks` are supervised with those of the exporter.
    pub(super) fn build(
        config: &Config,
        web: PreparedWeb,
        plans: Vec<TargetPlan>,
        mut tasks: Supervisor,
        budget: &ConnectionBudget,
    ) -> Result<Self, Error> {
        let (history, restored) = open_history(config, &plans)?.unzip();
        let mut restored = restored.into_iter().flatten();
        let (mut targets, mut sources) = (Vec::new(), Vec::new());
        let auth_endpoint = access::endpoint(config, &plans);
        for plan in plans {
            let restored = history.as_ref().zip(restored.next());
            let (target, tasks) = build_target(plan, restored, budget);
            targets.push(target);
            sources.extend(tasks);
        }
        let reviewer = auth_endpoint.map(|(position, endpoint)| {
            access::reviewer(endpoint, targets[position].clone(), budget)
        });
        let server = ServerSettings {
            access: AccessHandle::new(Access::new(&access::settings(config, &web.file, reviewer))?),
            tls: web.tls.map(TlsHandle::new),
            ..ServerSettings::from_config(&config.web)
        };
        let store = Arc::new(Store::new(targets));
        let metrics_settings = MetricsSettings::from_config(config);
        let mut metrics = Metrics::new(store.clone(), &metrics_settings)
            .with_dropped_log_lines(telemetry::dropped_lines);
        if let Some(history) = &history {
            tasks.spawn("history writer".to_owned(), history.ended());
            metrics = metrics.with_history(history.status());
        }
        let readiness = Arc::new(Readiness::new(store.clone(), config.web.ready_grace));
        Ok(Self {
            tasks,
            sources,
            history,
            data: ExporterData::new(metrics, store, readiness.clone()),
            readiness,
            server,
        })
    }

    /// Serves and reads the targets until a signal arrives, then shuts down. A task that ends before that is an error.
    pub(super) async fn run(mut self, server: Server, mut signals: Signals) -> Result<(), Error> {
        let stop_serving = CancellationToken::new();
        let mut serving = Supervisor::default();
        serving.spawn(
            "HTTP server".to_owned(),
            server.serve(Arc::new(self.data), self.server, stop_serving.clone()),
        );
        for task in self.sources {
            self.tasks.spawn(task.name, task.run);
        }
        tokio::select! {
            ended = self.tasks.first_end() => return Err(Error::TaskEnded(ended)),
            ended = serving.first_end() => return Err(Error::TaskEnded(ended)),
            signal = signals.next() => tracing::info!(signal, "shutting down"),
        }
        self.readiness.drain();
        stop_serving.cancel();
        tokio::select! {
            () = shut_down(serving, self.tasks, self.history) => {}
            signal = signals.another() => return Err(Error::Aborted(signal)),
        }
        tracing::info!("stopped");
        Ok(())
    }
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
) -> Result<Option<(History, Vec<TargetHistory>)>, Error> {
    let Some(settings) = HistorySettings::from_config(config) else {
        return Ok(None);
    };
    let name = |plan: &TargetPlan| plan.name.as_deref().map(Name::from);
    let names: Vec<_> = plans.iter().map(name).collect();
    Ok(Some(History::open(&settings, &names)?))
}

/// Builds the store, client and source of one target. Returns its store and the tasks that read it.
fn build_target(
    plan: TargetPlan,
    history: Option<(&History, TargetHistory)>,
    budget: &ConnectionBudget,
) -> (Arc<TargetStore>, Vec<source::Task>) {
    let (name, settings) = (plan.name.map(Name::from), Arc::new(plan.store));
    let store = match history {
        Some((history, target)) => {
            let store = TargetStore::restored(name, settings, target.restored, target.journal);
            let store = Arc::new(store);
            let lookup: Weak<TargetStore> = Arc::downgrade(&store);
            history.attach(target.id, lookup);
            store
        }
        None => Arc::new(TargetStore::new(name, settings)),
    };
    let limit = plan.requests_per_second.map(RateLimit::new);
    let api = Api::new(plan.endpoint, store.clone(), limit).with_budget(budget.clone());
    let api = Arc::new(api);
    let source = Source::new(plan.title, plan.source, api, store.clone());
    (store, source.start())
}
