//! The flags of the command `status`.
//!
//! The module only parses. `app` reads the targets, and explains a target that is not configured.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{Export, LogFlags, OutputFormat};
use crate::config::{Inputs, parse_duration};

/// Flags of the command `status`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct StatusFlags {
    /// Configuration file (YAML) of the exporter; without one, the cluster that kubectl uses is read.
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Kubeconfig file to use in place of $KUBECONFIG and ~/.kube/config.
    #[arg(long, value_name = "FILE", conflicts_with = "config_file")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one].
    #[arg(long, value_name = "NAME", conflicts_with = "config_file")]
    pub context: Option<String>,
    /// Read this target only [default: all targets].
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Show this namespace only [default: all namespaces].
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Show the workloads with this name only.
    #[arg(long, value_name = "NAME", conflicts_with = "wait")]
    pub workload: Option<String>,
    /// Format of the output.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: OutputFormat,
    /// Wait for the end of this Job of --namespace, and exit with 0 if it succeeds.
    #[arg(
        long,
        value_name = "JOB",
        requires = "namespace",
        conflicts_with = "output"
    )]
    pub wait: Option<String>,
    /// Longest time, such as 90s: to read the targets [default: 30s], or for the Job to end [default: 10m].
    #[arg(long, value_name = "DURATION", value_parser = timeout)]
    pub timeout: Option<Duration>,
}

impl StatusFlags {
    /// The sources of the configuration. `log` are the other flags that are settings.
    #[must_use]
    pub fn inputs(&self, log: LogFlags) -> Inputs {
        Export::of(self.config_file.as_deref()).inputs(log)
    }
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be more than 0"),
        other => other,
    }
}
