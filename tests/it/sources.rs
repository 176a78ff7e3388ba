//! Sources watch and poll the simulated API over TCP. The tests change the API and check the store.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use batch_simulator::api::{ApiOptions, Kind, SimulatedApi};
use futures_util::future::join_all;
use job_status_exporter::client::Endpoint;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use crate::exporter::{Exporter, everything};

mod permissions;
mod pods;
mod polling;
mod selecting;
mod shards;
mod watching;

/// A simulated API behind a TCP listener.
pub(crate) struct Cluster {
    pub(crate) api: SimulatedApi,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinSet<()>,
}

impl Cluster {
    pub(crate) async fn start(options: ApiOptions) -> Self {
        let mut cluster = Self {
            api: SimulatedApi::new(options),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            stop: None,
            served: JoinSet::new(),
        };
        cluster.serve().await;
        cluster
    }

    /// Listens, after a shutdown at the same address as before.
    async fn serve(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        self.stop = Some(stop);
        self.served.spawn(self.api.clone().serve(listener, async {
            let _ = stopped.await;
        }));
    }

    /// Closes all connections and the listener.
    async fn shut_down(&mut self) {
        self.stop = None;
        self.served.join_next().await.unwrap().unwrap();
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Address(format!("http://{}", self.address).parse().unwrap())
    }

    /// Writes a kubeconfig with this bearer token.
    pub(crate) fn endpoint_with_token(&self, directory: &Path, token: &str) -> Endpoint {
        let path = directory.join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
             clusters: [{{name: c, cluster: {{server: \"http://{}\"}}}}]\n\
             users: [{{name: u, user: {{token: {token}}}}}]\n\
             contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\n",
            self.address
        );
        fs::write(&path, text).unwrap();
        Endpoint::Kubernetes {
            kubeconfig: Some(path),
            context: None,
        }
    }

    /// Starts an exporter that watches all namespaces.
    fn watch(&self) -> Exporter {
        Exporter::start(self.endpoint(), everything())
    }

    /// Creates or updates a Job with this status.
    fn apply(&self, namespace: &str, name: &str, status: Value) {
        let metadata = json!({"namespace": namespace, "name": name});
        let mut job = json!({"metadata": metadata, "spec": {"parallelism": 1}});
        job["status"] = status;
        self.api.apply(Kind::Job, job).unwrap();
    }

    /// The number of requests with this verb (`list` or `watch`) and resource (`jobs` or `cronjobs`).
    fn count(&self, verb: &str, resource: &str) -> usize {
        let requests = self.api.requests();
        let wanted = |request: &&batch_simulator::api::ApiRequest| {
            request.path.ends_with(&format!("/{resource}"))
                && request.query.contains("watch=1") == (verb == "watch")
        };
        requests.iter().filter(wanted).count()
    }
}

/// Servers that differ in how they list: with streamed lists, with streamed lists disabled, and too old for them.
fn server_variants() -> [ApiOptions; 3] {
    [(36, true), (36, false), (33, false)].map(|(minor_version, watch_list)| ApiOptions {
        minor_version,
        watch_list,
        ..ApiOptions::default()
    })
}

/// A server that is too old for streamed lists.
fn old_server() -> ApiOptions {
    let [_, _, old] = server_variants();
    old
}

/// Runs `case` against each variant, all at the same time.
async fn for_each_server<F: Future<Output = ()>>(case: impl Fn(ApiOptions) -> F) {
    join_all(server_variants().map(case)).await;
}

fn running() -> Value {
    json!({"active": 1, "ready": 1})
}

fn complete() -> Value {
    let at = "2026-11-23T14:52:09Z";
    json!({
        "succeeded": 1,
        "completionTime": at,
        "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": at}],
    })
}

const SECOND: Duration = Duration::from_secs(1);
