//! The command line: flags in the form that Prometheus exporters share, such as `--config.file`.
//!
//! Only reads arguments: `config` gives settings their meaning, `telemetry` takes [`Log`], `app` acts. Every flag is
//! used by the command it stands with, or refused.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, ValueEnum};
#[cfg(feature = "demo")]
use clap::{CommandFactory as _, Subcommand, error::ErrorKind};

use crate::config::{Flags, Inputs, environment};

/// Version and revision, for people.
pub const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("JOB_STATUS_EXPORTER_REVISION"),
    ")"
);

/// The arguments of one start.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(
    name = "job-status-exporter",
    // As every exporter prints it: `NAME, version VERSION (...)`.
    display_name = "job-status-exporter, version",
    version = VERSION,
    about = "Prometheus exporter for the status of Kubernetes Jobs and CronJobs",
    after_help = "Without a configuration it watches the cluster that kubectl would talk to. Every setting of the \
                  configuration file can come from the environment too, as JOB_STATUS_EXPORTER__KEY__KEY; \
                  flags win over both."
)]
pub struct Arguments {
    /// Another command than to export.
    #[cfg(feature = "demo")]
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to export.
    #[command(flatten)]
    pub export: Export,
    /// What to log.
    #[command(flatten)]
    pub log: Log,
}

/// Commands other than to export.
#[cfg(feature = "demo")]
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve a simulated cluster on loopback, and export from it.
    Demo(Demo),
}

/// Flags of the exporter itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Export {
    /// Configuration file (YAML).
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Check the configuration, say what would be watched, and exit.
    #[arg(long = "config.check")]
    pub config_check: bool,
    /// Address to listen on, such as `:9806`; can be given several times [default: 0.0.0.0:9806].
    #[arg(long = "web.listen-address", value_name = "ADDRESS")]
    pub listen_addresses: Vec<String>,
    /// Path under which metrics are served [default: /metrics].
    #[arg(long = "web.telemetry-path", value_name = "PATH")]
    pub telemetry_path: Option<String>,
}

/// Flags of the demo.
#[cfg(feature = "demo")]
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Demo {
    /// Simulate Huawei Cloud CCI in place of a cluster, and read it with a token and with signed requests.
    #[arg(long)]
    pub cci: bool,
    /// Address to listen on; can be given several times.
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:9806"
    )]
    pub listen_addresses: Vec<String>,
}

/// Flags about logs, the same for all commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub struct Log {
    /// Least severe messages to log.
    #[arg(long = "log.level", value_enum, default_value = "info", global = true)]
    pub level: LogLevel,
    /// Form of log messages.
    #[arg(long = "log.format", value_enum, default_value = "text", global = true)]
    pub format: LogFormat,
}

/// How severe a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it, and would show in --help")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it, and would show in --help")]
pub enum LogFormat {
    Text,
    Json,
}

impl Arguments {
    /// Reads the arguments of a process, the program's name first.
    ///
    /// The error is clap's: it also stands for `--help` and `--version`, and knows its exit code.
    pub fn read<T>(arguments: impl IntoIterator<Item = T>) -> Result<Self, clap::Error>
    where
        T: Into<OsString> + Clone,
    {
        let arguments = Self::try_parse_from(arguments)?;
        #[cfg(feature = "demo")]
        if arguments.command.is_some() && arguments.export != Export::default() {
            return Err(Self::command().error(
                ErrorKind::ArgumentConflict,
                "flags of a command are given after its name; before it only `--log.level` and `--log.format` have a meaning",
            ));
        }
        Ok(arguments)
    }
}

impl Export {
    /// Where the settings of this process come from.
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
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn nothing_is_required() {
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
    fn flags_of_exporters_are_understood() {
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
    fn the_demo_has_flags_of_its_own_and_shares_those_of_logs() {
        for arguments in [
            ["demo", "--log.level", "debug"],
            ["--log.level", "debug", "demo"],
        ] {
            let arguments = read(&arguments).unwrap();
            assert_eq!(arguments.log.level, LogLevel::Debug);
            let Some(Command::Demo(demo)) = arguments.command else {
                panic!("not the demo");
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
    fn usage_errors_end_with_2_and_questions_with_0() {
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
        for question in ["--help", "--version"] {
            assert_eq!(read(&[question]).unwrap_err().exit_code(), 0, "{question}");
        }
    }

    #[test]
    fn the_version_has_the_form_of_exporters() {
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
