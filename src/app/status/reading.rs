//! Reads targets until everything was read once.
//!
//! The sources are those of the exporter, and so are their retries. A target that cannot be read gets a short time to recover,
//! so that a command in CI ends soon and does not fail for one lost packet.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::{
    app::{plan::TargetPlan, supervisor::Supervisor, targets::RunningTarget},
    client::ConnectionBudget,
    model::{Name, NoopJournal, RestoredState},
    store::{TargetSnapshot, TargetStore},
};

/// How often the store is asked.
const INTERVAL: Duration = Duration::from_millis(20);

/// How long targets are tried again after each of their feeds was read or failed.
const RECOVERY: Duration = Duration::from_secs(5);

/// Targets that are being read.
pub(super) struct Reading {
    targets: Vec<RunningTarget>,
    tasks: Supervisor,
}

/// A target, and whether it was read completely.
#[derive(Debug)]
pub(super) struct ReadTarget<T> {
    pub(super) target: T,
    pub(super) complete: bool,
}

impl Reading {
    /// Starts to read the targets of these plans.
    pub(super) fn start(plans: Vec<TargetPlan>, budget: &ConnectionBudget) -> Self {
        let mut tasks = Supervisor::default();
        let start = |plan: TargetPlan| {
            let store = store(&plan);
            let mut target = RunningTarget::with_store(plan, store);
            target.start(&mut tasks, budget);
            target
        };
        Self {
            targets: plans.into_iter().map(start).collect(),
            tasks,
        }
    }

    /// Reads until everything was read, or the time is over. Then nothing more is read.
    pub(super) async fn finish(self, timeout: Duration) -> Vec<ReadTarget<TargetSnapshot>> {
        let deadline = Instant::now() + timeout;
        // The outcome shows in the stores.
        let _ = timeout_at(deadline, self.read()).await;
        let Self { targets, tasks } = self;
        let read = targets.iter().map(|target| ReadTarget {
            complete: target.store.is_read(),
            target: target.store.complete_snapshot(),
        });
        let read = read.collect();
        tasks.stop().await;
        read
    }

    /// The stores, in the order of the configuration.
    pub(super) fn stores(&self) -> impl Iterator<Item = &Arc<TargetStore>> {
        self.targets.iter().map(|target| &target.store)
    }

    /// Waits until everything was read, or cannot be read.
    pub(super) async fn read(&self) {
        let all = |is: fn(&TargetStore) -> bool| self.stores().all(|store| is(store));
        while !all(TargetStore::is_tried) {
            sleep(INTERVAL).await;
        }
        let recovery = sleep_until(Instant::now() + RECOVERY);
        let read = async {
            while !all(TargetStore::is_read) {
                sleep(INTERVAL).await;
            }
        };
        tokio::select! {
            () = recovery => {}
            () = read => {}
        }
    }
}

/// A store that also counts the runs that ended before now, since there is no history that did.
fn store(plan: &TargetPlan) -> Arc<TargetStore> {
    let name = plan.name.as_deref().map(Name::from);
    let settings = Arc::new(plan.store.clone());
    let state = RestoredState::default();
    Arc::new(TargetStore::restored(
        name,
        settings,
        state,
        Arc::new(NoopJournal),
    ))
}
