//! Wires the stages together and runs them.
//!
//! The only module that sees all stages. What ends the process is a value, [`Error`], and becomes an exit code in
//! [`main`]: 0 after a signal, 2 for an invalid configuration or command line, 1 for everything else.
//!
//! - `candidate`: a configuration that was loaded and checked, with `plan` and `check`
//! - `plan`: what will run for each target
//! - `check`: what the configuration refers to and that cannot be used
//! - `descriptors`: the limit of open files
//! - `exporter`: builds the stages, runs them, shuts them down
//! - `targets`: the targets that run
//! - `web`: the web configuration file with its certificates, and `access`: who may look
//! - `reload`: another configuration while the exporter runs, with `changes`, `triggers` and `file_watch`
//! - `supervisor`: runs tasks that must not end
//! - `memory`: gives freed memory back
//! - `signals`: SIGTERM and SIGINT
//! - `schedule`: the command that explains a schedule
//! - `status`: the command that reads once, and prints the status of all workloads
//! - `history`: the command that exports and imports the history
//! - `demo`: the simulated cluster of the command `demo`

use std::{
    env,
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
    thread::available_parallelism,
};

use tokio::runtime::{self, Runtime};

use crate::{
    cli::{self, Arguments, Command, LogLevel},
    config::{self, WebConfig},
    model,
    server::{ReloadHandle, Server, SystemdSockets},
    telemetry::{self, Logger},
};

mod access;
mod candidate;
mod changes;
mod check;
#[cfg(feature = "demo")]
mod demo;
mod descriptors;
mod error;
mod exporter;
mod file_watch;
mod history;
mod memory;
mod plan;
mod reload;
mod schedule;
mod signals;
mod status;
mod supervisor;
mod targets;
mod triggers;
mod web;

pub use check::StartProblem;
pub use error::Error;
pub use history::HistoryError;
pub use schedule::ScheduleError;
pub use status::StatusError;

use candidate::Candidate;
use descriptors::Descriptors;
use exporter::Exporter;
use file_watch::WatchedFile;
use plan::TargetPlan;
use reload::Reloader;
use signals::Signals;
use supervisor::Supervisor;
use triggers::Triggers;

/// More threads do not help: each watch keeps one busy with decoding, scrapes another. Each costs memory.
const THREADS: usize = 4;

/// A busy thread looks for new connections and requests after each turn of a task. With tokio's default of 61 turns, a probe
/// waits for that many chunks of scrapes at each step: when it connects, when it is read, and when it gets its response.
const EVENT_INTERVAL: u32 = 1;

