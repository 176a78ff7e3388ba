//! Secrets that were rejected not long ago.
//!
//! Services lock users and keys after a few wrong secrets. So a rejected secret is not sent again for a while, and after
//! several different ones no secret is.

use crate::client::auth::suppressed::Cooldown;

/// So many different secrets may be rejected before the next one has to wait too. Locks begin after five rejections.
const MAX_SECRETS: usize = 3;

/// The rejected secrets of one user or key, each with its cooldown.
pub(super) struct Rejections<S>(Vec<(S, Cooldown)>);

impl<S: PartialEq> Rejections<S> {
    /// The cooldown that `secret` has to wait for.
    pub(super) fn cooldown(&self, secret: &S) -> Option<&Cooldown> {
        let active = || {
            self.0
                .iter()
                .filter(|(_, cooldown)| Cooldown::is_active(cooldown))
        };
        let same = active().find(|(rejected, _)| rejected == secret);
        let any = || active().min_by_key(|(_, cooldown)| cooldown.remaining());
        let found = match same {
            None if active().count() >= MAX_SECRETS => any(),
            same => same,
        };
        found.map(|(_, cooldown)| cooldown)
    }

    /// Records a rejection.
    pub(super) fn record(&mut self, secret: S, cooldown: Cooldown) {
        self.0
            .retain(|(rejected, cooldown)| *rejected != secret && cooldown.is_active());
        self.0.push((secret, cooldown));
    }

    /// The secret was accepted.
    pub(super) fn forget(&mut self, secret: &S) {
        self.0.retain(|(rejected, _)| rejected != secret);
    }
}

impl<S> Default for Rejections<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_new_secret_is_tried_at_once_until_three_were_rejected() {
        let minutes = |minutes| Cooldown::new(Duration::from_mins(minutes), "rejected");
        let mut rejections = Rejections::default();
        for secret in 1..=3 {
            assert!(rejections.cooldown(&secret).is_none(), "{secret}");
            rejections.record(secret, minutes(10));
            assert!(rejections.cooldown(&secret).is_some(), "{secret}");
        }
        assert!(rejections.cooldown(&4).is_some());
        rejections.forget(&1);
        assert!(rejections.cooldown(&4).is_none());
        rejections.record(4, minutes(20));
        tokio::time::advance(Duration::from_mins(11)).await;
        assert!(rejections.cooldown(&2).is_none());
        assert!(rejections.cooldown(&4).is_some());
    }
}
