//! A bcrypt hash of a password: `$2y$COST$` with the salt and the digest.
//!
//! It accepts what Go accepts, because users share their file with exporters in Go. In particular only the first
//! [`MAX_PASSWORD`] bytes of a password count.

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::DecodePaddingMode,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig},
};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::AccessError;

/// bcrypt ignores the rest of a password. Go compares like this too, although it refuses to hash longer passwords. To reject
/// them here would lock out users whose hash is from another program.
pub(super) const MAX_PASSWORD: usize = 72;

/// Some programs set unused bits of the salt.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Length of the salt, encoded.
const SALT_TEXT: usize = 22;

const DIGEST: usize = 23;

/// A bcrypt hash.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct BcryptHash {
    /// Each step doubles the time of a check. 4 to 31.
    cost: u32,
    salt: [u8; 16],
    digest: [u8; DIGEST],
}

impl BcryptHash {
    /// Parses a hash. `None` if `text` is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.trim().strip_prefix("$2")?;
        let rest = rest.strip_prefix(['a', 'b', 'x', 'y']).unwrap_or(rest);
        let (cost, rest) = rest.strip_prefix('$')?.split_once('$')?;
        let is_cost = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost = cost.parse().ok().filter(|_| is_cost)?;
        let (salt, digest) = rest.split_at_checked(SALT_TEXT)?;
        (4..=31).contains(&cost).then_some(Self {
            cost,
            salt: decode(salt)?,
            digest: decode(digest)?,
        })
    }

    /// A hash that no known password has.
    pub(super) fn random(cost: u32) -> Result<Self, AccessError> {
        let mut bytes = [0; 16 + DIGEST];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| AccessError::NoRandomNumbers)?;
        let (mut salt, mut digest) = ([0; 16], [0; DIGEST]);
        salt.copy_from_slice(&bytes[..16]);
        digest.copy_from_slice(&bytes[16..]);
        Ok(Self { cost, salt, digest })
    }

    pub(super) fn cost(&self) -> u32 {
        self.cost
    }

    /// The bytes that distinguish this hash from others.
    pub(super) fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// Whether this is the hash of `password`. Takes long: 50 ms with cost 10, several seconds with cost 17.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let length = password.len().min(MAX_PASSWORD);
        // The byte after the password is a zero, as in C.
        let mut key = [0; MAX_PASSWORD];
        key[..length].copy_from_slice(&password[..length]);
        let key = &key[..(length + 1).min(MAX_PASSWORD)];
        let digest = bcrypt::bcrypt(self.cost, self.salt, key);
        let difference = digest.iter().zip(&self.digest);
        difference.fold(0, |all, (one, other)| all | (one ^ other)) == 0
    }
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64.decode(text).ok()?.try_into().ok()
}

impl fmt::Debug for BcryptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BcryptHash")
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published test vectors of bcrypt.
    const KNOWN: [(&str, &[u8]); 5] = [
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", b"U*U"),
        ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", b"U*U*"),
        ("$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", b"U*U*U"),
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", b""),
        (
            "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
            b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
        ),
    ];

    #[test]
    fn known_hashes_match_their_password_alone() {
        for (text, password) in KNOWN {
            let hash = BcryptHash::parse(text).unwrap();
            assert!(hash.verify(password), "{text}");
            assert!(!hash.verify(&[b"x", password].concat()), "{text}");
        }
    }

    #[test]
    fn bytes_beyond_72_are_ignored_as_in_go() {
        let (text, password) = KNOWN[4];
        let hash = BcryptHash::parse(text).unwrap();
        assert!(hash.verify(&password[..72]));
        assert!(hash.verify(&[&password[..72], &[b'y'; 10_000]].concat()));
        assert!(!hash.verify(&password[..71]));
    }

    #[test]
    fn hashes_of_all_versions_are_parsed_and_others_refused() {
        let rest = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        for (prefix, cost) in [
            ("$2a$05$", Some(5)),
            ("$2y$31$", Some(31)),
            (" $2b$04$", Some(4)),
            ("$2x$10$", Some(10)),
            ("$2$10$", Some(10)),
            ("$2c$10$", None),
            ("$1$10$", None),
            ("$2a$03$", None),
            ("$2a$32$", None),
            ("$2a$+9$", None),
            ("$2a$9$", None),
            ("2a$10$", None),
            ("", None),
        ] {
            let hash = BcryptHash::parse(&format!("{prefix}{rest}\n"));
            assert_eq!(hash.map(|hash| hash.cost()), cost, "{prefix}");
        }
        for text in ["", "$2a$05$", &rest[..52], "$2a$05$CCCé", "alice123"] {
            assert_eq!(BcryptHash::parse(text), None, "{text}");
        }
        assert_eq!(BcryptHash::parse(&format!("$2a$05${rest}x")), None);
        // A salt with unused bits is the salt without them.
        let odd = BcryptHash::parse("$2a$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
        assert!(odd.unwrap().verify(b"U*U"));
    }

    #[test]
    fn debug_shows_no_hash() {
        let hash = BcryptHash::parse(KNOWN[0].0).unwrap();
        assert_eq!(format!("{hash:?}"), "BcryptHash { cost: 5, .. }");
    }
}
