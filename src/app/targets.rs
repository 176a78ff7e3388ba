//! The targets that run: each with its store and the tasks that read it.
//!
//! A target is its name. A reload that changes what is read of it, or how, gives it other tasks; the store stays.

use std::sync::{Arc, Weak};

use tokio::task::AbortHandle;

use super::{
    access,
    plan::{ProbePlan, TargetPlan},
    supervisor::Supervisor,
};
use crate::{
    client::{AccessReviewer, Api, ConnectionBudget, Endpoint, RateLimit},
    history::{History, TargetHistory, TargetId},
    model::Name,
    server::ProbeTarget,
    source::{JobProber, Source, SourceSettings},
    store::TargetStore,
    telemetry::EventLog,
};

/// A target that runs.
pub(super) struct RunningTarget {
    /// Value of the `target` label.
    pub(super) name: Option<String>,
    pub(super) title: String,
    pub(super) store: Arc<TargetStore>,
    endpoint: Endpoint,
    /// The address of the API when the tasks started.
    pub(super) address: Option<String>,
    pub(super) source: SourceSettings,
    requests_per_second: Option<f64>,
    pub(super) probes: ProbePlan,
    /// The client of the tasks, once they run.
    api: Option<Arc<Api>>,
    /// Reads Jobs for `/probe`, once the tasks run.
    prober: Option<Arc<JobProber>>,
    tasks: Vec<AbortHandle>,
    /// Its place in the history.
    pub(super) history: Option<TargetId>,
    /// Checks bearer tokens at its API, once somebody asked for it.
    reviewer: Option<Arc<dyn AccessReviewer>>,
}

impl RunningTarget {
    /// A target with a store and without tasks. It continues from the history, if there is one.
    pub(super) fn new(
        plan: TargetPlan,
        history: Option<(&History, TargetHistory)>,
        events: &Arc<EventLog>,
    ) -> Self {
        let name = plan.name.as_deref().map(Name::from);
        let settings = Arc::new(plan.store.clone());
        let Some((history, target)) = history else {
            let store = Arc::new(TargetStore::with_events(name, settings, events.clone()));
            return Self::with_store(plan, store);
        };
        let TargetHistory {
            id,
            restored,
            journal,
        } = target;
        let store = TargetStore::restored(name, settings, restored, journal);
        let store = Arc::new(store);
        let lookup: Weak<TargetStore> = Arc::downgrade(&store);
        history.attach(id, lookup);
        Self {
            history: Some(id),
            ..Self::with_store(plan, store)
        }
    }

    /// A target with this store, without tasks and without a history.
    pub(super) fn with_store(plan: TargetPlan, store: Arc<TargetStore>) -> Self {
        store.describe(plan.description());
        Self {
            name: plan.name,
            title: plan.title,
            store,
            endpoint: plan.endpoint,
            address: plan.address,
            source: plan.source,
            requests_per_second: plan.requests_per_second,
            probes: plan.probes,
            api: None,
            prober: None,
            tasks: Vec::new(),
            history: None,
            reviewer: None,
        }
    }

    /// Starts the tasks that read the target.
    pub(super) fn start(&mut self, supervisor: &mut Supervisor, budget: &ConnectionBudget) {
        let api = self.new_api(self.requests_per_second, budget);
        self.api = Some(api.clone());
        self.start_prober(budget);
        let (title, settings) = (self.title.clone(), self.source.clone());
        let source = Source::new(title, settings, api, self.store.clone());
        let spawn = |task: crate::source::Task| supervisor.spawn(task.name, task.run);
        self.tasks = source.start().into_iter().map(spawn).collect();
    }

    /// Changes what can be probed, and how. Nothing is read again.
    pub(super) fn replan_probes(&mut self, probes: ProbePlan, budget: &ConnectionBudget) {
        if self.probes != probes {
            self.probes = probes;
            self.start_prober(budget);
        }
    }

    /// The target as `/probe` sees it, once its tasks run.
    pub(super) fn probe_target(&self) -> Option<ProbeTarget> {
        Some(ProbeTarget {
            store: self.store.clone(),
            prober: self.prober.clone()?,
        })
    }

    /// Probes of a polled target share the client of the polls, and so its rate limit. The client of a watch has none, so that probes
    /// have one of their own: requests to the exporter, which anybody can send, must not slow down a watch.
    fn start_prober(&mut self, budget: &ConnectionBudget) {
        let own = self.probes.requests_per_second;
        let api = match &self.api {
            Some(api) if own.is_none() => api.clone(),
            _ => self.new_api(own, budget),
        };
        let prober = JobProber::new(self.title.clone(), self.probes.settings.clone(), api);
        self.prober = Some(Arc::new(prober));
    }

    fn new_api(&self, requests_per_second: Option<f64>, budget: &ConnectionBudget) -> Arc<Api> {
        let limit = requests_per_second.map(RateLimit::new);
        let api = Api::new(self.endpoint.clone(), self.store.clone(), limit);
        Arc::new(api.with_budget(budget.clone()))
    }

    /// Takes the tasks, so that they can be cancelled.
    pub(super) fn take_tasks(&mut self) -> Vec<AbortHandle> {
        std::mem::take(&mut self.tasks)
    }

    /// Reads as `plan` has it, once the tasks start again.
    pub(super) fn replan(&mut self, plan: TargetPlan) {
        self.store.describe(plan.description());
        self.endpoint = plan.endpoint;
        self.address = plan.address;
        self.source = plan.source;
        self.requests_per_second = plan.requests_per_second;
        self.probes = plan.probes;
        self.reviewer = None;
    }

    /// Checks bearer tokens at the API of this target. Stays the same as long as the tasks do.
    pub(super) fn reviewer(&mut self, budget: &ConnectionBudget) -> Arc<dyn AccessReviewer> {
        let Self {
            reviewer,
            endpoint,
            store,
            ..
        } = self;
        reviewer
            .get_or_insert_with(|| access::reviewer(endpoint.clone(), store.clone(), budget))
            .clone()
    }
}
