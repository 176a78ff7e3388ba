//! Finding the API, and the rights it gives: what a user sees when they are missing, and when they are granted.

use std::process;

use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Kind::Job, kubeconfig_of},
    exporter::Exporter,
    jobs::spec,
    patience::{EVENTUALLY, SOON, eventually},
};

#[tokio::test]
async fn without_configuration_the_cluster_of_kubectl_is_watched() {
    let cluster = Cluster::given().await;
    let exporter = Exporter::discovering(cluster.kubeconfig()).await;
    exporter.is_ready().await;
    assert_eq!(exporter.up().await, Some(1.0));
    let namespace = cluster.namespace("discovery").await;
    namespace
        .create(
            Job,
            "any",
            spec("succeed", &json!({}), json!({"suspend": true})),
        )
        .await;
    eventually("a job of any namespace is shown", SOON, async || {
        let labels = [("namespace", namespace.name.as_str()), ("job_name", "any")];
        let facts = exporter.scrape().await.facts("batch_job_", &labels);
        if facts.contains_key(
            "batch_job_state{state=\"suspended\",workload=\"any\",workload_type=\"job\"}",
        ) {
            Ok(())
        } else {
            Err(facts)
        }
    })
    .await;
    exporter.stop().await;
    namespace.remove().await;
}

#[tokio::test]
async fn missing_rights_are_named_and_take_effect_once_granted() {
    let cluster = Cluster::given().await;
    let exporter = Exporter::discovering(&kubeconfig_of("token-none")).await;
    let warnings = eventually("both rights are missed", EVENTUALLY, async || {
        let warnings = exporter.log_of("WARN");
        if warnings.len() == 2 {
            Ok(warnings)
        } else {
            Err(warnings)
        }
    });
    let warnings: Vec<_> = warnings.await.iter().map(Value::to_string).collect();
    for resource in ["jobs", "cronjobs"] {
        let hint = format!("grant `list` and `watch` on `{resource}` in API group `batch`");
        assert!(
            warnings.iter().any(|line| line.contains(&hint)),
            "{warnings:#?}"
        );
    }
    assert_eq!(exporter.up().await, Some(0.0));
    assert_eq!(exporter.get("/readyz").await.0, 503);

    let grant = Grant::to("nobody", &cluster).await;
    // The longest pause between two attempts is 30 s.
    eventually("the target is up", EVENTUALLY, async || {
        match exporter.up().await {
            Some(1.0) => Ok(()),
            up => Err(up),
        }
    })
    .await;
    exporter.is_ready().await;
    grant.revoke().await;
    exporter.stop().await;
}

/// The rights of `job-reader`, given to one more user.
struct Grant<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl<'a> Grant<'a> {
    const PATH: &'static str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";

    async fn to(user: &str, cluster: &'a Cluster) -> Self {
        let name = format!("e2e-{user}-{}", process::id());
        let group = "rbac.authorization.k8s.io";
        let binding = json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "job-reader"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        });
        cluster
            .send("POST", Self::PATH, &binding)
            .await
            .expect("a binding");
        Self { cluster, name }
    }

    async fn revoke(self) {
        let path = format!("{}/{}", Self::PATH, self.name);
        self.cluster
            .send("DELETE", &path, &Value::Null)
            .await
            .expect("the binding");
    }
}
