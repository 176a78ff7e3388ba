//! A TCP proxy in front of the API server. It can stop forwarding without closing a connection, as a network does that drops
//! all packets, or close all connections.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// A running proxy, and a kubeconfig that leads through it. Dropping it closes all connections.
pub(crate) struct Proxy {
    frozen: watch::Sender<bool>,
    cut: watch::Sender<bool>,
    /// Bytes from the server.
    received: Arc<AtomicU64>,
    /// Contains the kubeconfig.
    directory: TempDir,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Starts a proxy to the server of this kubeconfig, which is at a loopback address.
    pub(crate) async fn start(kubeconfig: PathBuf) -> Self {
        let text = fs::read_to_string(kubeconfig).expect("a kubeconfig");
        let (_, server) = text.split_once("https://").expect("a server");
        let end = server.find(|c: char| !matches!(c, '0'..='9' | '.' | ':'));
        let server = &server[..end.unwrap_or(server.len())];
        let server_address = server.parse().expect("an IP address and a port");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let own_address = listener.local_addr().expect("an address");
        let directory = TempDir::new().expect("a directory");
        let text = text.replace(server, &own_address.to_string());
        fs::write(directory.path().join("kubeconfig"), text).expect("a file");
        let (frozen, is_frozen) = watch::channel(false);
        let (cut, is_cut) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let received = Arc::new(AtomicU64::new(0));
        let states = (is_frozen, is_cut);
        tasks.spawn(accept(listener, server_address, states, received.clone()));
        Self {
            frozen,
            cut,
            received,
            directory,
            _tasks: tasks,
        }
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// How many bytes the server has sent.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Forwards nothing until [`thaw`](Self::thaw). All connections stay open, and new ones are accepted.
    pub(crate) fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    /// Closes all connections, and new ones at once, until [`mend`](Self::mend).
    pub(crate) fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Accepts connections again.
    pub(crate) fn mend(&self) {
        self.cut.send_replace(false);
    }

    /// Forwards again, first what arrived meanwhile.
    pub(crate) fn thaw(&self) {
        self.frozen.send_replace(false);
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    (frozen, cut): (watch::Receiver<bool>, watch::Receiver<bool>),
    received: Arc<AtomicU64>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        let (frozen, mut cut) = (frozen.clone(), cut.clone());
        let (sent, received) = (AtomicU64::new(0), received.clone());
        connections.spawn(async move {
            let Ok(server) = TcpStream::connect(server).await else {
                return;
            };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::select! {
                _ = cut.wait_for(|cut| *cut) => {}
                _ = async {
                    tokio::join!(
                        forward(from_client, to_server, frozen.clone(), &sent),
                        forward(from_server, to_client, frozen, &received),
                    )
                } => {}
            }
        });
    }
}

/// Forwards one direction until its end, and then the end. Counts the bytes.
async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut frozen: watch::Receiver<bool>,
    forwarded: &AtomicU64,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // A broken connection ends like a closed one.
        let length = from.read(&mut buffer).await.unwrap_or(0);
        if frozen.wait_for(|frozen| !frozen).await.is_err() {
            return;
        }
        if length == 0 {
            let _ = to.shutdown().await; // fails if the other side is closed
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
        forwarded.fetch_add(length as u64, Ordering::Relaxed);
    }
}
