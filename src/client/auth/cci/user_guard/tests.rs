//! Logins of one user for several targets, in paused time.

use futures_util::future::join_all;
use tokio::time::{advance, sleep};

use super::*;

/// A guard for targets that log in, and what IAM got.
struct Targets {
    guard: UserGuard,
    count: usize,
}

impl Targets {
    fn new(count: usize) -> Self {
        let guard = UserGuard::new("the user `u` of `d`".to_owned());
        for _ in 0..count {
            guard.add_target();
        }
        Self { guard, count }
    }

    /// Logs in for one target; IAM answers with `error`. `Err` has the reason why nothing was sent.
    async fn log_in(&self, password: &str, error: Option<IssueError>) -> Result<(), IssueError> {
        let password = password.into();
        let turn = self.guard.turn(&password).await?;
        sleep(Duration::from_millis(100)).await;
        if error.as_ref().is_none_or(|error| error.rejected.is_some()) {
            self.guard.count_login();
        }
        turn.record(&error.map_or(Ok(()), Err));
        Ok(())
    }

    /// How many of the targets log in when all of them try.
    async fn all(&self, password: &str, error: impl Fn() -> Option<IssueError>) -> usize {
        let logins = (0..self.count).map(|_| self.log_in(password, error()));
        let outcomes = join_all(logins).await;
        outcomes.iter().filter(|outcome| outcome.is_ok()).count()
    }
}

fn wrong_password() -> IssueError {
    IssueError {
        rejected: Some(StatusCode::UNAUTHORIZED),
        ..IssueError::temporary("401 wrong password")
    }
}

#[tokio::test(start_paused = true)]
async fn eight_projects_make_one_login_with_a_wrong_password() {
    let targets = Targets::new(8);
    // A password that IAM accepted before may be wrong by now.
    assert_eq!(targets.all("old", || None).await, 8);
    assert_eq!(targets.all("old", || Some(wrong_password())).await, 1);
    let waiting = targets.log_in("old", None).await.unwrap_err();
    assert_eq!(
        waiting.message,
        "the password was rejected: 401 wrong password"
    );
    let wait = waiting.retry_after.unwrap();
    assert!(
        wait > Duration::from_secs(290) && wait < Duration::from_mins(6),
        "{wait:?}"
    );
    let mut logins = 0;
    for _ in 0..24 * 60 {
        advance(Duration::from_mins(1)).await;
        logins += targets.all("old", || Some(wrong_password())).await;
    }
    assert!((20..=28).contains(&logins), "{logins}");
    assert_eq!(targets.all("new", || None).await, 8);
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_iam_asks_for_holds_for_all_targets_and_any_password() {
    let targets = Targets::new(8);
    let throttled = || IssueError {
        retry_after: Some(Duration::from_mins(2)),
        ..IssueError::temporary("429")
    };
    assert_eq!(targets.all("p", || Some(throttled())).await, 1);
    advance(Duration::from_secs(110)).await;
    assert_eq!(targets.all("other", || None).await, 0);
    advance(Duration::from_secs(10)).await;
    assert_eq!(targets.all("p", || None).await, 8);
}

#[tokio::test(start_paused = true)]
async fn logins_have_a_budget_per_hour_whatever_succeeds_in_between() {
    let targets = Targets::new(2);
    let mut logins = 0;
    for _ in 0..60 {
        logins += targets.all("p", || None).await;
        advance(Duration::from_secs(10)).await;
    }
    assert_eq!(logins, LOGINS + 2 * LOGINS_PER_TARGET);
    let waiting = targets.log_in("p", None).await.unwrap_err();
    assert_eq!(
        waiting.message,
        "the user `u` of `d` logged in 22 times within an hour, which is the limit"
    );
    advance(waiting.retry_after.unwrap()).await;
    assert!(targets.log_in("p", None).await.is_ok());
    // IAM did not answer: such attempts do not count, or an outage would spend the budget.
    let targets = Targets::new(1);
    for _ in 0..60 {
        let down = Some(IssueError::temporary("503"));
        assert!(targets.log_in("p", down).await.is_ok());
    }
}
