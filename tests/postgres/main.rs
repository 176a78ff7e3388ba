//! The history in a real PostgreSQL server: the binary reads a simulated API and keeps its history in a database.
//!
//! Plain `cargo test` does not run these tests. This command starts a server, runs them and stops the server again:
//!
//! ```text
//! scripts/with-postgres cargo test --locked --test postgres
//! ```
//!
//! Each test has a database and users of its own, so tests run in parallel. Those that stop the server start another one with the
//! same script. [`jobs::Jobs`] creates and finishes Jobs, and knows the actual number of runs, which is compared with the totals in
//! the database and in the metrics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints its seed"
)]

#[path = "../it/server/client.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod client;
#[path = "../it/lifecycle/cluster.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod cluster;
#[path = "../it/lifecycle/process.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod process;
/// Where [`process`] expects the client.
mod server {
    pub(crate) use crate::client;
}

mod away;
mod database;
mod drops;
mod jobs;
mod kills;
mod proxy;
mod replica;
mod restarts;
mod rights;
mod scene;
mod shards;
mod sharing;
mod slow;
mod tls;
mod transfer;
mod versions;

/// Log message after the first complete read of a target.
const SYNCED: &str = "target is synced: everything configured was read once";

/// The seed of a test with random steps: `SEED`, so that a failed test can be repeated.
fn seed() -> u64 {
    let seed = std::env::var_os("SEED").map(|seed| seed.to_str().unwrap().parse().unwrap());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    seed
}
