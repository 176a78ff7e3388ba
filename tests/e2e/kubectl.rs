//! The exporter reads the cluster that kubectl would take: both get the same files and variables, and either both reach the API
//! or neither does.
//!
//! `kubectl` comes from `PATH` or `target/tools`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::config::Kubeconfig;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use crate::{
    cluster::{Cluster, kubeconfig_of},
    exporter::Exporter,
    wait::{TIMEOUT, eventually},
};

mod cases;
mod servers;

/// A request that needs the permissions of the exporter, and no more.
const REQUEST: &str = "/apis/batch/v1/cronjobs?limit=1";

/// Environment variables. `$DIR` in a value is the directory of the files.
type Variables = &'static [(&'static str, &'static str)];

/// The parts of the administrator's kubeconfig, and a directory that has them as files.
struct Files {
    directory: TempDir,
    server: String,
    port: u16,
    /// The keys of a cluster and a user as data.
    cluster: String,
    user: String,
    /// A token with the permission to read Jobs.
    token: String,
}

impl Files {
    async fn new() -> Self {
        let cluster = Cluster::from_env().await;
        let admin = Kubeconfig::read_from(cluster.kubeconfig()).expect("a kubeconfig");
        let cluster = admin.clusters[0].cluster.clone().expect("a cluster");
        let user = admin.auth_infos[0].auth_info.clone().expect("a user");
        let reader = Kubeconfig::read_from(kubeconfig_of("token-reader")).expect("a kubeconfig");
        let reader = reader.auth_infos[0].auth_info.clone().expect("a user");
        let server = cluster.server.expect("a server");
        let ca = cluster.certificate_authority_data.expect("an authority");
        let certificate = user.client_certificate_data.expect("a certificate");
        let key = user.client_key_data.expect("a key");
        let key = key.expose_secret();
        let files = Self {
            directory: TempDir::new().expect("a directory"),
            port: server
                .rsplit_once(':')
                .expect("a port")
                .1
                .parse()
                .expect("a port"),
            server,
            cluster: format!("certificate-authority-data: {ca}"),
            user: format!("client-certificate-data: {certificate}, client-key-data: {key}"),
            token: reader.token.expect("a token").expose_secret().to_owned(),
        };
        for (name, data) in [
            ("ca.crt", ca.as_str()),
            ("tls.crt", &certificate),
            ("tls.key", key),
        ] {
            let content = STANDARD.decode(data).expect("base64");
            let content = String::from_utf8(content).expect("PEM");
            files.write(&format!("pki/{name}"), &content);
        }
        files.write("token", &format!("{}\n", files.token));
        files.write("empty", "");
        files.write("broken", "clusters: [");
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    /// Writes a kubeconfig whose context `x` has these keys of the cluster and the user.
    fn write_kubeconfig(&self, name: &str, current: &str, cluster: &str, user: &str) {
        self.write(
            name,
            &format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: '{current}'\n\
                 clusters: [{{name: x, cluster: {{{cluster}}}}}]\n\
                 users: [{{name: x, user: {{{user}}}}}]\n\
                 contexts: [{{name: x, context: {{cluster: x, user: x}}}}]\n"
            ),
        );
    }

    /// Writes `config` with more keys of the cluster, and a user.
    fn write_config(&self, cluster: &str, user: &str) {
        let server = format!("server: '{}', ", self.server);
        self.write_kubeconfig("config", "x", &(server + cluster), user);
    }

    /// Asserts that kubectl and the exporter agree, and whether they reach the API.
    async fn assert_reached(&self, case: &str, variables: Variables, expected: bool) {
        let directory = self.directory.path();
        let value = |value: &str| {
            let value = value.replace("$DIR", &directory.display().to_string());
            value.replace("$PORT", &self.port.to_string())
        };
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, text)| ((*name).to_owned(), value(text)))
            .collect();
        let kubectl = kubectl(&variables, directory, &["get", "--raw", REQUEST]);
        assert_eq!(kubectl.is_ok(), expected, "kubectl, {case}: {kubectl:?}");
        let exporter = exporter(&variables, directory).await;
        assert_eq!(
            exporter.is_ok(),
            expected,
            "the exporter, {case}: {exporter:?}"
        );
        if let Ok(address) = exporter {
            let server = "jsonpath={.clusters[0].cluster.server}";
            let server = kubectl_config(&variables, directory, server);
            // Both ignore a query.
            let server = server.split('?').next().expect("an address");
            let same = address.trim_end_matches('/') == server.trim_end_matches('/');
            assert!(same, "{case}: {address} and {server}");
        }
    }
}

/// Runs kubectl with these variables only. Returns its output, or its errors.
fn kubectl(
    variables: &[(String, String)],
    directory: &Path,
    arguments: &[&str],
) -> Result<String, String> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/usr/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(env::split_paths(&path).chain([tools])).expect("a path");
    let output = Command::new("kubectl")
        .arg("--request-timeout=10s")
        .args(arguments)
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .env("PATH", path)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .expect("kubectl: scripts/install-tools");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

fn kubectl_config(variables: &[(String, String)], directory: &Path, format: &str) -> String {
    let arguments = ["config", "view", "--minify", "--raw", "-o", format];
    kubectl(variables, directory, &arguments).expect("a kubeconfig")
}

/// Runs the exporter with these variables only. Returns the address of the API once it was read, or the first error.
async fn exporter(variables: &[(String, String)], directory: &Path) -> Result<String, String> {
    let mut exporter = Exporter::spawn_in(directory, variables);
    let outcome = eventually("an outcome", TIMEOUT, async || {
        if exporter.has_exited() {
            return Ok(Err(exporter.log_text()));
        }
        let log = exporter.log();
        let with = |message: &str| log.iter().find(|line| line["message"] == message);
        if let Some(line) = with("target is down") {
            return Ok(Err(line["error"].to_string()));
        }
        match (with("listening"), with("target found")) {
            (Some(listening), Some(found)) => {
                exporter.set_address(listening);
                let (status, _) = exporter.get("/readyz").await;
                let address = found["address"].as_str().expect("an address").to_owned();
                if status == 200 {
                    Ok(Ok(address))
                } else {
                    Err(log)
                }
            }
            _ => Err(log),
        }
    });
    outcome.await
}
