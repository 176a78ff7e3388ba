//! The simulated cloud of `demo --cci`: IAM and CCI on loopback, and a configuration with one target for each kind of credential.
//!
//! The configuration and its secrets are files, as a user has them, in a temporary directory that is removed at the end.

use std::{
    fs::{self, DirBuilder},
    io,
    net::Ipv4Addr,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
};

use tokio::net::TcpListener;

use batch_simulator::{
    gateway::{AccessKey, Gateway, GatewayOptions, Service, User},
    scenario::{self, POLLED_JOBS, ScenarioSettings},
};

/// A simulated cloud. Its ports are bound, and `run` starts it.
pub(super) struct SimulatedCloud {
    gateway: Gateway,
    iam: TcpListener,
    cci: TcpListener,
}

/// The files of the demo. Dropping this removes them.
pub(super) struct DemoFiles {
    directory: PathBuf,
}

impl SimulatedCloud {
    pub(super) async fn bind() -> io::Result<(Self, DemoFiles)> {
        let cloud = Self {
            gateway: Gateway::new(GatewayOptions::default())?,
            iam: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
            cci: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
        };
        let files = cloud.write_files()?;
        Ok((cloud, files))
    }

    fn write_files(&self) -> io::Result<DemoFiles> {
        let files = DemoFiles::create()?;
        let random = || -> String {
            std::iter::repeat_with(fastrand::alphanumeric)
                .take(32)
                .collect()
        };
        let (password, secret) = (random(), random());
        files.write("ca.pem", self.gateway.ca_pem())?;
        files.write("password", &password)?;
        files.write("secret-key", &secret)?;
        files.write("exporter.yaml", &self.configuration()?)?;
        self.gateway.add_user(User {
            domain: "demo".to_owned(),
            name: "exporter".to_owned(),
            password,
            agent_operator: false,
        });
        self.gateway.add_access_key(AccessKey {
            access: "DEMOACCESSKEY0000000".to_owned(),
            secret,
            security_token: None,
        });
        Ok(files)
    }

    fn configuration(&self) -> io::Result<String> {
        let (iam, cci) = (self.iam.local_addr()?, self.cci.local_addr()?);
        let project = GatewayOptions::default().project;
        let jobs =
            POLLED_JOBS.map(|job| format!("{{namespace: {}, name: {}}}", job.namespace, job.name));
        let jobs = jobs.join(", ");
        Ok(format!(
            "targets:
  - name: token
    cci:
      endpoint: https://{cci}
      ca_file: ca.pem
      auth: {{token: {{iam_endpoint: \"https://{iam}\", domain: demo, username: exporter, password_file: password, project: {name}}}}}
    poll: {{interval: 2s, timeout: 2s}}
    jobs: [{jobs}]
  - name: signed
    cci:
      endpoint: https://{cci}
      ca_file: ca.pem
      auth: {{aksk: {{access_key: DEMOACCESSKEY0000000, secret_key_file: secret-key, project_id: \"{id}\"}}}}
    poll: {{interval: 2s, timeout: 2s}}
    jobs: [{jobs}]
",
            name = project.name,
            id = project.id,
        ))
    }

    /// Runs until the scenario fails.
    pub(super) async fn run(self) {
        let forever = std::future::pending::<()>;
        let scenario = scenario::run(self.gateway.api().clone(), ScenarioSettings::default());
        let iam = self.gateway.clone();
        tokio::select! {
            () = iam.serve(Service::Iam, self.iam, forever()) => {}
            () = self.gateway.serve(Service::Cci, self.cci, forever()) => {}
            Err(error) = scenario => tracing::error!(%error, "simulated cluster failed"),
        }
    }
}

impl DemoFiles {
    /// Creates a temporary directory that only this user can access.
    fn create() -> io::Result<Self> {
        let name = format!("job-status-exporter-demo-{:016x}", fastrand::u64(..));
        let directory = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&directory)?;
        Ok(Self { directory })
    }

    fn write(&self, name: &str, content: &str) -> io::Result<()> {
        fs::write(self.directory.join(name), content)
    }

    /// The path of the configuration file.
    pub(super) fn configuration(&self) -> PathBuf {
        self.directory.join("exporter.yaml")
    }
}

impl Drop for DemoFiles {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            tracing::warn!(%error, directory = %self.directory.display(), "remove demo files");
        }
    }
}
