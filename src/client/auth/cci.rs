//! Authentication of Huawei Cloud CCI: a Kubernetes API behind a gateway that needs an IAM token or a signature on each
//! request.
//!
//! - [`Cci`] is the endpoint of one target. Its client is kube's, with `authenticated` as the layer before the HTTP client.
//! - `token` sends IAM tokens, and `signing` signs with the key pairs of `keys`, as `signature` computes.
//! - `user_guard` and `key_guard` stop requests that could lock a user or an access key, over `rejections`.
//! - `iam` and `metadata` issue credentials for a limited time, over `issuer_http`. `cache` keeps and renews them.
//!
//! Credentials outlive clients. [`SharedCredentials`] shares issued ones between targets, in memory only.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use http::{HeaderValue, Uri, header, uri::Authority};
use kube::{Client, Config, client::ConfigExt as _};
use secrecy::SecretString;
use tower::Layer as _;

mod authenticated;
mod cache;
mod headers;
mod iam;
mod issuer_http;
mod key_guard;
mod keys;
mod metadata;
mod rejections;
mod secret_file;
mod signature;
mod signing;
mod token;
mod user_guard;

use self::{
    authenticated::{AuthenticatedClient, Authentication},
    cache::CredentialCache,
    iam::{IamIssuer, IamLogin},
    key_guard::KeyGuards,
    keys::{AgencyKeys, KeyFiles, KeyPair, KeySource},
    metadata::MetadataIssuer,
    signing::SignatureAuthentication,
    token::TokenAuthentication,
    user_guard::UserGuard,
};
use crate::{
    client::{
        budget::ConnectionBudget,
        connector::{ConnectSettings, http_service},
        environment::Environment,
        error::{Failure, describe},
        proxy::Proxy,
        request::USER_AGENT,
    },
    config::{CciAuth, CciConfig},
    model::{Credential, CredentialExpiries, CredentialExpiry, Renewable},
};

/// The caches of issued credentials, and the guards of secrets. Targets with the same IAM login share a token, and all targets
/// share the keys of the server. Targets with the same user or access key share a guard.
#[derive(Default)]
pub struct SharedCredentials {
    tokens: Vec<SharedToken>,
    key_guards: Vec<(Option<Authority>, Arc<KeyGuards>)>,
    server_keys: Option<Arc<CredentialCache<KeyPair>>>,
    /// Names the proxy for the API and IAM.
    environment: Environment,
}

/// The token of a login, and the guard of its user.
struct SharedToken {
    login: IamLogin,
    cache: Arc<CredentialCache<SecretString>>,
    guard: Arc<UserGuard>,
}

/// The lifetime of the token in a response of IAM, for the fuzz target.
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::client) fn token_lifetime(
    headers: &http::HeaderMap,
    body: &[u8],
) -> Option<std::time::Duration> {
    iam::read(headers, body).ok().map(|issued| issued.lifetime)
}

/// A CCI endpoint.
pub struct Cci {
    config: Config,
    authentication: Arc<Authentication>,
    /// The login for tokens.
    login: Option<IamLogin>,
    /// The files with secrets and certificate authorities.
    files: Vec<PathBuf>,
    environment: Environment,
}

impl Cci {
    /// The endpoint that the configuration describes. Reads and sends nothing.
    #[must_use]
    pub fn new(settings: &CciConfig, shared: &mut SharedCredentials) -> Self {
        let ca_file = settings.ca_file.clone();
        let mut config = issuer_http::tls_config(settings.endpoint.clone(), ca_file.as_deref());
        config
            .headers
            .push((header::USER_AGENT, HeaderValue::from_static(USER_AGENT)));
        let guards = shared.key_guards(&settings.endpoint);
        let (authentication, login) = match &settings.auth {
            CciAuth::Token(token) => {
                let login = IamLogin::new(token, ca_file);
                let cache = shared.tokens_for(&login);
                let tokens = TokenAuthentication::new(token.header.clone(), cache);
                (Authentication::Token(tokens), Some(login))
            }
            CciAuth::AccessKey(key) => {
                let keys = KeySource::Files(KeyFiles::new(key));
                let signing =
                    SignatureAuthentication::new(keys, Some(key.project_id.clone()), guards);
                (Authentication::Signature(signing), None)
            }
            CciAuth::EcsAgency { project_id } => {
                let keys = KeySource::Agency(AgencyKeys::new(shared.server_keys()));
                let signing = SignatureAuthentication::new(keys, project_id.clone(), guards);
                (Authentication::Signature(signing), None)
            }
        };
        Self {
            config,
            authentication: Arc::new(authentication),
            login,
            files: settings.files().map(Path::to_owned).collect(),
            environment: shared.environment.clone(),
        }
    }

