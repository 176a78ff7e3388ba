//! The binary as its users run it: a process with a configuration, signals, logs and exit codes.
//!
//! Each test starts its own [`Cluster`] and [`Exporter`]. Everything the process logs as JSON is read by a strict reader.

mod cluster;
mod history;
mod logs;
mod process;
mod secrets;
mod serving;
mod signals;
mod start;

use cluster::Cluster;
use process::{Ended, Exporter, Setup};

/// What is logged when a target was read in whole for the first time.
const SYNCED: &str = "target is synced: everything configured was read once";
