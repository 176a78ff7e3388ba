//! Configuration files.

use std::{env, fs, process, thread};

use crate::config::{self, Inputs};

/// A file is read the same way twice. A valid one can be described, and an invalid one has a message about at least one
/// problem.
pub(super) fn check(input: &[u8]) {
    let name = format!(
        "configuration-{}-{:?}.yaml",
        process::id(),
        thread::current().id()
    );
    let path = env::temp_dir().join(name);
    fs::write(&path, input).unwrap();
    let inputs = Inputs {
        file: Some(path.clone()),
        ..Inputs::default()
    };
    let (first, second) = (config::load(&inputs), config::load(&inputs));
    fs::remove_file(&path).unwrap();
    assert_eq!(first, second);
    match first {
        Ok(config) => {
            let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
            let summary = config::describe(&config, None, &warnings);
            assert!(summary.ends_with('\n') && summary.contains("listen on"));
            assert!(!config.targets.is_empty());
        }
        Err(error) => {
            let message = error.to_string();
            let (count, rest) = message.split_once(" problem").expect("a count of problems");
            let count: usize = count.parse().expect("a number of problems");
            assert!(count > 0 && !rest.is_empty(), "{message}");
            let controls = message.chars().filter(|c| c.is_control() && *c != '\n');
            assert_eq!(controls.count(), 0, "control characters: {message:?}");
        }
    }
}
