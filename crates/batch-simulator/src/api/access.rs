//! Who may do what: bearer tokens with rights, for tests of failing and partial access.
//!
//! Asked by [`super::answer`]. Without any grant the API is open to everybody; with one, a request without a token is
//! anonymous and has no rights, and an unknown token is refused.

use std::collections::BTreeMap;

use http::{HeaderMap, header::AUTHORIZATION};

use super::{object::Kind, refusal::Refusal};

/// What the user behind a token may do.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    user: String,
    /// Verbs and the resources that they are for.
    rules: Vec<(Vec<String>, Vec<String>)>,
    /// The one namespace that the rules are for; everywhere when `None`.
    namespace: Option<String>,
}

/// One thing that somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'a> {
    /// `get`, `list` or `watch`.
    pub(super) verb: &'a str,
    pub(super) kind: Kind,
    pub(super) status: bool,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: Option<&'a str>,
}

/// All grants.
#[derive(Debug, Default)]
pub(super) struct Access {
    /// Set by the first grant and never taken back.
    closed: bool,
    grants: BTreeMap<String, Rights>,
}

// === impl Rights ===

impl Rights {
    /// A user without any rights.
    #[must_use]
    pub fn of_user(name: &str) -> Self {
        Self {
            user: name.to_owned(),
            ..Self::default()
        }
    }

    /// Adds verbs (`get`, `list`, `watch`) on resources (`jobs`, `jobs/status`, `cronjobs`, ...).
    #[must_use]
    pub fn allow(mut self, verbs: &[&str], resources: &[&str]) -> Self {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        self.rules.push((owned(verbs), owned(resources)));
        self
    }

    /// Narrows all rights to one namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    fn check(&self, attempt: &Attempt<'_>) -> Result<(), Refusal> {
        let resource = attempt.resource();
        let namespace = self.namespace.as_deref();
        let in_reach = namespace.is_none_or(|namespace| attempt.namespace == Some(namespace));
        let has = |words: &[String], word: &str| words.iter().any(|w| w == word);
        let allowed = |(verbs, resources): &(Vec<String>, Vec<String>)| {
            has(verbs, attempt.verb) && has(resources, &resource)
        };
        if in_reach && self.rules.iter().any(allowed) {
            return Ok(());
        }
        let scope = match attempt.namespace {
            Some(namespace) => format!("in the namespace {namespace:?}"),
            None => "at the cluster scope".to_owned(),
        };
        let verb = attempt.verb;
        let doing = format!("cannot {verb} resource {resource:?} in API group \"batch\" {scope}");
        Err(Refusal::forbidden(
            attempt.kind,
            attempt.name,
            &self.user,
            &doing,
        ))
    }
}

// === impl Attempt ===

impl Attempt<'_> {
    fn resource(&self) -> String {
        let resource = self.kind.resource();
        if self.status {
            format!("{resource}/status")
        } else {
            resource.to_owned()
        }
    }
}

// === impl Access ===

impl Access {
    pub(super) fn grant(&mut self, token: &str, rights: Rights) {
        self.closed = true;
        self.grants.insert(token.to_owned(), rights);
    }

    pub(super) fn revoke(&mut self, token: &str) {
        self.grants.remove(token);
    }

    /// `attempt` is `None` for what everybody may see who has no wrong token.
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        attempt: Option<&Attempt<'_>>,
    ) -> Result<(), Refusal> {
        if !self.closed {
            return Ok(());
        }
        let credentials = headers.get(AUTHORIZATION).map(|h| h.to_str().ok());
        let anonymous = Rights::of_user("system:anonymous");
        let rights = match credentials {
            None => &anonymous,
            Some(credentials) => credentials
                .and_then(|text| text.strip_prefix("Bearer "))
                .and_then(|token| self.grants.get(token))
                .ok_or_else(Refusal::unauthorized)?,
        };
        attempt.map_or(Ok(()), |attempt| rights.check(attempt))
    }
}
