//! The command line, with flags in the style of Prometheus exporters, such as `--config.file`.
//!
//! This module only parses arguments. `config` interprets the settings, `telemetry` takes [`Log`], and `app` runs the command.
//! A flag that its command does not use is an error.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, ValueEnum};
#[cfg(feature = "demo")]
use clap::{CommandFactory as _, Subcommand, error::ErrorKind};

use crate::config::{Flags, Inputs, environment};

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
                  JOB_STATUS_EXPORTER__KEY__KEY override the configuration file, and flags override both."
)]
pub struct Arguments {
    /// The command; without one, the exporter runs.
    #[cfg(feature = "demo")]
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of the exporter.
    #[command(flatten)]
    pub export: Export,
    /// Flags for logs.
    #[command(flatten)]
    pub log: Log,
}

/// Commands other than the exporter itself.
#[cfg(feature = "demo")]
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Simulate a cluster on a loopback address and export its metrics.
    Demo(Demo),
}

/// Flags of the exporter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Export {
    /// Configuration file (YAML).
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Check the configuration, print what the exporter would read, and exit.
    #[arg(long = "config.check")]
    pub config_check: bool,
    /// Address to listen on, such as `:9806`; can be repeated [default: 0.0.0.0:9806].
    #[arg(long = "web.listen-address", value_name = "ADDRESS")]
    pub listen_addresses: Vec<String>,
    /// Path of the metrics [default: /metrics].
    #[arg(long = "web.telemetry-path", value_name = "PATH")]
    pub telemetry_path: Option<String>,
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

/// Flags for logs, shared by all commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub struct Log {
    /// Minimum level of log messages.
    #[arg(long = "log.level", value_enum, default_value = "info", global = true)]
    pub level: LogLevel,
    /// Format of log messages.
    #[arg(long = "log.format", value_enum, default_value = "text", global = true)]
    pub format: LogFormat,
}

/// Level of a log message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(
    missing_docs,
    reason = "doc comments would show in --help, and the names are enough"
)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Format of log messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(
    missing_docs,
    reason = "doc comments would show in --help, and the names are enough"
)]
pub enum LogFormat {
    Text,
    Json,
}

impl Arguments {
    /// Parses the arguments of the process. The first one is the name of the program.
    ///
    /// For `--help` and `--version`, too, clap returns an error, which has the text and the exit code.
    pub fn read<T>(arguments: impl IntoIterator<Item = T>) -> Result<Self, clap::Error>
    where
        T: Into<OsString> + Clone,
    {
        let arguments = Self::try_parse_from(arguments)?;
        #[cfg(feature = "demo")]
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
    /// The sources of the configuration.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        Inputs {
            file: self.config_file.clone(),
            environment: environment(),
            flags: Flags {
                listen_addresses: self.listen_addresses.clone(),
                telemetry_path: self.telemetry_path.clone(),
            },
        }
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
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::read([&["job-status-exporter"], arguments].concat())
    }

    #[test]
    fn the_clap_definition_is_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn all_arguments_are_optional() {
        let arguments = read(&[]).unwrap();
        assert_eq!(arguments.command, None);
        assert_eq!(arguments.export, Export::default());
        assert_eq!(
            arguments.log,
            Log {
                level: LogLevel::Info,
                format: LogFormat::Text
            }
        );
    }

    #[test]
    fn all_flags_are_parsed() {
        let arguments = read(&[
            "--config.file=exporter.yaml",
            "--config.check",
            "--web.listen-address",
            ":9806",
            "--web.listen-address=[::1]:80",
            "--web.telemetry-path=/m",
            "--log.level=debug",
            "--log.format",
            "json",
        ])
        .unwrap();
        assert_eq!(
            arguments.export,
            Export {
                config_file: Some("exporter.yaml".into()),
                config_check: true,
                listen_addresses: vec![":9806".to_owned(), "[::1]:80".to_owned()],
                telemetry_path: Some("/m".to_owned()),
            }
        );
        assert_eq!(
            arguments.log,
            Log {
                level: LogLevel::Debug,
                format: LogFormat::Json
            }
        );
    }

    #[test]
    fn the_demo_has_its_own_flags_and_shares_the_log_flags() {
        for arguments in [
            ["demo", "--log.level", "debug"],
            ["--log.level", "debug", "demo"],
        ] {
            let arguments = read(&arguments).unwrap();
            assert_eq!(arguments.log.level, LogLevel::Debug);
            let Some(Command::Demo(demo)) = arguments.command else {
                panic!("the command is not `demo`");
            };
            assert_eq!(demo.listen_addresses, ["127.0.0.1:9806"]);
            assert!(!demo.cci);
        }
        let arguments = read(&[
            "demo",
            "--cci",
            "--web.listen-address",
            ":1",
            "--web.listen-address",
            ":2",
        ])
        .unwrap();
        assert_eq!(
            arguments.command,
            Some(Command::Demo(Demo {
                cci: true,
                listen_addresses: vec![":1".to_owned(), ":2".to_owned()]
            }))
        );
    }

    #[test]
    fn usage_errors_exit_with_2_and_help_and_version_with_0() {
        for wrong in [
            ["--config"].as_slice(),
            &["--log.level", "loud"],
            &["exporter.yaml"],
            &["demo", "--config.file", "x"],
            &["--config.file", "x", "demo"],
            &["--web.listen-address", ":1", "demo"],
            &["--config.file"],
        ] {
            assert_eq!(read(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
        for flag in ["--help", "--version"] {
            assert_eq!(read(&[flag]).unwrap_err().exit_code(), 0, "{flag}");
        }
    }

    #[test]
    fn the_version_has_the_format_of_exporters() {
        let text = read(&["--version"]).unwrap_err().to_string();
        let revision = text
            .strip_prefix(concat!(
                "job-status-exporter, version ",
                env!("CARGO_PKG_VERSION"),
                " (revision "
            ))
            .and_then(|rest| rest.strip_suffix(")\n"));
        assert!(
            revision.is_some_and(|revision| !revision.is_empty()),
            "{text}"
        );
    }
}
