//! Supervises the tasks that run as long as the process. When one ends or panics, its name is known.
//!
//! All tasks are started here: one that died unnoticed would leave stale data while everything looks healthy.

use std::{collections::HashMap, fmt};

use tokio::task::{Id, JoinSet};

/// Runs named tasks.
#[derive(Debug, Default)]
pub(super) struct Supervisor {
    tasks: JoinSet<()>,
    names: HashMap<Id, String>,
}

/// A task that ended.
#[derive(Debug)]
pub struct Ended {
    name: String,
    panicked: bool,
}

impl Supervisor {
    /// Starts a task.
    pub(super) fn spawn(&mut self, name: String, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits until a task ends, for ever if there is none.
    pub(super) async fn first_end(&mut self) -> Ended {
        let (id, panicked) = match self.tasks.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, ()))) => (id, false),
            Some(Err(error)) => (error.id(), error.is_panic()),
        };
        Ended {
            name: self.names.remove(&id).unwrap_or_default(),
            panicked,
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
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_is_named() {
        let mut tasks = Supervisor::default();
        tasks.spawn("steady".to_owned(), std::future::pending());
        tasks.spawn("short".to_owned(), async {});
        assert_eq!(tasks.first_end().await.to_string(), "short ended");
        tasks.spawn("broken".to_owned(), async { panic!("on purpose") });
        assert_eq!(tasks.first_end().await.to_string(), "broken panicked");
        tasks.stop().await;
    }
}
