//! The harness functions of the fuzz targets in `fuzz/`. Compiled for tests, and with the feature `fuzzing`.
//!
//! Each function takes any bytes and panics if a promise is broken. libFuzzer calls them with bytes of its own, and the tests
//! here with the files in `fuzz/corpus`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a harness reports what it finds"
)]

use crate::{client, history, server};

#[path = "../tests/it/checker.rs"]
#[allow(dead_code, reason = "the integration tests use more of it")]
mod checker;
mod configuration;
mod history_file;
mod objects;
mod protobuf;
mod schedules;
mod watch_lines;
mod web_file;

/// A harness function.
pub type Harness = fn(&[u8]);

/// All fuzz targets by name.
pub const TARGETS: &[(&str, Harness)] = &[
    ("configuration", configuration::check),
    ("error_bodies", client::fuzzing::error_body),
    ("history_file", history_file::check),
    ("history_rows", history::fuzzing::rows),
    ("iam_answers", client::fuzzing::iam_answer),
    ("objects", objects::check),
    ("protobuf", protobuf::check),
    ("requests", server::fuzzing::request),
    ("schedules", schedules::check),
    ("watch_lines", watch_lines::check),
    ("web_file", web_file::check),
];

/// Runs one input through a target.
///
/// # Panics
///
/// If there is no such target, or if a promise is broken.
pub fn run(target: &str, input: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, harness) = found.unwrap_or_else(|| panic!("no fuzz target is called {target}"));
    harness(input);
}

#[cfg(test)]
mod tests;
