//! A credential that somebody issues for a time: kept in memory, renewed ahead of its end, asked for once at a time.
//!
//! What is cached and who issues it are for others to say ([`Issuer`]). A request waits for an issuer only when there is no
//! credential that it could use; a renewal that fails costs nothing while the old one lives. Issuers lock out those who come
//! with wrong secrets again and again, so a refusal is followed by minutes of silence, except when the secret was changed.

use std::{sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::{sync::watch, task::JoinSet, time::Instant};

use crate::backoff::Policy;

use super::suppressed::{Cooldown, Suppressed};

/// Renewed with this much of its life gone, or a little earlier: targets that began together do not come back together.
const SPENT: std::ops::Range<f64> = 0.75..0.8;

/// Renewed no later than this before its end, unless its whole life is that short.
const RESERVE: Duration = Duration::from_mins(10);

/// A life shorter than this is none: it would be renewed without end.
const SHORTEST: Duration = Duration::from_mins(1);

/// Nobody issues for longer, and times do not add up without end.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// Waits after failures that may pass by themselves: from the first to the longest.
const FAILED: Policy = Policy {
    jitter: JITTER,
    ..Policy::new(Duration::from_secs(1), Duration::from_mins(1))
};

/// Waits after refusals.
const REFUSED: Policy = Policy {
    jitter: JITTER,
    ..Policy::new(Duration::from_mins(5), Duration::from_hours(1))
};

/// Waits are not shortened: an issuer that counts refusals is asked no earlier.
const JITTER: std::ops::Range<f64> = 1.0..1.1;

/// Where credentials come from.
pub(super) trait Issuer: Send + Sync {
    /// What is issued.
    type Item: Send + Sync;

    /// Asks for one.
    fn issue(&self) -> BoxFuture<'_, Result<Issued<Self::Item>, NotIssued>>;

    /// Whether the secret to ask with is another than at the last attempt.
    fn has_new_secret(&self) -> bool;
}

/// A new credential.
pub(super) struct Issued<T> {
    pub(super) item: T,
    /// By the clock of the issuer, so that a wrong one here does not matter.
    pub(super) life: Duration,
    pub(super) expires_at: Timestamp,
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct NotIssued {
    pub(super) why: String,
    /// Asking again with the same secret will not help, and may lock the user.
    pub(super) refused: bool,
}

/// The current credential of one issuer, for all who use it.
pub(super) struct Cache<T> {
    issuer: Arc<dyn Issuer<Item = T>>,
    /// Never held across an await.
    state: Arc<Mutex<State<T>>>,
    /// At most one request to the issuer. Ends with the cache, not with the caller whose patience may be short.
    requests: Mutex<JoinSet<()>>,
}

struct State<T> {
    current: Option<Arc<Credential<T>>>,
    /// Open as long as the issuer is being asked.
    asking: Option<watch::Receiver<()>>,
    /// In a row.
    failures: u32,
    hold: Option<Cooldown>,
}

/// A credential and how long it is good for.
pub(super) struct Credential<T> {
    pub(super) item: T,
    /// Counts the credentials, so that a refusal is blamed on the one that it concerns.
    pub(super) number: u64,
    expires_at: Timestamp,
    expires: Instant,
    /// When a new one is asked for.
    due: Instant,
}

enum Look<T> {
    Use(Arc<Credential<T>>),
    Wait(watch::Receiver<()>),
}

impl<T: Send + Sync + 'static> Cache<T> {
    pub(super) fn new(issuer: Arc<dyn Issuer<Item = T>>) -> Self {
        let state = State {
            current: None,
            asking: None,
            failures: 0,
            hold: None,
        };
        Self {
            issuer,
            state: Arc::new(Mutex::new(state)),
            requests: Mutex::default(),
        }
    }

    /// A credential other than the one numbered `refused`.
    pub(super) async fn get(&self, refused: Option<u64>) -> Result<Arc<Credential<T>>, Suppressed> {
        loop {
            match self.look(refused)? {
                Look::Use(credential) => return Ok(credential),
                // It ends by closing; what came of it stands in the state.
                Look::Wait(mut asking) => drop(asking.changed().await),
            }
        }
    }

    /// When the current credential ends.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        lock(&self.state)
            .current
            .as_ref()
            .map(|credential| credential.expires_at)
    }

    fn look(&self, refused: Option<u64>) -> Result<Look<T>, Suppressed> {
        let mut state = lock(&self.state);
        let now = Instant::now();
        let usable = state
            .current
            .clone()
            .filter(|current| current.expires > now && Some(current.number) != refused);
        if let Some(current) = &usable
            && now < current.due
        {
            return Ok(Look::Use(current.clone()));
        }
        let asking = match state
            .asking
            .clone()
            .filter(|asking| asking.has_changed().is_ok())
        {
            Some(asking) => Ok(asking),
            None => self.may_ask(&state).map(|()| self.ask(&mut state)),
        };
        match (usable, asking) {
            (Some(current), _) => Ok(Look::Use(current)),
            (None, asking) => asking.map(Look::Wait),
        }
    }

    fn may_ask(&self, state: &State<T>) -> Result<(), Suppressed> {
        match &state.hold {
            Some(hold) if !self.issuer.has_new_secret() => hold.check(),
            _ => Ok(()),
        }
    }

    fn ask(&self, state: &mut State<T>) -> watch::Receiver<()> {
        let (done, asking) = watch::channel(());
        state.asking = Some(asking.clone());
        let (issuer, state) = (self.issuer.clone(), self.state.clone());
        let mut requests = lock(&self.requests);
        while requests.try_join_next().is_some() {}
        requests.spawn(async move {
            let begun = Instant::now();
            let outcome = issuer.issue().await;
            let mut state = lock(&state);
            state.take(begun, outcome);
            // Before the lock goes: who looks now sees both the outcome and that this is over.
            drop(done);
        });
        asking
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

impl<T> State<T> {
    fn take(&mut self, begun: Instant, outcome: Result<Issued<T>, NotIssued>) {
        let outcome = outcome.and_then(|issued| match issued.life {
            life if life >= SHORTEST => Ok(issued),
            life => Err(NotIssued {
                why: format!("got a credential that is good for {life:?} only"),
                refused: false,
            }),
        });
        match outcome {
            Ok(issued) => {
                tracing::info!(expires = %issued.expires_at, "got a new credential");
                let last = self.current.as_ref().map_or(0, |current| current.number);
                self.current = Some(Arc::new(Credential::new(issued, last + 1, begun)));
                self.failures = 0;
                self.hold = None;
            }
            Err(NotIssued { why, refused }) => {
                let policy = if refused { REFUSED } else { FAILED };
                let pause = policy.wait(self.failures);
                self.failures = self.failures.saturating_add(1);
                let hold = Cooldown::new(pause, why);
                tracing::warn!(
                    error = hold.why,
                    next_attempt = hold.end(),
                    "got no new credential"
                );
                self.hold = Some(hold);
            }
        }
    }
}

impl<T> Credential<T> {
    fn new(issued: Issued<T>, number: u64, begun: Instant) -> Self {
        let Issued {
            item,
            life,
            expires_at,
        } = issued;
        let life = life.min(LONGEST);
        let spent = SPENT.start + (SPENT.end - SPENT.start) * fastrand::f64();
        let due = life
            .mul_f64(spent)
            .min(life.saturating_sub(RESERVE))
            .max(life / 2);
        Self {
            item,
            number,
            expires_at,
            expires: begun + life,
            due: begun + due,
        }
    }
}

#[cfg(test)]
mod tests;
