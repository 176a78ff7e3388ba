//! Logging: what is written, and in which form. Standard error only; standard output is for what was asked for.

use std::io::{self, IsTerminal as _};

use tracing::{Level, Subscriber};
use tracing_subscriber::{Layer, Registry, filter::Targets, fmt, layer::SubscriberExt as _};

use crate::cli::{Log, LogFormat};

/// Starts logging for the whole process. Does nothing where that was done before.
pub fn start(log: Log) {
    // Without tracing's own `target`, the module: ours is the API endpoint, and one JSON object has one key of a name.
    let layer = fmt::layer().with_writer(io::stderr).with_target(false);
    let subscriber: Box<dyn Subscriber + Send + Sync> = match log.format {
        LogFormat::Text => {
            let layer = layer.with_ansi(io::stderr().is_terminal());
            Box::new(subscriber(log.level.into(), layer))
        }
        LogFormat::Json => {
            let layer = layer
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false);
            Box::new(subscriber(log.level.into(), layer))
        }
    };
    // Fails only when there is a subscriber already, as in tests.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Our own messages from `level` on, those of libraries when they are bad. kube's client reports each failed request as an
/// error, in words that our messages have better, so it is heard only when asked for everything.
fn subscriber(
    level: Level,
    layer: impl Layer<Registry> + Send + Sync,
) -> impl Subscriber + Send + Sync {
    let mut targets = Targets::new()
        .with_target("job_status_exporter", level)
        .with_default(level.min(Level::WARN));
    if level < Level::TRACE {
        targets = targets.with_target("kube_client", tracing::level_filters::LevelFilter::OFF);
    }
    Registry::default().with(layer.with_filter(targets))
}
