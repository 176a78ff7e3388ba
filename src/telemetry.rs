//! Logging: what is written, and in which form. Standard error only; standard output is for what was asked for.
//!
//! Invariant: in the form `json` whatever goes to standard error is JSON, also what ends the process.

use std::{
    io::{self, IsTerminal as _},
    panic,
};

use tracing::{Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    filter::{FilterExt as _, Targets, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
};

use crate::cli::{Log, LogFormat};

mod json;

use json::Json;

/// Where our own messages come from.
const OURS: &str = env!("CARGO_CRATE_NAME");

/// Starts logging for the whole process. Does nothing where that was done before.
pub fn start(log: Log) {
    let subscriber = subscriber(log, io::stderr, io::stderr().is_terminal());
    // Fails only when there is a subscriber already, as in tests.
    let _ = tracing::subscriber::set_global_default(subscriber);
    if log.format == LogFormat::Json {
        panic::set_hook(Box::new(|panicked| {
            let text = panicked.payload_as_str().unwrap_or("no message");
            let place = panicked.location().map(tracing::field::display);
            tracing::error!(place, "a task panicked: {text}");
        }));
    }
}

fn subscriber<Output>(log: Log, output: Output, colours: bool) -> Box<dyn Subscriber + Send + Sync>
where
    Output: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match log.format {
        LogFormat::Text => {
            // Without tracing's own `target`, the module: ours is the API endpoint.
            let layer = fmt::layer()
                .with_writer(output)
                .with_target(false)
                .with_ansi(colours);
            Box::new(filtered(log.level.into(), layer))
        }
        LogFormat::Json => Box::new(filtered(log.level.into(), Json(output))),
    }
}

/// Our own messages from `level` on, those of libraries when they are bad. kube's client reports each failed request as an
/// error, in words that our messages have better, so it is heard only when asked for everything.
fn filtered(
    level: Level,
    layer: impl Layer<Registry> + Send + Sync,
) -> impl Subscriber + Send + Sync {
    let mut events = Targets::new()
        .with_target(OURS, level)
        .with_default(level.min(Level::WARN));
    if level < Level::TRACE {
        events = events.with_target("kube_client", LevelFilter::OFF);
    }
    // Whatever the level of a message, the span around it says which target it is about.
    let spans = filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with(OURS))
        .with_max_level_hint(LevelFilter::INFO);
    Registry::default().with(layer.with_filter(events.or(spans)))
}

#[cfg(test)]
mod tests;
