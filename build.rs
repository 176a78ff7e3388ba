//! Hands the revision that is built to `cli` for `--version`. Never fails: without git the revision is `unknown`.

use std::process::Command;

/// Set where there is no repository, for example in a container build.
const OVERRIDE: &str = "JOB_STATUS_EXPORTER_REVISION";

fn main() {
    tell("rerun-if-changed=build.rs");
    tell(&format!("rerun-if-env-changed={OVERRIDE}"));
    let given = std::env::var_os(OVERRIDE)
        .map(|revision| revision.to_string_lossy().trim().to_owned())
        .filter(|revision| is_word(revision));
    let revision = given
        .or_else(revision_of_repository)
        .unwrap_or_else(|| "unknown".to_owned());
    tell(&format!("rustc-env={OVERRIDE}={revision}"));
}

/// The commit that is checked out, if this package is the top of a repository: sources unpacked somewhere inside
/// another one do not have its revision.
fn revision_of_repository() -> Option<String> {
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    watch("HEAD");
    // A commit changes the branch or, once packed, only the log of HEAD.
    watch("logs/HEAD");
    if let Some(branch) = git(&["symbolic-ref", "--quiet", "HEAD"]) {
        watch(&branch);
    }
    git(&["rev-parse", "--short=12", "HEAD"]).filter(|revision| is_word(revision))
}

/// Builds again when `name` in the git directory changes. A path that is not there would mean: build always.
fn watch(name: &str) {
    if let Some(path) = git(&["rev-parse", "--git-path", name])
        && std::path::Path::new(&path).exists()
    {
        tell(&format!("rerun-if-changed={path}"));
    }
}

/// What git answers, if it does.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| answer.trim().to_owned())
}

/// Whether `text` can stand in a version line, and in an instruction to cargo.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}

/// An instruction to cargo.
#[allow(
    clippy::print_stdout,
    reason = "cargo reads instructions from standard output"
)]
fn tell(instruction: &str) {
    println!("cargo::{instruction}");
}
