//! `status --wait JOB`: waits for the end of one Job, and exits by its result.
//!
//! The target is read in its own mode, since its credentials have the permissions for that, but only the namespace of the
//! Job, or the Job alone.

use std::{process::ExitCode, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

use super::{PROBLEM, UNREADABLE, reading::Reading, with_addresses};
use crate::{
    app::{Error, plan::TargetPlan, write_progress},
    client::ConnectionBudget,
    config::{JobReference, Mode, Namespaces, Pattern, PollConfig, Selection},
    model::{Job, JobState, Uid},
    status::phrases,
    store::TargetStore,
    telemetry::printable,
};

/// The default of `--timeout`.
const WAIT_TIMEOUT: Duration = Duration::from_mins(10);

/// How often the store is asked.
const INTERVAL: Duration = Duration::from_millis(100);

/// A Job is polled at least as often.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(5);

/// A finished Job that is deleted at once is still seen.
const MIN_RETENTION: Duration = Duration::from_secs(10);

/// How the wait ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Succeeded,
    Failed(String),
    Deleted,
    /// The time is over, and this is what was known last.
    NotEnded(String),
    /// The time is over, or the API refuses, and nothing was read.
    Unreadable(String),
}

/// What is known of the Job so far.
#[derive(Debug, Default)]
struct Watched {
    /// The Job that is waited for. A later one of the same name is another run.
    uid: Option<Uid>,
    /// The last progress that was told.
    told: Option<&'static str>,
}

/// Waits. Progress goes to standard error, and the result to standard output.
pub(super) async fn run(
    plans: Vec<TargetPlan>,
    budget: &ConnectionBudget,
    (namespace, name): (&str, &str),
    timeout: Option<Duration>,
) -> Result<ExitCode, Error> {
    let mut plans = with_addresses(plans).await?;
    for plan in &mut plans {
        plan.source.mode = narrowed(&plan.source.mode, namespace, name);
        let deleted = &mut plan.store.retention.deleted;
        *deleted = (*deleted).max(MIN_RETENTION);
    }
    let reading = Reading::start(plans, budget);
    let deadline = Instant::now() + timeout.unwrap_or(WAIT_TIMEOUT);
    let job = printable(&format!("{namespace}/{name}"));
    let outcome = wait(&reading, namespace, name, deadline, |progress| {
        write_progress(&format!("Job {job}: {progress}"));
    });
    let outcome = outcome.await;
    super::print(&format!("Job {job}: {outcome}\n"))?;
    Ok(ExitCode::from(outcome.code()))
}

/// Waits until the Job ended, its API turns out to be unreadable, or the time is over.
async fn wait(
    reading: &Reading,
    namespace: &str,
    name: &str,
    deadline: Instant,
    mut tell: impl FnMut(&str),
) -> Outcome {
    let mut watched = Watched::default();
    let ended = async {
        reading.read().await;
        loop {
            for store in reading.stores() {
                if !store.is_read() {
                    return Outcome::Unreadable(error_of(store));
                }
                if let Some(outcome) = watched.look(store, namespace, name, &mut tell) {
                    return outcome;
                }
            }
            sleep(INTERVAL).await;
        }
    };
    if let Ok(outcome) = timeout_at(deadline, ended).await {
        return outcome;
    }
    let mut stores = reading.stores();
    match stores.find(|store| !store.is_read() || store.is_failing()) {
        Some(store) => Outcome::Unreadable(error_of(store)),
        None => Outcome::NotEnded(watched.told.unwrap_or("it does not exist").to_owned()),
    }
}

/// Why a target cannot be read.
fn error_of(store: &TargetStore) -> String {
    let details = store.complete_snapshot().details;
    let feeds = details.into_iter().flat_map(|details| details.feeds);
    let mut failures = feeds.filter_map(|feed| feed.failure);
    match failures.next() {
        Some(failure) => {
            let hint = failure.error.hint;
            let hint = hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"));
            printable(&failure.error.message) + &hint
        }
        None => "no response in time".to_owned(),
    }
}

/// What is read to find the Job.
fn narrowed(mode: &Mode, namespace: &str, name: &str) -> Mode {
    let selection = || Selection {
        namespaces: Namespaces {
            include: vec![Pattern::from(namespace)],
            exclude: Vec::new(),
        },
        label_selector: None,
        pods: false,
    };
    let often = |poll: &PollConfig| {
        let interval = poll.interval.min(MAX_POLL_INTERVAL);
        PollConfig {
            interval,
            timeout: poll.timeout.min(interval),
            ..*poll
        }
    };
    match mode {
        Mode::Watch(_) => Mode::Watch(selection()),
        Mode::PollLists { poll, .. } => Mode::PollLists {
            selection: selection(),
            poll: often(poll),
        },
        Mode::PollJobs { poll, .. } => Mode::PollJobs {
            jobs: vec![JobReference {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            }],
            poll: often(poll),
        },
    }
}

// === impl Watched ===

impl Watched {
    /// Looks at the Job in a target that was read. Returns how it ended.
    fn look(
        &mut self,
        store: &TargetStore,
        namespace: &str,
        name: &str,
        tell: &mut impl FnMut(&str),
    ) -> Option<Outcome> {
        let Some(job) = store.job(namespace, name) else {
            if self.uid.is_some() {
                return Some(Outcome::Deleted);
            }
            self.tell("it does not exist", tell);
            return None;
        };
        if self.uid.as_ref().is_some_and(|uid| *uid != job.uid) {
            return Some(Outcome::Deleted);
        }
        let outcome = outcome(&job);
        if outcome.is_none() {
            self.tell(job.state.as_str(), tell);
        }
        self.uid = Some(job.uid);
        outcome
    }

    /// Tells what is new.
    fn tell(&mut self, progress: &'static str, tell: &mut impl FnMut(&str)) {
        if self.told != Some(progress) {
            self.told = Some(progress);
            tell(progress);
        }
    }
}

fn outcome(job: &Job) -> Option<Outcome> {
    match job.state {
        JobState::Complete => Some(Outcome::Succeeded),
        JobState::Failed => {
            let reason = job.failure.map_or("", phrases::reason);
            Some(Outcome::Failed(reason.to_owned()))
        }
        _ => None,
    }
}

// === impl Outcome ===

impl Outcome {
    fn code(&self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Failed(_) | Self::Deleted | Self::NotEnded(_) => PROBLEM,
            Self::Unreadable(_) => UNREADABLE,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Succeeded => f.write_str("succeeded"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::Deleted => f.write_str("deleted before it ended"),
            Self::NotEnded(progress) => write!(f, "not ended in time: {progress}"),
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
        }
    }
}
