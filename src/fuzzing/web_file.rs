//! Web configuration files.

use std::path::Path;

use crate::config::{self, WebFile};

/// A file is read the same way twice. A valid one can be described, and an invalid one has a message about at least one
/// problem.
pub(super) fn check(input: &[u8]) {
    let read = || WebFile::parse(input, Path::new("web.yaml"));
    let (first, second) = (read(), read());
    assert_eq!(first, second);
    match first {
        Ok(file) => {
            let mut config = config::Config::default();
            config.web.config_file = Some("web.yaml".into());
            let summary = config::describe(&config, Some(&file), &[]);
            let scheme = if file.tls.is_some() { "https" } else { "http" };
            assert!(summary.starts_with(&format!("  listen on     {scheme}://")));
            assert!(summary.lines().all(|line| !line.contains(char::is_control)));
        }
        Err(error) => {
            let message = error.to_string();
            assert!(!error.problems().is_empty());
            let controls = message.chars().filter(|c| c.is_control() && *c != '\n');
            assert_eq!(controls.count(), 0, "control characters: {message:?}");
        }
    }
}
