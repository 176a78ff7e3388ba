//! Finding the API, and the rights it gives: what a user sees when they are missing, and when they are granted.

use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Kind::Job, kubeconfig_of},
    exporter::Exporter,
    jobs::spec,
    patience::{EVENTUALLY, SOON, becomes},
};

#[tokio::test]
async fn without_configuration_the_cluster_of_kubectl_is_watched() {
    let cluster = Cluster::given().await;
    let exporter = Exporter::discovering(cluster.kubeconfig()).await;
    exporter.is_ready().await;
    assert_eq!(exporter.up().await, [1.0]);
    let namespace = cluster.namespace("discovery").await;
    namespace
        .create(
            Job,
            "any",
            spec("succeed", &json!({}), json!({"suspend": true})),
        )
        .await;
    let state = r#"batch_job_state{state="suspended",workload="any",workload_type="job"}"#;
    becomes(
        "a job of any namespace is shown",
        SOON,
        Some(1.0),
        async || {
            let labels = [("namespace", namespace.name.as_str()), ("job_name", "any")];
            let facts = exporter.scrape().await.facts("batch_job_", &labels);
            facts.get(state).copied()
        },
    )
    .await;
    exporter.stop().await;
    namespace.remove().await;
}

#[tokio::test]
async fn missing_rights_are_named_and_take_effect_once_granted() {
    let grant = Grant {
        cluster: Cluster::given().await,
        user: "nobody",
    };
    // A run that failed may have left it.
    grant.revoke().await;
    let kubeconfig = kubeconfig_of("token-none");
    let watching = Exporter::discovering(&kubeconfig).await;
    let polling = Exporter::configured(&format!(
        "targets: [{{kubernetes: {{kubeconfig: '{}'}}, poll: {{interval: 1s}}, jobs: [{{namespace: default, name: any}}]}}]",
        kubeconfig.display()
    ))
    .await;
    misses(
        &watching,
        &[
            "`list` and `watch` on `cronjobs`",
            "`list` and `watch` on `jobs`",
        ],
    )
    .await;
    misses(&polling, &["`get` on `jobs/status`"]).await;

    grant.give().await;
    for exporter in [&watching, &polling] {
        // The longest pause between two attempts is 30 s.
        becomes("target_up", EVENTUALLY, vec![1.0], async || {
            exporter.up().await
        })
        .await;
        exporter.is_ready().await;
    }
    grant.revoke().await;
    watching.stop().await;
    polling.stop().await;
}

/// Holds that the exporter warns of these missing rights, once each and of nothing else, and goes on serving.
async fn misses(exporter: &Exporter, rights: &[&str]) {
    let hint = |right: &&str| format!("grant {right} in API group `batch` to this user");
    let hints: Vec<_> = rights.iter().map(hint).collect();
    becomes("the hints logged", EVENTUALLY, hints, async || {
        let warnings = exporter.log_of("WARN");
        let hint = |line: &Value| line["hint"].as_str().unwrap_or_default().to_owned();
        let mut hints: Vec<_> = warnings.iter().map(hint).collect();
        hints.sort();
        hints
    })
    .await;
    assert_eq!(exporter.up().await, [0.0]);
    assert_eq!(exporter.get("/readyz").await.0, 503);
}

/// The rights of `job-reader`, for one more user.
struct Grant {
    cluster: Cluster,
    user: &'static str,
}

impl Grant {
    const PATH: &'static str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";

    async fn give(&self) {
        let group = "rbac.authorization.k8s.io";
        let binding = json!({
            "metadata": {"name": self.name()},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "job-reader"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": self.user}],
        });
        let given = self.cluster.send("POST", Self::PATH, &binding).await;
        given.expect("a binding");
    }

    async fn revoke(&self) {
        let path = format!("{}/{}", Self::PATH, self.name());
        self.cluster.send("DELETE", &path, &Value::Null).await;
    }

    fn name(&self) -> String {
        format!("e2e-{}", self.user)
    }
}
