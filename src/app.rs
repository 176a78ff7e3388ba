//! Wires the stages together and runs them until a signal or a failure.
//!
//! The only module that sees all stages. What ends the process is a value, [`Error`], and becomes an exit code in
//! [`main`]: 0 after a signal, 2 for a wrong configuration or command line, 1 for everything else.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    thread::available_parallelism,
    time::Duration,
};

use tokio::runtime::{self, Runtime};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{self, Arguments},
    client::{Api, RateLimit},
    config::{self, Config},
    decode::MetadataFilter,
    history::{self, History},
    metrics::{Metrics, MetricsSettings},
    model::Name,
    server::readiness::Readiness,
    server::{self, ExporterPages, Server},
    source::Source,
    store::{self, Store, TargetStore},
    telemetry,
};

#[cfg(feature = "demo")]
mod demo;
mod error;
mod plan;
mod signals;
mod supervisor;

pub use error::Error;

use plan::Plan;
use signals::Signals;
use supervisor::Supervisor;

/// More threads serve no purpose: decoding keeps one busy per watch, scrapes another. Each costs memory.
const THREADS: usize = 4;

/// For the last write to the history. A disk that needs longer is not worth being killed for.
const HISTORY_DEADLINE: Duration = Duration::from_secs(5);

/// Runs the program with these arguments, its name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::read(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // Nobody left to tell where standard error is closed.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let log = arguments.log;
    telemetry::start(log);
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.tell(log.format);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Error> {
    let runtime = runtime()?;
    #[cfg(feature = "demo")]
    let outcome = match arguments.command {
        Some(cli::Command::Demo(flags)) => runtime.block_on(demo::run(flags)),
        None => runtime.block_on(export(&arguments.export)),
    };
    #[cfg(not(feature = "demo"))]
    let outcome = runtime.block_on(export(&arguments.export));
    // An exec plugin may still run on a thread of its own: it is not waited for.
    runtime.shutdown_background();
    outcome
}

fn runtime() -> Result<Runtime, Error> {
    let threads = available_parallelism().map_or(1, usize::from).min(THREADS);
    runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(Error::Runtime)
}

/// Exports what the configuration says, or says what that would be.
async fn export(flags: &cli::Export) -> Result<(), Error> {
    let settings = config::load(&flags.inputs()).map_err(Error::Config)?;
    let plans = Plan::of_settings(&settings);
    if flags.config_check {
        return describe(&settings, &plans).await;
    }
    tracing::info!(version = cli::VERSION, "starting");
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    plan::check(&plans).await?;
    let server = Server::bind(&settings.web.listen_addresses).await?;
    serve(server, &settings, plans, Supervisor::default()).await
}

/// Says what would be watched. Addresses come from files that may not be where the configuration is checked.
async fn describe(settings: &Config, plans: &[Plan]) -> Result<(), Error> {
    let mut text = config::describe(settings);
    text.push_str("\naddresses\n");
    for plan in plans {
        let address = plan
            .address()
            .await
            .unwrap_or_else(|problem| format!("cannot be told here: {problem}"));
        text = format!("{text}  {:<13} {address}\n", plan.title);
    }
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(Error::Output)
}

/// Runs everything until a signal comes or a task ends.
async fn serve(
    server: Server,
    settings: &Config,
    plans: Vec<Plan>,
    mut tasks: Supervisor,
) -> Result<(), Error> {
    let mut signals = Signals::listen().map_err(Error::Runtime)?;
    let mut history = open_history(settings, &plans)?;
    let readiness = Arc::new(Readiness::new(
        plans.iter().map(|plan| plan.title.clone()),
        settings.web.ready_grace,
    ));
    let kept = store::StoreSettings::from(settings);
    let wanted = Arc::new(MetadataFilter::from(settings));
    let mut slices = Vec::new();
    for (position, plan) in plans.into_iter().enumerate() {
        let Plan {
            name,
            endpoint,
            mode,
            requests_per_second,
            controller_zone,
            title,
        } = plan;
        let kept = store::StoreSettings {
            controller_zone,
            ..kept.clone()
        };
        let source = Source::new(title, mode, wanted.clone(), settings.stale_after);
        let (name, kept) = (name.map(Name::from), Arc::new(kept));
        let slice = match &mut history {
            Some(history) => {
                let (memory, journal) = history.target(position);
                TargetStore::remembering(name, source.feeds(), kept, memory, journal)
            }
            None => TargetStore::new(name, source.feeds(), kept),
        };
        let slice = Arc::new(slice);
        let limit = requests_per_second.map(RateLimit::new);
        let api = Arc::new(Api::new(endpoint, slice.clone(), limit));
        for task in source.start(api, slice.clone(), readiness.clone()) {
            tasks.spawn(task.name, task.run);
        }
        slices.push(slice);
    }
    let store = Arc::new(Store::new(slices));
    let metrics_settings = MetricsSettings::from_config(settings);
    let mut metrics = Metrics::new(store.clone(), &metrics_settings);
    if let Some(history) = &history {
        tasks.spawn("history writer".to_owned(), history.ended());
        metrics = metrics.with_history(history.status());
    }
    for pattern in metrics_settings.idle_patterns() {
        tracing::warn!(
            pattern,
            "`metrics` includes or excludes families that there are not"
        );
    }
    let pages = ExporterPages::new(metrics, store, readiness.clone());
    let http_settings = server::ServerSettings {
        telemetry_path: settings.web.telemetry_path.clone(),
        max_connections: settings.web.max_connections,
        drain: settings.web.shutdown_timeout,
    };
    let shutdown = CancellationToken::new();
    let serving = server.serve(Arc::new(pages), http_settings, shutdown.clone());
    let mut server = Supervisor::default();
    server.spawn("HTTP server".to_owned(), serving);

    tokio::select! {
        ended = tasks.first_end() => return Err(Error::TaskEnded(ended)),
        ended = server.first_end() => return Err(Error::TaskEnded(ended)),
        signal = signals.next() => tracing::info!(signal, "shutting down"),
    }
    readiness.drain();
    shutdown.cancel();
    tokio::select! {
        _ = server.first_end() => {}
        signal = signals.another() => return Err(Error::Aborted(signal)),
    }
    tasks.stop().await;
    if let Some(history) = history {
        tokio::select! {
            () = history.close(HISTORY_DEADLINE) => {}
            signal = signals.another() => return Err(Error::Aborted(signal)),
        }
    }
    tracing::info!("bye");
    Ok(())
}

/// Opens the history for these targets, if there is to be one.
fn open_history(settings: &Config, plans: &[Plan]) -> Result<Option<History>, Error> {
    let Some(settings) = history::HistorySettings::of(settings) else {
        return Ok(None);
    };
    let targets = plans
        .iter()
        .map(|plan| plan.name.as_deref().map(Name::from));
    let targets: Vec<_> = targets.collect();
    Ok(Some(History::open(settings, &targets)?))
}
