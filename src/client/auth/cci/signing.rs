//! Signs each request, and keeps away from the API after a refusal.
//!
//! An access key with more than five refusals in a row is locked for everybody who uses it. So a refusal is followed by
//! minutes without any request of this target, and a key that has not been accepted yet is tried by one request at a time.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use http::{HeaderValue, StatusCode, Uri, header, request::Parts, uri::PathAndQuery};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use tokio::sync;

use super::{
    keys::{Keys, Pair},
    signature::{self, DATE_FORMAT, EMPTY_PAYLOAD, Request, Target},
    suppressed::{Cooldown, Suppressed},
};
use crate::{backoff::Policy, model};

/// No request is made for this long after a refusal, and a little more.
const SILENCE: Policy = Policy {
    jitter: 1.0..1.05,
    ..Policy::new(Duration::from_mins(5), Duration::from_mins(5))
};

/// The API takes a date that is 15 minutes off; a clock that is this far off is worth a word.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The signing of one target's requests.
pub(super) struct Signing {
    keys: Keys,
    project_id: Option<String>,
    /// Never held across an await.
    standing: Mutex<Standing>,
    /// Whose turn it is while the key pair is on probation.
    probation: sync::Mutex<()>,
}

/// How the API took the last requests.
#[derive(Default)]
struct Standing {
    accepted: Option<Pair>,
    hold: Option<Cooldown>,
}

/// What a request is signed with. While the pair is on probation no other request has one.
pub(super) struct Turn<'a> {
    pair: Pair,
    _probation: Option<sync::MutexGuard<'a, ()>>,
}

impl Signing {
    pub(super) fn new(keys: Keys, project_id: Option<String>) -> Self {
        Self {
            keys,
            project_id,
            standing: Mutex::default(),
            probation: sync::Mutex::new(()),
        }
    }

    /// Waits for a key pair and for the turn to use it.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, Suppressed> {
        self.check()?;
        let pair = self.keys.current().await?;
        if self.is_accepted(&pair) {
            return Ok(Turn {
                pair,
                _probation: None,
            });
        }
        let probation = self.probation.lock().await;
        // Whoever had the turn before has learned something in the meantime.
        self.check()?;
        let probation = (!self.is_accepted(&pair)).then_some(probation);
        Ok(Turn {
            pair,
            _probation: probation,
        })
    }

    /// Notes how the API took a request. What is to be said of it, if it was refused.
    pub(super) fn judge(
        &self,
        turn: &Turn<'_>,
        status: StatusCode,
        date: Option<Timestamp>,
    ) -> Option<String> {
        let mut standing = self.standing();
        match status {
            StatusCode::UNAUTHORIZED => {
                let pause = SILENCE.wait(0);
                let skew = date.and_then(skew).unwrap_or_default();
                let hold = Cooldown::new(
                    pause,
                    format!("the signature of a request was refused (401){skew}"),
                );
                let note = format!(
                    "no request is made before {}, as the access key gets locked for everybody otherwise{skew}",
                    hold.end()
                );
                self.keys.refuse(&turn.pair);
                standing.accepted = None;
                standing.hold = Some(hold);
                Some(note)
            }
            // These may come from somebody who has not looked at the signature.
            StatusCode::TOO_MANY_REQUESTS => None,
            status if status.is_server_error() => None,
            _ => {
                standing.accepted = Some(turn.pair.clone());
                None
            }
        }
    }

    /// Puts path and query into the form that is signed, and signs.
    pub(super) fn sign(
        &self,
        turn: &Turn<'_>,
        parts: &mut Parts,
        now: Timestamp,
    ) -> Result<(), http::Error> {
        let target = Target::new(parts.uri.path(), parts.uri.query());
        let mut uri = std::mem::take(&mut parts.uri).into_parts();
        uri.path_and_query = Some(PathAndQuery::try_from(target.path_and_query())?);
        parts.uri = Uri::from_parts(uri)?;

        let date = now.strftime(DATE_FORMAT).to_string();
        let project_id = self.project_id.as_deref();
        let token = turn.pair.security_token.as_ref();
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
        let request = Request {
            method: parts.method.as_str(),
            target: &target,
            headers: &signed,
            payload: EMPTY_PAYLOAD,
            date: &date,
        };
        let keys = &turn.pair;
        let authorization =
            signature::sign(&request, &keys.access_key, keys.secret_key.expose_secret());
        parts
            .headers
            .insert(header::AUTHORIZATION, sensitive(&authorization)?);
        Ok(())
    }

    /// Whether the key files can be read.
    pub(super) fn check_files(&self) -> Result<(), String> {
        self.keys.check_files()
    }

    /// When the key pair ends, where that is known.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.keys.expires_at()
    }

    fn check(&self) -> Result<(), Suppressed> {
        self.standing()
            .hold
            .as_ref()
            .map_or(Ok(()), Cooldown::check)
    }

    fn is_accepted(&self, pair: &Pair) -> bool {
        let standing = self.standing();
        standing
            .accepted
            .as_ref()
            .is_some_and(|accepted| **accepted == **pair)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock()
    }
}

/// As the client would write it: with the port unless it is the default one.
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

fn sensitive(text: &str) -> Result<HeaderValue, http::Error> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What is to be said of a clock that is wrong here, or there.
fn skew(date: Timestamp) -> Option<String> {
    let ahead = model::now().duration_since(date);
    let way = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    (ahead.abs() >= SKEW).then(|| {
        format!(
            "; the clock of this host is {} minutes {way} that of the server, which allows 15",
            ahead.abs().as_mins()
        )
    })
}
