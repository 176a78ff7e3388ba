//! The users and agencies of IAM, and the issued tokens.
//!
//! [`super::iam`] issues tokens, and [`super::cci`] checks them. A token is valid until it expires or is revoked. A new token does not
//! invalidate older ones.

use std::{collections::HashMap, ops::RangeInclusive, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::time::Instant;

use super::error::ErrorBody;

/// The bytes after the length of a signed message in DER. Tokens are such messages.
const SIGNED_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];

/// An IAM user with a password.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The account of the user.
    pub domain: String,
    /// The user's name.
    pub name: String,
    /// The password.
    pub password: String,
    /// Whether the user has the permission Agent Operator, which allows to assume agencies.
    pub agent_operator: bool,
}

/// A delegation: users of other accounts can act for this account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agency {
    /// The account that delegates.
    pub domain: String,
    /// The agency's name.
    pub name: String,
}

/// A region, or a sub-project of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// `cn-north-4` for a whole region.
    pub name: String,
    /// 32 hexadecimal digits.
    pub id: String,
}

/// When users are locked. The administrator of a real account configures it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The number of consecutive wrong passwords that locks a user.
    pub wrong_passwords: u32,
    /// How long the user is locked.
    pub lock: Duration,
}

/// The accepted credential of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    /// None, or a rejected one.
    #[default]
    None,
    /// A token: the name of its user or agency.
    Token(String),
    /// An access key: its public half.
    AccessKey(String),
}

/// The users, agencies and tokens.
#[derive(Debug)]
pub(super) struct Identities {
    users: Vec<User>,
    agencies: Vec<Agency>,
    policy: PasswordPolicy,
    /// Consecutive wrong passwords by user, and the end of the lock.
    failures: HashMap<String, (u32, Option<Instant>)>,
    tokens: HashMap<String, Token>,
}

#[derive(Clone, Debug)]
struct Token {
    holder: String,
    agent_operator: bool,
    /// Whether it is valid for the project of the objects.
    in_project: bool,
    expires: Instant,
}

/// The properties of a new token.
#[derive(Clone, Debug)]
pub(super) struct TokenGrant {
    pub(super) holder: String,
    pub(super) agent_operator: bool,
    pub(super) in_project: bool,
    pub(super) lifetime: Duration,
    /// The length in characters.
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

// === impl Identities ===

impl Identities {
    pub(super) fn new(policy: PasswordPolicy) -> Self {
        Self {
            users: Vec::new(),
            agencies: Vec::new(),
            policy,
            failures: HashMap::new(),
            tokens: HashMap::new(),
        }
    }

    /// Adds a user, or changes the password of an existing one.
    pub(super) fn add_user(&mut self, user: User) {
        self.users
            .retain(|known| (&known.domain, &known.name) != (&user.domain, &user.name));
        self.users.push(user);
    }

    pub(super) fn add_agency(&mut self, agency: Agency) {
        self.agencies.push(agency);
    }

    /// Checks a password. Too many wrong passwords lock the user.
    pub(super) fn log_in(
        &mut self,
        domain: &str,
        name: &str,
        password: &str,
    ) -> Result<User, ErrorBody> {
        let wrong = || ErrorBody::iam(401, "Unauthorized", "The username or password is wrong.");
        let matches = |user: &&User| user.domain == domain && user.name == name;
        let user = self.users.iter().find(matches).ok_or_else(wrong)?;
        let (failures, locked_until) = self.failures.entry(format!("{domain}/{name}")).or_default();
        if locked_until.is_some_and(|until| Instant::now() < until) {
            // The documentation has no text for this error.
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

    /// The agency, if the holder of `token` can assume agencies.
    pub(super) fn assume(
        &self,
        token: &str,
        domain: &str,
        agency: &str,
    ) -> Result<Agency, ErrorBody> {
        let token = self.tokens.get(token).filter(|token| !token.is_expired());
        let token = token
            .ok_or_else(|| ErrorBody::iam(401, "Unauthorized", "The X-Auth-Token is invalid!"))?;
        let matches = |known: &&Agency| known.domain == domain && known.name == agency;
        let agency = self.agencies.iter().find(matches);
        agency
            .filter(|_| token.agent_operator)
            .cloned()
            .ok_or_else(|| ErrorBody::iam(403, "Forbidden", "You have no right to do this action"))
    }

    /// Issues a token.
    pub(super) fn issue(&mut self, grant: TokenGrant, rng: &mut fastrand::Rng) -> String {
        let value = token(grant.length, rng);
        let token = Token {
            holder: grant.holder,
            agent_operator: grant.agent_operator,
            in_project: grant.in_project,
            expires: Instant::now() + grant.lifetime,
        };
        self.tokens.insert(value.clone(), token);
        value
    }

    /// Checks a token, which must be valid for the project.
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
}

#[cfg(feature = "faults")]
impl Identities {
    /// Revokes a token. Returns whether it was valid.
    pub(super) fn revoke(&mut self, token: &str) -> bool {
        let token = self
            .tokens
            .get_mut(token)
            .filter(|token| !token.is_expired());
        token.map(|token| token.expires = Instant::now()).is_some()
    }

    /// Revokes all tokens.
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

/// The length of real tokens in characters.
pub(super) const TOKEN_LENGTH: RangeInclusive<usize> = 5_128..=9_120;

/// A random token in the format of real ones: a signed message in DER, as base64.
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
    fn tokens_have_the_format_and_length_of_real_ones() {
        let mut rng = fastrand::Rng::with_seed(1);
        // The documentation has examples with these prefixes.
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
