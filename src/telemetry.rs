//! Logging to standard error. Standard output is for the results of commands.
//!
//! With the format `json`, everything on standard error is JSON, including panics and the error that ends the process.

use std::{
    io::{self, IsTerminal as _},
    panic,
};

use tracing::{Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    filter::{FilterExt as _, Targets, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt as _,
};

use crate::cli::{Log, LogFormat};

mod fields;

use fields::LineLayer;

/// Prefix of the `tracing` target of the exporter's own messages.
const CRATE: &str = env!("CARGO_CRATE_NAME");

/// Installs the logger for the whole process. Does nothing if one is installed.
pub fn start(log: Log) {
    let subscriber = subscriber(log, io::stderr, io::stderr().is_terminal());
    // Fails only if there is a subscriber, as in tests.
    let _ = tracing::subscriber::set_global_default(subscriber);
    if log.format == LogFormat::Json {
        panic::set_hook(Box::new(|panic| {
            let text = panic.payload_as_str().unwrap_or("no message");
            let location = panic.location().map(tracing::field::display);
            tracing::error!(location, "a task panicked: {text}");
        }));
    }
}

fn subscriber<Output>(log: Log, output: Output, colors: bool) -> impl Subscriber + Send + Sync
where
    Output: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = LineLayer {
        format: log.format,
        colors,
        output,
    };
    filtered(log.level.into(), layer)
}

/// Passes the exporter's messages from `level` on, and warnings and errors of libraries. The client of kube logs each failed
/// request as an error, which the exporter logs with more detail, so its messages pass only at level `trace`.
fn filtered(
    level: Level,
    layer: impl Layer<Registry> + Send + Sync,
) -> impl Subscriber + Send + Sync {
    let mut events = Targets::new()
        .with_target(CRATE, level)
        .with_default(level.min(Level::WARN));
    if level < Level::TRACE {
        events = events.with_target("kube_client", LevelFilter::OFF);
    }
    // Spans pass at every level, since they contain the target of a message.
    let spans = filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with(CRATE))
        .with_max_level_hint(LevelFilter::INFO);
    Registry::default().with(layer.with_filter(events.or(spans)))
}

#[cfg(test)]
mod tests;
