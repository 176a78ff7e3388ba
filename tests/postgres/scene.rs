//! An API and a server behind a proxy.

use crate::{
    cluster::Cluster,
    database::Database,
    jobs::Jobs,
    process::Exporter,
    proxy::Proxy,
    replica::{setup_by, synced},
    seed,
};

/// What most tests of a bad network need, beside the Jobs.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) database: Database,
    pub(crate) proxy: Proxy,
    /// The URL of the database by way of the proxy.
    url: String,
}

impl Scene {
    pub(crate) async fn start(sslmode: &str) -> (Self, Jobs) {
        Self::with_seed(sslmode, seed()).await
    }

    pub(crate) async fn with_seed(sslmode: &str, seed: u64) -> (Self, Jobs) {
        let cluster = Cluster::start().await;
        let database = Database::new();
        let proxy = Proxy::start(database.server.address()).await;
        let jobs = Jobs::new(&cluster.api, seed);
        let scene = Self {
            url: database.url_by(proxy.address, sslmode),
            cluster,
            database,
            proxy,
        };
        (scene, jobs)
    }

    /// Starts an exporter that reaches the server by way of the proxy, and waits until it has read the API.
    pub(crate) async fn exporter(&self) -> Exporter {
        synced(setup_by(&self.cluster, &self.database, &self.url)).await
    }
}
