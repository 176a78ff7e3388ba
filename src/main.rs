//! The `job-status-exporter` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    job_status_exporter::app::main(std::env::args_os())
}
