//! Authentication of a Kubernetes API by kubeconfig or service account: bearer token, client certificate or exec plugin.
//!
//! `discovery` finds what kubectl would take, `cluster` and `user` load the parts of a context, and `plugin` runs its exec
//! plugin, with the limits of `process`. The result is a configuration of kube, whose layers authenticate and impersonate.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};
use kube::{
    Client, Config,
    client::ConfigExt as _,
    config::{ExecAuthCluster, ExecConfig},
};
use tokio::task::{JoinError, JoinSet};
use tower::{Layer as _, util::option_layer};

use crate::client::{
    Failure,
    auth::credentials::LoadedCredentials,
    budget::ConnectionBudget,
    connector::{ConnectSettings, http_service},
    environment::Environment,
    error::describe,
    proxy::Proxy,
    request::USER_AGENT,
    tls,
};

mod blank;
mod cluster;
mod discovery;
mod plugin;
mod process;
mod user;

use self::discovery::{Found, FoundContext, MergedKubeconfig, SERVICE_ACCOUNT};

/// An API with all that is needed to connect to it, except for what an exec plugin returns.
pub(in crate::client) struct Loaded {
    pub(in crate::client) config: Config,
    pub(in crate::client) proxy: Option<Proxy>,
    plugin: Option<ExecConfig>,
    credentials: LoadedCredentials,
    kubeconfigs: Vec<PathBuf>,
}

/// Loads `context` of a kubeconfig. Without a kubeconfig, searches as kubectl does.
pub(in crate::client) fn load(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
    environment: &Environment,
) -> Result<Loaded, Failure> {
    let found = match kubeconfig {
        Some(path) => discovery::explicit(path).map(Found::Kubeconfig),
        None => discovery::discover(environment, Path::new(SERVICE_ACCOUNT), context),
    };
    let loaded = match found.map_err(Failure::NoCluster)? {
        Found::Kubeconfig(merged) => {
            let context = merged.context(context).map_err(Failure::NoCluster)?;
            load_context(&merged, &context, environment)
        }
        Found::ServiceAccount(account) => cluster::load_service_account(&account, environment),
    };
    loaded.map_err(Failure::NoClient)
}

/// Loads the cluster and the user of a context.
fn load_context(
    merged: &MergedKubeconfig,
    found: &FoundContext<'_>,
    environment: &Environment,
) -> Result<Loaded, String> {
    let MergedKubeconfig {
        kubeconfig,
        origin,
        paths,
    } = merged;
    let FoundContext {
        name: context,
        cluster,
        settings,
        user,
    } = *found;
    let mut loaded = cluster::load(settings, cluster, origin, environment)?;
    loaded.kubeconfigs.clone_from(paths);
    let found = kubeconfig
        .auth_infos
        .iter()
        .find(|named| named.name == user);
    let mut info = found.and_then(|named| named.auth_info.clone());
    if info.is_none() && !user.is_empty() {
        // kubectl asks for a user name then.
        tracing::warn!(
            "{origin} has no user `{user}`, which its context `{context}` names: requests are anonymous"
        );
    }
    let plugin = info.as_mut().and_then(|info| info.exec.as_mut());
    if let Some(plugin) = plugin.filter(|plugin| plugin.provide_cluster_info) {
        let cluster = ExecAuthCluster::try_from(settings).map_err(|error| describe(&error))?;
        plugin.cluster = Some(cluster);
    }
    user::load(&info.unwrap_or_default(), user, origin, &mut loaded)?;
    Ok(loaded)
}

/// The content of a file or of base64 data, of which a kubeconfig can have one, and the name of the source for messages.
fn file_or_data(
    key: &str,
    file: Option<&Path>,
    data: Option<&str>,
    credentials: &mut LoadedCredentials,
) -> Result<Option<(Vec<u8>, String)>, String> {
    match (file, data) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(format!(
            "`{key}` and `{key}-data` exclude each other: remove one of them"
        )),
        (Some(path), None) => {
            credentials.watch(path);
            let content = fs::read(path)
                .map_err(|error| format!("cannot read `{key}` {}: {error}", path.display()))?;
            Ok(Some((content, format!("`{key}` {}", path.display()))))
        }
        (None, Some(data)) => {
            let data: String = data.split_ascii_whitespace().collect();
            let content = STANDARD
                .decode(data)
                .map_err(|_| format!("`{key}-data` is not base64"))?;
            Ok(Some((content, format!("`{key}-data`"))))
        }
    }
}

impl Loaded {
    /// An API that needs no credentials.
    pub(in crate::client) fn new(config: Config) -> Self {
        Self {
            config,
            proxy: None,
            plugin: None,
            credentials: LoadedCredentials::default(),
            kubeconfigs: Vec::new(),
        }
    }

    /// The files that this was loaded from.
    pub(in crate::client) fn files(&self) -> Vec<PathBuf> {
        let credentials = self.credentials.files().map(Path::to_owned);
        self.kubeconfigs
            .iter()
            .cloned()
            .chain(credentials)
            .collect()
    }

    /// Checks that certificates and keys can be used. Starts no plugin and sends nothing.
    pub(in crate::client) fn check(&self) -> Result<(), Failure> {
        tls::client_config(&self.config).map(drop)
    }

    /// Builds a client. May run an exec plugin.
    pub(in crate::client) async fn connect(
        mut self,
        budget: ConnectionBudget,
    ) -> Result<(Client, LoadedCredentials), Failure> {
        self.config
            .headers
            .push((header::USER_AGENT, HeaderValue::from_static(USER_AGENT)));
        // A task of its own: the plugin has to end in time even if nobody waits for it any more.
        let mut task = JoinSet::new();
        task.spawn(async move {
            let outcome = plugin::run(&mut self).await;
            outcome.map_err(Failure::NoClient).map(|()| self)
        });
        let with_plugin = task.join_next().await;
        let with_plugin = with_plugin.unwrap_or_else(|| unreachable!("the task was started"));
        let loaded = with_plugin.unwrap_or_else(|panic| Err(panicked(&panic)))?;
        // Reading the authorities of the system blocks.
        let build = tokio::task::spawn_blocking(move || {
            let client = loaded.client(budget)?;
            Ok((client, loaded.credentials))
        });
        build.await.unwrap_or_else(|panic| Err(panicked(&panic)))
    }

    fn client(&self, budget: ConnectionBudget) -> Result<Client, Failure> {
        let connect = ConnectSettings {
            http2: true,
            budget,
        };
        let config = &self.config;
        let no_client = |error: kube::Error| Failure::NoClient(describe(&error));
        let http = http_service(config, self.proxy.as_ref(), &connect)?;
        let headers = config.extra_headers_layer().map_err(no_client)?;
        let authentication = option_layer(config.auth_layer().map_err(no_client)?);
        let service = authentication.layer(headers.layer(http));
        Ok(Client::new(
            config.base_uri_layer().layer(service),
            "default",
        ))
    }
}

fn panicked(panic: &JoinError) -> Failure {
    Failure::NoClient(panic.to_string())
}

#[cfg(test)]
mod tests;
