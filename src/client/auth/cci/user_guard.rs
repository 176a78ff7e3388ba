//! Limits the logins of one user of IAM, for all of its targets and projects together.
//!
//! IAM locks a user after a few wrong passwords, whatever project they are for. So the logins of a user take turns, a
//! rejected password stops all of them, and a budget per hour holds even if an API rejects each new token.

use std::{collections::VecDeque, time::Duration};

use http::StatusCode;
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync, time::Instant};

use super::{
    cache::{IssueError, REJECTED},
    rejections::Rejections,
};
use crate::client::auth::suppressed::Cooldown;

const HOUR: Duration = Duration::from_hours(1);

/// Logins per hour that a user has in any case, and those for each of its targets. A target needs one login for its token,
/// and one each ten minutes at most while its API rejects tokens now and then.
const LOGINS: usize = 10;
const LOGINS_PER_TARGET: usize = 6;

/// The guard of one user.
pub(super) struct UserGuard {
    /// For messages.
    user: String,
    /// Held during a login.
    turn: sync::Mutex<()>,
    /// Never held across an await.
    state: Mutex<UserState>,
}

#[derive(Default)]
struct UserState {
    targets: usize,
    /// The times of the logins that IAM answered within the last hour.
    logins: VecDeque<Instant>,
    /// Rejections in a row.
    failures: u32,
    rejections: Rejections<Password>,
    /// IAM asked for it with `Retry-After`.
    pause: Option<Cooldown>,
}

/// The permission for one login.
pub(super) struct Turn<'a> {
    guard: &'a UserGuard,
    password: &'a SecretString,
    _exclusive: sync::MutexGuard<'a, ()>,
}

struct Password(SecretString);

impl UserGuard {
    pub(super) fn new(user: String) -> Self {
        Self {
            user,
            turn: sync::Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// One more target logs in as this user.
    pub(super) fn add_target(&self) {
        self.state.lock().targets += 1;
    }

    /// Waits for the other logins of the user. It is an error if no login may be sent now.
    pub(super) async fn turn<'a>(
        &'a self,
        password: &'a SecretString,
    ) -> Result<Turn<'a>, IssueError> {
        let exclusive = self.turn.lock().await;
        let mut state = self.state.lock();
        let spent = state.spent_budget(&self.user);
        let pause = state.pause.as_ref().filter(|pause| pause.is_active());
        let rejected = || state.rejections.cooldown(&Password(password.clone()));
        match pause.or_else(rejected).or(spent.as_ref()) {
            Some(cooldown) => Err(IssueError {
                retry_after: Some(cooldown.remaining()),
                ..IssueError::temporary(cooldown.reason.clone())
            }),
            None => Ok(Turn {
                guard: self,
                password,
                _exclusive: exclusive,
            }),
        }
    }

    /// Counts a login that IAM answered, with whatever result.
    pub(super) fn count_login(&self) {
        self.state.lock().logins.push_back(Instant::now());
    }
}

impl UserState {
    /// The time until the next login of the budget, if none is left now.
    fn spent_budget(&mut self, user: &str) -> Option<Cooldown> {
        while self.logins.front().is_some_and(|at| at.elapsed() >= HOUR) {
            self.logins.pop_front();
        }
        let budget = LOGINS + LOGINS_PER_TARGET * self.targets;
        let oldest = self.logins.iter().rev().nth(budget - 1)?;
        Some(Cooldown::new(
            HOUR.saturating_sub(oldest.elapsed()),
            format!("{user} logged in {budget} times within an hour, which is the limit"),
        ))
    }
}

impl Turn<'_> {
    /// Records how IAM answered the login.
    pub(super) fn record<T>(&self, outcome: &Result<T, IssueError>) {
        let password = Password(self.password.clone());
        let mut state = self.guard.state.lock();
        let Err(error) = outcome else {
            state.failures = 0;
            state.pause = None;
            state.rejections.forget(&password);
            return;
        };
        let pause = error.retry_after.unwrap_or_default();
        if error.rejected == Some(StatusCode::UNAUTHORIZED) {
            let wait = REJECTED.wait(state.failures).max(pause);
            state.failures = state.failures.saturating_add(1);
            let reason = format!("the password was rejected: {}", error.message);
            state
                .rejections
                .record(password, Cooldown::new(wait, reason));
        } else if !pause.is_zero() {
            state.pause = Some(Cooldown::new(pause, error.message.clone()));
        }
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

#[cfg(test)]
mod tests;
