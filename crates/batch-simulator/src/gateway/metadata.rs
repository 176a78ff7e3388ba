//! The metadata service of an ECS, as far as it hands out keys of the agency that the machine has.
//!
//! Called by [`super::server`] over plain HTTP, as on 169.254.169.254. The keys are temporary and known to [`super::keys`] from the
//! moment they are shown.

use std::time::Duration;

use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use jiff::SignedDuration;
use serde_json::json;
use tokio::time::Instant;

use super::{
    AccessKey, Gateway, error::ErrorBody, error::Shape, iam::microseconds, journal::Credential,
    signature::Received,
};
use crate::api::Body;

/// What the machine is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetadataStyle {
    /// It has no session tokens: asking for one is answered with 405.
    Old,
    /// Session tokens may be used.
    #[default]
    TokenOptional,
    /// Nothing is told without a session token.
    TokenRequired,
}

/// The state of the service.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) style: MetadataStyle,
    /// Whether the machine has an agency.
    pub(super) agency: bool,
    sessions: Vec<(String, Instant)>,
    shown: Option<Shown>,
}

#[derive(Debug)]
struct Shown {
    key: AccessKey,
    /// As the answer writes it.
    expires_at: String,
    /// From then on there is another one.
    renew: Instant,
}

/// Answers a request, and says whose it was.
pub(super) fn answer(
    gateway: &Gateway,
    request: Received<'_>,
) -> (Credential, Result<Response<Body>, ErrorBody>) {
    let answer = match (request.method, request.uri.path()) {
        (&Method::PUT, "/meta-data/latest/api/token") => session(gateway, request),
        (&Method::GET, "/openstack/latest/securitykey") => key(gateway, request),
        _ => Err(plain(StatusCode::NOT_FOUND)),
    };
    (Credential::None, answer)
}

fn session(gateway: &Gateway, request: Received<'_>) -> Result<Response<Body>, ErrorBody> {
    let mut metadata = gateway.metadata();
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

fn key(gateway: &Gateway, request: Received<'_>) -> Result<Response<Body>, ErrorBody> {
    let mut metadata = gateway.metadata();
    let session = request.headers.get("x-metadata-token");
    let known = session.is_some_and(|session| metadata.knows(session.as_bytes()));
    let needed = metadata.style == MetadataStyle::TokenRequired;
    if metadata.style != MetadataStyle::Old && !known && (needed || session.is_some()) {
        return Err(plain(StatusCode::UNAUTHORIZED));
    }
    if !metadata.agency {
        return Err(plain(StatusCode::NOT_FOUND));
    }
    let shown = metadata.shown.take();
    let shown = shown.filter(|shown| Instant::now() < shown.renew);
    let shown = metadata
        .shown
        .insert(shown.unwrap_or_else(|| Shown::new(gateway)));
    let AccessKey {
        access,
        secret,
        security_token,
    } = &shown.key;
    let body = json!({"credential": {
        "access": access, "secret": secret, "securitytoken": security_token, "expires_at": shown.expires_at,
    }});
    Ok(Response::new(Full::from(body.to_string()).boxed_unsync()))
}

/// The service answers errors without words.
fn plain(status: StatusCode) -> ErrorBody {
    ErrorBody {
        status: status.as_u16(),
        shape: Shape::Other {
            content_type: "text/plain",
            body: status.canonical_reason().unwrap_or_default().into(),
        },
        retry_after: None,
    }
}

// === impl Metadata ===

impl Metadata {
    /// The next answer has another key; the present one stays good until it expires.
    pub(super) fn rotate(&mut self) {
        self.shown = None;
    }

    fn knows(&self, session: &[u8]) -> bool {
        let mut sessions = self.sessions.iter();
        sessions.any(|(known, expires)| known.as_bytes() == session && *expires > Instant::now())
    }
}

// === impl Shown ===

impl Shown {
    /// A new key, known to the gateway. The next one is there when half of its life is over.
    fn new(gateway: &Gateway) -> Self {
        let life = gateway.options().temporary_key_life;
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
        let expires = SignedDuration::try_from(life).unwrap_or(SignedDuration::MAX);
        let expires = gateway.now().saturating_add(expires).unwrap_or_default();
        gateway.keys().add(key.clone(), Some(Instant::now() + life));
        Self {
            key,
            expires_at: microseconds(expires),
            renew: Instant::now() + life / 2,
        }
    }
}
