//! Tokens from IAM: [for a password](https://support.huaweicloud.com/intl/en-us/api-iam/iam_30_0001.html), and with that
//! token one [of an agency](https://support.huaweicloud.com/intl/en-us/api-iam/iam_30_0003.html) of another account.
//!
//! Every token has the scope of a project, as CCI wants it. The secrets are the password and the tokens: neither is ever
//! part of a message.

use std::{fs, path::PathBuf, time::Duration};

use parking_lot::Mutex;

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header::CONTENT_TYPE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    cache::{Issued, Issuer, NotIssued},
    issuer_http::{self, Time},
};
use crate::{
    config::{Agency, Project, TokenAuth},
    model,
};

/// Who asks IAM for a token, and for what. Targets with equal ones share a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) endpoint: Uri,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) domain: String,
    pub(super) name: String,
    pub(super) password_file: PathBuf,
    pub(super) project: Project,
    pub(super) agency: Option<Agency>,
}

/// IAM, asked by one user.
pub(super) struct Iam {
    user: User,
    /// The password that was sent last. Never held across an await.
    sent: Mutex<Option<SecretString>>,
}

impl Iam {
    pub(super) fn new(user: User) -> Self {
        Self {
            user,
            sent: Mutex::default(),
        }
    }

    async fn token(&self) -> Result<Issued<SecretString>, NotIssued> {
        let user = &self.user;
        let password = user.password().map_err(passing)?;
        *self.sent.lock() = Some(password.clone());
        let Some(agency) = &user.agency else {
            return self.ask(user.login(&password, &user.project()), None).await;
        };
        let account = json!({"domain": {"name": user.domain}});
        let own = self.ask(user.login(&password, &account), None).await?;
        let role = json!({"auth": {
            "identity": {
                "methods": ["assume_role"],
                "assume_role": {"domain_name": agency.domain, "agency_name": agency.name},
            },
            "scope": user.project(),
        }});
        self.ask(role, Some(&own.item)).await
    }

    /// `POST /v3/auth/tokens`.
    async fn ask(
        &self,
        body: Value,
        token: Option<&SecretString>,
    ) -> Result<Issued<SecretString>, NotIssued> {
        let user = &self.user;
        let base = user.endpoint.to_string();
        let base = base.trim_end_matches('/');
        let config = issuer_http::trust(user.endpoint.clone(), user.ca_file.as_deref());
        let client =
            issuer_http::client(&config).map_err(|failure| passing(failure.to_string()))?;
        let mut request = client
            .post(format!("{base}/v3/auth/tokens?nocatalog=true"))
            .header(CONTENT_TYPE, "application/json;charset=utf8")
            .body(body.to_string());
        if let Some(token) = token {
            request = request.header("X-Auth-Token", sensitive(token)?);
        }
        let answer = issuer_http::send(request).await;
        let answer = answer.map_err(|error| passing(format!("IAM at {base}: {error}")))?;
        let who = format!(
            "IAM at {base}, asked by user `{}` of `{}`,",
            user.name, user.domain
        );
        if answer.status != StatusCode::CREATED {
            let mut refusal = answer.refusal(&who);
            if let Some(password) = self.sent.lock().as_ref() {
                refusal.why = refusal.why.replace(password.expose_secret(), "***");
            }
            return Err(refusal);
        }
        read(&answer.headers, &answer.body).map_err(|what| passing(format!("{who} answers {what}")))
    }
}

impl Issuer for Iam {
    type Item = SecretString;

    fn issue(&self) -> BoxFuture<'_, Result<Issued<SecretString>, NotIssued>> {
        Box::pin(self.token())
    }

    fn has_new_secret(&self) -> bool {
        let sent = self.sent.lock();
        let sent = sent.as_ref().map(SecretString::expose_secret);
        self.user
            .password()
            .is_ok_and(|now| sent != Some(now.expose_secret()))
    }
}

// === impl User ===

impl User {
    pub(super) fn new(auth: &TokenAuth, ca_file: Option<PathBuf>) -> Self {
        Self {
            endpoint: auth.iam_endpoint.clone(),
            ca_file,
            domain: auth.domain.clone(),
            name: auth.username.clone(),
            password_file: auth.password_file.clone(),
            project: auth.project.clone(),
            agency: auth.agency.clone(),
        }
    }

    /// The password without the line break at its end.
    pub(super) fn password(&self) -> Result<SecretString, String> {
        let path = &self.password_file;
        let text = fs::read_to_string(path).map_err(|error| {
            format!("cannot read the password file {}: {error}", path.display())
        })?;
        let password = text.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            return Err(format!("the password file {} is empty", path.display()));
        }
        Ok(password.into())
    }

    fn project(&self) -> Value {
        match &self.project {
            Project::Name(name) => json!({"project": {"name": name}}),
            Project::Id(id) => json!({"project": {"id": id}}),
        }
    }

    fn login(&self, password: &SecretString, scope: &Value) -> Value {
        json!({"auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {
                    "name": self.name,
                    "password": password.expose_secret(),
                    "domain": {"name": self.domain},
                }},
            },
            "scope": scope,
        }})
    }
}

fn passing(why: String) -> NotIssued {
    NotIssued {
        why,
        refused: false,
    }
}

/// As the value of a header that is shown nowhere.
fn sensitive(token: &SecretString) -> Result<HeaderValue, NotIssued> {
    let mut value = HeaderValue::from_str(token.expose_secret())
        .map_err(|_| passing("IAM gave a token that no header can carry".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The token of a successful answer.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Issued<SecretString>, &'static str> {
    #[derive(Deserialize)]
    struct Body {
        token: Token,
    }
    #[derive(Deserialize)]
    struct Token {
        expires_at: Time,
        issued_at: Option<Time>,
    }
    let item = headers
        .get("X-Subject-Token")
        .ok_or("201 without a token in `X-Subject-Token`")?
        .to_str()
        .map_err(|_| "201 with a token that is not text")?;
    let Body { token } =
        serde_json::from_slice(body).map_err(|_| "201 without saying when the token expires")?;
    let Time(expires_at) = token.expires_at;
    let begin = token
        .issued_at
        .map(|Time(issued_at)| issued_at)
        .or_else(|| issuer_http::date(headers))
        .unwrap_or_else(model::now);
    let life = expires_at.duration_since(begin);
    Ok(Issued {
        item: item.into(),
        life: Duration::try_from(life).unwrap_or_default(),
        expires_at,
    })
}

#[cfg(test)]
mod tests;
