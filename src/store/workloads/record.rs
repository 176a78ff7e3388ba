//! The record of one workload. Only [`Workloads`](super::Workloads) changes it.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{CRONJOB, JOB};
use crate::{
    config::NativeHistograms,
    model::{
        Departure, Job, MappedLabels, Name, Run, RunResult, ScheduleState, Seconds, Uid,
        WorkloadAnnotations, WorkloadId, WorkloadState,
    },
    store::{
        StoreSettings, Thresholds,
        objects::{Key, Record},
        settings::override_annotations,
        warnings::MetadataProblems,
    },
};

/// A workload and what its runs add up to.
#[derive(Clone, Debug)]
pub struct WorkloadRecord {
    /// Its identity.
    pub id: WorkloadId,
    /// What outlives its objects.
    pub state: WorkloadState,
    /// Its active runs by start time and hash of the uid. Runs that have not started come last.
    pub(super) active: BTreeSet<(Seconds, u64)>,
    /// Hashes of the uids of its scheduled Jobs that have not finished. Under the policy Forbid they hold up the next run.
    pub(super) unfinished: BTreeSet<u64>,
    /// Number of its Jobs.
    pub jobs: u32,
    /// Whether its `CronJob` exists.
    pub(super) has_cronjob: bool,
    /// How it leaves if it has no objects any more.
    pub(super) departure: Departure,
    /// Number of configured jobs that belong to it.
    pub(super) configured: u32,
    /// Values of the configured labels that its Jobs inherit from the `CronJob`.
    pub(super) inherited_labels: MappedLabels,
    /// The object that its labels and annotations come from.
    pub(super) metadata_source: MetadataSource,
    /// The Job of the last finished run: its name and the hash of its uid.
    pub(super) last_job: Option<(Name, u64)>,
    /// The uid and the end of the counted run of each result that ended last. `None` before the first.
    last_counted: Option<Box<LastCounted>>,
    /// What the configuration sets for it; `None` if nothing.
    overrides: Option<Box<WorkloadAnnotations>>,
    defaults: Arc<WorkloadDefaults>,
}

/// The uid and the end of a run of each result.
type LastCounted = [Option<(Uid, Seconds)>; RunResult::ALL.len()];

/// The settings that all workloads of a target share.
#[derive(Debug)]
pub(super) struct WorkloadDefaults {
    thresholds: Thresholds,
    run_duration_buckets: Arc<[f64]>,
    native_histograms: NativeHistograms,
}

/// The object that the labels and annotations of a workload come from, in order of precedence: a `CronJob` wins over Jobs,
/// and the Job that was created last over others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MetadataSource {
    None,
    /// A Job with this creation time.
    Job(Option<Seconds>),
    CronJob,
}

// === impl WorkloadRecord ===

impl WorkloadRecord {
    /// A workload without any objects. `overrides` are those of [`resolve_overrides`].
    pub(super) fn new(
        id: WorkloadId,
        state: WorkloadState,
        overrides: Option<Box<WorkloadAnnotations>>,
        defaults: Arc<WorkloadDefaults>,
    ) -> Self {
        Self {
            id,
            state,
            active: BTreeSet::new(),
            unfinished: BTreeSet::new(),
            jobs: 0,
            has_cronjob: false,
            departure: Departure::Cleanup,
            configured: 0,
            inherited_labels: None,
            metadata_source: MetadataSource::None,
            last_job: None,
            last_counted: None,
            overrides,
            defaults,
        }
    }

    /// Whether these are its overrides.
    pub(super) fn has_overrides(&self, overrides: Option<&WorkloadAnnotations>) -> bool {
        self.overrides.as_deref() == overrides
    }

    /// Sets what the configuration sets for it, and its defaults.
    pub(super) fn configure(
        &mut self,
        overrides: Option<Box<WorkloadAnnotations>>,
        defaults: Arc<WorkloadDefaults>,
    ) {
        self.overrides = overrides;
        self.defaults = defaults;
    }

