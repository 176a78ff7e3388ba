//! A server on a free port, and a raw HTTP/1 client that can send invalid requests.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use job_status_exporter::{
    config::{ListenAddress, Pattern},
    metrics::{Format, UnknownFamily},
    model::WorkloadId,
    server::readiness::State,
    server::{
        Chunks, ExporterFacts, ExporterRecord, LoadedConfig, PageData, Server, ServerSettings,
    },
    status::PastRuns,
    store::Store,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Much longer than any step of a test. A test that reaches it hangs.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Page data with a given scrape, the same in all formats, and an empty store.
pub(super) struct TestData {
    scrape: Box<dyn Fn() -> Chunks + Send + Sync>,
    store: Store,
}

impl TestData {
    pub(super) fn new<I>(scrape: impl Fn() -> I + Send + Sync + 'static) -> Self
    where
        I: Iterator<Item = Bytes> + Send + 'static,
    {
        Self {
            scrape: Box::new(move || Box::new(scrape())),
            store: Store::new(Vec::new()),
        }
    }
}

impl PageData for TestData {
    fn scrape(&self, _: Format, _: &[Pattern]) -> Result<Chunks, UnknownFamily> {
        Ok((self.scrape)())
    }

    fn readiness(&self) -> State {
        State::Ready
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn exporter(&self) -> ExporterFacts {
        ExporterRecord::new(LoadedConfig::default(), None).facts()
    }

    fn past_runs(&self, _: Option<&str>, _: &WorkloadId) -> PastRuns {
        PastRuns::NoHistory
    }
}

/// A running server. Dropping it aborts the server.
pub(super) struct RunningServer {
    pub(super) addresses: Vec<SocketAddr>,
    shutdown: CancellationToken,
    task: JoinSet<()>,
}

pub(super) async fn start(data: impl PageData, settings: ServerSettings) -> RunningServer {
    let any = ListenAddress::Tcp(([127, 0, 0, 1], 0).into());
    let bound = Server::bind(&[any.clone(), any]).await;
    run(bound.expect("free ports"), data, settings)
}

/// Runs a server that is bound.
pub(super) fn run(server: Server, data: impl PageData, settings: ServerSettings) -> RunningServer {
    let tcp = |address: &ListenAddress| address.tcp();
    let addresses = server.local_addrs().iter().filter_map(tcp).collect();
    let shutdown = CancellationToken::new();
    let mut task = JoinSet::new();
    task.spawn(server.serve(Arc::new(data), settings, shutdown.clone()));
    RunningServer {
        addresses,
        shutdown,
        task,
    }
}

impl RunningServer {
    pub(super) async fn connect(&self) -> Client {
        Client::connect(self.addresses[0]).await
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        let mut client = self.connect().await;
        client.send(&request("GET", path)).await;
        client.response("GET").await
    }

    pub(super) fn start_shutdown(&self) {
        self.shutdown.cancel();
    }

    /// Waits until the server returns.
    pub(super) async fn end(&mut self) {
        let result = self.task.join_next().await;
        result.expect("one task").expect("no panic");
    }
}

pub(crate) fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: exporter\r\n\r\n")
}

pub(crate) struct Client<Io = TcpStream>(BufReader<Io>);

pub(crate) struct Response {
    pub(crate) status: u16,
    /// Values by name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await;
        Self::new(stream.expect("a connection"))
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Client<Io> {
    pub(crate) fn new(stream: Io) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = self.0.write_all(bytes.as_ref()).await;
        sent.expect("an open connection");
    }

    /// Closes the sending side.
    pub(super) async fn half_close(&mut self) {
        self.0.shutdown().await.expect("an open connection");
    }

    pub(crate) async fn response(&mut self, method: &str) -> Response {
        let response = timeout(TEST_TIMEOUT, self.read_response(method));
        response.await.expect("a response in time")
    }

    async fn read_response(&mut self, method: &str) -> Response {
        let (status, headers) = self.head().await;
        let length = headers.get("content-length").map(|length| length.parse());
        let body = if method == "HEAD" {
            Vec::new()
        } else if let Some(length) = length {
            self.exactly(length.expect("a number")).await
        } else if headers.contains_key("transfer-encoding") {
            self.chunks().await
        } else {
            self.rest().await
        };
        Response {
            status,
            headers,
            body,
        }
    }

    /// Reads the head of a response, without the body.
    pub(crate) async fn head(&mut self) -> (u16, BTreeMap<String, String>) {
        let status_line = self.line().await;
        let status = status_line.split(' ').nth(1).expect("a status");
        let mut headers = BTreeMap::new();
        loop {
            let line = self.line().await;
            if line.is_empty() {
                return (status.parse().expect("a number"), headers);
            }
            let (name, value) = line.split_once(": ").expect("a header");
            let previous = headers.insert(name.to_lowercase(), value.to_owned());
            assert_eq!(previous, None, "duplicate header {name}");
        }
    }

    /// Reads until the server closes or resets the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = timeout(TEST_TIMEOUT, self.0.read_to_end(&mut rest)).await;
        if let Err(error) = read.expect("the end of the connection in time") {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        rest
    }

    pub(crate) async fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await.expect("more bytes");
        bytes
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await;
            let length = usize::from_str_radix(&line, 16).expect("a chunk length");
            body.extend(self.exactly(length).await);
            assert_eq!(self.line().await, "");
            if length == 0 {
                return body;
            }
        }
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).await.expect("a line");
        let line = line.strip_suffix("\r\n").expect("a whole line");
        line.to_owned()
    }
}
