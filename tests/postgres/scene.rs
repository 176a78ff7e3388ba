//! An API and a server behind a proxy.

use crate::{cluster::Cluster, database::Database, jobs::Jobs, proxy::Proxy, seed};

/// What most tests of a bad network need.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) database: Database,
    pub(crate) proxy: Proxy,
    pub(crate) jobs: Jobs,
    /// The URL of the database by way of the proxy.
    pub(crate) url: String,
}

impl Scene {
    pub(crate) async fn start(sslmode: &str) -> Self {
        Self::with_seed(sslmode, seed()).await
    }

    pub(crate) async fn with_seed(sslmode: &str, seed: u64) -> Self {
        let cluster = Cluster::start().await;
        let database = Database::new();
        let proxy = Proxy::start(database.server.address()).await;
        Self {
            jobs: Jobs::new(&cluster.api, seed),
            url: database.url_by(proxy.address, sslmode),
            cluster,
            database,
            proxy,
        }
    }
}