    /// Whether it is a `CronJob`.
    #[must_use]
    pub fn is_cronjob(&self) -> bool {
        &*self.id.kind == CRONJOB
    }

    /// When its counters started at 0.
    #[must_use]
    pub fn first_seen(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.state.totals.first_seen).ok()
    }

    /// Number of active runs.
    #[must_use]
    pub fn active_runs(&self) -> usize {
        self.active.len()
    }

    /// Start times of the active runs that have started, oldest first.
    pub fn active_starts(&self) -> impl Iterator<Item = Seconds> {
        let starts = self.active.iter().map(|(start, _)| *start);
        starts.take_while(|start| *start != Seconds::MAX)
    }

    /// Start time of the oldest active run; `None` if none has started.
    #[must_use]
    pub fn oldest_active_start(&self) -> Option<Seconds> {
        self.active_starts().next()
    }

    /// Its thresholds, from its annotations, else from the overrides of the configuration, else from its defaults. The default of
    /// `max_success_age` applies to `CronJobs` only: nobody knows when other workloads should run.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        let mut defaults = self.defaults.thresholds;
        if !self.is_cronjob() {
            defaults.max_success_age = None;
        }
        defaults
            .overridden_by(self.overrides.as_deref())
            .overridden_by(self.state.annotations.as_deref())
    }

    /// The severity from its annotations, else from the overrides of the configuration.
    #[must_use]
    pub fn severity(&self) -> Option<&str> {
        self.annotation(|annotations| annotations.severity.as_deref())
    }

    /// The runbook from its annotations, else from the overrides of the configuration.
    #[must_use]
    pub fn runbook(&self) -> Option<&str> {
        self.annotation(|annotations| annotations.runbook.as_deref())
    }

    fn annotation<'a>(
        &'a self,
        value: impl Fn(&'a WorkloadAnnotations) -> Option<&'a str>,
    ) -> Option<&'a str> {
        let own = self.state.annotations.as_deref();
        own.and_then(&value)
            .or_else(|| self.overrides.as_deref().and_then(&value))
    }

    /// When its next success is due: `max_success_age` after the last success, the creation or the last resume. `None`
    /// without that threshold, and while it is suspended.
    #[must_use]
    pub fn success_deadline(&self) -> Option<Seconds> {
        let max_success_age = self.thresholds().max_success_age?;
        let WorkloadState {
            totals, schedule, ..
        } = &self.state;
        let schedule = schedule.as_deref();
        if schedule.is_some_and(|schedule| schedule.suspended_since.is_some()) {
            return None;
        }
        let resumed = schedule.and_then(|schedule| schedule.resumed);
        let since = totals.last_success.max(totals.created).max(resumed)?;
        since.checked_add(max_success_age)
    }

    /// Whether an active run of a `CronJob` with the policy Forbid holds up the next one, by the Jobs that are known.
    /// `None` if none of its scheduled Jobs was ever seen: a selector or an annotation may hide them.
    pub(in crate::store) fn has_unfinished_run(&self) -> Option<bool> {
        let seen = self.state.totals.last_started.is_some();
        seen.then_some(!self.unfinished.is_empty())
    }

    /// Upper bounds of the duration histograms.
    #[must_use]
    pub fn run_duration_bounds(&self) -> &[f64] {
        &self.defaults.run_duration_buckets
    }

    /// What of its histograms is shown.
    #[must_use]
    pub fn native_histograms(&self) -> NativeHistograms {
        self.defaults.native_histograms
    }

    /// When its histograms started at 0.
    #[must_use]
    pub fn histograms_since(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.state.totals.histograms_since()).ok()
    }

    /// The counted run with this result that ended last, as far as this process saw it: its uid, and its end.
    #[must_use]
    pub fn last_counted(&self, result: RunResult) -> Option<(&Uid, Timestamp)> {
        let last = self.last_counted.as_deref()?;
        let (uid, end) = last[result as usize].as_ref()?;
        Some((uid, Timestamp::from_second(*end).ok()?))
    }

    /// Remembers a run that was counted. A workload that is one Job has one run, and there can be 100,000 of them.
    pub(super) fn set_last_counted(&mut self, run: &Run) {
        let Some(end) = run.end.filter(|_| &*self.id.kind != JOB) else {
            return;
        };
        let last = self.last_counted.get_or_insert_default();
        let last = &mut last[run.result as usize];
        if last.as_ref().is_none_or(|(_, before)| *before <= end) {
            *last = Some((run.uid.clone(), end));
        }
    }

    /// Whether something about it needs attention.
    pub(super) fn is_failing(&self, date: Seconds) -> bool {
        let WorkloadState {
            totals, schedule, ..
        } = &self.state;
        let overdue = |schedule: &ScheduleState| schedule.overdue.count > 0;
        let too_long = || {
            let max_duration = self.thresholds().max_duration?;
            self.oldest_active_start()?.checked_add(max_duration)
        };
        totals.last.as_ref().is_some_and(|last| !last.succeeded)
            || totals.consecutive_unsuccessful.count > 0
            || schedule.as_deref().is_some_and(overdue)
            || self.success_deadline().is_some_and(|at| at < date)
            || too_long().is_some_and(|at| at < date)
    }

    /// Whether it has Jobs or a `CronJob`, or belongs to a configured job.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.jobs > 0 || self.has_cronjob || self.configured > 0
    }

    /// Whether this run is its last finished one.
    pub(super) fn is_last(&self, run: &Run) -> bool {
        let last = self.state.totals.last.as_ref();
        !run.manual && last.is_some_and(|last| last.sort_key == run.sort_key())
    }

    /// Sets labels and annotations, unless the current ones take precedence. Returns the
    /// problems that are new. `old` are the annotations that the object had before.
    pub(super) fn set_metadata(
        &mut self,
        source: MetadataSource,
        labels: &MappedLabels,
        old: Option<&WorkloadAnnotations>,
        annotations: Option<&WorkloadAnnotations>,
    ) -> Option<MetadataProblems> {
        if source < self.metadata_source {
            // Annotations of the object have no effect, but its own series have its labels.
            let known = old.or(self.state.annotations.as_deref());
            let problems = MetadataProblems::new(&self.id, known, annotations)?;
            return problems.without_invalid();
        }
        self.metadata_source = source;
        let state = &mut self.state;
        if state.labels != *labels {
            state.labels.clone_from(labels);
        }
        if state.annotations.as_deref() == annotations {
            return None;
        }
        let problems = MetadataProblems::new(&self.id, state.annotations.as_deref(), annotations);
        state.annotations = annotations.cloned().map(Box::new);
        problems
    }
}

impl WorkloadDefaults {
    pub(super) fn new(settings: &StoreSettings) -> Arc<Self> {
        Arc::new(Self {
            thresholds: settings.thresholds,
            run_duration_buckets: settings.run_duration_buckets.clone(),
            native_histograms: settings.native_histograms,
        })
    }
}

/// What the configuration sets for a workload; `None` if nothing.
pub(super) fn resolve_overrides(
    settings: &StoreSettings,
    target: Option<&str>,
    id: &WorkloadId,
) -> Option<Box<WorkloadAnnotations>> {
    let config = &settings.overrides;
    if config.is_empty() {
        return None;
    }
    let set = config.resolve(target, &id.namespace, &id.kind, &id.name);
    let set = override_annotations(set);
    (set != WorkloadAnnotations::default()).then(|| Box::new(set))
}

impl Record for WorkloadRecord {
    fn key(&self) -> Key<'_> {
        (&self.id.kind, &self.id.namespace, &self.id.name)
    }
}

/// The order of an active Job among others: its start time. Jobs that have not started come last.
pub(super) fn start_order(job: &Job) -> Seconds {
    job.start.get().unwrap_or(Seconds::MAX)
}