    /// The address of the API, for messages.
    #[must_use]
    pub fn address(&self) -> String {
        self.config.cluster_url.to_string()
    }

    /// The files with secrets and certificate authorities.
    pub(in crate::client) fn files(&self) -> Vec<PathBuf> {
        self.files.clone()
    }

    /// The address and the trusted certificate authorities.
    pub(in crate::client) fn config(&self) -> &Config {
        &self.config
    }

    /// Checks that all files can be read, and returns the proxy; sends nothing.
    pub(in crate::client) fn check(&self) -> Result<Option<Proxy>, Failure> {
        self.config
            .rustls_client_config()
            .map_err(|error| no_client(&error))?;
        let secrets = match (&*self.authentication, &self.login) {
            (Authentication::Signature(signing), _) => signing.check_files(),
            (Authentication::Token(_), Some(login)) => login.password().map(drop),
            (Authentication::Token(_), None) => Ok(()),
        };
        secrets.map_err(Failure::NoClient)?;
        self.proxy()
    }

    /// A client with connections of its own. All clients share the credentials of the endpoint.
    /// The gateways are used with HTTP/1.1, whose `Host` header is part of a signature.
    pub(in crate::client) fn client(&self, budget: &ConnectionBudget) -> Result<Client, Failure> {
        let connect = ConnectSettings {
            http2: false,
            budget: budget.clone(),
        };
        let authenticated = AuthenticatedClient {
            authentication: self.authentication.clone(),
            client: http_service(&self.config, self.proxy()?.as_ref(), &connect)?,
        };
        let headers = self
            .config
            .extra_headers_layer()
            .map_err(|error| no_client(&error))?;
        let service = self.config.base_uri_layer().layer(authenticated);
        Ok(Client::new(headers.layer(service), "default"))
    }

    fn proxy(&self) -> Result<Option<Proxy>, Failure> {
        let proxy = Proxy::from_environment(&self.environment, &self.config.cluster_url);
        proxy.map_err(Failure::NoClient)
    }

    /// When the current credential expires, if known.
    pub(in crate::client) fn expiries(&self) -> CredentialExpiries {
        let (credential, at) = match &*self.authentication {
            Authentication::Token(tokens) => (Credential::Token, tokens.expires_at()),
            Authentication::Signature(signing) => (Credential::Key, signing.expires_at()),
        };
        let renewable = Renewable::Yes;
        let expiry = at.map(|at| CredentialExpiry { at, renewable });
        let mut expiries = CredentialExpiries::default();
        expiries.set(credential, expiry);
        expiries
    }
}

fn no_client(error: &kube::Error) -> Failure {
    Failure::NoClient(describe(error))
}

// Only the address: the other fields hold credentials.
impl fmt::Debug for Cci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cci")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

// === impl SharedCredentials ===

impl SharedCredentials {
    fn tokens_for(&mut self, login: &IamLogin) -> Arc<CredentialCache<SecretString>> {
        let same_user = self
            .tokens
            .iter()
            .find(|token| token.login.is_same_user(login));
        let guard = match same_user {
            Some(token) => token.guard.clone(),
            None => Arc::new(UserGuard::new(login.user())),
        };
        guard.add_target();
        if let Some(token) = self.tokens.iter().find(|token| token.login == *login) {
            return token.cache.clone();
        }
        let issuer = IamIssuer::new(login.clone(), guard.clone(), self.environment.clone());
        let cache = Arc::new(CredentialCache::new(Arc::new(issuer)));
        self.tokens.push(SharedToken {
            login: login.clone(),
            cache: cache.clone(),
            guard,
        });
        cache
    }

    fn key_guards(&mut self, endpoint: &Uri) -> Arc<KeyGuards> {
        let gateway = endpoint.authority();
        let known = self.key_guards.iter();
        if let Some((_, guards)) = known.clone().find(|(known, _)| known.as_ref() == gateway) {
            return guards.clone();
        }
        let guards = Arc::new(KeyGuards::default());
        self.key_guards.push((gateway.cloned(), guards.clone()));
        guards
    }

    fn server_keys(&mut self) -> Arc<CredentialCache<KeyPair>> {
        let create = || {
            let issuer = MetadataIssuer::new(metadata::ADDRESS);
            Arc::new(CredentialCache::new(Arc::new(issuer) as _))
        };
        self.server_keys.get_or_insert_with(create).clone()
    }
}

#[cfg(test)]
mod tests;
