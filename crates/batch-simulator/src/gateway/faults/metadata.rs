//! The metadata service of an ECS: it issues temporary access keys of the machine's agency.
//!
//! It uses plain HTTP, as on 169.254.169.254. The gateway accepts a key as soon as this service shows it.

use std::time::Duration;

use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use jiff::SignedDuration;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    api::Body,
    gateway::{
        AccessKey, Credential, Gateway,
        error::{ErrorBody, ErrorFormat},
        iam::microseconds,
        signature::ReceivedRequest,
    },
};

/// How long a key is valid.
const LIFETIME: Duration = Duration::from_hours(24);

/// The style of the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetadataStyle {
    /// Without session tokens: a request for one gets 405.
    Old,
    /// Session tokens are optional.
    #[default]
    TokenOptional,
    /// Session tokens are required.
    TokenRequired,
}

/// The state of the service.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) style: MetadataStyle,
    /// Whether the machine has an agency.
    pub(super) agency: bool,
    sessions: Vec<(String, Instant)>,
    current: Option<TemporaryKey>,
}

#[derive(Debug)]
struct TemporaryKey {
    key: AccessKey,
    /// In the format of the response.
    expires_at: String,
    /// The service then shows a new key.
    renew: Instant,
}

/// Responds to a request. Also returns its credential, which is always `None`.
pub(in crate::gateway) fn respond(
    gateway: &Gateway,
    request: ReceivedRequest<'_>,
) -> (Credential, Result<Response<Body>, ErrorBody>) {
    let result = match (request.method, request.uri.path()) {
        (&Method::PUT, "/meta-data/latest/api/token") => session(gateway, request),
        (&Method::GET, "/openstack/latest/securitykey") => key(gateway, request),
        _ => Err(plain(StatusCode::NOT_FOUND)),
    };
    (Credential::None, result)
}

fn session(gateway: &Gateway, request: ReceivedRequest<'_>) -> Result<Response<Body>, ErrorBody> {
    let mut metadata = gateway.faults().metadata();
    if metadata.style == MetadataStyle::Old {
        return Err(plain(StatusCode::METHOD_NOT_ALLOWED));
    }
    let seconds = request.headers.get("x-metadata-token-ttl-seconds");
    let seconds = seconds.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    let seconds = seconds.filter(|seconds| (1..=21_600).contains(seconds));
    let seconds = seconds.ok_or_else(|| plain(StatusCode::BAD_REQUEST))?;
    let session = format!("{:032x}", gateway.rng().u128(..));
    let expires = Instant::now() + Duration::from_secs(seconds);
    metadata
        .sessions
        .retain(|(_, expires)| *expires > Instant::now());
    metadata.sessions.push((session.clone(), expires));
    Ok(Response::new(Full::from(session).boxed_unsync()))
}

fn key(gateway: &Gateway, request: ReceivedRequest<'_>) -> Result<Response<Body>, ErrorBody> {
    let mut metadata = gateway.faults().metadata();
    let session = request.headers.get("x-metadata-token");
    let known = session.is_some_and(|session| metadata.knows(session.as_bytes()));
    let needed = metadata.style == MetadataStyle::TokenRequired;
    if metadata.style != MetadataStyle::Old && !known && (needed || session.is_some()) {
        return Err(plain(StatusCode::UNAUTHORIZED));
    }
    if !metadata.agency {
        return Err(plain(StatusCode::NOT_FOUND));
    }
    let current = metadata.current.take();
    let current = current.filter(|current| Instant::now() < current.renew);
    let current = metadata
        .current
        .insert(current.unwrap_or_else(|| TemporaryKey::new(gateway)));
    let AccessKey {
        access,
        secret,
        security_token,
    } = &current.key;
    let body = json!({"credential": {
        "access": access, "secret": secret, "securitytoken": security_token, "expires_at": current.expires_at,
    }});
    Ok(Response::new(Full::from(body.to_string()).boxed_unsync()))
}

/// An error without a message.
fn plain(status: StatusCode) -> ErrorBody {
    ErrorBody {
        status: status.as_u16(),
        format: ErrorFormat::Raw {
            content_type: "text/plain",
            body: status.canonical_reason().unwrap_or_default().into(),
        },
    }
}

// === impl Metadata ===

impl Metadata {
    /// Makes the next response show a new key. The previous key stays valid until it expires.
    pub(super) fn rotate(&mut self) {
        self.current = None;
    }

    fn knows(&self, session: &[u8]) -> bool {
        let mut sessions = self.sessions.iter();
        sessions.any(|(known, expires)| known.as_bytes() == session && *expires > Instant::now())
    }
}

// === impl TemporaryKey ===

impl TemporaryKey {
    /// A new key, which the gateway accepts. The service shows the next one after half of its lifetime.
    fn new(gateway: &Gateway) -> Self {
        let mut rng = gateway.rng();
        let mut text = |length: usize| -> String {
            std::iter::repeat_with(|| rng.alphanumeric())
                .take(length)
                .collect()
        };
        let key = AccessKey {
            access: text(20).to_uppercase(),
            secret: text(40),
            security_token: Some(text(600)),
        };
        let expires = SignedDuration::try_from(LIFETIME).unwrap_or(SignedDuration::MAX);
        let expires = gateway.now().saturating_add(expires).unwrap_or_default();
        gateway
            .access_keys()
            .add(key.clone(), Some(Instant::now() + LIFETIME));
        Self {
            key,
            expires_at: microseconds(expires),
            renew: Instant::now() + LIFETIME / 2,
        }
    }
}
