//! Sources that follow and poll the simulated API over TCP: what the store shows after what happens there.

use std::{net::SocketAddr, time::Duration};

use batch_simulator::api::{ApiOptions, Kind, SimulatedApi};
use futures_util::future::join_all;
use job_status_exporter::client::Endpoint;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use crate::exporter::{Exporter, everything};

mod following;
mod polling;
pub(crate) mod rights;
mod selecting;

/// A simulated API at an address.
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

    async fn serve(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        self.stop = Some(stop);
        self.served.spawn(self.api.clone().serve(listener, async {
            let _ = stopped.await;
        }));
    }

    /// Cuts all connections; nobody listens any more.
    async fn go_down(&mut self) {
        self.stop = None;
        self.served.join_next().await.unwrap().unwrap();
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Address(format!("http://{}", self.address).parse().unwrap())
    }

    /// An exporter that watches everything.
    fn watched(&self) -> Exporter {
        Exporter::start(self.endpoint(), everything())
    }

    fn apply(&self, namespace: &str, name: &str, status: Value) {
        let metadata = json!({"namespace": namespace, "name": name});
        let mut job = json!({"metadata": metadata, "spec": {"parallelism": 1}});
        job["status"] = status;
        self.api.apply(Kind::Job, job).unwrap();
    }

    /// How many requests so far are of this kind: `list` or `watch`, `jobs` or `cronjobs`.
    fn count(&self, verb: &str, resource: &str) -> usize {
        let requests = self.api.requests();
        let wanted = |request: &&batch_simulator::api::ApiRequest| {
            request.path.ends_with(&format!("/{resource}"))
                && request.query.contains("watch=1") == (verb == "watch")
        };
        requests.iter().filter(wanted).count()
    }
}

/// Servers of all manners of listing: with streamed lists, with streamed lists switched off, and too old for them.
fn manners() -> [ApiOptions; 3] {
    [(36, true), (36, false), (33, false)].map(|(minor_version, watch_list)| ApiOptions {
        minor_version,
        watch_list,
        ..ApiOptions::default()
    })
}

/// Tries `case` with each of them, all at the same time.
async fn each_manner<F: Future<Output = ()>>(case: impl Fn(ApiOptions) -> F) {
    join_all(manners().map(case)).await;
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
