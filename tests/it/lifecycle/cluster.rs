//! A simulated API on a port of its own, which can go away and come back.

use std::net::SocketAddr;

use batch_simulator::api::{ApiOptions, Kind, SimulatedApi};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

/// An API that is served until it is stopped.
pub(super) struct Cluster {
    pub(super) api: SimulatedApi,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinSet<()>,
}

impl Cluster {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut cluster = Self {
            api: SimulatedApi::new(ApiOptions::default()),
            address: listener.local_addr().unwrap(),
            stop: None,
            serving: JoinSet::new(),
        };
        cluster.serve(listener);
        cluster
    }

    /// Where it is, as a kubeconfig has it.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn add_job(&self, namespace: &str, name: &str) {
        let object =
            json!({"metadata": {"namespace": namespace, "name": name}, "spec": {"parallelism": 1}});
        self.api.apply(Kind::Job, object).unwrap();
    }

    /// The API is gone: connections end, new ones are refused.
    pub(super) async fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.serving.join_next().await.unwrap().unwrap();
    }

    /// The API is back where it was.
    pub(super) async fn come_back(&mut self) {
        self.serve(TcpListener::bind(self.address).await.unwrap());
    }

    fn serve(&mut self, listener: TcpListener) {
        let (stop, stopped) = oneshot::channel();
        self.stop = Some(stop);
        self.serving.spawn(self.api.clone().serve(listener, async {
            // A cluster that is dropped need not be stopped.
            let _ = stopped.await;
        }));
    }
}
