//! Keys of cached answers: hashes of logins that nobody outside of this process can compute.
//!
//! `basic_auth` and `kubernetes_auth` cache under them, so no password and no token stays in memory. The key of the hash is
//! random and never leaves the process.

use ring::{hmac, rand::SystemRandom};

use super::AccessError;

/// The hash of a login.
pub(super) type Fingerprint = [u8; 32];

/// HMAC-SHA-256 with a random key.
pub(super) struct KeyedHash(hmac::Key);

impl KeyedHash {
    /// A hash with a new random key. Fails if the system has no random numbers.
    pub(super) fn new() -> Result<Self, AccessError> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        key.map(Self).map_err(|_| AccessError::NoRandomNumbers)
    }

    /// The hash of `parts`. Their lengths are part of it: `ab`, `c` differs from `a`, `bc`.
    pub(super) fn of(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.sign().as_ref());
        fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_differ_between_parts_and_between_keys() {
        let hash = KeyedHash::new().unwrap();
        let one = hash.of(&[b"ab", b"c"]);
        assert_eq!(one, hash.of(&[b"ab", b"c"]));
        assert_ne!(one, hash.of(&[b"a", b"bc"]));
        assert_ne!(one, hash.of(&[b"abc", b""]));
        assert_ne!(one, KeyedHash::new().unwrap().of(&[b"ab", b"c"]));
    }
}
