//! Huawei Cloud CCI: a Kubernetes API behind a gateway that wants an IAM token or a signature with each request.
//!
//! [`Cci`] is one target's endpoint. Its client is kube's, around a stack of its own: complete the address, authenticate
//! (`authenticated`), send. Credentials outlive clients; those that are issued for a time (`cache`) are kept in
//! [`Credentials`], which all targets share, and in memory only.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderValue, header::USER_AGENT};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use kube::{
    Client, Config,
    client::{Body, ConfigExt as _},
};
use secrecy::SecretString;
use tower::Layer as _;

mod authenticated;
mod cache;
mod iam;
mod issuer_http;
mod keys;
mod metadata;
mod signature;
mod signing;
mod suppressed;
mod token;

pub(in crate::client) use authenticated::RefusalNote;
pub use suppressed::Suppressed;

use self::{
    authenticated::{Authenticated, Authentication},
    cache::Cache,
    iam::{Iam, User},
    keys::{Agency, KeyFiles, KeyPair, Keys},
    metadata::Metadata,
    signing::Signing,
    token::Tokens,
};
use super::super::{
    endpoint::AGENT,
    error::{Failure, describe},
};
use crate::config::{self, CciAuth};

/// To a TCP connection; what follows is within the patience of each request.
const CONNECT: Duration = Duration::from_secs(10);

/// Credentials that are issued for a time, each kept once however many targets use it.
#[derive(Default)]
pub struct Credentials {
    tokens: Vec<(User, Arc<Cache<SecretString>>)>,
    server_keys: Option<Arc<Cache<KeyPair>>>,
}

/// A CCI endpoint.
pub struct Cci {
    config: Config,
    authentication: Arc<Authentication>,
    /// Who asks IAM for tokens.
    user: Option<User>,
}

impl Cci {
    /// The endpoint that the configuration describes. Reads nothing and sends nothing.
    #[must_use]
    pub fn new(settings: &config::CciConfig, credentials: &mut Credentials) -> Self {
        let ca_file = settings.ca_file.clone();
        let mut config = issuer_http::trust(settings.endpoint.clone(), ca_file.as_deref());
        config
            .headers
            .push((USER_AGENT, HeaderValue::from_static(AGENT)));
        let (authentication, user) = match &settings.auth {
            CciAuth::Token(token) => {
                let user = User::new(token, ca_file);
                let cache = credentials.tokens_of(&user);
                let tokens = Tokens::new(token.header.clone(), cache);
                (Authentication::Token(tokens), Some(user))
            }
            CciAuth::AccessKey(key) => {
                let keys = Keys::Files(KeyFiles::new(key));
                let signing = Signing::new(keys, Some(key.project_id.clone()));
                (Authentication::Signature(signing), None)
            }
            CciAuth::EcsAgency { project_id } => {
                let keys = Keys::Agency(Agency::new(credentials.server_keys()));
                let signing = Signing::new(keys, project_id.clone());
                (Authentication::Signature(signing), None)
            }
        };
        Self {
            config,
            authentication: Arc::new(authentication),
            user,
        }
    }

    /// Where the API is, for people.
    #[must_use]
    pub fn address(&self) -> String {
        self.config.cluster_url.to_string()
    }

    /// The address and what is trusted there, once it is clear that the files can be read. Sends nothing.
    pub(in crate::client) fn load(&self) -> Result<Config, Failure> {
        self.config
            .rustls_client_config()
            .map_err(|error| no_client(&error))?;
        let secrets = match (&*self.authentication, &self.user) {
            (Authentication::Signature(signing), _) => signing.check_files(),
            (Authentication::Token(_), Some(user)) => user.password().map(drop),
            (Authentication::Token(_), None) => Ok(()),
        };
        secrets.map_err(Failure::Client)?;
        Ok(self.config.clone())
    }

    /// A client with its own connections. Credentials are those of the endpoint.
    pub(in crate::client) fn client(&self) -> Result<Client, Failure> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT));
        let connector = self
            .config
            .rustls_https_connector_with_connector(connector)
            .map_err(|error| no_client(&error))?;
        let wire: legacy::Client<_, Body> =
            legacy::Client::builder(TokioExecutor::new()).build(connector);
        let authenticated = Authenticated {
            authentication: self.authentication.clone(),
            client: wire,
        };
        let headers = self
            .config
            .extra_headers_layer()
            .map_err(|error| no_client(&error))?;
        let service = self.config.base_uri_layer().layer(authenticated);
        Ok(Client::new(headers.layer(service), "default"))
    }

    /// When the credential in use ends, where that is known.
    pub(in crate::client) fn expires_at(&self) -> Option<Timestamp> {
        match &*self.authentication {
            Authentication::Token(tokens) => tokens.expires_at(),
            Authentication::Signature(signing) => signing.expires_at(),
        }
    }
}

fn no_client(error: &kube::Error) -> Failure {
    Failure::Client(describe(error))
}

// The settings may be shown, the rest has nothing to show.
impl fmt::Debug for Cci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cci")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

// === impl Credentials ===

impl Credentials {
    fn tokens_of(&mut self, user: &User) -> Arc<Cache<SecretString>> {
        if let Some((_, cache)) = self.tokens.iter().find(|(known, _)| known == user) {
            return cache.clone();
        }
        let cache = Arc::new(Cache::new(Arc::new(Iam::new(user.clone()))));
        self.tokens.push((user.clone(), cache.clone()));
        cache
    }

    fn server_keys(&mut self) -> Arc<Cache<KeyPair>> {
        let metadata = || Arc::new(Cache::new(Arc::new(Metadata::new(metadata::ADDRESS)) as _));
        self.server_keys.get_or_insert_with(metadata).clone()
    }
}

#[cfg(test)]
mod tests;
