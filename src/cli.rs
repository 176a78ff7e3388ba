//! The command line, with flags in the style of Prometheus exporters, such as `--config.file`.
//!
//! This module only parses arguments. `config` interprets the settings, `telemetry` takes [`Log`], and `app` runs the command.
//! A flag that its command does not use is an error.
//!
//! - `schedule`: the flags of the command `schedule`
//! - `status`: the flags of the command `status`
//! - `history`: the flags of the command `history`
//! - `completions`: the scripts of the command `completions`

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use clap::{
    Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
    builder::PossibleValue, error::ErrorKind,
};

mod completions;
mod history;
mod schedule;
mod status;

pub use crate::config::LogLevel;
pub use completions::Completions;
pub use history::{HistoryCommand, HistoryFlags, HistoryImport};
pub use schedule::{InvalidStartTime, ScheduleFlags, StartTime};
pub use status::StatusFlags;

use crate::config::{Flags, Inputs, environment};

/// The variable of `--log.level`.
const LOG_LEVEL: &str = "JOB_STATUS_EXPORTER__LOG__LEVEL";
/// The variable of `--log.format`.
const LOG_FORMAT: &str = "JOB_STATUS_EXPORTER__LOG__FORMAT";

/// The name of the program as a plugin of kubectl. `kubectl job-status` runs it, and means the command `status`.
const KUBECTL_PLUGIN: &str = "kubectl-job_status";

/// Version and revision for display.
pub const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("JOB_STATUS_EXPORTER_REVISION"),
    ")"
);

/// The command line arguments.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(
    name = "job-status-exporter",
    // The format of all exporters: `NAME, version VERSION (...)`.
    display_name = "job-status-exporter, version",
    version = VERSION,
    about = "Prometheus exporter for the status of Kubernetes Jobs and CronJobs",
    after_help = "Without a configuration, the exporter watches the cluster that kubectl uses. Environment variables \
                  JOB_STATUS_EXPORTER__KEY__KEY override the configuration file, and flags override both. \
                  JOB_STATUS_EXPORTER__LOG__LEVEL and JOB_STATUS_EXPORTER__LOG__FORMAT set what the flags of logs do not."
)]
pub struct Arguments {
    /// The command; without one, the exporter runs.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of the exporter.
    #[command(flatten)]
    pub export: Export,
    /// Flags for logs.
    #[command(flatten)]
    pub log: LogFlags,
}

/// Commands other than the exporter itself.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Simulate a cluster on a loopback address and export its metrics.
    #[cfg(feature = "demo")]
    Demo(Demo),
    /// Explain the schedule of a CronJob in words, and list its next due times.
    #[command(
        after_help = "Needs neither a cluster nor a configuration. Due times are those of the CronJob controller, \
                            also across clock changes. Exits with 2 if the schedule is invalid."
    )]
    Schedule(ScheduleFlags),
    /// Read the targets once, and print the status of every workload, the worst first.
    #[command(
        after_help = "Exits with 0 if all is well, 1 if something fails or is overdue, 2 if the command line or the configuration \
                      is wrong, 3 if a target cannot be read completely. With --wait: 0 if the Job succeeded, 1 if it failed, \
                      was deleted or did not end in time, 3 if it cannot be read. --log.level shows more."
    )]
    Status(StatusFlags),
    /// Move the history between a file and PostgreSQL, as lines of JSON.
    #[command(subcommand)]
    History(HistoryCommand),
    /// Print a script that completes this command line in a shell.
    Completions(Completions),
}

/// Flags of the exporter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Export {
    /// Configuration file (YAML).
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Reload the configuration when its file changes.
    #[arg(long = "config.auto-reload", requires = "config_file")]
    pub auto_reload: bool,
    /// Check the configuration, print what the exporter would read, and exit.
    #[arg(long = "config.check")]
    pub config_check: bool,
    /// Web configuration file (YAML): TLS, users and headers, in the format of all Prometheus exporters.
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config_file: Option<String>,
    /// Address to listen on, such as `:9806` or `unix:/run/exporter.sock`; can be repeated [default: 0.0.0.0:9806].
    #[arg(long = "web.listen-address", value_name = "ADDRESS")]
    pub listen_addresses: Vec<String>,
    /// Listen on the sockets that systemd passes, in place of addresses.
    #[arg(long = "web.systemd-socket")]
    pub systemd_socket: bool,
    /// Address for `/livez` and `/readyz` alone, in plain HTTP and without a login.
    #[arg(long = "web.probe-listen-address", value_name = "ADDRESS")]
    pub probe_listen_address: Option<String>,
    /// Path of the metrics [default: /metrics].
    #[arg(long = "web.telemetry-path", value_name = "PATH")]
    pub telemetry_path: Option<String>,
    /// Address at which users see the exporter, such as `https://example.com/jobs` behind a proxy.
    #[arg(long = "web.external-url", value_name = "URL")]
    pub external_url: Option<String>,
    /// Prefix of all paths [default: the path of --web.external-url].
    #[arg(long = "web.route-prefix", value_name = "PATH")]
    pub route_prefix: Option<String>,
    /// Reload the configuration on a POST or PUT request to /-/reload.
    #[arg(long = "web.enable-lifecycle")]
    pub enable_lifecycle: bool,
}

