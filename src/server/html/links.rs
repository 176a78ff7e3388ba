//! Relative links: they work behind a proxy that adds or removes a path prefix.

use std::fmt;

use crate::{model::WorkloadId, server::workload_path::WorkloadPath};

/// The way from a page to the root of all pages: `./`, or some `../`. A link is this and a path without a leading slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root(String);

impl Root {
    /// The way from the page at `path`, which begins with a slash.
    pub(super) fn from(path: &str) -> Self {
        let depth = path.matches('/').count().saturating_sub(1);
        match depth {
            // An empty link would be the page itself with its query.
            0 => Self("./".to_owned()),
            depth => Self("../".repeat(depth)),
        }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The page of a workload, below the root of the pages.
pub(super) fn workload(target: Option<&str>, id: &WorkloadId) -> String {
    format!("workloads/{}", WorkloadPath::new(target, id))
}

/// A runbook that a browser may open: an address of the web. Others are only text, since `javascript:` is an address, too.
pub(super) fn web_address(runbook: &str) -> Option<&str> {
    let scheme = runbook.split_once("://")?.0.to_ascii_lowercase();
    matches!(scheme.as_str(), "http" | "https").then_some(runbook)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_as_many_directories_up_as_the_path_is_deep() {
        for (path, root) in [
            ("/", "./"),
            ("/targets", "./"),
            ("/workloads/-/reports/cronjob/close-of-day", "../../../../"),
        ] {
            assert_eq!(Root::from(path).to_string(), root, "{path}");
        }
    }

    #[test]
    fn names_cannot_leave_their_segment() {
        let id = WorkloadId {
            namespace: "a/../b".into(),
            kind: "x?y#z".into(),
            name: "50%\"><b>é".into(),
        };
        assert_eq!(
            workload(None, &id),
            "workloads/-/a%2F..%2Fb/x%3Fy%23z/50%25%22%3E%3Cb%3E%C3%A9"
        );
        assert!(workload(Some("prod eu"), &id).starts_with("workloads/prod%20eu/"));
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        for address in ["https://wiki.example.com/x", "HTTP://host/"] {
            assert_eq!(web_address(address), Some(address));
        }
        for text in [
            "javascript:alert(1)",
            "javascript://x/%0aalert(1)",
            "data:text/html,x",
            "see the wiki",
            "",
        ] {
            assert_eq!(web_address(text), None, "{text}");
        }
    }
}