/// Runs the program with these arguments, its name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // First, while there is one thread.
    let sockets = SystemdSockets::take();
    let read = Arguments::read(arguments).and_then(|arguments| {
        let log = arguments.log.resolve(|name| env::var_os(name))?;
        Ok((arguments, log))
    });
    let (arguments, log) = match read {
        Ok(read) => read,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // Standard error may be closed.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let logger = match telemetry::start(log) {
        Ok(logger) => logger,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: start the thread of the log: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(&arguments, &logger, sockets) {
        Ok(code) => code,
        Err(error) => {
            error.report(&logger);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: &Arguments, logger: &Logger, sockets: SystemdSockets) -> Result<ExitCode, Error> {
    match &arguments.command {
        None => block_on(export(arguments, logger, sockets))?,
        #[cfg(feature = "demo")]
        Some(Command::Demo(flags)) => block_on(demo::run(flags.clone()))?,
        Some(Command::Schedule(flags)) => print(&schedule::output(flags, model::now())?)?,
        Some(Command::Completions(completions)) => print(&completions.script())?,
        Some(Command::History(command)) => {
            let level = arguments.log.level.unwrap_or(LogLevel::Warn);
            logger.level().set(level);
            history::run(command, arguments.log)?;
        }
        Some(Command::Status(flags)) => {
            // What fails is printed with the rest, and needs no log.
            let level = arguments.log.level.unwrap_or(LogLevel::Error);
            logger.level().set(level);
            return block_on(status::run(flags, arguments.log));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs what does not end before the process.
fn block_on<T>(service: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = runtime().map_err(Error::Runtime)?;
    let outcome = runtime.block_on(service);
    // Does not wait for an exec plugin that still runs on a thread of its own.
    runtime.shutdown_background();
    outcome
}

/// Writes what was asked for to standard output.
fn print(output: &str) -> Result<(), Error> {
    io::stdout()
        .write_all(output.as_bytes())
        .map_err(Error::Output)
}

/// Writes what a command does now to standard error, which may be closed.
fn write_progress(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The runtime of the process.
pub fn runtime() -> io::Result<Runtime> {
    let threads = available_parallelism().map_or(1, usize::from).min(THREADS);
    runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .event_interval(EVENT_INTERVAL)
        .enable_all()
        .build()
}

/// Exports as configured, or only checks the configuration.
async fn export(
    arguments: &Arguments,
    logger: &Logger,
    sockets: SystemdSockets,
) -> Result<(), Error> {
    let flags = &arguments.export;
    let inputs = flags.inputs(arguments.log);
    let config_file = inputs.file.as_deref().map(WatchedFile::now);
    let mut candidate = Candidate::load(&inputs, None).await?;
    if flags.config_check {
        return describe(candidate);
    }
    // Before this, the level is that of the flag or the variable, which win over the file.
    logger.level().set(candidate.config.log_level);
    tracing::info!(version = cli::VERSION, "starting");
    for warning in &candidate.checks.warnings {
        tracing::warn!("{warning}");
    }
    for TargetPlan { title, address, .. } in &candidate.plans {
        if let Some(address) = address {
            tracing::info!(target = title, address, "target found");
        }
    }
    let web = candidate.checks.web.take().unwrap_or_default();
    candidate.checks.outcome()?;
    let server = listen(&candidate.config.web, sockets).await?;
    let signals = Signals::listen().map_err(Error::Runtime)?;
    let (handle, requests) = ReloadHandle::new();
    let reloader = Reloader::new(
        inputs,
        logger.level(),
        candidate.config.web.enable_lifecycle.then_some(handle),
        Triggers::listen(requests).map_err(Error::Runtime)?,
        config_file.filter(|_| flags.auto_reload),
        web.files.clone(),
    );
    let exporter = Exporter::build(
        candidate.config,
        candidate.loaded,
        web,
        candidate.plans,
        Supervisor::default(),
        candidate.descriptors.budget(),
    )?;
    exporter.run(server, signals, Some(reloader)).await
}

/// Opens the configured sockets.
async fn listen(web: &WebConfig, sockets: SystemdSockets) -> Result<Server, Error> {
    let server = if web.systemd_socket {
        Server::from_systemd(sockets)?
    } else {
        if let count @ 1.. = sockets.count() {
            tracing::warn!(
                count,
                "the sockets that systemd passed are not used: set `web.systemd_socket: true`"
            );
        }
        Server::bind(&web.listen_addresses).await?
    };
    match &web.probe_listen_address {
        Some(address) => Ok(server.with_probes(address).await?),
        None => Ok(server),
    }
}

/// Prints what would be read, and reports what cannot be used, as the start does.
fn describe(candidate: Candidate) -> Result<(), Error> {
    let Candidate {
        config,
        plans,
        checks,
        ..
    } = candidate;
    let web_file = checks.web.as_ref().map(|web| &web.file);
    let mut text = config::describe(&config, web_file, &checks.warnings);
    if plans.iter().any(|plan| plan.address.is_some()) {
        text.push_str("\naddresses\n");
    }
    for TargetPlan { title, address, .. } in &plans {
        if let Some(address) = address {
            text = format!("{text}  {title:<13} {address}\n");
        }
    }
    print(&text)?;
    checks.outcome()
}
