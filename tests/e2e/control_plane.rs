//! A control plane that a test has for itself, to kill and to bring back: an API server on etcd, and
//! controllers where it is to have them.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;

use crate::{cluster::Cluster, exporter::signal};

/// It is stopped, and its data are gone, when dropped.
pub(crate) struct ControlPlane {
    directory: TempDir,
    port: u16,
    controllers: bool,
}

impl ControlPlane {
    /// One without controllers: Jobs stay as they are.
    pub(crate) async fn start() -> Self {
        Self::new(false).await
    }

    /// One whose Jobs are run.
    pub(crate) async fn with_controllers() -> Self {
        Self::new(true).await
    }

    async fn new(controllers: bool) -> Self {
        let plane = Self {
            directory: TempDir::new().expect("a directory"),
            port: free_ports(),
            controllers,
        };
        plane.up().await;
        plane
    }

    /// Starts what does not run, at the same address as before.
    pub(crate) async fn up(&self) {
        let mut up = script("up");
        up.arg(self.directory.path());
        up.args(["--port", &self.port.to_string()]);
        if !self.controllers {
            up.arg("--bare");
        }
        // Its output goes to files of their own: nothing of it holds on to ours.
        let run = tokio::task::spawn_blocking(move || up.output().expect("the script `up`"));
        let output = run.await.expect("no panic");
        assert!(
            output.status.success(),
            "up: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Stops everything. The data stay.
    pub(crate) fn down(&self) {
        let status = script("down").arg(self.directory.path()).status();
        assert!(status.expect("the script `down`").success(), "down");
    }

    /// Forgets everything that was ever stored. To be called while it is down.
    pub(crate) fn forget(&self) {
        fs::remove_dir_all(self.directory.path().join("etcd")).expect("the data");
    }

    /// Kills the API server, which gets to say goodbye to nobody.
    pub(crate) fn kill_api_server(&self) {
        self.kill("apiserver");
    }

    /// Kills the controllers: no run is started, and none comes to its end, until it is `up` again.
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

    pub(crate) async fn cluster(&self) -> Cluster {
        Cluster::of(&self.kubeconfig()).await
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // Nothing to be done about a failure here.
        let _ = script("down").arg(self.directory.path()).status();
    }
}

fn script(name: &str) -> Command {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cluster");
    let directory = env::var_os("JOB_STATUS_CLUSTER").map_or(beside, PathBuf::from);
    Command::new(directory.join(name))
}

/// The first of four ports in a row that are free, below those that the kernel gives to outgoing connections. Not the same
/// twice, so that tests that run at the same time do not meet.
fn free_ports() -> u16 {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let port = (0..100).find_map(|_| {
        let number = process::id().wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + u16::try_from(number % 1000).expect("small") * 10;
        (port..port + 4).all(free).then_some(port)
    });
    port.expect("four free ports in a row")
}
