//! Gets tokens from IAM: [for a password](https://support.huaweicloud.com/intl/en-us/api-iam/iam_30_0001.html), and with that
//! token one [for an agency](https://support.huaweicloud.com/intl/en-us/api-iam/iam_30_0003.html) of another account.
//!
//! Tokens are scoped to a project, as CCI requires. Messages never contain the password or a token.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode, Uri, header::CONTENT_TYPE};
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    cache::{IssueError, Issued, Issuer},
    headers,
    issuer_http::{self, IssuerTime},
    secret_file,
    user_guard::UserGuard,
};
use crate::{
    client::{environment::Environment, proxy::Proxy},
    config::{Agency, Project, TokenAuth},
    model,
};

/// A user's login at IAM, and the scope of the token. Targets with equal logins share a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IamLogin {
    pub(super) endpoint: Uri,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) domain: String,
    pub(super) user: String,
    pub(super) password_file: PathBuf,
    pub(super) project: Project,
    pub(super) agency: Option<Agency>,
}

/// Issues tokens for one login.
pub(super) struct IamIssuer {
    login: IamLogin,
    /// Shared by all logins of the user.
    guard: Arc<UserGuard>,
    environment: Environment,
    /// The password of the last login, sent or not. Never held across an await.
    last_password: Mutex<Option<SecretString>>,
}

impl IamIssuer {
    pub(super) fn new(login: IamLogin, guard: Arc<UserGuard>, environment: Environment) -> Self {
        Self {
            login,
            guard,
            environment,
            last_password: Mutex::default(),
        }
    }

    async fn token(&self) -> Result<Issued<SecretString>, IssueError> {
        let login = &self.login;
        let password = login.password().map_err(IssueError::temporary)?;
        *self.last_password.lock() = Some(password.clone());
        let Some(agency) = &login.agency else {
            return self.log_in(&password, &login.project_scope()).await;
        };
        let account = json!({"domain": {"name": login.domain}});
        let user_token = self.log_in(&password, &account).await?;
        let assume_role = json!({"auth": {
            "identity": {
                "methods": ["assume_role"],
                "assume_role": {"domain_name": agency.domain, "agency_name": agency.name},
            },
            "scope": login.project_scope(),
        }});
        self.request(assume_role, Some(&user_token.item)).await
    }

    /// Gets a token for the password, when the guard of the user allows it.
    async fn log_in(
        &self,
        password: &SecretString,
        scope: &Value,
    ) -> Result<Issued<SecretString>, IssueError> {
        let turn = self.guard.turn(password).await?;
        let body = self.login.by_password(password, scope);
        let outcome = self.request(body, None).await;
        turn.record(&outcome);
        outcome
    }

    /// `POST /v3/auth/tokens`.
    async fn request(
        &self,
        body: Value,
        token: Option<&SecretString>,
    ) -> Result<Issued<SecretString>, IssueError> {
        let login = &self.login;
        let base = login.endpoint.to_string();
        let base = base.trim_end_matches('/');
        let config = issuer_http::tls_config(login.endpoint.clone(), login.ca_file.as_deref());
        let proxy = Proxy::from_environment(&self.environment, &login.endpoint)
            .map_err(IssueError::temporary)?;
        let client = issuer_http::client(&config, proxy.as_ref())?;
        let mut request = client
            .post(format!("{base}/v3/auth/tokens?nocatalog=true"))
            .header(CONTENT_TYPE, "application/json;charset=utf8")
            .body(body.to_string());
        if let Some(token) = token {
            let value = headers::sensitive(token.expose_secret()).map_err(|_| {
                IssueError::temporary(
                    "the token of IAM contains characters that a header cannot carry",
                )
            })?;
            request = request.header("X-Auth-Token", value);
        }
        let response = issuer_http::send(request).await;
        let response =
            response.map_err(|error| IssueError::temporary(format!("IAM at {base}: {error}")))?;
        if token.is_none() && !response.is_temporary() {
            self.guard.count_login();
        }
        let issuer = format!(
            "IAM at {base} (user `{}` of `{}`)",
            login.user, login.domain
        );
        if response.status != StatusCode::CREATED {
            let mut error = response.to_error(&issuer);
            if let Some(password) = self.last_password.lock().as_ref() {
                error.message = error.message.replace(password.expose_secret(), "***");
            }
            return Err(error);
        }
        read(&response.headers, &response.body)
            .map_err(|what| IssueError::temporary(format!("{issuer} responds with {what}")))
    }
}

impl Issuer for IamIssuer {
    type Item = SecretString;

    fn issue(&self) -> BoxFuture<'_, Result<Issued<SecretString>, IssueError>> {
        Box::pin(self.token())
    }

    fn has_new_secret(&self) -> bool {
        let last = self.last_password.lock();
        let last = last.as_ref().map(SecretString::expose_secret);
        self.login
            .password()
            .is_ok_and(|now| last != Some(now.expose_secret()))
    }
}

// === impl IamLogin ===

impl IamLogin {
    pub(super) fn new(auth: &TokenAuth, ca_file: Option<PathBuf>) -> Self {
        Self {
            endpoint: auth.iam_endpoint.clone(),
            ca_file,
            domain: auth.domain.clone(),
            user: auth.username.clone(),
            password_file: auth.password_file.clone(),
            project: auth.project.clone(),
            agency: auth.agency.clone(),
        }
    }

    /// The user, for messages.
    pub(super) fn user(&self) -> String {
        format!("the user `{}` of `{}`", self.user, self.domain)
    }

    /// Whether IAM sees the same user, whatever the project is.
    pub(super) fn is_same_user(&self, other: &Self) -> bool {
        (&self.endpoint, &self.domain, &self.user) == (&other.endpoint, &other.domain, &other.user)
    }

    /// The password without the line break at its end.
    pub(super) fn password(&self) -> Result<SecretString, String> {
        let password = secret_file::read("password", &self.password_file, |text| {
            text.trim_end_matches(['\r', '\n'])
        });
        password.map(Into::into)
    }

    fn project_scope(&self) -> Value {
        match &self.project {
            Project::Name(name) => json!({"project": {"name": name}}),
            Project::Id(id) => json!({"project": {"id": id}}),
        }
    }

    fn by_password(&self, password: &SecretString, scope: &Value) -> Value {
        json!({"auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {
                    "name": self.user,
                    "password": password.expose_secret(),
                    "domain": {"name": self.domain},
                }},
            },
            "scope": scope,
        }})
    }
}

/// Reads the token of a 201 response.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Issued<SecretString>, &'static str> {
    #[derive(Deserialize)]
    struct Body {
        token: Token,
    }
    #[derive(Deserialize)]
    struct Token {
        expires_at: IssuerTime,
        issued_at: Option<IssuerTime>,
    }
    let item = headers
        .get("X-Subject-Token")
        .ok_or("201 without a token in `X-Subject-Token`")?
        .to_str()
        .map_err(|_| "201 with a token that is not text")?;
    let Body { token } =
        serde_json::from_slice(body).map_err(|_| "201 without the expiry of the token")?;
    let IssuerTime(expires_at) = token.expires_at;
    let issued_at = token
        .issued_at
        .map(|IssuerTime(issued_at)| issued_at)
        .or_else(|| headers::date(headers))
        .unwrap_or_else(model::now);
    let lifetime = expires_at.duration_since(issued_at);
    Ok(Issued {
        item: item.into(),
        lifetime: Duration::try_from(lifetime).unwrap_or_default(),
        expires_at,
    })
}

#[cfg(test)]
mod tests;
