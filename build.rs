//! Passes the git revision to `cli` for `--version`. Never fails: without git the revision is `unknown`.

use std::process::Command;

/// The variable that overrides the revision, for builds without a repository such as a container build.
const REVISION_VARIABLE: &str = "JOB_STATUS_EXPORTER_REVISION";

fn main() {
    instruct("rerun-if-changed=build.rs");
    instruct(&format!("rerun-if-env-changed={REVISION_VARIABLE}"));
    let given = std::env::var_os(REVISION_VARIABLE)
        .map(|revision| revision.to_string_lossy().trim().to_owned())
        .filter(|revision| is_word(revision));
    let revision = given
        .or_else(revision_of_repository)
        .unwrap_or_else(|| "unknown".to_owned());
    instruct(&format!("rustc-env={REVISION_VARIABLE}={revision}"));
}

/// Returns the checked-out commit if this package is the root of a repository. Sources unpacked inside another
/// repository do not have its revision.
fn revision_of_repository() -> Option<String> {
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    rerun_if_changed("HEAD");
    // A commit changes the branch or, once packed, only the log of HEAD.
    rerun_if_changed("logs/HEAD");
    if let Some(branch) = git(&["symbolic-ref", "--quiet", "HEAD"]) {
        rerun_if_changed(&branch);
    }
    git(&["rev-parse", "--short=12", "HEAD"]).filter(|revision| is_word(revision))
}

/// Rebuilds when `name` in the git directory changes. cargo would rebuild always for a missing path.
fn rerun_if_changed(name: &str) {
    if let Some(path) = git(&["rev-parse", "--git-path", name])
        && std::path::Path::new(&path).exists()
    {
        instruct(&format!("rerun-if-changed={path}"));
    }
}

/// Runs git and returns its output, or `None` if it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Whether `text` is safe in a version line and in an instruction to cargo.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}

/// Prints an instruction to cargo.
#[allow(
    clippy::print_stdout,
    reason = "cargo reads instructions from standard output"
)]
fn instruct(instruction: &str) {
    println!("cargo::{instruction}");
}
