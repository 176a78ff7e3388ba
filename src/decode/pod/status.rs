//! The parts of a pod that its state follows from.

use std::collections::HashSet;

use crate::{
    decode::wire::{
        Condition, ContainerState, ContainerStatus, PodMetadata, PodSpec, PodStatus, Terminated,
    },
    model::{FailureCause, Seconds},
};

/// How much the clocks of nodes and of API servers may differ, in seconds. Nodes say when a container ended, API servers say
/// when a pod was deleted.
const CLOCK_TOLERANCE: Seconds = 2;

/// The signals that stop the containers of a pod that is deleted: SIGTERM, then SIGKILL. A container that ends by a signal has
/// 128 more as its exit code.
const STOP_CODES: [i32; 2] = [128 + 15, 128 + 9];

/// What the metadata, the spec and the status of a pod say about its state.
pub(super) struct Status<'a> {
    pub(super) phase: &'a str,
    pub(super) reason: &'a str,
    conditions: &'a [Condition<'a>],
    /// Init containers and sidecars come first, as they start first.
    pub(super) containers: Vec<Container<'a>>,
    pub(super) created: Option<Seconds>,
    /// When somebody deleted it, before its grace period.
    pub(super) deleted: Option<Seconds>,
}

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// It ends before the main containers start.
    Init,
    /// The pod has finished when all of these have ended.
    Main,
    /// An init container that runs beside the main containers. The kubelet stops it after them.
    Sidecar,
}

/// A container of a pod.
#[derive(Clone, Copy)]
pub(super) struct Container<'a> {
    pub(super) role: Role,
    status: &'a ContainerStatus<'a>,
}

/// How a container ended.
#[derive(Clone, Copy)]
pub(super) struct Ending<'a> {
    /// Its exit code, or 128 and the number of the signal if there is only a signal.
    pub(super) code: i32,
    pub(super) finished: Option<Seconds>,
    reason: &'a str,
}

/// Whether `first` was before `second`, beyond any doubt about clocks.
pub(super) fn is_before(first: Seconds, second: Seconds) -> bool {
    first.saturating_add(CLOCK_TOLERANCE) < second
}

// === impl Status ===

impl<'a> Status<'a> {
    pub(super) fn new(
        metadata: &PodMetadata<'_>,
        spec: &'a PodSpec<'a>,
        status: &'a PodStatus<'a>,
    ) -> Self {
        let sidecars: HashSet<&str> = spec
            .init_containers
            .iter()
            .flatten()
            .filter(|container| container.restart_policy.as_deref() == Some("Always"))
            .filter_map(|container| container.name.as_deref())
            .collect();
        let init_role = |status: &ContainerStatus<'_>| match status.name.as_deref() {
            Some(name) if sidecars.contains(name) => Role::Sidecar,
            _ => Role::Init,
        };
        let init = status.init_container_statuses.iter().flatten();
        let init = init.map(|status| (init_role(status), status));
        let main = status.container_statuses.iter().flatten();
        let main = main.map(|status| (Role::Main, status));
        let grace_period = metadata.deletion_grace_period_seconds.unwrap_or(0).max(0);
        let deletion = metadata.deletion_timestamp.seconds();
        Self {
            phase: status.phase.as_deref().unwrap_or_default(),
            reason: status.reason.as_deref().unwrap_or_default(),
            conditions: status.conditions.as_deref().unwrap_or_default(),
            containers: init
                .chain(main)
                .map(|(role, status)| Container { role, status })
                .collect(),
            created: metadata.creation_timestamp.seconds(),
            deleted: deletion.map(|end| end.saturating_sub(grace_period)),
        }
    }

    pub(super) fn condition(&self, kind: &str) -> Option<&'a Condition<'a>> {
        let mut conditions = self.conditions.iter();
        conditions.find(|condition| condition.kind.as_deref() == Some(kind))
    }

    /// When the last condition changed.
    pub(super) fn last_transition(&self) -> Option<Seconds> {
        let times = self.conditions.iter();
        times.filter_map(transition_time).max()
    }

    pub(super) fn main_containers(&self) -> impl Iterator<Item = Container<'a>> {
        let containers = self.containers.iter().copied();
        containers.filter(|container| container.role == Role::Main)
    }

    /// When the last main container ended. `None` if one has not ended, or if none says when.
    pub(super) fn main_end(&self) -> Option<Seconds> {
        if !self.main_containers().all(|it| it.ending().is_some()) {
            return None;
        }
        let endings = self.main_containers().filter_map(Container::ending);
        endings.filter_map(|ending| ending.finished).max()
    }

    /// When the last container of any kind ended, as far as it is known.
    pub(super) fn last_end(&self) -> Option<Seconds> {
        let endings = self.containers.iter().filter_map(|it| it.ending());
        endings.filter_map(|ending| ending.finished).max()
    }

    /// Whether all containers had ended before `time`, so that nothing that happened then has stopped one.
    pub(super) fn had_ended_before(&self, time: Seconds) -> bool {
        let is_unclear = |container: &Container<'_>| {
            let ending = container.ending();
            container.is_running() || ending.is_some_and(|ending| ending.finished.is_none())
        };
        !self.containers.iter().any(is_unclear)
            && self.last_end().is_some_and(|end| is_before(end, time))
    }

    /// How often the containers were restarted.
    pub(super) fn restarts(&self) -> u32 {
        let counts = self.containers.iter().map(|it| it.status.restart_count);
        counts
            .map(|count| u32::try_from(count.unwrap_or(0)).unwrap_or(0))
            .fold(0, u32::saturating_add)
    }
}

