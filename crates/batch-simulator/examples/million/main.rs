//! An API server with up to millions of Jobs, for `scripts/benchmark-large`. It keeps a few numbers for each Job, and writes its JSON
//! when it is sent.
//!
//! ```text
//! million --listen ADDRESS --jobs N --cronjobs N --seconds SECONDS [--churning CRONJOBS] [--new N] [--ended N] [--deleted N]
//!         [--watch-list false]
//! ```
//!
//! It serves all Jobs and `CronJobs` of the cluster as pages, streamed lists and watches, and a pod of each Job that is running or failed. The
//! pods do not change. `--new`, `--ended` and `--deleted` are
//! numbers of runs each second; `POST /churn?new=N&ended=N&deleted=N` applies so many at once. Runs start, end and go in the
//! `CronJobs` in turn: all of them, or the first `--churning`. The runs come from this program and not from the schedules. The program
//! ends after `--seconds`.
//!
//! - `cluster`: the objects as numbers, and their changes
//! - `object`: the JSON of one object, and `pod`: the status of a pod
//! - `body`: the bodies of lists and watches
//! - `server`: requests

use std::{env, error::Error, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{net::TcpListener, sync::watch::Sender, time::sleep};

mod body;
mod cluster;
mod object;
mod pod;
mod server;
#[cfg(test)]
mod tests;

use cluster::{Cluster, Size};
use object::Templates;
use server::{Churn, Shared};

/// The changes that watches can read: those of half a million Jobs that come and go, and of their `CronJobs`.
const HISTORY: usize = 3_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let text = |name: &str| {
        let mut pairs = arguments.chunks_exact(2);
        pairs.find(|pair| pair[0] == name).map(|pair| &*pair[1])
    };
    let number = |name: &str| text(name).map(str::parse::<u32>).transpose();
    let required = |name: &str| number(name)?.ok_or(format!("missing argument: {name}").into());
    let required = |name| -> Result<u32, Box<dyn Error>> { required(name) };
    let cronjobs = required("--cronjobs")?;
    let size = Size {
        jobs: required("--jobs")?,
        cronjobs,
        churning: number("--churning")?.unwrap_or(cronjobs),
        history: HISTORY,
    };
    if size.cronjobs == 0 || size.churning == 0 {
        return Err("there must be CronJobs".into());
    }
    let rate = Churn {
        new: number("--new")?.unwrap_or(0),
        ended: number("--ended")?.unwrap_or(0),
        deleted: number("--deleted")?.unwrap_or(0),
    };
    let seconds = required("--seconds")?;
    let address = text("--listen").ok_or("missing argument: --listen")?;
    let listener = TcpListener::bind(address).await?;
    let shared = Arc::new(Shared {
        cluster: Mutex::new(Cluster::new(size, server::now())),
        templates: Templates::new()?,
        writes: Sender::new(()),
        watch_list: text("--watch-list") != Some("false"),
    });
    tokio::select! {
        () = server::serve(shared.clone(), listener) => {}
        () = server::churn(shared, rate) => {}
        () = sleep(Duration::from_secs(seconds.into())) => {}
    }
    Ok(())
}
