//! Limits the rejected signatures of one access key, for all targets at the same API gateway together.
//!
//! An access key is locked for all of its users after more than five rejections in a row. So a rejection starts a cooldown of
//! minutes for the key pair, and until the API has accepted a pair, only one request at a time uses it. A new secret key is
//! tried at once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync, time::Instant};

use super::{keys::CurrentKeyPair, rejections::Rejections};
use crate::client::auth::suppressed::{Cooldown, Suppressed};

/// Guards of keys that were not used for so long are removed: temporary keys are replaced by others.
const UNUSED: Duration = Duration::from_hours(1);

/// The guards of the access keys that are used at one API gateway.
#[derive(Default)]
pub(super) struct KeyGuards(Mutex<HashMap<String, (Instant, Arc<KeyGuard>)>>);

/// The guard of one access key.
#[derive(Default)]
pub(super) struct KeyGuard {
    /// Never held across an await.
    state: Mutex<KeyState>,
    /// Held by the one request that uses a key pair that the API has not accepted yet.
    unverified: Arc<sync::Mutex<()>>,
}

/// How the API responded to the last requests.
#[derive(Default)]
struct KeyState {
    accepted: Option<CurrentKeyPair>,
    rejections: Rejections<CurrentKeyPair>,
}

/// The permission to sign and send one request.
pub(super) struct KeyPermit {
    pub(super) keys: CurrentKeyPair,
    guard: Arc<KeyGuard>,
    /// Keeps other requests waiting while the key pair is unverified.
    _exclusive: Option<sync::OwnedMutexGuard<()>>,
}

impl KeyGuards {
    /// Waits for the permission to use a key pair.
    pub(super) async fn acquire(&self, keys: CurrentKeyPair) -> Result<KeyPermit, Suppressed> {
        let guard = self.guard(&keys.access_key);
        let exclusive = if guard.check(&keys)? {
            None
        } else {
            let exclusive = guard.unverified.clone().lock_owned().await;
            // The request that held the lock before may have been accepted or rejected.
            let accepted = guard.check(&keys)?;
            (!accepted).then_some(exclusive)
        };
        Ok(KeyPermit {
            keys,
            guard,
            _exclusive: exclusive,
        })
    }

    fn guard(&self, access_key: &str) -> Arc<KeyGuard> {
        let mut guards = self.0.lock();
        if let Some((used, guard)) = guards.get_mut(access_key) {
            *used = Instant::now();
            return guard.clone();
        }
        guards.retain(|_, (used, _)| used.elapsed() < UNUSED);
        let guard = Arc::new(KeyGuard::default());
        guards.insert(access_key.to_owned(), (Instant::now(), guard.clone()));
        guard
    }
}

impl KeyGuard {
    /// Whether the API has accepted the pair. It is an error if the pair may not be used now.
    fn check(&self, keys: &CurrentKeyPair) -> Result<bool, Suppressed> {
        let state = self.state.lock();
        Cooldown::check(state.rejections.cooldown(keys))?;
        Ok(state.accepted.as_ref() == Some(keys))
    }
}

impl KeyPermit {
    /// The API accepted the signature.
    pub(super) fn accept(&self) {
        let mut state = self.guard.state.lock();
        state.rejections.forget(&self.keys);
        state.accepted = Some(self.keys.clone());
    }

    /// The API rejected the signature.
    pub(super) fn reject(&self, cooldown: Cooldown) {
        let mut state = self.guard.state.lock();
        if state.accepted.as_ref() == Some(&self.keys) {
            state.accepted = None;
        }
        state.rejections.record(self.keys.clone(), cooldown);
    }
}
