//! Bearer tokens and their permissions.
//!
//! [`super::Faults::authorize`] checks each request. Without any grant the API is open. After the first grant, a request without a
//! token is anonymous and has no permissions, and an unknown token gets 401.

use std::collections::BTreeMap;

use http::{Method, Request, header::AUTHORIZATION};

use crate::api::{
    error::{ApiError, qualified, resource_details},
    handler::Route,
    object::Kind,
    options::is_watch,
};

/// The permissions of the user behind a token.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    user: String,
    /// Verbs, and the resources that they apply to.
    rules: Vec<(Vec<String>, Vec<String>)>,
    /// The only namespace with these permissions; `None` for all of them.
    namespace: Option<String>,
}

/// An access to objects that needs a permission.
#[derive(Clone, Copy, Debug)]
struct Access<'a> {
    /// `get`, `list` or `watch`.
    verb: &'a str,
    kind: Kind,
    status: bool,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
}

/// The permissions by token.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// Set by the first grant, and never reset.
    closed: bool,
    tokens: BTreeMap<String, Permissions>,
}

// === impl Permissions ===

impl Permissions {
    /// A user without permissions.
    #[must_use]
    pub fn of_user(name: &str) -> Self {
        Self {
            user: name.to_owned(),
            ..Self::default()
        }
    }

    /// Allows verbs (`get`, `list`, `watch`) on resources (`jobs`, `jobs/status`, `cronjobs`, `pods`, ...).
    #[must_use]
    pub fn allow(mut self, verbs: &[&str], resources: &[&str]) -> Self {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        self.rules.push((owned(verbs), owned(resources)));
        self
    }

    /// Limits all permissions to one namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    fn check(&self, access: &Access<'_>) -> Result<(), ApiError> {
        let resource = access.resource();
        let namespace = self.namespace.as_deref();
        let in_scope = namespace.is_none_or(|namespace| access.namespace == Some(namespace));
        let has = |words: &[String], word: &str| words.iter().any(|w| w == word);
        let allowed = |(verbs, resources): &(Vec<String>, Vec<String>)| {
            has(verbs, access.verb) && has(resources, &resource)
        };
        if in_scope && self.rules.iter().any(allowed) {
            return Ok(());
        }
        let scope = match access.namespace {
            Some(namespace) => format!("in the namespace {namespace:?}"),
            None => "at the cluster scope".to_owned(),
        };
        let verb = access.verb;
        let group = access.kind.group();
        let denied = format!("cannot {verb} resource {resource:?} in API group {group:?} {scope}");
        Err(ApiError::forbidden(
            access.kind,
            access.name,
            &self.user,
            &denied,
        ))
    }
}

// === impl Access ===

impl<'a> Access<'a> {
    /// `None` if the request reads no objects.
    fn of<B>(request: &Request<B>, route: &Route<'a>) -> Option<Self> {
        if request.method() != Method::GET {
            return None;
        }
        match *route {
            Route::Object {
                kind,
                namespace,
                name,
                status,
            } => Some(Self {
                verb: "get",
                kind,
                status,
                namespace: Some(namespace),
                name: Some(name),
            }),
            Route::Collection { kind, namespace } => Some(Self {
                verb: if is_watch(request.uri().query().unwrap_or_default()) {
                    "watch"
                } else {
                    "list"
                },
                kind,
                status: false,
                namespace,
                name: None,
            }),
            _ => None,
        }
    }

    fn resource(&self) -> String {
        let resource = self.kind.resource();
        if self.status {
            format!("{resource}/status")
        } else {
            resource.to_owned()
        }
    }
}

// === impl Grants ===

impl Grants {
    pub(super) fn grant(&mut self, token: &str, permissions: Permissions) {
        self.closed = true;
        self.tokens.insert(token.to_owned(), permissions);
    }

    pub(super) fn revoke(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    pub(super) fn authorize<B>(
        &self,
        request: &Request<B>,
        route: &Route<'_>,
    ) -> Result<(), ApiError> {
        if !self.closed {
            return Ok(());
        }
        let credentials = request.headers().get(AUTHORIZATION);
        let anonymous = Permissions::of_user("system:anonymous");
        let permissions = match credentials.map(|header| header.to_str().ok()) {
            None => &anonymous,
            Some(credentials) => credentials
                .and_then(|text| text.strip_prefix("Bearer "))
                .and_then(|token| self.tokens.get(token))
                .ok_or_else(ApiError::unauthorized)?,
        };
        Access::of(request, route).map_or(Ok(()), |access| permissions.check(&access))
    }
}

// === impl ApiError ===

impl ApiError {
    fn unauthorized() -> Self {
        Self::new(
            http::StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "Unauthorized",
        )
    }

    /// `denied` follows "User" and its name in the message.
    fn forbidden(kind: Kind, name: Option<&str>, user: &str, denied: &str) -> Self {
        let mut details = resource_details(kind);
        let mut object = qualified(kind);
        if let Some(name) = name {
            details["name"] = serde_json::json!(name);
            object = format!("{object} {name:?}");
        }
        let message = format!("{object} is forbidden: User {user:?} {denied}");
        Self::new(http::StatusCode::FORBIDDEN, "Forbidden", message).with_details(details)
    }
}
