//! Temporary key pairs from the metadata service of an elastic cloud server that has an agency.
//!
//! Newer hosts hand them out only to those who have asked for a session token first; older ones do not know of such tokens.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{StatusCode, Uri};
use reqwest::Client;
use serde::Deserialize;

use super::{
    cache::{Issued, Issuer, NotIssued},
    issuer_http::{self, Answer, Time},
    keys::KeyPair,
};
use crate::model;

/// Where the service is on every such server. Link-local: it never leaves the host.
pub(super) const ADDRESS: &str = "http://169.254.169.254";

/// For how long a session token is asked for, in seconds, as the documentation has it.
const SESSION: &str = "21600";

/// The metadata service at an address.
pub(super) struct Metadata {
    address: String,
}

impl Metadata {
    pub(super) fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
        }
    }

    async fn keys(&self) -> Result<Issued<KeyPair>, NotIssued> {
        let client = issuer_http::client(&issuer_http::trust(Uri::default(), None));
        let client = client.map_err(|failure| passing(failure.to_string()))?;
        let session = self.session(&client).await?;
        let mut request = client.get(format!("{}/openstack/latest/securitykey", self.address));
        if let Some(session) = session {
            request = request.header("X-Metadata-Token", session);
        }
        let answer = self.answer(request).await?;
        if answer.status != StatusCode::OK {
            let mut refusal = answer.refusal(&self.who());
            // Nobody is locked out here, and an agency that is missing now may be given to the server at any time.
            refusal.refused = false;
            if answer.status == StatusCode::NOT_FOUND {
                refusal.why.push_str(": this server has no agency");
            }
            return Err(refusal);
        }
        read(&answer).map_err(|what| passing(format!("{} answers {what}", self.who())))
    }

    /// A session token, from hosts that give one.
    async fn session(&self, client: &Client) -> Result<Option<String>, NotIssued> {
        let request = client
            .put(format!("{}/meta-data/latest/api/token", self.address))
            .header("X-Metadata-Token-Ttl-Seconds", SESSION);
        let answer = self.answer(request).await?;
        match answer.status {
            StatusCode::OK => Ok(String::from_utf8(answer.body).ok()),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND => Ok(None),
            _ => Err(NotIssued {
                refused: false,
                ..answer.refusal(&self.who())
            }),
        }
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Answer, NotIssued> {
        let answer = issuer_http::send(request).await;
        answer.map_err(|error| {
            passing(format!(
                "{}: {error} (`ecs_agency` works on elastic cloud servers alone)",
                self.who()
            ))
        })
    }

    fn who(&self) -> String {
        format!("the metadata service at {}", self.address)
    }
}

impl Issuer for Metadata {
    type Item = KeyPair;

    fn issue(&self) -> BoxFuture<'_, Result<Issued<KeyPair>, NotIssued>> {
        Box::pin(self.keys())
    }

    /// There is no secret to ask with.
    fn has_new_secret(&self) -> bool {
        false
    }
}

fn passing(why: String) -> NotIssued {
    NotIssued {
        why,
        refused: false,
    }
}

fn read(answer: &Answer) -> Result<Issued<KeyPair>, &'static str> {
    #[derive(Deserialize)]
    struct Body {
        credential: Credential,
    }
    #[derive(Deserialize)]
    struct Credential {
        access: String,
        secret: String,
        securitytoken: String,
        expires_at: Time,
    }
    let Body { credential } =
        serde_json::from_slice(&answer.body).map_err(|_| "something else than a key pair")?;
    let now = issuer_http::date(&answer.headers).unwrap_or_else(model::now);
    let Time(expires_at) = credential.expires_at;
    let life = expires_at.duration_since(now);
    Ok(Issued {
        item: KeyPair::new(
            credential.access,
            credential.secret.into(),
            Some(credential.securitytoken.into()),
        ),
        life: Duration::try_from(life).unwrap_or_default(),
        expires_at,
    })
}

#[cfg(test)]
mod tests;
