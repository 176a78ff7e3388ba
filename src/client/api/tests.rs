//! Client certificates that are replaced while a server that requires them is read.

use std::{fs, path::Path};

use parking_lot::Mutex;

use super::*;
use crate::{
    client::testing::{Authority, Identity, TlsServer, params, pem, server_config},
    model::{ClientEvent, Credential, CredentialExpiries, EventCounter, Renewable},
};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Remembers when credentials expire.
#[derive(Default)]
struct Recorder(Mutex<CredentialExpiries>);

impl EventCounter for Recorder {
    fn count(&self, event: ClientEvent) {
        if let ClientEvent::CredentialExpiry(expiries) = event {
            *self.0.lock() = expiries;
        }
    }
}

/// A server that accepts clients of one authority, and the directory with the kubeconfig.
struct Bench {
    directory: tempfile::TempDir,
    server: TlsServer,
    identity: Identity,
    clients: Authority,
}

impl Bench {
    async fn new() -> Self {
        let (authority, clients) = (Authority::new(), Authority::new());
        let mut params = params();
        params.subject_alt_names = vec![rcgen::SanType::IpAddress([127, 0, 0, 1].into())];
        let identity = authority.issue(&params);
        let config = server_config(&identity, Some(&clients));
        let directory = tempfile::tempdir().unwrap();
        let ca = pem("CERTIFICATE", &authority.certificate);
        fs::write(directory.path().join("ca.crt"), ca).unwrap();
        Self {
            directory,
            server: TlsServer::start(config, "{}").await,
            identity,
            clients,
        }
    }

    /// From now on the server accepts clients of another authority only.
    fn replace_authority(&mut self) {
        self.clients = Authority::new();
        *self.server.config.lock() = server_config(&self.identity, Some(&self.clients));
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a client certificate of the current authority and its key into files.
    fn write_certificate(&self) -> Identity {
        let client = self.clients.issue(&params());
        fs::write(self.path("tls.crt"), client.certificate_pem()).unwrap();
        fs::write(self.path("tls.key"), client.key_pem()).unwrap();
        client
    }

    /// Writes a kubeconfig with these credentials.
    fn write_kubeconfig(&self, user: &str) {
        let server = self.server.address;
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\n\
             clusters: [{{name: x, cluster: {{server: 'https://{server}', certificate-authority: ca.crt}}}}]\n\
             users: [{{name: x, user: {user}}}]\n\
             contexts: [{{name: x, context: {{cluster: x, user: x}}}}]\n"
        );
        fs::write(self.path("config"), text).unwrap();
    }

    /// Writes a kubeconfig that contains a client certificate of the current authority.
    fn write_inline(&self) {
        let client = self.clients.issue(&params());
        self.write_kubeconfig(&inline(&client));
    }

    fn api(&self) -> (Api, Arc<Recorder>) {
        let endpoint = Endpoint::Kubernetes {
            kubeconfig: Some(self.path("config")),
            context: None,
        };
        let recorder = Arc::new(Recorder::default());
        (Api::new(endpoint, recorder.clone(), None), recorder)
    }
}

fn inline(client: &Identity) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let (certificate, key) = (client.certificate_pem(), client.key_pem());
    format!(
        "{{client-certificate-data: {}, client-key-data: {}}}",
        STANDARD.encode(certificate),
        STANDARD.encode(key)
    )
}

async fn read(api: &Api) -> Result<Bytes, Error> {
    api.job_status("n", "a", TIMEOUT).await
}

const IN_FILES: &str = "{client-certificate: tls.crt, client-key: tls.key}";

#[tokio::test]
async fn certificate_files_that_are_replaced_are_read_before_the_next_request() {
    let mut bench = Bench::new().await;
    bench.write_certificate();
    bench.write_kubeconfig(IN_FILES);
    let (api, recorder) = bench.api();
    read(&api).await.unwrap();
    bench.replace_authority();
    bench.write_certificate();
    // The server sees no connection with the old certificate.
    read(&api).await.unwrap();
    let expiries = *recorder.0.lock();
    let kinds: Vec<_> = expiries
        .iter()
        .map(|(credential, expiry)| (credential, expiry.renewable))
        .collect();
    assert_eq!(kinds, [(Credential::Certificate, Renewable::Yes)]);
}

#[tokio::test]
async fn a_certificate_that_the_server_refuses_in_the_handshake_is_read_again() {
    let mut bench = Bench::new().await;
    bench.write_inline();
    let (api, _) = bench.api();
    read(&api).await.unwrap();
    // Nothing tells that the kubeconfig has changed, except for the alert.
    bench.replace_authority();
    bench.write_inline();
    read(&api).await.unwrap();
}

#[tokio::test]
async fn a_refused_certificate_is_an_error_with_a_hint() {
    let mut bench = Bench::new().await;
    bench.write_inline();
    bench.replace_authority();
    let (api, _) = bench.api();
    let error = read(&api).await.unwrap_err();
    assert!(
        matches!(error.failure, super::super::Failure::TlsAlert(_)),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("received fatal alert"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("`client-certificate`"));
}

#[tokio::test]
async fn while_a_certificate_and_its_key_do_not_fit_the_older_ones_stay_in_use() {
    let bench = Bench::new().await;
    bench.write_certificate();
    bench.write_kubeconfig(IN_FILES);
    let (api, _) = bench.api();
    read(&api).await.unwrap();
    let next = bench.clients.issue(&params());
    write(&bench.path("tls.crt"), &next.certificate_pem());
    read(&api).await.unwrap();
    read(&api).await.unwrap();
    write(&bench.path("tls.key"), &next.key_pem());
    let (before, _) = api.connections.get(None).await.unwrap();
    assert!(!before.is_current());
    // A connection that could not be built is retried after two seconds.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3)).await;
    tokio::time::resume();
    let (after, _) = api.connections.get(None).await.unwrap();
    assert!(after.is_current());
    read(&api).await.unwrap();
}

#[tokio::test]
async fn a_kubeconfig_that_leads_to_another_cluster_is_not_followed() {
    let mut bench = Bench::new().await;
    bench.write_inline();
    let (api, _) = bench.api();
    read(&api).await.unwrap();
    let config = server_config(&bench.identity, Some(&bench.clients));
    let other = TlsServer::start(config, "{}").await;
    let first = std::mem::replace(&mut bench.server, other);
    bench.write_inline();
    // The first server refuses the credentials, so that the kubeconfig is read again.
    *first.config.lock() = server_config(&bench.identity, Some(&Authority::new()));
    let error = read(&api).await.unwrap_err().to_string();
    let expected = format!(
        "the kubeconfig leads to https://{}/ by now",
        bench.server.address
    );
    assert!(error.contains(&expected), "{error}");
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}