/// Flags of the demo.
#[cfg(feature = "demo")]
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Demo {
    /// Simulate Huawei Cloud CCI instead of a cluster, with one target for each way to authenticate: token and AK/SK.
    #[arg(long)]
    pub cci: bool,
    /// Address to listen on; can be repeated.
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:9806"
    )]
    pub listen_addresses: Vec<String>,
}

/// Format of what a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[allow(
    missing_docs,
    reason = "doc comments would show in --help, and the names are enough"
)]
pub enum OutputFormat {
    #[default]
    Table,
    Json,
}

/// Flags for logs, shared by all commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub struct LogFlags {
    /// Minimum level of log messages [default: info].
    #[arg(long = "log.level", value_name = "LEVEL", value_enum, global = true)]
    pub level: Option<LogLevel>,
    /// Format of log messages [default: text].
    #[arg(long = "log.format", value_name = "FORMAT", value_enum, global = true)]
    pub format: Option<LogFormat>,
}

/// The settings of logs before the configuration is read, which may set another level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Minimum level of log messages.
    pub level: LogLevel,
    /// Format of log messages.
    pub format: LogFormat,
}

/// Format of log messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[allow(
    missing_docs,
    reason = "doc comments would show in --help, and the names are enough"
)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl Arguments {
    /// Parses the arguments of the process. The first one is the name of the program.
    ///
    /// For `--help` and `--version`, too, clap returns an error, which has the text and the exit code.
    pub fn read<T>(arguments: impl IntoIterator<Item = T>) -> Result<Self, clap::Error>
    where
        T: Into<OsString>,
    {
        let mut arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let mut command = Self::command();
        if arguments
            .first()
            .is_some_and(|name| is_kubectl_plugin(name))
        {
            arguments.insert(1, "status".into());
            command = command.mut_subcommand("status", |status| {
                status.override_usage("kubectl job-status [OPTIONS]")
            });
        }
        let matches = command.try_get_matches_from_mut(arguments)?;
        let arguments =
            Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        if arguments.command.is_some() && arguments.export != Export::default() {
            return Err(Self::command().error(
                ErrorKind::ArgumentConflict,
                "flags of a command must follow its name; only `--log.level` and `--log.format` can precede it",
            ));
        }
        Ok(arguments)
    }
}

impl Export {
    /// No flags but the configuration file.
    fn of(config_file: Option<&Path>) -> Self {
        Self {
            config_file: config_file.map(Path::to_owned),
            ..Self::default()
        }
    }

    /// The sources of the configuration. `log` are the other flags that are settings.
    #[must_use]
    pub fn inputs(&self, log: LogFlags) -> Inputs {
        Inputs {
            file: self.config_file.clone(),
            environment: environment()
                .into_iter()
                .filter(|(name, _)| name != LOG_FORMAT)
                .collect(),
            flags: Flags {
                listen_addresses: self.listen_addresses.clone(),
                systemd_socket: self.systemd_socket,
                probe_listen_address: self.probe_listen_address.clone(),
                telemetry_path: self.telemetry_path.clone(),
                external_url: self.external_url.clone(),
                route_prefix: self.route_prefix.clone(),
                web_config_file: self.web_config_file.clone(),
                enable_lifecycle: self.enable_lifecycle,
                log_level: log.level,
            },
        }
    }
}

impl LogFlags {
    /// The settings of logs: the flags, else the environment, else the defaults. An empty variable counts as absent.
    pub fn resolve(self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Log, clap::Error> {
        Ok(Log {
            level: choose(self.level, LOG_LEVEL, &variable)?,
            format: choose(self.format, LOG_FORMAT, &variable)?,
        })
    }
}

/// Whether the program was started by this name, in whatever directory and with the extension of the platform.
fn is_kubectl_plugin(name: &OsStr) -> bool {
    Path::new(name)
        .file_stem()
        .is_some_and(|name| name == KUBECTL_PLUGIN)
}

/// The value of a flag, else that of the variable `name`.
fn choose<T: ValueEnum + Default>(
    flag: Option<T>,
    name: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<T, clap::Error> {
    let text = variable(name).filter(|text| !text.is_empty());
    let (None, Some(text)) = (&flag, text) else {
        return Ok(flag.unwrap_or_default());
    };
    let text = text.to_string_lossy();
    T::from_str(&text, false).map_err(|_| {
        let values = T::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value);
        let values: Vec<_> = values.map(|value| value.get_name().to_owned()).collect();
        Arguments::command().error(
            ErrorKind::InvalidValue,
            format!(
                "environment variable {name}: `{text}` is not one of {}",
                values.join(", ")
            ),
        )
    })
}

impl ValueEnum for LogLevel {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

impl From<LogLevel> for tracing::Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

#[cfg(test)]
mod tests;
