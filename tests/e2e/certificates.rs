//! Client certificates that expire: replaced in files before, and in a kubeconfig after.

use std::{env, fs, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use kube::config::Kubeconfig;
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use tempfile::TempDir;

use crate::{
    cluster::Cluster,
    exporter::Exporter,
    wait::{TIMEOUT, eventually, eventually_equals},
};

/// Issues client certificates of the cluster, and writes kubeconfigs.
struct Clients {
    issuer: Issuer<'static, KeyPair>,
    directory: TempDir,
    cluster: String,
}

/// A client certificate and its key in PEM.
struct Client {
    certificate: String,
    key: String,
    expires_at: Timestamp,
}

impl Clients {
    async fn new() -> Self {
        let state = env::var_os("JOB_STATUS_E2E_CLUSTER");
        let state = state.expect("JOB_STATUS_E2E_CLUSTER: run this through scripts/with-cluster");
        let key = PrivateKeyDer::from_pem_file(Path::new(&state).join("pki/ca.key"));
        let key = KeyPair::try_from(&key.expect("the key of the authority")).expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.remove(DnType::CommonName);
        params
            .distinguished_name
            .push(DnType::CommonName, "test-ca");
        let cluster = Cluster::from_env().await;
        let admin = Kubeconfig::read_from(cluster.kubeconfig()).expect("a kubeconfig");
        let cluster = admin.clusters[0].cluster.clone().expect("a cluster");
        Self {
            issuer: Issuer::new(params, key),
            directory: TempDir::new().expect("a directory"),
            cluster: format!(
                "{{server: '{}', certificate-authority-data: {}}}",
                cluster.server.expect("a server"),
                cluster.certificate_authority_data.expect("an authority")
            ),
        }
    }

    /// A certificate of the user that may read Jobs.
    fn issue(&self, lifetime: Duration) -> Client {
        let expires_at = Timestamp::now() + lifetime;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "job-reader");
        let since_1970 = Duration::from_secs(expires_at.as_second().unsigned_abs());
        params.not_after = date_time_ymd(1970, 1, 1) + since_1970;
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Client {
            certificate: pem("CERTIFICATE", certificate.der()),
            key: pem("PRIVATE KEY", key.serialized_der()),
            expires_at,
        }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).expect("a file");
    }

    fn write_files(&self, client: &Client) {
        self.write("tls.crt", &client.certificate);
        self.write("tls.key", &client.key);
    }

    fn write_kubeconfig(&self, user: &str) {
        let cluster = &self.cluster;
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: [{{name: x, cluster: {cluster}}}]\n\
             users: [{{name: x, user: {user}}}]\ncontexts: [{{name: x, context: {{cluster: x, user: x}}}}]\n"
        );
        self.write("config", &text);
    }

    /// Writes a kubeconfig that contains the certificate.
    fn write_inline(&self, client: &Client) {
        let (certificate, key) = (
            STANDARD.encode(&client.certificate),
            STANDARD.encode(&client.key),
        );
        self.write_kubeconfig(&format!(
            "{{client-certificate-data: {certificate}, client-key-data: {key}}}"
        ));
    }

    /// An exporter that polls every second.
    async fn exporter(&self) -> Exporter {
        let path = self.directory.path().join("config");
        let config = format!(
            "targets: [{{kubernetes: {{kubeconfig: '{}'}}, poll: {{interval: 1s}}, jobs: [{{namespace: default, name: any}}]}}]",
            path.display()
        );
        let exporter = Exporter::with_config(&config).await;
        exporter.wait_until_ready().await;
        exporter
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// When the client certificate in use expires, and whether it is renewable.
async fn expiry(exporter: &Exporter) -> Vec<(String, f64)> {
    let metrics = exporter.scrape().await;
    let name = "job_status_exporter_credential_expiry_timestamp_seconds";
    metrics.samples(name, &[]).into_iter().collect()
}

fn expected(client: &Client, renewable: bool) -> Vec<(String, f64)> {
    #[allow(clippy::cast_precision_loss, reason = "seconds are small")]
    let at = client.expires_at.as_second() as f64;
    let series = format!(
        r#"job_status_exporter_credential_expiry_timestamp_seconds{{credential="certificate",renewable="{renewable}"}}"#
    );
    vec![(series, at)]
}

/// The number of requests with status 401.
async fn rejections(exporter: &Exporter) -> f64 {
    let metrics = exporter.scrape().await;
    let name = "job_status_exporter_api_requests_total";
    metrics.samples(name, &[("code", "401")]).values().sum()
}

async fn sleep_until(time: Timestamp) {
    let rest = Duration::try_from(time.duration_since(Timestamp::now())).unwrap_or_default();
    tokio::time::sleep(rest).await;
}

#[tokio::test]
async fn certificate_files_that_are_replaced_in_time_cause_no_failure() {
    let clients = Clients::new().await;
    let first = clients.issue(Duration::from_secs(15));
    clients.write_files(&first);
    clients.write_kubeconfig("{client-certificate: tls.crt, client-key: tls.key}");
    let exporter = clients.exporter().await;
    assert_eq!(expiry(&exporter).await, expected(&first, true));
    let second = clients.issue(Duration::from_hours(1));
    clients.write_files(&second);
    eventually_equals(
        "the second certificate",
        TIMEOUT,
        expected(&second, true),
        async || expiry(&exporter).await,
    )
    .await;
    assert!(
        Timestamp::now() < first.expires_at,
        "it is in use before the first one expires"
    );
    sleep_until(first.expires_at + Duration::from_secs(3)).await;
    assert_eq!(exporter.target_up().await, [1.0]);
    assert!(exporter.log_at_level("WARN").is_empty());
    assert!(rejections(&exporter).await < 1.0);
    exporter.stop().await;
}

#[tokio::test]
async fn a_certificate_in_a_kubeconfig_is_read_again_once_the_api_refuses_it() {
    let clients = Clients::new().await;
    let first = clients.issue(Duration::from_secs(5));
    clients.write_inline(&first);
    let exporter = clients.exporter().await;
    assert_eq!(expiry(&exporter).await, expected(&first, false));
    eventually_equals(
        "target_up after the expiry",
        TIMEOUT,
        vec![0.0],
        async || exporter.target_up().await,
    )
    .await;
    let second = clients.issue(Duration::from_hours(1));
    clients.write_inline(&second);
    eventually(
        "target_up with the second certificate",
        TIMEOUT,
        async || match exporter.target_up().await.as_slice() {
            [1.0] => Ok(()),
            other => Err(other.to_vec()),
        },
    )
    .await;
    assert_eq!(expiry(&exporter).await, expected(&second, false));
    exporter.stop().await;
}
