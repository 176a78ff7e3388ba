//! The limit of open files: raised at the start, and shared between serving and connections to APIs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::plan::TargetPlan;
use crate::{
    client::ConnectionBudget,
    config::{Config, Mode, Scopes},
};

/// Descriptors for everything but connections: listeners, the history, files that are read, plugins.
const OTHER: usize = 64;

/// Descriptors for the probe port: its connections, those it rejects, and those it keeps for when all others are used up.
const PROBE_PORT: usize = 64;

/// What the limit leaves for connections to APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descriptors {
    limit: usize,
    /// For serving and all the rest.
    reserve: usize,
}

impl Descriptors {
    /// Raises the limit as far as this process may, and keeps a reserve for serving.
    pub(super) fn raise(config: &Config) -> Self {
        let now = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: now.maximum,
            ..now
        };
        let limit = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => now.maximum,
            Err(_) => now.current,
        };
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let probes = config.web.probe_listen_address.as_ref();
        let serving = config.web.max_connections + probes.map_or(0, |_| PROBE_PORT);
        Self::new(limit.unwrap_or(usize::MAX), serving)
    }

    fn new(limit: usize, serving: usize) -> Self {
        Self {
            limit,
            reserve: serving.saturating_add(OTHER).min(limit / 2),
        }
    }

    /// The connections that all targets may have together.
    pub(super) fn budget(self) -> ConnectionBudget {
        ConnectionBudget::new(self.for_apis())
    }

    fn for_apis(self) -> usize {
        self.limit - self.reserve
    }

    /// A warning if the targets could need more connections than there are.
    pub(super) fn warning(self, plans: &[TargetPlan]) -> Option<String> {
        let needed: usize = plans
            .iter()
            .map(|plan| connections(&plan.source.mode))
            .sum();
        (needed > self.for_apis()).then(|| {
            format!(
                "the targets need {needed} connections if their servers have no HTTP/2, and the limit of {} open files leaves {}: \
                 raise the hard limit (`ulimit -Hn`, `LimitNOFILE` of systemd) or watch fewer namespaces",
                self.limit,
                self.for_apis()
            )
        })
    }
}

/// The connections that a target needs if its server has no HTTP/2.
fn connections(mode: &Mode) -> usize {
    match mode {
        // A watch of Jobs and one of CronJobs.
        Mode::Watch(selection) => match selection.namespaces.scopes() {
            Scopes::All => 2,
            Scopes::Named(names) => 2 * names.len(),
        },
        Mode::PollJobs { poll, .. } | Mode::PollLists { poll, .. } => poll.concurrency,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serving_keeps_its_reserve_and_at_least_half_is_for_apis() {
        for (limit, serving, apis) in [(1_024, 128, 832), (256, 128, 128), (20_000, 128, 19_808)] {
            let descriptors = Descriptors::new(limit, serving);
            assert_eq!(descriptors.for_apis(), apis, "{limit}");
        }
    }
}
