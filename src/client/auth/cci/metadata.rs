//! Gets temporary key pairs from the metadata service of an elastic cloud server that has an agency.
//!
//! Newer hosts require a session token; older hosts do not support session tokens.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{StatusCode, Uri};
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;

use super::{
    cache::{IssueError, Issued, Issuer},
    headers,
    issuer_http::{self, IssuerResponse, IssuerTime},
    keys::KeyPair,
};
use crate::model;

/// The address of the service on every such server. It is link-local, so requests never leave the host.
pub(super) const ADDRESS: &str = "http://169.254.169.254";

/// The lifetime of a session token in seconds, as in the documentation.
const SESSION_TTL: &str = "21600";

/// Issues the key pairs of the metadata service at an address.
pub(super) struct MetadataIssuer {
    address: String,
}

impl MetadataIssuer {
    pub(super) fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
        }
    }

    async fn keys(&self) -> Result<Issued<KeyPair>, IssueError> {
        let client = issuer_http::client(&issuer_http::tls_config(Uri::default(), None), None)?;
        let session = self.session(&client).await?;
        let mut request = client.get(format!("{}/openstack/latest/securitykey", self.address));
        if let Some(session) = session {
            request = request.header("X-Metadata-Token", session);
        }
        let response = self.send(request).await?;
        if response.status != StatusCode::OK {
            // The service locks nobody out, and the server may get an agency at any time.
            let mut error = IssueError {
                rejected: None,
                ..response.to_error(&self.name())
            };
            if response.status == StatusCode::NOT_FOUND {
                error.message.push_str(": this server has no agency");
            }
            return Err(error);
        }
        read(&response)
            .map_err(|what| IssueError::temporary(format!("{} responds with {what}", self.name())))
    }

    /// A session token; `None` from hosts without session tokens.
    async fn session(&self, client: &Client) -> Result<Option<String>, IssueError> {
        let request = client
            .put(format!("{}/meta-data/latest/api/token", self.address))
            .header("X-Metadata-Token-Ttl-Seconds", SESSION_TTL);
        let response = self.send(request).await?;
        match response.status {
            StatusCode::OK => Ok(String::from_utf8(response.body).ok()),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND => Ok(None),
            _ => Err(IssueError {
                rejected: None,
                ..response.to_error(&self.name())
            }),
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<IssuerResponse, IssueError> {
        let response = issuer_http::send(request).await;
        response.map_err(|error| {
            IssueError::temporary(format!(
                "{}: {error} (`ecs_agency` works on elastic cloud servers only)",
                self.name()
            ))
        })
    }

    /// Names the service in messages.
    fn name(&self) -> String {
        format!("the metadata service at {}", self.address)
    }
}

impl Issuer for MetadataIssuer {
    type Item = KeyPair;

    fn issue(&self) -> BoxFuture<'_, Result<Issued<KeyPair>, IssueError>> {
        Box::pin(self.keys())
    }
}

/// Reads the key pair of a 200 response.
fn read(response: &IssuerResponse) -> Result<Issued<KeyPair>, &'static str> {
    #[derive(Deserialize)]
    struct Body {
        credential: SecurityKey,
    }
    #[derive(Deserialize)]
    struct SecurityKey {
        access: String,
        secret: String,
        securitytoken: String,
        expires_at: IssuerTime,
    }
    let Body { credential } =
        serde_json::from_slice(&response.body).map_err(|_| "a body that is no key pair")?;
    let now = headers::date(&response.headers).unwrap_or_else(model::now);
    let IssuerTime(expires_at) = credential.expires_at;
    let lifetime = expires_at.duration_since(now);
    Ok(Issued {
        item: KeyPair {
            access_key: credential.access,
            secret_key: credential.secret.into(),
            security_token: Some(credential.securitytoken.into()),
        },
        lifetime: Duration::try_from(lifetime).unwrap_or_default(),
        expires_at,
    })
}

#[cfg(test)]
mod tests;