pub(super) fn transition_time(condition: &Condition<'_>) -> Option<Seconds> {
    condition.last_transition_time.seconds()
}

// === impl Container ===

impl<'a> Container<'a> {
    /// How it ended, if it has.
    pub(super) fn ending(self) -> Option<Ending<'a>> {
        ending(self.status.state.as_ref())
    }

    /// How it ended before its last restart, or before the one that it waits for.
    pub(super) fn ending_before_restart(self) -> Option<Ending<'a>> {
        ending(self.status.last_state.as_ref())
    }

    pub(super) fn is_running(self) -> bool {
        let state = self.status.state.as_ref();
        state.is_some_and(|state| state.terminated.is_none() && state.running.is_some())
    }

    /// Whether it is ready, as far as the API says.
    pub(super) fn is_ready(self) -> bool {
        self.status.ready != Some(false)
    }

    /// Why it waits; empty if the API does not say. `None` if it does not wait.
    ///
    /// A container without a state waits.
    pub(super) fn waiting(self) -> Option<&'a str> {
        if self.is_running() || self.ending().is_some() {
            return None;
        }
        let state = self.status.state.as_ref();
        let waiting = state.and_then(|state| state.waiting.as_ref());
        let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
        Some(reason.unwrap_or_default())
    }
}

fn ending<'a>(state: Option<&'a ContainerState<'a>>) -> Option<Ending<'a>> {
    state?.terminated.as_ref().map(Ending::new)
}

// === impl Ending ===

impl<'a> Ending<'a> {
    fn new(terminated: &'a Terminated<'a>) -> Self {
        let signal = terminated.signal.filter(|signal| *signal > 0);
        let from_signal = signal.map(|signal| signal.saturating_add(128));
        let code = terminated.exit_code.filter(|code| *code != 0);
        Self {
            code: code.or(from_signal).unwrap_or(0),
            // Some runtimes report the beginning of 1970 for a time that they do not know.
            finished: terminated.finished_at.seconds().filter(|time| *time > 0),
            reason: terminated.reason.as_deref().unwrap_or_default(),
        }
    }

    /// Why it failed. `None` if it did not.
    ///
    /// A container that ends with exit code 0 has succeeded, even if one of its processes ran out of memory.
    pub(super) fn cause(&self) -> Option<FailureCause> {
        (self.code != 0).then_some(match self.reason {
            "OOMKilled" => FailureCause::OomKilled,
            "ContainerCannotRun" => FailureCause::ContainerCannotRun,
            "StartError" => FailureCause::StartError,
            // The kubelet or the runtime lost track of it, and made its exit code up.
            "ContainerStatusUnknown" | "Unknown" => FailureCause::Unknown,
            _ => FailureCause::Error,
        })
    }

    /// Why it failed, if that is known.
    pub(super) fn known_cause(&self) -> Option<FailureCause> {
        self.cause().filter(|cause| *cause != FailureCause::Unknown)
    }

    /// Whether it ended as the containers of a pod do that is stopped.
    pub(super) fn is_stopped(&self) -> bool {
        STOP_CODES.contains(&self.code) && self.cause() == Some(FailureCause::Error)
    }
}
