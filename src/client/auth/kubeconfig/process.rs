//! Runs a program with limits on time and output.

use std::{
    io,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{io::AsyncReadExt as _, time::timeout};

/// A program that takes longer is killed.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A program that writes more to its standard output is killed.
const MAX_OUTPUT: usize = 1024 * 1024;

/// Why there is no output of a program.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    #[error("cannot be started: {0}")]
    Start(io::Error),
    #[error("failed with {0}: run it by hand to see why")]
    Failed(ExitStatus),
    #[error("was killed: it took longer than {TIMEOUT:?}")]
    TimedOut,
    #[error("was killed: it wrote more than {MAX_OUTPUT} bytes")]
    TooLarge,
    #[error("cannot be read: {0}")]
    Read(io::Error),
}

/// The program and those that it started. They are killed when this is dropped.
struct ProcessGroup(Option<Pid>);

/// Runs a program that has no input, and returns what it writes to its standard output. Its errors are discarded: they could
/// contain secrets.
pub(super) async fn output(mut command: Command) -> Result<Vec<u8>, ProcessError> {
    use std::os::unix::process::CommandExt as _;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    let mut child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .map_err(ProcessError::Start)?;
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let mut group = ProcessGroup(id.and_then(Pid::from_raw));
    let Some(stdout) = child.stdout.take() else {
        return Ok(Vec::new());
    };
    let run = async {
        let mut output = Vec::new();
        let limit = MAX_OUTPUT as u64 + 1;
        let read = stdout.take(limit).read_to_end(&mut output).await;
        read.map_err(ProcessError::Read)?;
        if output.len() > MAX_OUTPUT {
            return Err(ProcessError::TooLarge);
        }
        let status = child.wait().await.map_err(ProcessError::Read)?;
        if status.success() {
            Ok(output)
        } else {
            Err(ProcessError::Failed(status))
        }
    };
    let outcome = timeout(TIMEOUT, run).await;
    let outcome = outcome.unwrap_or(Err(ProcessError::TimedOut));
    if matches!(outcome, Ok(_) | Err(ProcessError::Failed(_))) {
        // It has ended, and its number may be that of another process by now.
        group.0 = None;
    }
    outcome
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            // An error means that they have ended.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Instant};

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn endless_output_is_cut_off_and_everything_that_was_started_is_killed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("id");
        let script = format!("sleep 600 & echo $! > {}; yes", file.display());
        let start = Instant::now();
        let error = output(shell(&script)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "was killed: it wrote more than 1048576 bytes"
        );
        assert!(start.elapsed() < TIMEOUT);
        let id = fs::read_to_string(file).unwrap();
        // A process that was killed may still wait for its parent to notice.
        let state = || fs::read_to_string(format!("/proc/{}/stat", id.trim()));
        while state().is_ok_and(|state| !state.contains(") Z ")) {
            assert!(start.elapsed() < TIMEOUT, "{:?}", state());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_does_not_end_is_killed() {
        let error = output(shell("exec sleep 600")).await.unwrap_err();
        assert_eq!(error.to_string(), "was killed: it took longer than 30s");
    }

    #[tokio::test]
    async fn the_output_is_returned_without_what_goes_to_the_standard_error() {
        let written = output(shell("echo a; yes | head -c 9000000 >&2; echo b"));
        assert_eq!(written.await.unwrap(), b"a\nb\n");
        let error = output(shell("exit 3")).await.unwrap_err();
        assert!(error.to_string().starts_with("failed with exit status: 3"));
    }
}
