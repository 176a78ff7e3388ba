//! Logging to standard error, and events to standard output. Otherwise standard output is for the results of commands.
//!
//! With the format `json`, everything on standard error is JSON, including panics and the error that ends the process. All of
//! it goes through a queue, so that nobody waits for standard error, and all of it is escaped. Events have a queue of their own.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal as _},
    panic,
    sync::OnceLock,
    time::{Duration, Instant},
};

use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    filter::{FilterExt as _, FilterFn, Targets, combinator::Or, filter_fn},
    layer::SubscriberExt as _,
    reload,
};

use crate::cli::{Log, LogFormat, LogLevel};

mod escape;
mod events;
mod fields;
mod queue;

pub use events::{EventLog, dropped_events};

pub(crate) use escape::{json as printable_json, text as printable};

use fields::{LineFormat, LineLayer};
use queue::LineQueue;

/// Prefix of the `tracing` target of the exporter's own messages.
const CRATE: &str = env!("CARGO_CRATE_NAME");

/// Some thousand lines: more than a busy start writes while a slow reader catches up.
const QUEUE_BYTES: usize = 1024 * 1024;

/// Maximum time that the process waits at its end until events and the log are written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The queue of the log.
static QUEUE: OnceLock<LineQueue> = OnceLock::new();

/// The filter of messages.
type Filter = Or<Targets, FilterFn<fn(&Metadata<'_>) -> bool>, Registry>;

/// Sets the level of the log. Clones set the same one.
#[derive(Clone, Debug)]
pub struct LogLevelHandle(reload::Handle<Filter, Registry>);

/// The log of the process. When it is dropped, it waits until all lines and events are written, at most for [`FLUSH_TIMEOUT`].
#[derive(Debug)]
pub struct Logger {
    queue: LineQueue,
    format: LogFormat,
    level: LogLevelHandle,
}

/// Installs the logger for the whole process, if none is installed. Fails if its thread cannot start.
pub fn start(log: Log) -> io::Result<Logger> {
    let line = LineFormat {
        format: log.format,
        colors: io::stderr().is_terminal(),
    };
    let queue = QUEUE.get_or_init(|| LineQueue::new(QUEUE_BYTES)).clone();
    queue.start("log", io::stderr(), move |dropped| line.notice(dropped))?;
    let output = queue.clone();
    let (subscriber, level) = subscriber(log, line, move |line| output.push(line.into_bytes()));
    // Fails only if there is a subscriber, as in tests.
    let _ = tracing::subscriber::set_global_default(subscriber);
    let logger = Logger {
        queue,
        format: log.format,
        level,
    };
    logger.log_panics();
    Ok(logger)
}

impl Logger {
    /// Whether lines are text or JSON.
    #[must_use]
    pub fn format(&self) -> LogFormat {
        self.format
    }

    /// Sets the level of the log.
    #[must_use]
    pub fn level(&self) -> LogLevelHandle {
        self.level.clone()
    }

    /// Writes text that is no log line, such as the error that ends the process.
    pub fn print(&self, text: &str) {
        print(&self.queue, text);
    }

    /// Makes panics part of the log. The default would write to standard error itself, and wait for it.
    fn log_panics(&self) {
        let (queue, format) = (self.queue.clone(), self.format);
        panic::set_hook(Box::new(move |panic| {
            let text = panic.payload_as_str().unwrap_or("no message");
            let location = panic.location().map(tracing::field::display);
            tracing::error!(location, "a task panicked: {text}");
            let backtrace = Backtrace::capture();
            if format == LogFormat::Text && backtrace.status() == BacktraceStatus::Captured {
                print(&queue, &backtrace.to_string());
            }
        }));
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        events::flush(deadline);
        self.queue.flush(deadline);
    }
}

/// The number of lines that standard error did not take in time.
#[must_use]
pub fn dropped_lines() -> u64 {
    QUEUE.get().map_or(0, LineQueue::dropped)
}

fn print(queue: &LineQueue, text: &str) {
    for line in text.lines() {
        queue.push((escape::text(line) + "\n").into_bytes());
    }
}

impl LogLevelHandle {
    /// Logs messages from `level` on.
    pub fn set(&self, level: LogLevel) {
        // Fails only if there is no such subscriber any more.
        let _ = self.0.reload(filter(level.into()));
    }
}

fn subscriber(
    log: Log,
    line: LineFormat,
    output: impl Fn(String) + Send + Sync + 'static,
) -> (impl Subscriber + Send + Sync, LogLevelHandle) {
    let (filter, handle) = reload::Layer::new(filter(log.level.into()));
    let layer = LineLayer { line, output }.with_filter(filter);
    (Registry::default().with(layer), LogLevelHandle(handle))
}

/// Passes the exporter's messages from `level` on, and warnings and errors of libraries. The client of kube logs each failed
/// request as an error, which the exporter logs with more detail, so its messages pass only at level `trace`.
fn filter(level: Level) -> Filter {
    let mut events = Targets::new()
        .with_target(CRATE, level)
        .with_default(level.min(Level::WARN));
    if level < Level::TRACE {
        events = events.with_target("kube_client", LevelFilter::OFF);
    }
    // Spans pass at every level, since they contain the target of a message.
    let is_own_span: fn(&Metadata<'_>) -> bool =
        |metadata| metadata.is_span() && metadata.target().starts_with(CRATE);
    let spans = filter_fn(is_own_span).with_max_level_hint(LevelFilter::INFO);
    events.or(spans)
}

#[cfg(test)]
mod tests;
