//! Signs each request, and stops sending requests after a rejection, as `key_guard` says.

use std::{mem, sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode, Uri, header, request::Parts, uri::PathAndQuery};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;

use super::{
    headers::sensitive,
    key_guard::{KeyGuards, KeyPermit},
    keys::KeySource,
    signature::{self, CanonicalUri, DATE_FORMAT, EMPTY_PAYLOAD, SigningInput},
};
use crate::{
    backoff::Policy,
    client::auth::suppressed::{Cooldown, Suppressed},
    model,
};

/// The cooldown after a rejection. It has a fixed length.
const COOLDOWN: Policy = Policy {
    jitter: 1.0..1.05,
    ..Policy::new(Duration::from_mins(5), Duration::from_mins(5))
};

/// The API accepts dates that are up to 15 minutes off. Messages mention a clock skew of at least this.
const REPORTED_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The signatures for the requests of one target.
pub(super) struct SignatureAuthentication {
    keys: KeySource,
    project_id: Option<String>,
    /// Shared by all targets at the same API gateway.
    guards: Arc<KeyGuards>,
}

impl SignatureAuthentication {
    pub(super) fn new(keys: KeySource, project_id: Option<String>, guards: Arc<KeyGuards>) -> Self {
        Self {
            keys,
            project_id,
            guards,
        }
    }

    /// Waits for a key pair and for the permission to use it.
    pub(super) async fn acquire(&self) -> Result<KeyPermit, Suppressed> {
        let keys = self.keys.current().await?;
        self.guards.acquire(keys).await
    }

    /// Records the response to a request. After a 401 response, returns why it must not be retried.
    pub(super) fn record_response(
        &self,
        permit: &KeyPermit,
        status: StatusCode,
        date: Option<Timestamp>,
    ) -> Option<String> {
        match status {
            StatusCode::UNAUTHORIZED => {
                let skew = date.and_then(describe_skew).unwrap_or_default();
                let cooldown = Cooldown::new(
                    COOLDOWN.wait(0),
                    format!(
                        "the API rejected the signature of a request with this access key (401){skew}"
                    ),
                );
                let reason = format!(
                    "no request is sent before {}, because more invalid signatures would lock the access key for all its users{skew}",
                    cooldown.end()
                );
                self.keys.record_rejection(&permit.keys, &cooldown);
                permit.reject(cooldown);
                Some(reason)
            }
            // Such responses may come from a server that has not verified the signature.
            StatusCode::TOO_MANY_REQUESTS => None,
            status if status.is_server_error() => None,
            _ => {
                permit.accept();
                None
            }
        }
    }

    /// Replaces path and query by their canonical form, and adds the headers of the signature.
    pub(super) fn sign(
        &self,
        permit: &KeyPermit,
        parts: &mut Parts,
        now: Timestamp,
    ) -> Result<(), http::Error> {
        let canonical = CanonicalUri::new(parts.uri.path(), parts.uri.query());
        let mut uri = mem::take(&mut parts.uri).into_parts();
        uri.path_and_query = Some(PathAndQuery::try_from(canonical.path_and_query())?);
        parts.uri = Uri::from_parts(uri)?;

        let date = now.strftime(DATE_FORMAT).to_string();
        let project_id = self.project_id.as_deref();
        let token = permit.keys.security_token.as_ref();
        let headers = [
            (header::HOST.as_str(), Some(host(&parts.uri)?)),
            ("x-sdk-date", Some(HeaderValue::from_str(&date)?)),
            (
                "x-project-id",
                project_id.map(HeaderValue::from_str).transpose()?,
            ),
            (
                "x-security-token",
                token
                    .map(|token| sensitive(token.expose_secret()))
                    .transpose()?,
            ),
        ];
        for (name, value) in headers.iter().cloned() {
            if let Some(value) = value {
                parts.headers.insert(name, value);
            }
        }
        let signed: Vec<_> = headers
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_ref()?.to_str().ok()?)))
            .collect();
        let input = SigningInput {
            method: parts.method.as_str(),
            uri: &canonical,
            headers: &signed,
            payload: EMPTY_PAYLOAD,
            date: &date,
        };
        let keys = &permit.keys;
        let authorization =
            signature::sign(&input, &keys.access_key, keys.secret_key.expose_secret());
        parts
            .headers
            .insert(header::AUTHORIZATION, sensitive(&authorization)?);
        Ok(())
    }

    /// Checks that the key files can be read.
    pub(super) fn check_files(&self) -> Result<(), String> {
        self.keys.check_files()
    }

    /// When the key pair expires, if known.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.keys.expires_at()
    }
}

/// The `Host` header as the HTTP client writes it: with the port unless it is the default one.
fn host(uri: &Uri) -> Result<HeaderValue, http::Error> {
    let host = uri.host().unwrap_or_default();
    let default = if uri.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    Ok(match uri.port_u16().filter(|port| *port != default) {
        Some(port) => HeaderValue::from_str(&format!("{host}:{port}"))?,
        None => HeaderValue::from_str(host)?,
    })
}

/// Describes the difference between this clock and the server's, if it is large.
fn describe_skew(date: Timestamp) -> Option<String> {
    let ahead = model::now().duration_since(date);
    let direction = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    (ahead.abs() >= REPORTED_SKEW).then(|| {
        format!(
            "; the clock of this host is {} minutes {direction} that of the server, which allows 15",
            ahead.abs().as_mins()
        )
    })
}
