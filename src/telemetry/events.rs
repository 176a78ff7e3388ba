//! Writes events to standard output: one JSON object per line, with the same keys in each.
//!
//! Keys are those of the JSON API, which are those of the metrics. What is unknown or does not apply is null. `docs/events.md`
//! describes each.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::fd::AsFd as _,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{escape, queue::LineQueue};
use crate::model::{self, EventSink, FailureCause, FailureReason, NotStarted, RunEvent, Seconds};

/// About 30,000 events: more than a target reports at once after its exporter was down. They cannot be read from anywhere else
/// later, so there is more room for them than for the log.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// 0001-01-01T00:00:00Z. RFC 3339 has no earlier years.
const FIRST: Seconds = -62_135_596_800;

/// The queue of the process, once there is an [`EventLog`].
static QUEUE: OnceLock<LineQueue> = OnceLock::new();

/// Whether the thread of the queue runs.
static STARTED: AtomicBool = AtomicBool::new(false);

/// Writes events to standard output. All values share one queue.
#[derive(Debug)]
pub struct EventLog {
    queue: LineQueue,
}

/// The number of events that standard output did not take in time, or that did not wait for the history.
#[must_use]
pub fn dropped_events() -> u64 {
    QUEUE.get().map_or(0, LineQueue::dropped)
}

/// Waits until all events are written, at most until the `deadline`.
pub(super) fn flush(deadline: Instant) {
    if STARTED.load(Ordering::Relaxed)
        && let Some(queue) = QUEUE.get()
    {
        queue.flush(deadline);
    }
}

// === impl EventLog ===

impl EventLog {
    /// Nothing is written before [`Self::start`].
    #[must_use]
    pub fn new() -> Self {
        let queue = QUEUE.get_or_init(|| LineQueue::new(QUEUE_BYTES));
        Self {
            queue: queue.clone(),
        }
    }

    /// Starts the thread that writes, if it does not run.
    pub fn start(&self) -> io::Result<()> {
        if STARTED.load(Ordering::Relaxed) {
            return Ok(());
        }
        // The buffer of the standard library could keep a part of a line until the next event.
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        self.queue.start("events", output, notice)?;
        STARTED.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Default for EventLog {
    fn default() -> Self {
        Self::new()
    }
}

impl EventSink for EventLog {
    fn write(&self, event: &RunEvent) {
        self.queue.push(line(&EventLine::new(event)).into_bytes());
    }

    fn count_dropped(&self, events: usize) {
        self.queue.drop_lines(events as u64);
    }
}

// === Lines ===

/// An event as it is written, in this order.
#[derive(Serialize)]
struct EventLine<'a> {
    /// When it was counted.
    timestamp: Time,
    event: &'static str,
    target: Option<&'a str>,
    namespace: &'a str,
    workload_type: &'a str,
    workload: &'a str,
    job_name: Option<&'a str>,
    uid: Option<String>,
    manual: bool,
    due: Option<Time>,
    created: Option<Time>,
    start: Option<Time>,
    end: Option<Time>,
    start_delay_seconds: Option<Seconds>,
    duration_seconds: Option<Seconds>,
    not_started: Option<&'static str>,
    failure_reason: Option<&'static str>,
    cause: Option<&'static str>,
    exit_code: Option<i32>,
    succeeded_pods: Option<i32>,
    failed_pods: Option<i32>,
    labels: BTreeMap<&'a str, &'a str>,
}

/// The line about dropped events.
#[derive(Serialize)]
struct DroppedLine {
    timestamp: Time,
    event: &'static str,
    dropped: u64,
}

/// A time in UTC, to the second, as RFC 3339 writes it.
struct Time(Timestamp);

impl<'a> EventLine<'a> {
    fn new(event: &'a RunEvent) -> Self {
        let run = event.run.as_ref();
        let explanation = run.map(|run| run.explanation);
        let names = event.label_names.iter().map(String::as_str);
        let values = event.labels.iter().flat_map(|values| values.iter());
        let labels = names.zip(values.map(|value| &**value));
        Self {
            timestamp: Time(event.counted),
            event: event.kind.as_str(),
            target: event.target.as_deref(),
            namespace: &event.workload.namespace,
            workload_type: &event.workload.kind,
            workload: &event.workload.name,
            job_name: run.map(|run| &*run.job_name),
            uid: run.map(|run| run.uid.to_string()),
            manual: run.is_some_and(|run| run.manual),
            due: Time::of(event.due),
            created: Time::of(run.and_then(|run| run.created)),
            start: Time::of(run.and_then(|run| run.start)),
            end: Time::of(run.and_then(|run| run.end)),
            start_delay_seconds: run.and_then(|run| run.start_delay),
            duration_seconds: run.and_then(|run| run.duration),
            not_started: event.not_started.map(NotStarted::as_str),
            failure_reason: run.and_then(|run| run.reason).map(FailureReason::as_str),
            cause: explanation
                .and_then(|it| it.cause)
                .map(FailureCause::as_str),
            exit_code: explanation.and_then(|it| it.exit_code),
            succeeded_pods: run.map(|run| run.succeeded_pods),
            failed_pods: run.map(|run| run.failed_pods),
            labels: labels.filter(|(_, value)| !value.is_empty()).collect(),
        }
    }
}

impl Time {
    /// `None` if the time is unknown, or no calendar has it.
    fn of(seconds: Option<Seconds>) -> Option<Self> {
        let seconds = seconds.filter(|seconds| *seconds >= FIRST)?;
        Timestamp::from_second(seconds).ok().map(Self)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.0}", self.0))
    }
}

/// A JSON object on one line, whatever its strings have.
fn line(object: &impl Serialize) -> String {
    // Names are strings, so this cannot fail.
    escape::json(&serde_json::to_string(object).unwrap_or_default()) + "\n"
}

fn notice(dropped: u64) -> String {
    line(&DroppedLine {
        timestamp: Time(model::now()),
        event: "events_dropped",
        dropped,
    })
}

#[cfg(test)]
mod tests;
