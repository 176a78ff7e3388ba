//! Supervises the tasks that run as long as the process. When one ends or panics, its name is known.
//!
//! All tasks are started here: one that died unnoticed would leave stale data while everything looks healthy.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
};

use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

/// Runs named tasks.
#[derive(Debug, Default)]
pub(super) struct Supervisor {
    tasks: JoinSet<()>,
    names: HashMap<Id, String>,
    /// Tasks that ended while others were cancelled.
    ended: VecDeque<Ended>,
}

/// A task that ended.
#[derive(Debug)]
pub struct Ended {
    name: String,
    panicked: bool,
}

impl Supervisor {
    /// Starts a task. Its handle is for [`cancel`](Self::cancel).
    pub(super) fn spawn(
        &mut self,
        name: String,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> AbortHandle {
        let task = self.tasks.spawn(task);
        self.names.insert(task.id(), name);
        task
    }

    /// Waits until a task ends that was not cancelled, for ever if there is none. Losing the future loses nothing.
    pub(super) async fn first_end(&mut self) -> Ended {
        loop {
            if let Some(ended) = self.ended.pop_front() {
                return ended;
            }
            match self.tasks.join_next_with_id().await {
                None => std::future::pending().await,
                Some(joined) => self.take(joined),
            }
        }
    }

    /// Cancels tasks and waits until they have stopped: nothing of them runs afterwards.
    pub(super) async fn cancel(&mut self, tasks: Vec<AbortHandle>) {
        for task in &tasks {
            task.abort();
        }
        while tasks.iter().any(|task| self.names.contains_key(&task.id())) {
            match self.tasks.join_next_with_id().await {
                None => return,
                Some(joined) => self.take(joined),
            }
        }
    }

    fn take(&mut self, joined: Result<(Id, ()), JoinError>) {
        let (id, panicked) = match &joined {
            Ok((id, ())) => (*id, false),
            Err(error) => (error.id(), error.is_panic()),
        };
        let name = self.names.remove(&id).unwrap_or_default();
        if !joined.is_err_and(|error| error.is_cancelled()) {
            self.ended.push_back(Ended { name, panicked });
        }
    }

    /// Cancels all tasks and waits until they have stopped.
    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.panicked { "panicked" } else { "ended" };
        write!(f, "{} {how}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_is_named() {
        let mut tasks = Supervisor::default();
        tasks.spawn("steady".to_owned(), pending());
        tasks.spawn("short".to_owned(), async {});
        assert_eq!(tasks.first_end().await.to_string(), "short ended");
        tasks.spawn("broken".to_owned(), async { panic!("on purpose") });
        assert_eq!(tasks.first_end().await.to_string(), "broken panicked");
        tasks.stop().await;
    }

    #[tokio::test]
    async fn cancelled_tasks_have_stopped_and_leave_nothing_behind() {
        let mut tasks = Supervisor::default();
        let held = std::sync::Arc::new(());
        for _ in 0..100 {
            let holds = held.clone();
            let cancelled = tasks.spawn("cancelled".to_owned(), async move {
                pending::<()>().await;
                drop(holds);
            });
            tasks.cancel(vec![cancelled]).await;
            assert_eq!(std::sync::Arc::strong_count(&held), 1);
        }
        assert!(tasks.names.is_empty() && tasks.tasks.is_empty() && tasks.ended.is_empty());
    }

    #[tokio::test]
    async fn a_task_that_ends_while_others_are_cancelled_is_reported() {
        let mut tasks = Supervisor::default();
        tasks.spawn("short".to_owned(), async {});
        let cancelled = tasks.spawn("cancelled".to_owned(), pending());
        tokio::task::yield_now().await;
        tasks.cancel(vec![cancelled]).await;
        assert_eq!(tasks.first_end().await.to_string(), "short ended");
    }
}
