//! `web`: the HTTP server.

use std::{path::PathBuf, time::Duration};

use super::{
    EndpointConfig, ListenAddress, TargetConfig,
    listen::{self, Listen},
    reader::{Node, quoted},
};

mod paths;

/// The default of `kubernetes_auth.outage_grace`.
const OUTAGE_GRACE: Duration = Duration::from_hours(1);

/// The settings of the HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// The web configuration file, which [`super::WebFile`] reads; `None` to serve plain HTTP to everybody.
    pub config_file: Option<PathBuf>,
    /// The listen addresses: at least one, or none if systemd passes the sockets.
    pub listen_addresses: Vec<ListenAddress>,
    /// Whether systemd passes the sockets to listen on.
    pub systemd_socket: bool,
    /// Where `/livez` and `/readyz` alone are served, in plain HTTP and without a login; `None` for nowhere.
    pub probe_listen_address: Option<ListenAddress>,
    /// The path of the metrics; starts with `/` and is not the path of another page.
    pub telemetry_path: String,
    /// The address at which users see the server, behind a proxy; without a trailing slash. `None` if it is not known.
    pub external_url: Option<String>,
    /// What precedes all paths but those of `probe_listen_address`: empty, or a path with a leading and no trailing slash.
    pub route_prefix: String,
    /// The maximum number of concurrent connections.
    pub max_connections: usize,
    /// The time after which `/readyz` no longer waits for unsynced targets.
    pub ready_grace: Duration,
    /// The time that open requests get to finish after the start of a shutdown.
    pub shutdown_timeout: Duration,
    /// The target whose API checks bearer tokens; `None` if nothing does.
    pub kubernetes_auth: Option<KubernetesAuthConfig>,
    /// Whether `/livez` and `/readyz` need the login that other pages need.
    pub authenticate_probes: bool,
    /// Whether a request to `/-/reload` loads the configuration again.
    pub enable_lifecycle: bool,
}

/// Bearer tokens, which a Kubernetes API checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesAuthConfig {
    /// The name of a target with a Kubernetes API; `None` for the only target.
    pub target: Option<String>,
    /// The time for which an answer that allowed is valid while the API is unreachable.
    pub outage_grace: Duration,
}

impl Default for WebConfig {
    fn default() -> Self {
        let Listen {
            addresses,
            systemd_socket,
            probe_address,
        } = Listen::default();
        Self {
            config_file: None,
            listen_addresses: addresses,
            systemd_socket,
            probe_listen_address: probe_address,
            telemetry_path: "/metrics".to_owned(),
            external_url: None,
            route_prefix: String::new(),
            max_connections: 128,
            ready_grace: Duration::from_mins(1),
            shutdown_timeout: Duration::from_secs(10),
            kubernetes_auth: None,
            authenticate_probes: false,
            enable_lifecycle: false,
        }
    }
}

/// The section `web`.
pub(super) struct Web<'a> {
    pub(super) config: WebConfig,
    /// The key `kubernetes_auth.target`, if `kubernetes_auth` is there.
    auth_target: Option<Node<'a>>,
}

/// Reads `web`. The default replaces an invalid value, which is reported.
pub(super) fn read<'a>(node: &Node<'a>) -> Web<'a> {
    let mut web = WebConfig::default();
    let Some(section) = node.section() else {
        return Web {
            config: web,
            auth_target: None,
        };
    };
    web.config_file = section.get("config_file").and_then(|node| node.file_path());
    let listen = listen::read(&section);
    web.listen_addresses = listen.addresses;
    web.systemd_socket = listen.systemd_socket;
    web.probe_listen_address = listen.probe_address;
    if let Some(path) = section
        .get("telemetry_path")
        .and_then(|node| node.parsed(paths::telemetry_path))
    {
        web.telemetry_path = path;
    }
    (web.external_url, web.route_prefix) = paths::read(&section);
    if let Some(count) = section
        .get("max_connections")
        .and_then(|node| node.count(1..=65_535))
    {
        web.max_connections = count;
    }
    let hour = Duration::from_hours(1);
    if let Some(grace) = section
        .get("ready_grace")
        .and_then(|node| node.duration(Duration::ZERO..=hour))
    {
        web.ready_grace = grace;
    }
    if let Some(timeout) = section
        .get("shutdown_timeout")
        .and_then(|node| node.duration(Duration::ZERO..=hour))
    {
        web.shutdown_timeout = timeout;
    }
    let auth = section.get("kubernetes_auth");
    let (auth, auth_target) = auth.and_then(|node| kubernetes_auth(&node)).unzip();
    web.kubernetes_auth = auth;
    if let Some(closed) = section
        .get("authenticate_probes")
        .and_then(|node| node.boolean())
    {
        web.authenticate_probes = closed;
    }
    if let Some(enabled) = section
        .get("enable_lifecycle")
        .and_then(|node| node.boolean())
    {
        web.enable_lifecycle = enabled;
    }
    Web {
        config: web,
        auth_target,
    }
}

/// Reads `kubernetes_auth`. Returns it with its key `target`.
fn kubernetes_auth<'a>(node: &Node<'a>) -> Option<(KubernetesAuthConfig, Node<'a>)> {
    let section = node.section()?;
    let target = section.get("target");
    let day = Duration::from_hours(24);
    let outage_grace = section
        .get("outage_grace")
        .and_then(|node| node.duration(Duration::ZERO..=day));
    let name = match &target {
        Some(node) => Some(node.text()?.to_owned()),
        None => None,
    };
    let config = KubernetesAuthConfig {
        target: name,
        outage_grace: outage_grace.unwrap_or(OUTAGE_GRACE),
    };
    Some((config, target.unwrap_or_else(|| section.missing("target"))))
}

impl Web<'_> {
    /// Reports a `kubernetes_auth` without a target, or with one that is not a Kubernetes API. `targets` are all targets, and
    /// valid.
    pub(super) fn check(&self, targets: &[&TargetConfig]) {
        let (Some(auth), Some(node)) = (&self.config.kubernetes_auth, &self.auth_target) else {
            return;
        };
        match (auth.find(targets), &auth.target) {
            (Some(target), _) if matches!(target.endpoint, EndpointConfig::Cci(_)) => node
                .problem_with_hint(
                    "this target is of Huawei Cloud CCI, which reviews no tokens",
                    "name a target with `kubernetes`",
                ),
            (Some(_), _) => {}
            (None, None) => node.problem_with_hint(
                "is missing: there are several targets",
                "name the one whose API checks the tokens",
            ),
            (None, Some(name)) => {
                let all: Vec<_> = targets.iter().filter_map(|t| t.name.as_deref()).collect();
                let hint = match all.as_slice() {
                    [] => "omit the key: the only target has no name".to_owned(),
                    all => format!("the targets are `{}`", all.join("`, `")),
                };
                node.problem_with_hint(format!("there is no target `{}`", quoted(name)), hint);
            }
        }
    }
}

impl KubernetesAuthConfig {
    /// The target of this name among `targets`.
    #[must_use]
    pub fn find<'a>(&self, targets: &[&'a TargetConfig]) -> Option<&'a TargetConfig> {
        match (&self.target, targets) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(_), _) => {
                let mut targets = targets.iter();
                targets.find(|target| target.name == self.target).copied()
            }
        }
    }
}
