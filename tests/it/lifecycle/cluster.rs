//! A simulated Kubernetes API on its own port. It can be stopped and started again.

use std::net::SocketAddr;

use batch_simulator::api::{ApiOptions, Kind, SimulatedApi};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

/// A simulated API that runs until it is stopped.
pub(super) struct Cluster {
    pub(super) api: SimulatedApi,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinSet<()>,
}

impl Cluster {
    pub(super) async fn start() -> Self {
        Self::start_with(ApiOptions::default()).await
    }

    pub(super) async fn start_with(options: ApiOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut cluster = Self {
            api: SimulatedApi::new(options),
            address: listener.local_addr().unwrap(),
            stop: None,
            serving: JoinSet::new(),
        };
        cluster.serve(listener);
        cluster
    }

    /// The URL of the API, for a kubeconfig.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn add_job(&self, namespace: &str, name: &str) {
        let object =
            json!({"metadata": {"namespace": namespace, "name": name}, "spec": {"parallelism": 1}});
        self.api.apply(Kind::Job, object).unwrap();
    }

    /// Stops the API: connections are closed and new ones refused.
    pub(super) async fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.serving.join_next().await.unwrap().unwrap();
    }

    /// Starts the API again at the same address.
    pub(super) async fn restart(&mut self) {
        self.serve(TcpListener::bind(self.address).await.unwrap());
    }

    fn serve(&mut self, listener: TcpListener) {
        let (stop, stopped) = oneshot::channel();
        self.stop = Some(stop);
        self.serving.spawn(self.api.clone().serve(listener, async {
            // The sender may be dropped without a signal.
            let _ = stopped.await;
        }));
    }
}
