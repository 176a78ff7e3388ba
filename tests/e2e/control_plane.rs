//! A control plane that one test owns and may kill and restart: etcd, an API server, and optionally the controllers.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;

use crate::{cluster::Cluster, exporter::signal};

/// Dropping it stops the processes and deletes the data.
pub(crate) struct ControlPlane {
    directory: TempDir,
    port: u16,
    controllers: bool,
    /// More flags for the API server.
    flags: &'static str,
}

impl ControlPlane {
    /// Starts a control plane without controllers. Jobs do not change.
    pub(crate) async fn start() -> Self {
        Self::new(false, "").await
    }

    /// Starts a control plane without controllers, whose API server has more `flags`.
    pub(crate) async fn with_flags(flags: &'static str) -> Self {
        Self::new(false, flags).await
    }

    /// Starts a control plane whose controllers run Jobs.
    pub(crate) async fn with_controllers() -> Self {
        Self::new(true, "").await
    }

    async fn new(controllers: bool, flags: &'static str) -> Self {
        let plane = Self {
            directory: TempDir::new().expect("a directory"),
            port: free_ports(),
            controllers,
            flags,
        };
        plane.up().await;
        plane
    }

    /// Starts the processes that do not run, at the same address as before.
    pub(crate) async fn up(&self) {
        let mut up = script("up");
        up.env("APISERVER_FLAGS", self.flags);
        up.arg(self.directory.path());
        up.args(["--port", &self.port.to_string()]);
        if !self.controllers {
            up.arg("--bare");
        }
        // The processes write to their own files, so they do not keep our pipe open.
        let run = tokio::task::spawn_blocking(move || up.output().expect("the script `up`"));
        let output = run.await.expect("no panic");
        assert!(
            output.status.success(),
            "up: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Stops all processes. The data stay.
    pub(crate) fn down(&self) {
        let status = script("down").arg(self.directory.path()).status();
        assert!(status.expect("the script `down`").success(), "down");
    }

    /// Deletes the data of etcd. Call it while the control plane is down.
    pub(crate) fn delete_data(&self) {
        fs::remove_dir_all(self.directory.path().join("etcd")).expect("the data");
    }

    /// Kills the API server with SIGKILL, without a graceful shutdown.
    pub(crate) fn kill_api_server(&self) {
        self.kill("apiserver");
    }

    /// Kills the controllers. No run starts or ends until the next call of [`up`](Self::up).
    pub(crate) fn kill_controllers(&self) {
        self.kill("controller-manager");
    }

    fn kill(&self, process: &str) {
        let pid = fs::read_to_string(self.directory.path().join("pid").join(process));
        let pid = pid.expect("a process").trim().parse();
        signal(pid.expect("a process"), "KILL");
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// The kubeconfig of a user with fewer permissions.
    pub(crate) fn kubeconfig_of(&self, user: &str) -> PathBuf {
        self.directory.path().join(format!("{user}.kubeconfig"))
    }

    pub(crate) async fn cluster(&self) -> Cluster {
        Cluster::connect(&self.kubeconfig()).await
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // `drop` cannot report a failure.
        let _ = script("down").arg(self.directory.path()).status();
    }
}

fn script(name: &str) -> Command {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cluster");
    let directory = env::var_os("JOB_STATUS_CLUSTER").map_or(beside, PathBuf::from);
    Command::new(directory.join(name))
}

/// The first of four consecutive free ports, below the kernel's range for outgoing connections. Each call starts at another
/// port, so that parallel tests do not collide.
fn free_ports() -> u16 {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let port = (0..100).find_map(|_| {
        let number = process::id().wrapping_add(CALLS.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + u16::try_from(number % 1000).expect("small") * 10;
        (port..port + 4).all(free).then_some(port)
    });
    port.expect("four free ports in a row")
}
