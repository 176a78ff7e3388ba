//! A TCP proxy in front of a server that fails as a network does.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
    time::sleep,
};

/// What a proxy does with connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Forward,
    /// Closes all connections, and new ones at once.
    Cut,
    /// Forwards nothing. Connections stay open, and new ones are accepted.
    Freeze,
    /// Forwards each piece after this time.
    Delay(Duration),
    /// Closes a connection at one of this number of pieces, before it is forwarded.
    Unreliable(u32),
    /// Closes a connection when the client commits: before the server knows, or before the client gets the answer. Connections
    /// must be without TLS.
    CutCommits {
        server_knows: bool,
    },
    /// Forwards nothing more of a connection when the client commits, and leaves it open. Connections must be without TLS.
    HangCommits,
}

/// A running proxy. Dropping it closes all connections.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    mode: watch::Sender<Mode>,
    counts: Arc<Counts>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    /// Connections that were closed at random, or were closed or hung at a commit.
    cuts: AtomicU64,
    /// Connections with a lower number forward nothing more.
    hung: AtomicU64,
}

/// One connection, in both directions.
struct Link {
    number: u64,
    mode: watch::Receiver<Mode>,
    counts: Arc<Counts>,
}

impl Proxy {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        Self::start_at("127.0.0.1:0", server).await
    }

    pub(crate) async fn start_at(address: &str, server: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, receiver) = watch::channel(Mode::Forward);
        let counts = Arc::<Counts>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, server, receiver, counts.clone()));
        Self {
            address,
            mode,
            counts,
            _tasks: tasks,
        }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// The connections that are open now forward nothing more, and stay open. New ones work.
    pub(crate) fn hang_connections(&self) {
        let connections = self.connections();
        self.counts.hung.store(connections, Ordering::Relaxed);
    }

    /// How many connections were accepted.
    pub(crate) fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How many connections were closed at random, or were closed or hung when they committed.
    pub(crate) fn cuts(&self) -> u64 {
        self.counts.cuts.load(Ordering::Relaxed)
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    mode: watch::Receiver<Mode>,
    counts: Arc<Counts>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let link = Link {
            number: counts.connections.fetch_add(1, Ordering::Relaxed),
            mode: mode.clone(),
            counts: counts.clone(),
        };
        connections.spawn(async move {
            let mut cut = link.mode.clone();
            tokio::select! {
                _ = cut.wait_for(|mode| *mode == Mode::Cut) => {}
                () = link.serve(client, server) => {}
            }
        });
    }
}

impl Link {
    /// Returns, and so closes both connections, when one direction has ended.
    async fn serve(&self, client: TcpStream, server: SocketAddr) {
        let Ok(server) = TcpStream::connect(server).await else {
            return;
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = self.forward(from_client, to_server, true) => {}
            () = self.forward(from_server, to_client, false) => {}
        }
    }

    async fn forward(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, from_client: bool) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            // A broken connection ends like a closed one.
            let length = from.read(&mut buffer).await.unwrap_or(0);
            if length == 0 {
                return;
            }
            let bytes = &buffer[..length];
            if !self.admits(bytes, from_client).await || to.write_all(bytes).await.is_err() {
                return;
            }
        }
    }

    /// Waits as the mode says. Returns whether the connection stays open.
    async fn admits(&self, bytes: &[u8], from_client: bool) -> bool {
        let mut receiver = self.mode.clone();
        // It never returns for a hung connection.
        let hung = || self.number < self.counts.hung.load(Ordering::Relaxed);
        if receiver
            .wait_for(|mode| *mode != Mode::Freeze && !hung())
            .await
            .is_err()
        {
            return false;
        }
        let mode = *receiver.borrow();
        let is_cut = match mode {
            Mode::Forward | Mode::Cut | Mode::Freeze => false,
            Mode::Delay(delay) => {
                sleep(delay).await;
                false
            }
            Mode::Unreliable(pieces) => fastrand::u32(..pieces) == 0,
            Mode::CutCommits { server_knows } => {
                let message: &[u8] = if from_client {
                    b"COMMIT\0"
                } else {
                    b"COMMIT\0Z"
                };
                from_client != server_knows && contains(bytes, message)
            }
            Mode::HangCommits => {
                if from_client && contains(bytes, b"COMMIT\0") {
                    self.counts.cuts.fetch_add(1, Ordering::Relaxed);
                    std::future::pending::<()>().await;
                }
                false
            }
        };
        if is_cut {
            self.counts.cuts.fetch_add(1, Ordering::Relaxed);
        }
        !is_cut
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
