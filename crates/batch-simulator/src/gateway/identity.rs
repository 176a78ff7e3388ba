//! Who exists for IAM, and the tokens that were handed out.
//!
//! [`super::iam`] hands them out, [`super::cci`] has them checked. A token is good until it expires or is revoked; a new one leaves
//! the old ones as they are.

use std::{collections::HashMap, ops::RangeInclusive, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::time::Instant;

use super::{error::ErrorBody, journal::Credential};

/// How a signed message in DER goes on after its length: that is what tokens are.
const SIGNED_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];

/// An IAM user who may log in with a password.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The account that the user belongs to.
    pub domain: String,
    /// The user's name.
    pub name: String,
    /// The password.
    pub password: String,
    /// Whether the user has the right called Agent Operator, so that agencies can be assumed.
    pub agent_operator: bool,
}

/// What another account lets users do in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agency {
    /// The account that delegates.
    pub domain: String,
    /// The agency's name.
    pub name: String,
}

/// A region, or a part of one, with an id of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// `cn-north-4` for a whole region.
    pub name: String,
    /// 32 hexadecimal digits.
    pub id: String,
}

/// When users are locked out; on the real IAM the administrator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// So many wrong passwords in a row lock the user.
    pub wrong_passwords: u32,
    /// For so long.
    pub lock: Duration,
}

/// What IAM knows.
#[derive(Debug)]
pub(super) struct Identity {
    users: Vec<User>,
    agencies: Vec<Agency>,
    policy: PasswordPolicy,
    /// Wrong passwords in a row by user, and until when that locks.
    failures: HashMap<String, (u32, Option<Instant>)>,
    tokens: HashMap<String, Token>,
}

#[derive(Clone, Debug)]
struct Token {
    holder: String,
    agent_operator: bool,
    /// Whether it is good for the project that the objects are in.
    in_project: bool,
    expires: Instant,
}

/// What a new token is to be good for.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) holder: String,
    pub(super) agent_operator: bool,
    pub(super) in_project: bool,
    pub(super) life: Duration,
    /// How many characters it has.
    pub(super) length: usize,
}

// === impl User ===

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("domain", &self.domain)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

// === impl Identity ===

impl Identity {
    pub(super) fn new(policy: PasswordPolicy) -> Self {
        Self {
            users: Vec::new(),
            agencies: Vec::new(),
            policy,
            failures: HashMap::new(),
            tokens: HashMap::new(),
        }
    }

    /// A new user, or another password for a known one.
    pub(super) fn add_user(&mut self, user: User) {
        self.users
            .retain(|known| (&known.domain, &known.name) != (&user.domain, &user.name));
        self.users.push(user);
    }

    pub(super) fn add_agency(&mut self, agency: Agency) {
        self.agencies.push(agency);
    }

    /// The user with this password. Too many wrong ones lock the user, for the right one too.
    pub(super) fn log_in(
        &mut self,
        domain: &str,
        name: &str,
        password: &str,
    ) -> Result<User, ErrorBody> {
        let wrong = || ErrorBody::iam(401, "Unauthorized", "The username or password is wrong.");
        let is_meant = |user: &&User| user.domain == domain && user.name == name;
        let user = self.users.iter().find(is_meant).ok_or_else(wrong)?;
        let (failures, locked_until) = self.failures.entry(format!("{domain}/{name}")).or_default();
        if locked_until.is_some_and(|until| Instant::now() < until) {
            // No text is published for this one.
            return Err(ErrorBody::iam(401, "Unauthorized", "The user is locked."));
        }
        if user.password != password {
            *failures += 1;
            if *failures >= self.policy.wrong_passwords {
                *failures = 0;
                *locked_until = Some(Instant::now() + self.policy.lock);
            }
            return Err(wrong());
        }
        *failures = 0;
        Ok(user.clone())
    }

    /// The agency, for who holds `token` and may assume agencies.
    pub(super) fn assume(
        &self,
        token: &str,
        domain: &str,
        agency: &str,
    ) -> Result<Agency, ErrorBody> {
        let token = self.tokens.get(token).filter(|token| !token.is_expired());
        let token = token
            .ok_or_else(|| ErrorBody::iam(401, "Unauthorized", "The X-Auth-Token is invalid!"))?;
        let is_meant = |known: &&Agency| known.domain == domain && known.name == agency;
        let agency = self.agencies.iter().find(is_meant);
        agency
            .filter(|_| token.agent_operator)
            .cloned()
            .ok_or_else(|| ErrorBody::iam(403, "Forbidden", "You have no right to do this action"))
    }

    /// Hands out a token.
    pub(super) fn issue(&mut self, grant: Grant, rng: &mut fastrand::Rng) -> String {
        let value = token(grant.length, rng);
        let token = Token {
            holder: grant.holder,
            agent_operator: grant.agent_operator,
            in_project: grant.in_project,
            expires: Instant::now() + grant.life,
        };
        self.tokens.insert(value.clone(), token);
        value
    }

    /// Who holds this token, which has to be good for the project.
    pub(super) fn authenticate(&self, token: &str) -> Result<Credential, ErrorBody> {
        let Some(token) = self.tokens.get(token) else {
            return Err(ErrorBody::unauthenticated("decrypt token fail"));
        };
        if token.is_expired() {
            let message = "The token must be updated.";
            return Err(ErrorBody::gateway(401, "APIGW.0307", message));
        }
        if !token.in_project {
            let message = "current user has no right";
            return Err(ErrorBody::cci(403, "Forbidden", "CCI.01.403104", message));
        }
        Ok(Credential::Token(token.holder.clone()))
    }

    /// Makes one token invalid; whether there was such a valid token.
    pub(super) fn revoke(&mut self, token: &str) -> bool {
        let token = self
            .tokens
            .get_mut(token)
            .filter(|token| !token.is_expired());
        token.map(|token| token.expires = Instant::now()).is_some()
    }

    pub(super) fn revoke_all(&mut self) {
        for token in self.tokens.values_mut() {
            token.expires = token.expires.min(Instant::now());
        }
    }
}

// === impl Token ===

impl Token {
    fn is_expired(&self) -> bool {
        self.expires <= Instant::now()
    }
}

/// How long real tokens are, in characters.
pub(super) const LENGTHS: RangeInclusive<usize> = 5_128..=9_120;

/// Looks as tokens do: a signed message in DER, as base64.
fn token(length: usize, rng: &mut fastrand::Rng) -> String {
    let mut message = vec![0; length / 4 * 3];
    rng.fill(&mut message);
    let content = u16::try_from(message.len().saturating_sub(4)).unwrap_or(u16::MAX);
    let [high, low] = content.to_be_bytes();
    let head = [&[0x30, 0x82, high, low][..], &SIGNED_DATA].concat();
    for (byte, known) in message.iter_mut().zip(head) {
        *byte = known;
    }
    STANDARD.encode(message).replace('/', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_the_form_and_length_of_real_ones() {
        let mut rng = fastrand::Rng::with_seed(1);
        // The documents show how these two begin.
        for (length, beginning) in [
            (9_120, "MIIatAYJKoZIhvcNAQcC"),
            (5_128, "MIIPAgYJKoZIhvcNAQcC"),
        ] {
            let token = token(length, &mut rng);
            assert_eq!(token.len(), length);
            assert!(token.starts_with(beginning), "{}", &token[..20]);
        }
        assert_ne!(token(8_000, &mut rng), token(8_000, &mut rng));
    }
}
