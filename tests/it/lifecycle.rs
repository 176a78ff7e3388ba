//! The exporter as a process: configuration, signals, logs and exit codes.
//!
//! Each test starts its own [`Cluster`] and [`Exporter`]. JSON logs are parsed and checked strictly.

mod access;
mod cluster;
mod commands;
mod events;
mod history;
mod logs;
mod pipes;
mod probe;
mod process;
mod reload;
mod secrets;
mod serving;
mod signals;
mod sockets;
mod start;
mod status;
mod web_file;

use cluster::Cluster;
use process::{Exited, Exporter, Setup};

/// Log message after the first complete read of a target.
const SYNCED: &str = "target is synced: everything configured was read once";
