//! `events`: the lines about runs.

use super::reader::Node;

/// What is written about each run that is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventsConfig {
    /// Whether standard output gets a line.
    pub log: bool,
}

/// Reads `events`. The default replaces an invalid value, which is reported.
pub(super) fn read(node: &Node<'_>) -> EventsConfig {
    let log = node.section().and_then(|section| section.get("log"));
    EventsConfig {
        log: log.and_then(|node| node.boolean()).unwrap_or_default(),
    }
}
