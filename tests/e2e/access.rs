//! Discovery of the API, and permissions: what a user sees when they are missing, and when they are granted.

use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Kind::Job, kubeconfig_of},
    exporter::Exporter,
    jobs::spec,
    wait::{TIMEOUT, WATCH_LATENCY, eventually_equals},
};

#[tokio::test]
async fn without_configuration_the_exporter_watches_the_cluster_of_kubectl() {
    let cluster = Cluster::from_env().await;
    let exporter = Exporter::with_kubeconfig(cluster.kubeconfig()).await;
    exporter.wait_until_ready().await;
    assert_eq!(exporter.target_up().await, [1.0]);
    let namespace = cluster.namespace("discovery").await;
    namespace
        .create(
            Job,
            "any",
            spec("succeed", &json!({}), json!({"suspend": true})),
        )
        .await;
    let state = r#"batch_job_state{state="suspended",workload="any",workload_type="job"}"#;
    eventually_equals(
        "a job of any namespace is shown",
        WATCH_LATENCY,
        Some(1.0),
        async || {
            let labels = [("namespace", namespace.name.as_str()), ("job_name", "any")];
            let samples = exporter.scrape().await.samples("batch_job_", &labels);
            samples.get(state).copied()
        },
    )
    .await;
    exporter.stop().await;
    namespace.remove().await;
}

#[tokio::test]
async fn missing_permissions_are_logged_and_work_once_granted() {
    let binding = RoleBinding {
        cluster: Cluster::from_env().await,
        user: "nobody",
    };
    // A failed run may have left the binding behind.
    binding.delete().await;
    let kubeconfig = kubeconfig_of("token-none");
    let watching = Exporter::with_kubeconfig(&kubeconfig).await;
    let polling = Exporter::with_config(&format!(
        "targets: [{{kubernetes: {{kubeconfig: '{}'}}, poll: {{interval: 1s}}, jobs: [{{namespace: default, name: any}}]}}]",
        kubeconfig.display()
    ))
    .await;
    assert_missing_permissions(
        &watching,
        &[
            "`list` and `watch` on `cronjobs`",
            "`list` and `watch` on `jobs`",
        ],
    )
    .await;
    assert_missing_permissions(&polling, &["`get` on `jobs/status`"]).await;

    binding.create().await;
    for exporter in [&watching, &polling] {
        // The longest backoff is 30 s.
        eventually_equals("target_up", TIMEOUT, vec![1.0], async || {
            exporter.target_up().await
        })
        .await;
        exporter.wait_until_ready().await;
    }
    binding.delete().await;
    watching.stop().await;
    polling.stop().await;
}

/// Asserts that the exporter warns of each of these missing permissions once and of nothing else, and still serves.
async fn assert_missing_permissions(exporter: &Exporter, permissions: &[&str]) {
    let hint = |permission: &&str| format!("grant {permission} in API group `batch` to this user");
    let hints: Vec<_> = permissions.iter().map(hint).collect();
    eventually_equals("the hints logged", TIMEOUT, hints, async || {
        let warnings = exporter.log_at_level("WARN");
        let hint = |line: &Value| line["hint"].as_str().unwrap_or_default().to_owned();
        let mut hints: Vec<_> = warnings.iter().map(hint).collect();
        hints.sort();
        hints
    })
    .await;
    assert_eq!(exporter.target_up().await, [0.0]);
    assert_eq!(exporter.get("/readyz").await.0, 503);
}

/// A binding that gives a user the permissions of `job-reader`.
struct RoleBinding {
    cluster: Cluster,
    user: &'static str,
}

impl RoleBinding {
    const PATH: &'static str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";

    async fn create(&self) {
        let group = "rbac.authorization.k8s.io";
        let binding = json!({
            "metadata": {"name": self.name()},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "job-reader"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": self.user}],
        });
        let created = self.cluster.send("POST", Self::PATH, &binding).await;
        created.expect("a binding");
    }

    async fn delete(&self) {
        let path = format!("{}/{}", Self::PATH, self.name());
        self.cluster.send("DELETE", &path, &Value::Null).await;
    }

    fn name(&self) -> String {
        format!("e2e-{}", self.user)
    }
}
