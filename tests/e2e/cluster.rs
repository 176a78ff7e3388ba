//! A client of the cluster with administrator permissions. Objects are plain JSON.

use std::{
    env,
    path::{Path, PathBuf},
    process,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

/// A client of a control plane.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    kubeconfig: PathBuf,
}

/// The kind of an object.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Job,
    CronJob,
}

/// A namespace of one test.
#[derive(Clone)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) cluster: Cluster,
}

impl Cluster {
    /// Connects to the cluster of `$KUBECONFIG`.
    pub(crate) async fn from_env() -> Self {
        let kubeconfig = env::var_os("KUBECONFIG");
        let kubeconfig = kubeconfig.expect("KUBECONFIG: run this through scripts/with-cluster");
        Self::connect(Path::new(&kubeconfig)).await
    }

    /// Connects to the cluster of this kubeconfig.
    pub(crate) async fn connect(kubeconfig: &Path) -> Self {
        let file = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
        Self {
            client: Client::try_from(config.expect("a kubeconfig")).expect("a client"),
            kubeconfig: kubeconfig.to_owned(),
        }
    }

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Creates a namespace with a unique name.
    pub(crate) async fn namespace(&self, test: &str) -> Namespace {
        let now = jiff::Timestamp::now().as_millisecond();
        let name = format!("e2e-{test}-{}-{now}", process::id());
        let object = json!({"metadata": {"name": name}});
        self.send("POST", "/api/v1/namespaces", &object)
            .await
            .expect("a namespace");
        Namespace {
            name,
            cluster: self.clone(),
        }
    }

    /// Sends a request. A 404 is `None`.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> Option<Value> {
        let request = http::Request::builder().method(method).uri(path);
        let request = match method {
            "PATCH" => request.header("content-type", "application/merge-patch+json"),
            _ => request.header("content-type", "application/json"),
        };
        let body = match body {
            Value::Null => Vec::new(),
            body => body.to_string().into_bytes(),
        };
        match self
            .client
            .request(request.body(body).expect("a request"))
            .await
        {
            Ok(response) => Some(response),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }
}

impl Namespace {
    pub(crate) async fn create(&self, kind: Kind, name: &str, spec: Value) -> Value {
        self.create_with_metadata(kind, name, json!({}), spec).await
    }

    /// Creates an object with `more` added to its metadata.
    pub(crate) async fn create_with_metadata(
        &self,
        kind: Kind,
        name: &str,
        more: Value,
        spec: Value,
    ) -> Value {
        let mut metadata = json!({"name": name, "labels": {"e2e": name}});
        if let (Some(metadata), Value::Object(more)) = (metadata.as_object_mut(), more) {
            metadata.extend(more);
        }
        let object = json!({"metadata": metadata, "spec": spec});
        let path = self.path(kind, "");
        self.cluster
            .send("POST", &path, &object)
            .await
            .expect("the namespace")
    }

    pub(crate) async fn get(&self, kind: Kind, name: &str) -> Option<Value> {
        self.cluster
            .send("GET", &self.path(kind, name), &Value::Null)
            .await
    }

    /// All objects of one kind.
    pub(crate) async fn list(&self, kind: Kind) -> Vec<Value> {
        let mut list = self.get(kind, "").await.expect("the namespace");
        serde_json::from_value(list["items"].take()).expect("items")
    }

    /// Applies a merge patch to an object. The name `NAME/status` patches its status.
    pub(crate) async fn patch(&self, kind: Kind, name: &str, change: Value) {
        let path = self.path(kind, name);
        self.cluster
            .send("PATCH", &path, &change)
            .await
            .expect("the object");
    }

    /// Deletes an object. Its dependents are deleted in the background.
    pub(crate) async fn delete(&self, kind: Kind, name: &str) {
        let options = json!({"propagationPolicy": "Background"});
        let path = self.path(kind, name);
        self.cluster
            .send("DELETE", &path, &options)
            .await
            .expect("the object");
    }

    /// Lets hanging pods of a Job succeed.
    pub(crate) async fn finish_pods(&self, job: &str) {
        let change = json!({"metadata": {"labels": {"sim/outcome": "succeed"}}});
        self.patch_pods(job, "", &change).await;
    }

    /// Lets the containers in hanging pods of a Job crash. They are not restarted.
    pub(crate) async fn crash_pods(&self, job: &str) {
        let ready = json!({"type": "Ready", "status": "False", "reason": "ContainersNotReady"});
        self.patch_pod_status(job, &json!({"conditions": [ready]}))
            .await;
    }

    /// Changes the status of the pods of a Job, as a kubelet would.
    pub(crate) async fn patch_pod_status(&self, job: &str, status: &Value) {
        self.patch_pods(job, "/status", &json!({"status": status}))
            .await;
    }

    /// Applies a merge patch to the pods of a Job, or to a subresource of them.
    async fn patch_pods(&self, job: &str, subresource: &str, change: &Value) {
        let pods = format!("/api/v1/namespaces/{}/pods", self.name);
        let list = format!("{pods}?labelSelector=batch.kubernetes.io%2Fjob-name%3D{job}");
        let list = self
            .cluster
            .send("GET", &list, &Value::Null)
            .await
            .expect("pods");
        for pod in list["items"].as_array().expect("items") {
            let pod = format!(
                "{pods}/{}{subresource}",
                pod["metadata"]["name"].as_str().expect("a name")
            );
            self.cluster.send("PATCH", &pod, change).await;
        }
    }

    /// Deletes the namespace. Its objects are deleted in the background.
    pub(crate) async fn remove(self) {
        let path = format!("/api/v1/namespaces/{}", self.name);
        self.cluster
            .send("DELETE", &path, &Value::Null)
            .await
            .expect("the namespace");
    }

    fn path(&self, kind: Kind, name: &str) -> String {
        let resource = match kind {
            Kind::Job => "jobs",
            Kind::CronJob => "cronjobs",
        };
        let path = format!("/apis/batch/v1/namespaces/{}/{resource}", self.name);
        if name.is_empty() {
            path
        } else {
            format!("{path}/{name}")
        }
    }
}

/// The kubeconfig of a user with fewer permissions.
pub(crate) fn kubeconfig_of(user: &str) -> PathBuf {
    let directory = env::var_os("JOB_STATUS_E2E_CLUSTER");
    let directory =
        directory.expect("JOB_STATUS_E2E_CLUSTER: run this through scripts/with-cluster");
    Path::new(&directory).join(format!("{user}.kubeconfig"))
}
